"""SysRq, NMI, restart and reset from the toolbar of the console's page, each with its question."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant, windows
from tests.service.portal.portal_user import PortalUser

Visit = Callable[..., PortalUser]


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("linux2"), windows("windows1")))


def at_console(service: PortalService, visit: Visit, machine: str) -> PortalUser:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console(machine)
    return user


def dialog_of(user: PortalUser) -> Locator:
    return user.page.get_by_role("dialog")


@pytest.mark.azure("A-128")
def test_sysrq_help_reaches_linux_and_says_so(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "linux1")
    user.log_in_if_asked()
    user.type("echo 1 > /proc/sys/kernel/sysrq")
    user.tool("Send SysRq keys to linux1")
    user.page.get_by_label("Key or sequence").fill("H")
    expect(dialog_of(user)).to_contain_text("Help: list the keys")
    user.page.keyboard.press("Enter")
    expect(user.page.get_by_text("Successfully sent SysRq command")).to_be_visible()
    user.expect_in_terminal("sysrq: HELP")
    expect(dialog_of(user)).to_have_count(0)


def test_a_sequence_is_explained_key_by_key_and_what_is_none_is_not_sent(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "linux1")
    user.tool("Send SysRq keys to linux1")
    user.page.get_by_label("Key or sequence").fill("REISUB")
    expect(dialog_of(user).get_by_role("listitem")).to_have_count(6)
    user.page.get_by_label("Key or sequence").fill("h!")
    user.press("Send")
    expect(dialog_of(user).get_by_role("alert")).to_contain_text("only contains numbers and letters")
    user.page.keyboard.press("Escape")
    expect(dialog_of(user)).to_have_count(0)
    expect(user.page.get_by_role("button", name="Send SysRq keys to linux1")).to_be_focused()


def test_sysrq_is_not_for_windows_and_its_button_says_why(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "windows1")
    button = user.page.get_by_role(
        "button", name="Send SysRq keys to windows1: You can only send a SysRq to a Linux VM.", exact=True
    )
    expect(button).to_be_disabled()


def test_a_reset_asks_first_and_leaves_the_console_connected(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "linux2")
    user.expect_prompt("login:")
    user.tool("Reset linux2")
    expect(dialog_of(user)).to_contain_text("without a shutdown")
    dialog_of(user).get_by_role("button", name="Cancel").click()
    user.reset("linux2")
    expect(user.page.get_by_text("Successfully Hard Reset VM")).to_be_visible()
    user.page.wait_for_function("document.activeElement?.closest('.xterm') !== null")  # the boot loader waits for a key
    user.expect_connected()
    text = user.whole_text()
    # What the last boot has shown is kept, above the mark of the reset.
    assert 0 < text.index("login:") < text.index("A reset of the machine was sent here.")


def test_an_nmi_says_that_it_may_crash_the_machine(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "linux2")
    user.tool("Send a non-maskable interrupt (NMI) to linux2")
    expect(dialog_of(user)).to_contain_text("it may crash")
    dialog_of(user).get_by_role("button", name="Send NMI").click()
    expect(user.page.get_by_text("NMI sent successfully")).to_be_visible()


def test_a_restart_goes_on_with_the_new_boot(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "linux2")
    user.tool("Restart linux2")
    dialog_of(user).get_by_role("button", name="Restart", exact=True).click()
    expect(user.page.get_by_text("Successfully restarted VM")).to_be_visible()
    user.expect_connected()
    user.expect_prompt("login:")


def test_who_watches_can_give_no_command(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "linux1")
    user.watch_only("linux1")
    user.expect_connected("Watching only")
    for name in ("Send SysRq keys to linux1", "Reset linux1"):
        expect(user.page.get_by_role("button", name=name, exact=True)).to_be_disabled()
