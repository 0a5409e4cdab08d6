"""The boot diagnostics of a machine: its log, a picture of its display, and where they are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.service.portal.page_state import accessibility_faults
from tests.service.portal.portal_service import COMPUTE, PortalService, machine_id
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

ACCOUNTS = """
[[storage_account]]
name = "plainlogs"

[[storage_account]]
name = "closedlogs"
firewall = ["203.0.113.7"]

[[storage_account]]
name = "lakelogs"
hierarchical_namespace = true
"""
#: More lines than the log keeps.
MANY_LINES = 180_000
#: The longest time in which the page did nothing else, in milliseconds, since this was asked for.
WATCH_TASKS = """() => {
  window.longestTask = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.longestTask = Math.max(window.longestTask, entry.duration);
  }).observe({ type: "longtask" });
}"""


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("linux2"), demo("linux3")) + ACCOUNTS)


@pytest.fixture
def owner(visit: Callable[..., PortalUser], service: PortalService) -> PortalUser:
    user = visit(service)
    user.sign_in()
    return user


def log_of(user: PortalUser, machine: str) -> Locator:
    user.open_blade(machine, "diagnostics")
    return user.page.get_by_role("region", name=f"Serial log of {machine}")


def run(service: PortalService, machine: str, *script: str) -> None:
    body = {"commandId": "RunShellScript", "script": list(script)}
    service.call("POST", f"{machine_id(machine)}/runCommand", COMPUTE, body)


def test_log_is_live_searched_and_downloaded(owner: PortalUser, service: PortalService, tmp_path: Path) -> None:
    log = log_of(owner, "linux1")
    expect(log).to_contain_text("login:")
    assert accessibility_faults(owner.page) == ""
    run(service, "linux1", "echo live needle one >/dev/ttyS0")
    expect(log).to_contain_text("live needle one")
    owner.page.get_by_label("Search the serial log").fill("NEEDLE")
    expect(owner.page.get_by_text("1 of 1", exact=True)).to_be_visible()
    expect(log.locator("mark")).to_have_text(["needle"])
    owner.page.get_by_label("Match case").check()
    expect(owner.page.get_by_text("No matches")).to_be_visible()
    assert accessibility_faults(owner.page) == ""
    with owner.page.expect_download() as downloading:
        owner.press("Download the serial log of linux1")
    assert downloading.value.suggested_filename == "linux1.serialconsole.log"
    downloading.value.save_as(tmp_path / "log")
    assert b"live needle one\r\n" in (tmp_path / "log").read_bytes()


def test_output_that_a_terminal_would_obey_is_shown_as_text(owner: PortalUser, service: PortalService) -> None:
    log = log_of(owner, "linux2")
    markup = "<img src=x onerror=alert(1)>"
    run(
        service,
        "linux2",
        rf"printf '\033]0;title\007\033[31m{markup}\033[0m [serial\033[m console 1] eve\n' >/dev/ttyS0",
    )
    expect(log).to_contain_text(f"{markup} [serial console\\ 1] eve")
    assert log.locator("img").count() == 0
    assert "title" not in owner.page.title()
    owner.page.get_by_label("Show control sequences").check()
    expect(log).to_contain_text(f"\u241b]0;title\u2407\u241b[31m{markup}")


def test_scrolling_up_pauses_and_a_button_follows_again(owner: PortalUser, service: PortalService) -> None:
    log = log_of(owner, "linux3")
    run(service, "linux3", "seq 1 300 >/dev/ttyS0")
    expect(log).to_contain_text("300")
    expect(owner.page.get_by_text("Live: new output")).to_be_visible()
    log.focus()
    owner.page.keyboard.press("Home")
    expect(owner.page.get_by_text("Paused: new output")).to_be_visible()
    run(service, "linux3", "echo at the very end >/dev/ttyS0")
    expect(log).to_contain_text("at the very end")
    assert log.evaluate("(pane) => pane.scrollTop") == 0
    owner.press("Go to the end and follow")
    expect(owner.page.get_by_text("Live: new output")).to_be_visible()
    assert log.evaluate("(pane) => pane.scrollHeight - pane.scrollTop - pane.clientHeight") <= 24


def test_log_of_a_mebibyte_is_whole_and_searched(owner: PortalUser, service: PortalService) -> None:
    run(service, "linux3", f"seq 1 {MANY_LINES} >/dev/ttyS0")
    owner.open_blade("linux3")
    owner.page.evaluate(WATCH_TASKS)
    log = log_of(owner, "linux3")
    expect(log).to_contain_text(f"\n{MANY_LINES}\n")
    owner.page.get_by_label("Search the serial log").fill("99999")
    expect(owner.page.get_by_text("1 of 1", exact=True)).to_be_visible()
    expect(log.locator("mark")).to_have_text(["99999"])
    print("longest task:", owner.page.evaluate("window.longestTask"), "ms")


def test_a_machine_without_a_display_says_so(owner: PortalUser) -> None:
    owner.open_blade("linux1", "diagnostics")
    owner.page.get_by_role("tab", name="Screenshot").click()
    expect(owner.page.get_by_role("heading", name="There is no display to take a picture of")).to_be_visible()
    assert accessibility_faults(owner.page) == ""


def test_settings_warn_of_accounts_that_the_console_cannot_use(owner: PortalUser, service: PortalService) -> None:
    owner.open_blade("linux1", "diagnostics")
    page = owner.page
    page.get_by_role("tab", name="Serial log").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Enable with custom storage account").check()
    account = page.get_by_label("Storage account", exact=True)
    account.select_option("closedlogs")
    expect(page.get_by_text("cannot work with storage account firewalls")).to_be_visible()
    account.select_option("lakelogs")
    expect(page.get_by_text("hierarchical namespaces")).to_be_visible()
    assert accessibility_faults(page) == ""
    account.select_option("plainlogs")
    owner.press("Save")
    expect(page.get_by_text("On, in the storage account plainlogs")).to_be_visible()
    machine = service.call("GET", machine_id("linux1"), COMPUTE)
    settings = machine["properties"]["diagnosticsProfile"]["bootDiagnostics"]
    assert settings == {"enabled": True, "storageUri": "https://plainlogs.blob.core.windows.net/"}


def test_disabling_disables_the_console_of_the_machine(owner: PortalUser) -> None:
    owner.open_blade("linux2", "diagnostics")
    page = owner.page
    page.get_by_role("tab", name="Settings").click()
    page.get_by_role("radio", name="Disable").check()
    owner.press("Save")
    expect(page.get_by_role("dialog")).to_contain_text("disables the serial console for this virtual machine")
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Boot diagnostics: Off")).to_be_visible()
    owner.open_blade("linux2", "console")
    expect(page.get_by_text("ensure that boot diagnostics is enabled for this VM").first).to_be_visible()
    owner.open_blade("linux2", "diagnostics")
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("Enable with managed storage account").check()
    owner.press("Save")
    expect(page.get_by_text("On, with managed storage")).to_be_visible()
