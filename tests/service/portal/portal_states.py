"""Every state of the page that a person can meet, and how he gets there: for axe-core, for the layout, and for pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from playwright.sync_api import expect

from tests.service.portal.page_state import PageState, Stage
from tests.service.portal.portal_service import scale_set_id
from tests.service.portal.portal_tenant import WINDOWS, demo, menu, portal_tenant, windows
from tests.service.rules.tenant_text import MENU
from tests.service.served import SUBSCRIPTION

SILENT = f'{MENU}, cmdline = "root=/dev/vda1 ro console=tty0"'
TENANT_OF_STATES: Final = portal_tenant(
    demo("linux1"),
    demo("linux2"),
    demo("linux3"),
    menu("menu1"),
    demo("off1", more="boot_diagnostics = false\n"),
    demo("silent1", settings=SILENT),
    demo("stopped1", power="deallocated"),
    windows("windows1", WINDOWS),
    scale_set=True,
)
Reach = Callable[[Stage], None]

# -- the ways to the states ------------------------------------------------------------------------------------


def _sign_in(stage: Stage) -> None:
    stage.user.open()
    expect(stage.user.page.get_by_role("button", name="Sign in")).to_be_visible()


def _sign_in_refused(stage: Stage) -> None:
    _sign_in(stage)
    stage.user.page.get_by_label("User name").fill("owner@example.com")
    stage.user.page.get_by_label("Password", exact=True).fill("wrong")
    stage.user.press("Sign in")
    expect(stage.user.page.get_by_role("alert")).to_be_visible()


def _at(hash_: str, *shown: str) -> Reach:
    """A view, once texts of it are shown."""

    def reach(stage: Stage) -> None:
        stage.user.go(hash_)
        for text in shown:
            expect(stage.user.page.get_by_role("main").get_by_text(text).first).to_be_visible()

    return reach


def _blade(machine: str, blade: str, *shown: str) -> Reach:
    """A blade of a machine, once texts of it are shown."""
    return lambda stage: _at(stage.user.hash_of(machine, blade), *shown)(stage)


def _tab(machine: str, tab: str, shown: str) -> Reach:
    """A tab of the boot diagnostics."""

    def reach(stage: Stage) -> None:
        stage.user.open_blade(machine, "diagnostics")
        stage.user.page.get_by_role("tab", name=tab).click()
        expect(stage.user.page.get_by_role("main").get_by_text(shown).first).to_be_visible()

    return reach


def _console(machine: str, shown: str) -> Reach:
    """A console, once a text is in its terminal."""

    def reach(stage: Stage) -> None:
        stage.user.open_console(machine)
        stage.user.expect_in_terminal(shown)

    return reach


def _tool(label: str, machine: str = "linux1") -> Reach:
    """What a button of a console's toolbar opens."""

    def reach(stage: Stage) -> None:
        _console(machine, "login:")(stage)
        stage.user.tool(label)

    return reach


def _paste(stage: Stage) -> None:
    _console("linux1", "login:")(stage)
    stage.user.paste("#" * 5000)
    expect(stage.user.page.get_by_role("dialog", name="Long paste")).to_be_visible()


def _refused(machine: str, shown: str) -> Reach:
    """A console that is refused."""

    def reach(stage: Stage) -> None:
        stage.user.open_blade(machine, "console")
        expect(stage.user.page.get_by_role("alert")).to_contain_text(shown)

    return reach


def _taken(stage: Stage) -> None:
    _console("linux2", "login:")(stage)
    other = stage.visit(stage.service)
    other.sign_in("vmcontributor")
    other.open_console("linux2")
    expect(stage.user.page.get_by_role("button", name="Take it back")).to_be_visible()


def _watching(stage: Stage) -> None:
    _console("linux3", "login:")(stage)
    stage.user.watch_only("linux3")
    stage.user.expect_connected("Watching only")


def _waiting(stage: Stage) -> None:
    stage.service.faults(drop_socket=True)
    stage.user.open_blade("linux3", "console")
    # After a few attempts the pauses are long enough to look at.
    expect(stage.user.page.get_by_text(re.compile(r"Connecting again in ([5-9]|\d\d) s"))).to_be_visible()


def _audit(stage: Stage) -> None:
    _console("linux1", "login:")(stage)
    _blade("linux1", "audit", "owner@example.com")(stage)


def _silent(stage: Stage) -> None:
    stage.user.open_console("silent1")
    stage.user.expect_in_terminal("GNU GRUB")
    stage.user.key("Enter")
    stage.user.expect_in_terminal("Loading initial ramdisk")
    stage.user.key("Enter")
    expect(stage.user.page.get_by_role("button", name="Press Enter: types it at the machine")).to_be_visible()


def _alone(stage: Stage) -> None:
    stage.user.go(f"{stage.user.hash_of('linux1', 'console')}&alone")
    stage.user.expect_connected()


# -- the states ------------------------------------------------------------------------------------------------

WEB: Final = f"#/resource{scale_set_id('web')}"
SUBSCRIPTION_VIEW: Final = f"#/subscription/{SUBSCRIPTION}"
#: The buttons of the header, and those of every console but for its toolbar.
HEADER: Final = ("Sign out", "Theme")
CONSOLE: Final = ("Dismiss the caution that the output is logged", "Help on the serial console")
STATES: Final = (
    PageState(
        "sign-in", "The form that signs a user in.", _sign_in, ("Theme", "Show password", "Sign in"), signed_in=False
    ),
    PageState(
        "sign-in-refused",
        "A wrong password is refused.",
        _sign_in_refused,
        ("Theme", "Show password", "Sign in"),
        signed_in=False,
    ),
    PageState(
        "all-resources",
        "All resources, with their states.",
        _at("#/", "linux1", "Running", "2 instances"),
        (*HEADER, "Name", "Type", "Status", "OS", "Resource group", "Location", "Subscription"),
    ),
    PageState(
        "subscription",
        "A subscription.",
        _at(SUBSCRIPTION_VIEW, "Example"),
        (*HEADER, "Enable serial console", "Disable serial console", "Download the entries as CSV"),
    ),
    PageState(
        "overview",
        "The overview of a machine that runs.",
        _blade("linux1", "", "Running", "Linux"),
        (
            *HEADER,
            "Start linux1",
            "Restart linux1",
            "Reset linux1",
            "Stop linux1",
            "Stop (deallocate) linux1",
            "Refresh linux1",
            "Copy the resource ID",
        ),
    ),
    PageState(
        "overview-stopped",
        "A machine that is stopped.",
        _blade("stopped1", "", "Stopped"),
        (
            *HEADER,
            "Start stopped1",
            "Restart stopped1",
            "Reset stopped1",
            "Stop stopped1",
            "Stop (deallocate) stopped1",
            "Refresh stopped1",
            "Copy the resource ID",
        ),
    ),
    PageState(
        "scale-set",
        "A scale set, its model and its upgrade.",
        _at(WEB, "Resource ID"),
        (
            *HEADER,
            "Enable boot diagnostics",
            "Disable boot diagnostics",
            "Upgrade all instances",
            "Refresh web",
            "Copy the resource ID",
        ),
    ),
    PageState(
        "instances",
        "The instances of a scale set.",
        _at(f"{WEB}!instances", "web/0", "Running"),
        (
            *HEADER,
            "Start the selected instances",
            "Restart the selected instances",
            "Stop (deallocate) the selected instances",
            "Upgrade the selected instances to the latest model",
            "Refresh the instances",
        ),
    ),
    PageState(
        "diagnostics-log",
        "The serial log, live.",
        _tab("linux1", "Serial log", "Debian"),
        (*HEADER, "Pause", "Download the serial log of linux1", "Previous match", "Next match"),
    ),
    PageState(
        "diagnostics-screenshot",
        "A machine without a display has no screenshot.",
        _tab("linux1", "Screenshot", "There is no display"),
        (*HEADER, "Take another screenshot of linux1"),
    ),
    PageState(
        "diagnostics-settings", "Boot diagnostics, on or off.", _tab("linux1", "Settings", "Disable"), (*HEADER, "Save")
    ),
    PageState(
        "reset-password", "Resetting a password.", _blade("linux1", "password", "VMAccess"), (*HEADER, "Reset password")
    ),
    PageState(
        "console-linux",
        "The console of a Linux machine.",
        _console("linux1", "login:"),
        (*HEADER, *CONSOLE),
        machine="linux1",
    ),
    PageState(
        "audit",
        "Who has used the console.",
        _audit,
        ("Sign out", "Download the entries as CSV", "Theme"),
    ),
    PageState(
        "console-instance",
        "The console of an instance.",
        _console("web/0", "login:"),
        (*HEADER, *CONSOLE),
        machine="web/0",
    ),
    PageState(
        "console-windows",
        "SAC, at the console of Windows.",
        _console("windows1", "SAC>"),
        (*HEADER, *CONSOLE),
        machine="windows1",
    ),
    PageState("console-grub", "GRUB's menu.", _console("menu1", "GNU GRUB"), (*HEADER, *CONSOLE), machine="menu1"),
    PageState(
        "console-search",
        "Searching the output.",
        _tool("Search the output"),
        (*HEADER, *CONSOLE, "Previous match", "Next match", "Match case", "Regular expression", "Close the search"),
        machine="linux1",
    ),
    PageState(
        "console-help",
        "The help panel.",
        _tool("Help on the serial console"),
        (*HEADER, *CONSOLE, "Close Help"),
        machine="linux1",
    ),
    PageState(
        "console-diagnose",
        "A verdict, with its evidence.",
        _tool("Diagnose the console of linux1"),
        (*HEADER, *CONSOLE, "Close Diagnosis", "Diagnose again"),
        machine="linux1",
    ),
    PageState("console-keys", "The keyboard shortcuts.", _tool("Show the keyboard shortcuts"), ("Close",)),
    PageState("console-sysrq", "Sending SysRq keys.", _tool("Send SysRq keys to linux1"), ("Send", "Cancel")),
    PageState(
        "console-nmi",
        "Confirming an NMI.",
        _tool("Send a non-maskable interrupt (NMI) to linux1"),
        ("Send NMI", "Cancel"),
    ),
    PageState("console-restart", "Confirming a restart.", _tool("Restart linux1"), ("Restart", "Cancel")),
    PageState("console-reset", "Confirming a reset.", _tool("Reset linux1"), ("Reset", "Cancel")),
    PageState(
        "console-paste", "A paste of more than 2048 characters.", _paste, ("Paste anyway at the line's speed", "Cancel")
    ),
    PageState(
        "console-refused",
        "A refused console, and the button that mends it.",
        _refused("off1", "boot diagnostics"),
        (*HEADER, *CONSOLE, "Enable boot diagnostics for off1", "Retry"),
        machine="off1",
    ),
    PageState(
        "console-stopped",
        "A machine that is off.",
        _refused("stopped1", "stopped deallocated"),
        (*HEADER, *CONSOLE, "Start stopped1", "Retry"),
        machine="stopped1",
    ),
    PageState(
        "console-taken",
        "Another user has taken the console.",
        _taken,
        (*HEADER, *CONSOLE, "Take it back", "Watch"),
        machine="linux2",
    ),
    PageState("console-watching", "Watching only.", _watching, (*HEADER, *CONSOLE), machine="linux3"),
    PageState(
        "console-waiting",
        "A lost connection, before the next attempt.",
        _waiting,
        (*HEADER, *CONSOLE, "Reconnect now"),
        machine="linux3",
    ),
    PageState(
        "console-silent",
        "A machine that says nothing.",
        _silent,
        (*HEADER, *CONSOLE, "Press Enter: types it at the machine", "Diagnose", "Dismiss this message"),
        machine="silent1",
    ),
    PageState("console-alone", "A console in a window of its own.", _alone, (*CONSOLE,), machine="linux1"),
)
