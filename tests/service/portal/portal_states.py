"""Every state of the page that a person can meet: for axe-core, for the layout, and for pictures."""

from __future__ import annotations

from typing import Final

from tests.service.portal.page_state import PageState
from tests.service.portal.portal_service import scale_set_id
from tests.service.portal.portal_tenant import WINDOWS, demo, menu, portal_tenant, windows
from tests.service.portal.ways_to_states import (
    SUBSCRIPTION_VIEW,
    alone,
    at,
    audit,
    blade,
    console,
    diagnosis,
    disabled,
    disabling,
    link,
    not_offered,
    paste,
    refused,
    sign_in,
    sign_in_again,
    sign_in_refused,
    silent,
    size,
    tab,
    taken,
    tool,
    waiting,
    watching,
)
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
#: Set-up files of states that need a service of their own.
PREVIEW: Final = portal_tenant(demo("linux1"), console={"profile": "preview", "preview_subscriptions": [SUBSCRIPTION]})
PREVIEW_NOT_LISTED: Final = portal_tenant(demo("linux1"), console={"profile": "preview"})
SMALL: Final = portal_tenant(demo("linux1"))

WEB: Final = f"#/resource{scale_set_id('web')}"
#: The buttons of the header, and those of every console but for its toolbar.
HEADER: Final = ("Sign out", "Theme")
CONSOLE: Final = ("Dismiss the caution that the output is logged", "Help on the serial console")


def at_console(name: str, shows: str, machine: str, text: str) -> PageState:
    """The console of a machine that has said a text."""
    return PageState(name, shows, console(machine, text), (*HEADER, *CONSOLE), machine=machine)


STATES: Final = (
    PageState(
        "sign-in", "The form that signs a user in.", sign_in, ("Theme", "Show password", "Sign in"), signed_in=False
    ),
    PageState(
        "sign-in-refused",
        "A wrong password is refused.",
        sign_in_refused,
        ("Theme", "Show password", "Sign in"),
        signed_in=False,
    ),
    PageState(
        "all-resources",
        "All resources, with their states.",
        at("#/", "linux1", "Running", "2 instances"),
        (*HEADER, "Name", "Type", "Status", "OS", "Resource group", "Location", "Subscription"),
    ),
    PageState(
        "subscription",
        "A subscription.",
        at(SUBSCRIPTION_VIEW, "Example"),
        (*HEADER, "Enable serial console", "Disable serial console", "Download the entries as CSV"),
    ),
    PageState(
        "subscription-disabling",
        "Confirming that the serial console is disabled.",
        disabling,
        ("Disable", "Cancel"),
    ),
    PageState(
        "subscription-disabled",
        "A subscription whose serial console is disabled.",
        disabled,
        (*HEADER, "Enable serial console", "Disable serial console", "Download the entries as CSV"),
    ),
    PageState(
        "overview",
        "The overview of a machine that runs.",
        blade("linux1", "", "Running", "Linux"),
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
        blade("stopped1", "", "Stopped"),
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
        at(WEB, "Resource ID"),
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
        at(f"{WEB}!instances", "web/0", "Running"),
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
        tab("linux1", "Serial log", "Debian"),
        (*HEADER, "Pause", "Download the serial log of linux1", "Previous match", "Next match"),
    ),
    PageState(
        "diagnostics-screenshot",
        "A machine without a display has no screenshot.",
        tab("linux1", "Screenshot", "There is no display"),
        (*HEADER, "Take another screenshot of linux1"),
    ),
    PageState(
        "diagnostics-settings", "Boot diagnostics, on or off.", tab("linux1", "Settings", "Disable"), (*HEADER, "Save")
    ),
    # The service has one system at a time: by the next console this one has long been left.
    at_console("console-windows", "SAC, at the console of Windows.", "windows1", "SAC>"),
    PageState(
        "reset-password", "Resetting a password.", blade("linux1", "password", "VMAccess"), (*HEADER, "Reset password")
    ),
    at_console("console-linux", "The console of a Linux machine.", "linux1", "login:"),
    PageState(
        "audit",
        "Who has used the console.",
        audit,
        ("Sign out", "Download the entries as CSV", "Theme"),
    ),
    at_console("console-instance", "The console of an instance.", "web/0", "login:"),
    at_console("console-grub", "GRUB's menu.", "menu1", "GNU GRUB"),
    PageState(
        "console-search",
        "Searching the output.",
        tool("Search the output"),
        (*HEADER, *CONSOLE, "Previous match", "Next match", "Match case", "Regular expression", "Close the search"),
        machine="linux1",
    ),
    PageState(
        "console-help",
        "The help panel.",
        tool("Help on the serial console"),
        (*HEADER, *CONSOLE, "Close Help"),
        machine="linux1",
    ),
    PageState(
        "console-diagnose",
        "A verdict, with its evidence.",
        diagnosis,
        (*HEADER, *CONSOLE, "Close Diagnosis", "Diagnose again"),
        machine="linux1",
    ),
    PageState("console-keys", "The keyboard shortcuts.", tool("Show the keyboard shortcuts"), ("Close",)),
    PageState("console-sysrq", "Sending SysRq keys.", tool("Send SysRq keys to linux1"), ("Send", "Cancel")),
    PageState(
        "console-nmi",
        "Confirming an NMI.",
        tool("Send a non-maskable interrupt (NMI) to linux1"),
        ("Send NMI", "Cancel"),
    ),
    PageState("console-restart", "Confirming a restart.", tool("Restart linux1"), ("Restart", "Cancel")),
    PageState("console-reset", "Confirming a reset.", tool("Reset linux1"), ("Reset", "Cancel")),
    PageState(
        "console-paste", "A paste of more than 2048 characters.", paste, ("Paste anyway at the line's speed", "Cancel")
    ),
    PageState(
        "console-refused",
        "A refused console, and the button that mends it.",
        refused("off1", "boot diagnostics"),
        (*HEADER, *CONSOLE, "Enable boot diagnostics for off1", "Retry"),
        machine="off1",
    ),
    PageState(
        "console-stopped",
        "A machine that is off.",
        refused("stopped1", "stopped deallocated"),
        (*HEADER, *CONSOLE, "Start stopped1", "Retry"),
        machine="stopped1",
    ),
    PageState(
        "console-taken",
        "Another user has taken the console.",
        taken,
        (*HEADER, *CONSOLE, "Take it back", "Watch"),
        machine="linux2",
    ),
    PageState("console-watching", "Watching only.", watching, (*HEADER, *CONSOLE), machine="linux3"),
    PageState(
        "console-waiting",
        "A lost connection, before the next attempt.",
        waiting,
        (*HEADER, *CONSOLE, "Reconnect now"),
        machine="linux3",
    ),
    PageState(
        "console-silent",
        "A machine that says nothing.",
        silent,
        (*HEADER, *CONSOLE, "Press Enter: types it at the machine", "Diagnose", "Dismiss this message"),
        machine="silent1",
    ),
    PageState(
        "console-disabled",
        "The console of a subscription where it is disabled.",
        not_offered,
        (*HEADER, *CONSOLE, "Enable the serial console for the subscription", "Retry"),
        machine="linux1",
    ),
    PageState("console-size", "A size of one's own for the terminal.", size, ("Use this size", "Cancel")),
    PageState(
        "console-link",
        "The question before an address that the machine has shown is opened.",
        link,
        ("Open in a new tab", "Cancel"),
        tenant=SMALL,
    ),
    PageState(
        "console-sign-in-again",
        "The session has lapsed, and the console waits behind the form.",
        sign_in_again,
        ("Sign out", "Show password", "Sign in"),
        tenant=SMALL,
    ),
    PageState(
        "preview-console",
        "The preview, with its name and its warning.",
        console("linux1", "login:"),
        (*HEADER, *CONSOLE),
        machine="linux1",
        tenant=PREVIEW,
    ),
    PageState(
        "preview-not-listed",
        "A machine without the preview: its subscription is not white-listed.",
        blade("linux1", "", "Running", "Linux"),
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
        tenant=PREVIEW_NOT_LISTED,
    ),
    PageState("console-alone", "A console in a window of its own.", alone, (*CONSOLE,), machine="linux1"),
)
