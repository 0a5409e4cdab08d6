"""The page of a subscription: its serial console is switched off and on, by who may do so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.page_state import accessibility_faults
from tests.service.portal.portal_service import CONSOLE_SERVICE, SERIAL_CONSOLE, PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.served import SUBSCRIPTION


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


def test_disabling_closes_consoles_and_enabling_brings_them_back(
    visit: Callable[..., PortalUser], service: PortalService
) -> None:
    owner, user = visit(service), visit(service)
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    user.expect_in_terminal("login:")
    owner.sign_in()
    owner.go(f"#/subscription/{SUBSCRIPTION}")
    page = owner.page
    expect(page.get_by_text("Can enable and disable the serial console")).to_be_visible()
    assert accessibility_faults(page) == ""
    owner.press("Disable serial console")
    expect(page.get_by_role("dialog")).to_contain_text("Consoles that are open are closed at once")
    assert accessibility_faults(page) == ""
    owner.press("Disable")
    expect(page.locator(".essentials-entry").filter(has_text="Serial console").first).to_contain_text("Disabled")
    assert service.call("GET", CONSOLE_SERVICE, SERIAL_CONSOLE)["properties"]["disabled"] is True
    expect(page.get_by_role("row").filter(has_text="disconnected").first).to_contain_text("vmcontributor@example.com")
    owner.press("Enable serial console")
    expect(page.locator(".essentials-entry").filter(has_text="Serial console").first).to_contain_text("Enabled")
    assert service.call("GET", CONSOLE_SERVICE, SERIAL_CONSOLE)["properties"]["disabled"] is False


def test_a_reader_is_told_before_and_in_the_words_of_the_service(
    visit: Callable[..., PortalUser], service: PortalService
) -> None:
    reader = visit(service)
    reader.sign_in("reader")
    reader.go(f"#/subscription/{SUBSCRIPTION}")
    page = reader.page
    expect(
        page.get_by_text("Cannot enable or disable the serial console: your roles do not include it")
    ).to_be_visible()
    reader.press("Disable serial console")
    reader.press("Disable")
    expect(page.get_by_role("alert").first).to_contain_text("Disabling the serial console")
    assert service.call("GET", CONSOLE_SERVICE, SERIAL_CONSOLE)["properties"]["disabled"] is False
