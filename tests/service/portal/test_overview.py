"""The overview of a machine: the documents' path to its console, its power, its password."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.service.portal.page_state import accessibility_faults
from tests.service.portal.portal_service import COMPUTE, PortalService, machine_id
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.served import SUBSCRIPTION

SECTION = "Support + troubleshooting"


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("off1", power="deallocated"), scale_set=True))


@pytest.fixture
def owner(visit: Callable[..., PortalUser], service: PortalService) -> PortalUser:
    user = visit(service)
    user.sign_in()
    return user


def essential(user: PortalUser, name: str) -> Locator:
    entry = user.page.locator(".essentials-entry").filter(has=user.page.locator("dt", has_text=name))
    return entry.locator("dd")


def test_documents_path_leads_to_the_console_of_a_machine(owner: PortalUser) -> None:
    page = owner.page
    expect(page.get_by_role("heading", name="All resources")).to_be_visible()
    page.get_by_role("link", name="linux1", exact=True).click()
    expect(page.get_by_role("heading", name="linux1", level=1)).to_be_visible()
    navigation = page.get_by_role("navigation", name="linux1")
    expect(navigation.get_by_role("heading", name=SECTION)).to_be_visible()
    navigation.get_by_role("link", name="Serial console", exact=True).click()
    owner.expect_in_terminal("login:")


def test_documents_path_leads_to_the_console_of_an_instance(owner: PortalUser) -> None:
    page = owner.page
    page.get_by_role("link", name="web", exact=True).click()
    page.get_by_role("navigation", name="web").get_by_role("link", name="Instances").click()
    page.get_by_role("link", name="web/1", exact=True).click()
    navigation = page.get_by_role("navigation", name="web/1")
    expect(navigation.get_by_role("heading", name=SECTION)).to_be_visible()
    navigation.get_by_role("link", name="Serial console", exact=True).click()
    owner.expect_in_terminal("login:")


def test_overview_says_what_a_machine_is_and_axe_finds_nothing(owner: PortalUser) -> None:
    owner.open_blade("linux1")
    expect(essential(owner, "Status")).to_have_text("Running")
    expect(essential(owner, "Guest")).to_have_text("demo")
    expect(essential(owner, "Resource group")).to_have_text("rg")
    expect(essential(owner, "Resource ID")).to_contain_text(machine_id("linux1"))
    assert accessibility_faults(owner.page) == ""
    owner.press("Reset linux1")
    expect(owner.page.get_by_role("dialog")).to_contain_text("no chance to shut down")
    assert accessibility_faults(owner.page) == ""


def test_machine_is_started_and_deallocated_by_its_buttons(owner: PortalUser, service: PortalService) -> None:
    owner.open_blade("off1")
    expect(essential(owner, "Status")).to_have_text("Stopped (deallocated)")
    owner.press_unavailable("Restart off1")
    expect(owner.page.get_by_text("The machine is not running: start it first.")).to_be_visible()
    expect(owner.page.get_by_role("dialog")).to_have_count(0)
    owner.press("Start off1")
    expect(owner.page.get_by_text("off1 has been started.")).to_be_visible()
    expect(essential(owner, "Status")).to_have_text("Running")
    owner.press("Stop (deallocate) off1")
    owner.press("Cancel")
    expect(essential(owner, "Status")).to_have_text("Running")
    owner.press("Stop (deallocate) off1")
    owner.press("Stop (deallocate)")
    expect(essential(owner, "Status")).to_have_text("Stopped (deallocated)")
    view = service.call("GET", f"{machine_id('off1')}/instanceView", COMPUTE)
    assert "PowerState/deallocated" in [status["code"] for status in view["statuses"]]


def test_machine_is_reset_from_its_overview(owner: PortalUser, service: PortalService) -> None:
    owner.open_blade("linux1")
    owner.press("Reset linux1")
    owner.page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(owner.page.get_by_text("linux1 has been reset.")).to_be_visible()
    events = service.arm().get("/_uartsim/portal/audit", params={"machine": machine_id("linux1")}).json()["value"]
    assert ("admin command", "reset") in [(event["event"], event["detail"]) for event in events]


def test_keys_alone_restart_a_machine(owner: PortalUser) -> None:
    owner.open_blade("linux1")
    restart = owner.page.get_by_role("button", name="Restart linux1")
    owner.page.get_by_role("button", name="Start linux1", exact=True).focus()
    owner.page.keyboard.press("ArrowRight")
    expect(restart).to_be_focused()
    owner.page.keyboard.press("Enter")
    expect(owner.page.get_by_role("dialog")).to_be_visible()
    owner.page.keyboard.press("Escape")
    expect(restart).to_be_focused()
    owner.page.keyboard.press("Enter")
    owner.page.get_by_role("dialog").get_by_role("button", name="Restart").focus()
    owner.page.keyboard.press("Enter")
    expect(owner.page.get_by_text("linux1 has been restarted.")).to_be_visible()


def test_what_a_reader_may_not_do_fails_in_the_words_of_the_service(
    visit: Callable[..., PortalUser], service: PortalService
) -> None:
    reader = visit(service)
    reader.sign_in("reader")
    reader.open_blade("off1")
    reader.press("Start off1")
    alert = reader.page.get_by_role("alert")
    expect(alert).to_contain_text("Starting off1 failed.")
    expect(alert).to_contain_text("does not have authorization to perform action")
    expect(alert).to_contain_text("Ask an owner")
    expect(alert.get_by_role("button", name="Retry")).to_be_visible()


def test_password_that_was_reset_logs_in(owner: PortalUser) -> None:
    owner.open_blade("linux1")
    owner.page.get_by_role("link", name="Reset password").click()
    owner.page.get_by_label("User name").fill("alice")
    owner.page.get_by_label("Password", exact=True).fill("Horse-battery-7")
    owner.page.get_by_label("Confirm password").fill("something else")
    owner.press("Reset password")
    expect(owner.page.get_by_text("The two passwords are not the same.")).to_be_visible()
    owner.page.get_by_label("Confirm password").fill("Horse-battery-7")
    owner.press("Reset password")
    expect(owner.page.get_by_text("The password of alice has been set in linux1.")).to_be_visible()
    expect(owner.page.get_by_label("Password", exact=True)).to_have_value("")
    assert accessibility_faults(owner.page) == ""
    owner.open_console("linux1")
    owner.expect_in_terminal("login:")
    owner.type("alice")
    owner.expect_in_terminal("Password:")
    owner.type("Horse-battery-7")
    owner.expect_in_terminal("alice@")


def test_second_password_that_fails_is_told(owner: PortalUser, service: PortalService) -> None:
    service.machine("off1", "deallocate")
    owner.open_blade("off1", "password")
    expect(owner.page.get_by_text("off1 is not running.")).to_be_visible()
    owner.page.get_by_label("User name").fill("alice")
    owner.page.get_by_label("Password", exact=True).fill("Horse-battery-7")
    owner.page.get_by_label("Confirm password").fill("Horse-battery-7")
    owner.press("Reset password")
    expect(owner.page.get_by_role("alert")).to_contain_text("when the VM is not running")


@pytest.mark.parametrize("is_listed", [True, False])
def test_preview_shows_the_console_to_white_listed_subscriptions_and_machines_only(
    is_listed: bool, visit: Callable[..., PortalUser], start_service: Callable[[str], PortalService]
) -> None:
    listed = [SUBSCRIPTION] if is_listed else []
    console = {"profile": "preview", "preview_subscriptions": listed}
    user = visit(start_service(portal_tenant(demo("linux1"), scale_set=True, console=console)))
    user.sign_in()
    for machine, offered in (("linux1", is_listed), ("web/0", False)):
        user.open_blade(machine)
        expect(essential(user, "Guest")).to_have_text("demo")
        navigation = user.page.get_by_role("navigation", name=machine)
        entry = navigation.get_by_role("link", name="Serial Console (Preview)", exact=True)
        expect(entry).to_have_count(1 if offered else 0)
        expect(user.page.get_by_text("LIMITED TO DEV-TEST")).to_have_count(1 if offered else 0)
