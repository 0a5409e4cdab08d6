"""What the browser is bound to, and what the service refuses to pages of others."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


def test_the_policy_allows_no_inline_script_and_no_other_origin(service: PortalService) -> None:
    answer = service.arm().get("/", headers={"Authorization": ""})
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert "connect-src" in policy
    assert not re.search(r"https?://|\*", answer.headers["Content-Security-Policy"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_inline_script_does_not_run(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    user = visit(service)
    user.open()
    # What sets the whole text of a script is refused at once: test_page_policy.py.
    user.page.evaluate(
        "() => { const script = document.createElement('script'); script.append('window.injected = true');"
        " document.body.append(script); }"
    )
    assert user.page.evaluate("window.injected") is None
    user.watch.forgive("require-trusted-types-for")
    user.watch.forgive("TrustedScript")


def test_tokens_are_in_no_storage_and_no_cookie(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    user = visit(service)
    user.sign_in()
    stored = user.page.evaluate(
        "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,"
        " await indexedDB.databases(), await caches.keys()])"
    )
    assert "eyJ" not in stored
    assert user.page.context.cookies() == []


def test_a_wrong_password_is_refused_in_words(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    user = visit(service)
    user.open()
    user.page.get_by_label("User name").fill("owner@example.com")
    user.page.get_by_label("Password", exact=True).fill("wrong")
    user.press("Sign in")
    alert = user.page.get_by_role("alert")
    alert.wait_for()
    assert "password" in (alert.text_content() or "").lower()
