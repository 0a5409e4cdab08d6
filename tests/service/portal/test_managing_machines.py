"""What the page does to machines beside their consoles: power, passwords, boot diagnostics, the model of a scale set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import COMPUTE, PortalService, machine_id, scale_set_id
from tests.service.portal.portal_tenant import demo, machine_of, portal_tenant
from tests.service.portal.portal_user import PortalUser

Visit = Callable[..., PortalUser]
PASSWORD = "Rescue-me-123"


@pytest.fixture(scope="module")
def service(start_service: Callable[..., PortalService]) -> PortalService:
    return start_service(
        portal_tenant(
            demo("linux1"),
            demo("linux2"),
            demo("linux3"),
            demo("linux4"),
            machine_of("display1", "linux", power="deallocated"),
            scale_set=True,
            boot_diagnostics=False,
        )
    )


@pytest.fixture
def user(service: PortalService, visit: Visit) -> PortalUser:
    user = visit(service)
    user.sign_in("owner")
    return user


def expect_power(user: PortalUser, state: str) -> None:
    """Wait until the overview shows a power state."""
    expect(user.page.get_by_role("definition").get_by_text(state, exact=True)).to_be_visible()


def test_a_machine_is_stopped_and_started_at_the_page(user: PortalUser, service: PortalService) -> None:
    user.open_blade("linux1")
    expect_power(user, "Running")
    user.press("Stop (deallocate) linux1")
    user.confirm()
    expect_power(user, "Stopped (deallocated)")
    user.press("Start linux1")
    expect_power(user, "Running")
    view = service.call("GET", f"{machine_id('linux1')}/instanceView", COMPUTE)
    assert "PowerState/running" in [status["code"] for status in view["statuses"]]


@pytest.mark.azure("A-015", "A-034")
def test_reset_password_makes_a_user_who_can_log_in(user: PortalUser) -> None:
    user.open_blade("linux2", "password")
    user.page.get_by_label("User name").fill("rescuer")
    user.page.get_by_label("Password", exact=True).fill(PASSWORD)
    user.page.get_by_label("Confirm password").fill(PASSWORD)
    user.press("Reset password")
    expect(user.page.get_by_text("The password of rescuer has been set in linux2.")).to_be_visible()
    user.open_console("linux2")
    user.key("Enter")
    user.login("rescuer", PASSWORD, prompt=":~$")


@pytest.mark.azure("A-062")
def test_boot_diagnostics_are_switched_off_and_on_at_the_page(user: PortalUser, service: PortalService) -> None:
    user.open_blade("linux3", "diagnostics")
    user.page.get_by_role("tab", name="Settings").click()
    user.page.get_by_label("Disable", exact=True).check()
    user.press("Save")
    user.confirm()
    expect(user.page.get_by_text("Boot diagnostics: Off")).to_be_visible()
    user.open_blade("linux3", "console")
    expect(user.page.get_by_role("alert")).to_contain_text("Unable to retrieve boot diagnostics settings for linux3.")
    user.press("Enable boot diagnostics for linux3")
    user.expect_connected()


def test_the_serial_log_is_live(user: PortalUser, service: PortalService, visit: Visit) -> None:
    other = visit(service)
    other.sign_in("vmcontributor")
    other.open_console("linux4")
    other.login()
    user.open_blade("linux4", "diagnostics")
    user.page.get_by_role("tab", name="Serial log").click()
    log = user.page.get_by_role("region", name="Serial log of linux4")
    expect(log).to_contain_text("vmcontributor@example.com connected to linux4")
    other.type("echo in the''log")
    expect(log).to_contain_text("in thelog")


@pytest.mark.needs(guest="linux")
def test_the_display_is_seen_in_a_screenshot(user: PortalUser, service: PortalService) -> None:
    service.machine("display1", "start")
    user.open_blade("display1", "diagnostics")
    user.page.get_by_role("tab", name="Screenshot").click()
    picture = user.page.get_by_role("img", name="The display of display1")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") >= 640
    service.machine("display1", "deallocate")


def test_a_scale_set_gets_boot_diagnostics_by_its_model_and_an_upgrade(
    user: PortalUser, service: PortalService
) -> None:
    user.go(f"#/resource{scale_set_id('web')}")
    user.press("Update the model: enable boot diagnostics")
    user.press("Upgrade all instances to the latest model")
    expect(user.page.get_by_text("2 of 2 instances have it")).to_be_visible()
    user.open_console("web/1")
    user.expect_in_terminal("login:")
