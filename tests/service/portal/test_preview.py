"""The page of the preview, as the older document has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.served import SUBSCRIPTION

NAME = "Serial Console (Preview)"


@pytest.mark.azure("P-002", "P-010", "P-011", "P-041")
def test_the_preview_has_its_name_and_its_warning(
    start_service: Callable[[str], PortalService], visit: Callable[..., PortalUser]
) -> None:
    listed = {"profile": "preview", "preview_subscriptions": [SUBSCRIPTION]}
    user = visit(start_service(portal_tenant(demo("linux1"), console=listed)))
    user.sign_in("vmcontributor")
    user.page.get_by_role("link", name="linux1", exact=True).click()
    user.page.get_by_role("link", name=NAME).click()
    expect(user.page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(user.page.get_by_text("dev-test virtual machines")).to_be_visible()
    user.login()


@pytest.mark.azure("P-013")
def test_a_subscription_that_is_not_white_listed_has_no_console(
    start_service: Callable[[str], PortalService], visit: Callable[..., PortalUser]
) -> None:
    user = visit(start_service(portal_tenant(demo("linux1"), console={"profile": "preview"})))
    user.sign_in("vmcontributor")
    user.page.get_by_role("link", name="linux1", exact=True).click()
    expect(user.page.get_by_role("link", name="Boot diagnostics")).to_be_visible()
    expect(user.page.get_by_text(NAME)).to_have_count(0)
    user.open_blade("linux1", "console")
    expect(user.page.get_by_role("alert")).to_contain_text("limited to white-listed subscriptions")
