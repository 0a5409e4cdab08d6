"""The documents' own path: the portal, All resources, a machine, Support + troubleshooting, Serial console."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

#: Not the name of the whole page, which is a link too.
SERIAL_CONSOLE = re.compile(r"^serial console$", re.IGNORECASE)
Visit = Callable[..., PortalUser]


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), scale_set=True))


@pytest.mark.azure("A-002", "A-004", "A-019", "A-020", "A-021", "A-022", "A-023", "A-038", "P-005", "P-009")
@pytest.mark.parametrize("width", [1280, 360])
def test_the_documents_path_leads_to_the_console_of_a_machine(service: PortalService, visit: Visit, width: int) -> None:
    user = visit(service, viewport={"width": width, "height": 800})
    user.sign_in("vmcontributor")
    expect(user.page.get_by_role("heading", name="All resources", level=1)).to_be_visible()
    user.page.get_by_role("link", name="linux1", exact=True).click()
    expect(user.page.get_by_role("heading", name="linux1", level=1)).to_be_visible()
    section = user.page.get_by_role("navigation").filter(has_text="Support + troubleshooting")
    expect(section.get_by_role("heading", name="Support + troubleshooting")).to_be_visible()
    section.get_by_role("link", name=SERIAL_CONSOLE).click()
    # The pane opens and starts the connection by itself.
    user.log_in_if_asked()
    user.expect_prompt("#")


@pytest.mark.azure("A-026", "A-028", "A-029", "A-030")
def test_the_documents_path_leads_to_the_console_of_an_instance(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.page.get_by_role("link", name="web", exact=True).click()
    expect(user.page.get_by_role("heading", name="web", level=1)).to_be_visible()
    # A scale set has no console of its own.
    expect(user.page.get_by_role("link", name=SERIAL_CONSOLE)).to_have_count(0)
    user.page.get_by_role("link", name="Instances").first.click()
    user.page.get_by_role("link", name="web/1", exact=True).click()
    user.page.get_by_role("link", name=SERIAL_CONSOLE).click()
    user.login()


def test_a_link_to_a_console_leads_there_after_signing_in(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.page.goto(f"{user.url}/{user.hash_of('linux1', 'console')}")
    user.sign_in("vmcontributor")
    user.expect_in_terminal("login:")


def test_the_back_button_leads_back(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.page.get_by_role("link", name="linux1", exact=True).click()
    expect(user.page.get_by_role("heading", name="linux1", level=1)).to_be_visible()
    user.page.go_back()
    expect(user.page.get_by_role("heading", name="All resources", level=1)).to_be_visible()


def test_a_console_pops_out_into_a_window_of_its_own(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    user.log_in_if_asked()
    with user.page.context.expect_page() as opened:
        user.tool("Move the console into a window of its own")
    window = PortalUser(opened.value, user.url, user.watch)
    # It has asked nobody to sign in, and it is the console alone.
    window.expect_connected()
    window.type("echo popped''out")
    window.expect_in_terminal("\npoppedout")
    expect(window.page.get_by_role("link", name="All resources")).to_have_count(0)
