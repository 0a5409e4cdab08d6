"""Every state of the page that a person can meet, and how he gets there: for axe-core, for the layout, and for pictures."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import expect

from tests.service.portal.page_state import PageState
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser


def _sign_in(user: PortalUser, service: PortalService) -> None:
    user.open()
    expect(user.page.get_by_role("button", name="Sign in")).to_be_visible()


def _sign_in_refused(user: PortalUser, service: PortalService) -> None:
    user.open()
    user.page.get_by_label("User name").fill("owner@example.com")
    user.page.get_by_label("Password", exact=True).fill("wrong")
    user.press("Sign in")
    expect(user.page.get_by_role("alert")).to_be_visible()


TENANT_OF_STATES: Final = portal_tenant(demo("linux1"))

STATES: Final = (
    PageState("sign-in", "The form that signs a user in.", _sign_in, ("Sign in",)),
    PageState("sign-in-refused", "A wrong password is refused.", _sign_in_refused, ("Sign in",)),
)
