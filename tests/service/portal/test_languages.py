"""The page in the browsers of the world: dates and numbers in their languages, text of any script at the console."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

TEXTS = {"tr-TR": "İstanbul ığşç", "ar-EG": "مرحبا", "ja-JP": "こんにちは世界", "de-DE": "größer als 5 €"}


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(*(demo(f"linux{number}") for number in range(len(TEXTS)))))


@pytest.mark.parametrize("locale", TEXTS)
def test_a_browser_of_any_language_brings_its_user_to_a_shell(
    service: PortalService, visit: Callable[..., PortalUser], locale: str
) -> None:
    user = visit(service, locale=locale)
    user.sign_in("vmcontributor")
    user.open_console(f"linux{list(TEXTS).index(locale)}")
    user.login()
    user.page.keyboard.type("echo says ")
    user.compose(TEXTS[locale])
    user.page.keyboard.type(".")
    user.page.keyboard.press("Enter")
    user.expect_in_terminal(f"\nsays {TEXTS[locale]}.")
