"""What the console's page has beside the terminal: sizes, search, hints, cautions, a window of its own, lost keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.rules.tenant_text import QUICK

Visit = Callable[..., PortalUser]
SILENT = f'{QUICK}, cmdline = "root=/dev/vda1 ro console=tty0"'


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(
        portal_tenant(
            demo("linux1"),
            demo("linux2"),
            demo("off1"),
            demo("silent1", settings=SILENT),
            scale_set=True,
            boot_diagnostics=False,
        )
    )


def at_console(service: PortalService, visit: Visit, machine: str = "linux1", **options: object) -> PortalUser:
    # Wide enough for all buttons of the toolbar.
    user = visit(service, viewport={"width": 1700, "height": 900}, **options)
    user.sign_in("vmcontributor")
    user.open_console(machine)
    return user


def size_of(user: PortalUser) -> str:
    return user.page.get_by_label("Status of the console").get_by_role("definition").last.inner_text()


def test_a_chosen_size_is_kept_while_the_window_changes_and_after_the_page_is_loaded_anew(
    service: PortalService, visit: Visit
) -> None:
    user = at_console(service, visit)
    user.tool("Choose the size of the terminal")
    user.page.get_by_role("menuitem", name="132 columns, 43 rows").click()
    expect(user.page.get_by_text("132 × 43")).to_be_visible()
    user.page.set_viewport_size({"width": 700, "height": 500})
    assert size_of(user) == "132 × 43"
    user.page.reload()
    user.sign_in("vmcontributor")
    expect(user.page.get_by_text("132 × 43")).to_be_visible()


def test_a_size_of_ones_own_is_checked(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    user.tool("Choose the size of the terminal")
    user.page.get_by_role("menuitem", name="Custom size").click()
    user.page.get_by_label("Columns").fill("9999")
    user.press("Use this size")
    expect(user.page.get_by_role("alert")).to_contain_text("Use 20 to 500 columns")
    user.page.get_by_label("Columns").fill("100")
    user.page.get_by_label("Rows").fill("30")
    user.page.keyboard.press("Enter")
    expect(user.page.get_by_text("100 × 30")).to_be_visible()


def test_fit_types_what_resize_would_set(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    user.log_in_if_asked()
    columns, _, rows = size_of(user).partition(" × ")
    user.tool("Tell linux1 the terminal's size: types the command that resize would run")
    user.expect_in_terminal(f"stty rows {rows} cols {columns}")


def test_the_search_finds_counts_and_gives_the_focus_back(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    user.log_in_if_asked()
    user.type("echo needle''needle")
    user.expect_in_terminal("needleneedle")
    user.key("Control+Shift+F")
    user.page.get_by_label("Text to search for").fill("needle")
    expect(user.page.get_by_role("search")).to_contain_text(" of ")
    user.page.get_by_label("Text to search for").fill("haystack")
    expect(user.page.get_by_role("search")).to_contain_text("No matches")
    user.page.keyboard.press("Escape")
    assert user.terminal_has_focus()


def test_enter_without_an_answer_has_the_documents_advice(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "silent1")
    user.key("Enter")
    hint = user.page.get_by_text("No response to Enter. The guest may not use its serial port")
    expect(hint).to_be_visible()
    expect(user.page.get_by_role("button", name="Press Enter: types it at the machine")).to_be_visible()
    user.press("Dismiss this message")
    expect(hint).to_have_count(0)


def test_the_caution_that_output_is_logged_is_shown_until_it_is_read(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    caution = user.page.get_by_role("note").filter(has_text="kept in its boot diagnostics log")
    expect(caution).to_be_visible()
    user.press("Dismiss the caution that the output is logged")
    expect(caution).to_have_count(0)
    user.page.reload()
    user.sign_in("vmcontributor")
    user.expect_connected()
    expect(caution).to_have_count(0)


def test_leaving_a_console_says_that_nobody_was_logged_out(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    user.open_blade("linux1")
    expect(user.page.get_by_text("You have left the console of linux1.")).to_be_visible()


def test_keys_that_cannot_be_sent_are_counted(service: PortalService, visit: Visit) -> None:
    first = at_console(service, visit, "linux2")
    second = visit(service)
    second.sign_in("contributor")
    second.open_console("linux2")
    expect(first.page.get_by_role("button", name="Take it back")).to_be_visible()
    first.terminal.focus()
    first.page.keyboard.type("abc")
    expect(first.page.get_by_text("3 characters that you typed were not sent")).to_be_visible()
    expect(second.page.get_by_title("You have the console")).to_be_visible()


def test_a_machine_that_stops_is_started_and_connected_from_the_page(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "off1")
    service.machine("off1", "deallocate")
    expect(user.page.get_by_text("The machine has been deallocated.").first).to_be_visible()
    user.press("Start off1")
    user.expect_connected()
    service.machine("off1", "deallocate")
    expect(user.page.get_by_role("button", name="Start off1", exact=True)).to_be_visible()
    # It is connected too when another starts it.
    service.machine("off1", "start")
    user.expect_connected()


def test_an_instance_is_given_boot_diagnostics_by_its_model_and_an_upgrade(
    service: PortalService, visit: Visit
) -> None:
    user = visit(service)
    user.sign_in("contributor")
    user.open_blade("web/0", "console")
    user.press("Enable boot diagnostics and upgrade the instance for web/0")
    user.expect_connected()


def test_a_console_comes_back_from_its_own_window(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    with user.page.context.expect_page() as opened:
        user.tool("Move the console into a window of its own")
    expect(user.page.get_by_text("is shown in its own window")).to_be_visible()
    window = PortalUser(opened.value, user.url, user.watch)
    window.expect_connected()
    user.press("Return it here")
    user.expect_connected()
    assert window.page.is_closed()


def test_help_has_the_documents_advice_and_closes_by_esc(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit)
    user.press("Help on the serial console")
    panel = user.page.get_by_role("complementary", name="Help")
    expect(panel).to_contain_text("Use SSH for daily work")
    expect(panel).to_contain_text("TMOUT=600")
    panel.get_by_text("Pasting long strings does not work").click()
    expect(panel).to_contain_text("limits a paste to 2048 characters")
    user.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(user.page.get_by_role("button", name="Help on the serial console")).to_be_focused()


def test_a_long_paste_can_be_cancelled_and_says_what_the_machine_has_got(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, "silent1", permissions=["clipboard-read", "clipboard-write"])
    # a minute and a half on the line, so that even a busy browser is in time to cancel it
    user.paste("x" * 1_000_000)
    user.press("Paste anyway at the line's speed")
    user.press("Cancel the paste")
    expect(user.page.get_by_text("The paste was cancelled: the machine received")).to_be_visible()
