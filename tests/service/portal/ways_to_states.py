"""The ways to the states of the page: how a person gets to each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from playwright.sync_api import expect

from tests.service.portal.page_state import Stage
from tests.service.served import SUBSCRIPTION

SUBSCRIPTION_VIEW: Final = f"#/subscription/{SUBSCRIPTION}"
Reach = Callable[[Stage], None]


def sign_in(stage: Stage) -> None:
    stage.user.open()
    expect(stage.user.page.get_by_role("button", name="Sign in")).to_be_visible()


def sign_in_refused(stage: Stage) -> None:
    sign_in(stage)
    stage.user.page.get_by_label("User name").fill("owner@example.com")
    stage.user.page.get_by_label("Password", exact=True).fill("wrong")
    stage.user.press("Sign in")
    expect(stage.user.page.get_by_role("alert")).to_be_visible()


def at(hash_: str, *shown: str) -> Reach:
    """A view, once texts of it are shown."""

    def reach(stage: Stage) -> None:
        stage.user.go(hash_)
        for text in shown:
            expect(stage.user.page.get_by_role("main").get_by_text(text).first).to_be_visible()

    return reach


def blade(machine: str, blade: str, *shown: str) -> Reach:
    """A blade of a machine, once texts of it are shown."""
    return lambda stage: at(stage.user.hash_of(machine, blade), *shown)(stage)


def tab(machine: str, tab: str, shown: str) -> Reach:
    """A tab of the boot diagnostics."""

    def reach(stage: Stage) -> None:
        stage.user.open_blade(machine, "diagnostics")
        stage.user.page.get_by_role("tab", name=tab).click()
        expect(stage.user.page.get_by_role("main").get_by_text(shown).first).to_be_visible()

    return reach


def console(machine: str, shown: str) -> Reach:
    """A console, once a text is in its terminal."""

    def reach(stage: Stage) -> None:
        stage.user.open_console(machine)
        stage.user.expect_in_terminal(shown)

    return reach


def tool(label: str, machine: str = "linux1") -> Reach:
    """What a button of a console's toolbar opens."""

    def reach(stage: Stage) -> None:
        console(machine, "login:")(stage)
        stage.user.tool(label)

    return reach


def paste(stage: Stage) -> None:
    console("linux1", "login:")(stage)
    stage.user.paste("#" * 5000)
    expect(stage.user.page.get_by_role("dialog", name="Long paste")).to_be_visible()


def refused(machine: str, shown: str) -> Reach:
    """A console that is refused."""

    def reach(stage: Stage) -> None:
        stage.user.open_blade(machine, "console")
        expect(stage.user.page.get_by_role("alert")).to_contain_text(shown)

    return reach


def taken(stage: Stage) -> None:
    console("linux2", "login:")(stage)
    other = stage.visit(stage.service)
    other.sign_in("vmcontributor")
    other.open_console("linux2")
    expect(stage.user.page.get_by_role("button", name="Take it back")).to_be_visible()


def watching(stage: Stage) -> None:
    console("linux3", "login:")(stage)
    stage.user.watch_only("linux3")
    stage.user.expect_connected("Watching only")


def waiting(stage: Stage) -> None:
    stage.service.faults(drop_socket=True)
    stage.afterwards.callback(stage.service.faults)
    stage.user.open_blade("linux3", "console")
    # After a few attempts the pauses are long enough to look at.
    expect(stage.user.page.get_by_text(re.compile(r"Reconnecting in ([5-9]|\d\d) s"))).to_be_visible()


def audit(stage: Stage) -> None:
    console("linux1", "login:")(stage)
    blade("linux1", "audit", "owner@example.com")(stage)


def silent(stage: Stage) -> None:
    stage.user.open_console("silent1")
    stage.user.expect_in_terminal("GNU GRUB")
    stage.user.key("Enter")
    stage.user.expect_in_terminal("Loading initial ramdisk")
    stage.user.key("Enter")
    expect(stage.user.page.get_by_role("button", name="Press Enter: types it at the machine")).to_be_visible()


def alone(stage: Stage) -> None:
    stage.user.go(f"{stage.user.hash_of('linux1', 'console')}&alone")
    stage.user.expect_connected()


def diagnosis(stage: Stage) -> None:
    tool("Diagnose the console of linux1")(stage)
    panel = stage.user.page.get_by_role("complementary", name="Diagnosis")
    expect(panel.get_by_role("listitem").first).to_be_visible()


def size(stage: Stage) -> None:
    console("linux1", "login:")(stage)
    stage.user.press("More")
    stage.user.page.get_by_role("menuitem", name="Choose the size of the terminal: Custom size").click()
    expect(stage.user.page.get_by_role("dialog")).to_be_visible()


def link(stage: Stage) -> None:
    stage.user.open_console("linux1")
    stage.user.expect_prompt("login:")
    stage.user.terminal.focus()
    stage.user.page.keyboard.type("https://example.com/manual")
    stage.user.expect_prompt("/manual")
    stage.user.point_at("https://example.com/manual")
    expect(stage.user.page.get_by_role("dialog")).to_be_visible()


def disabling(stage: Stage) -> None:
    at(SUBSCRIPTION_VIEW, "Enabled")(stage)
    stage.user.press("Disable serial console")


def disabled(stage: Stage) -> None:
    stage.service.offer_consoles(offered=False)
    stage.afterwards.callback(stage.service.offer_consoles, offered=True)
    at(SUBSCRIPTION_VIEW, "Disabled")(stage)


def not_offered(stage: Stage) -> None:
    stage.service.offer_consoles(offered=False)
    stage.afterwards.callback(stage.service.offer_consoles, offered=True)
    refused("linux1", "not enabled for this subscription")(stage)


def sign_in_again(stage: Stage) -> None:
    console("linux1", "login:")(stage)
    stage.service.kill()
    (stage.service.state / "token-key.pem").unlink()
    stage.service.restart()
    expect(stage.user.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
