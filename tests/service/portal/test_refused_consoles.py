"""A console that is refused: the documents' message, its mitigation, and the button that mends it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.refused_consoles import REFUSED, TENANT_OF_REFUSALS, RefusedConsole


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(TENANT_OF_REFUSALS)


@pytest.fixture(scope="module")
def signed_in(service: PortalService, stay: Callable[..., PortalUser]) -> Callable[[str], PortalUser]:
    """Gives a user by his name, who signs in when he is first asked for."""

    def come(name: str) -> PortalUser:
        user = stay(service)
        user.sign_in(name)
        return user

    return functools.cache(come)


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.rule)
def test_a_refused_console_says_why_and_what_to_do(
    service: PortalService, signed_in: Callable[[str], PortalUser], refused: RefusedConsole
) -> None:
    if refused.cause is not None:
        refused.cause(service)
    user = signed_in(refused.user)
    user.go_home()
    user.open_blade(refused.machine, "console")
    alert = user.page.get_by_role("alert").filter(has_text=refused.text)
    expect(alert).to_be_visible()
    expect(alert).to_contain_text(refused.mitigation)
    if refused.button is not None:
        user.press(refused.button)
        user.expect_connected()
        user.login()


def test_a_console_that_is_disabled_is_enabled_again(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    user = visit(service)
    user.sign_in("owner")
    user.open_console("linux1")
    user.log_in_if_asked()
    service.offer_consoles(offered=False)
    # An open console ends, and a new one is refused.
    expect(user.page.get_by_role("alert")).to_contain_text("Azure Serial Console is not enabled for this subscription")
    user.press("Enable the serial console for the subscription")
    user.expect_connected()
    user.type("echo back''again")
    user.expect_in_terminal("\nbackagain")


def test_switching_boot_diagnostics_off_ends_the_console_until_they_are_on(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console("linux2")
    user.expect_in_terminal("login:")
    service.boot_diagnostics("linux2", enabled=False)
    expect(user.page.get_by_role("alert")).to_contain_text("Unable to retrieve boot diagnostics settings for linux2.")
    user.press("Enable boot diagnostics for linux2")
    user.expect_connected()
    # The output goes on after the reason why it had ended.
    user.key("Enter")
    user.login()


def test_a_console_of_the_other_system_is_refused_once(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    user = visit(service)
    user.sign_in("contributor")
    user.open_console("windows1")
    user.expect_in_terminal("SAC>")
    other = user.another_tab()
    other.open_blade("linux1", "console")
    expect(other.page.get_by_role("alert")).to_contain_text('Existing console has conflicting OS type "Windows"')
    other.press("Retry")
    other.expect_in_terminal("login:")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("internal_error", "Server encountered an internal error"),
        ("timeout", "did not respond in a timely manner"),
        ("block_gateway", "Web socket is closed or could not be opened."),
        ("drop_socket", "Web socket is closed or could not be opened."),
    ],
)
def test_what_is_transient_is_told_and_retried(
    service: PortalService, visit: Callable[..., PortalUser], fault: str, text: str
) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    service.faults(**{fault: True})
    user.open_blade("linux1", "console")
    expect(user.page.get_by_text(text)).to_be_visible()
    expect(user.page.get_by_text("Reconnecting in")).to_be_visible()
    service.faults()
    # By itself: the next attempt is due within seconds.
    user.expect_connected()


def test_multi_factor_authentication_is_demanded_where_the_tenant_does(
    start_service: Callable[[str], PortalService], visit: Callable[..., PortalUser]
) -> None:
    service = start_service(portal_tenant(demo("linux1"), console={"require_mfa": True}))
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_blade("linux1", "console")
    expect(user.page.get_by_role("alert")).to_contain_text("multi-factor authentication (MFA)")
    other = visit(service)
    other.sign_in("vmcontributor_mfa")
    other.open_console("linux1")
    other.expect_in_terminal("login:")


def test_another_cloud_has_no_console(
    start_service: Callable[[str], PortalService], visit: Callable[..., PortalUser]
) -> None:
    user = visit(start_service(portal_tenant(demo("linux1"), console={"cloud": "AzureUSGovernment"})))
    user.sign_in("vmcontributor")
    user.open_blade("linux1", "console")
    expect(user.page.get_by_role("alert")).to_contain_text("not yet available in Azure government")
