"""A console whose connection is lost comes back by itself, and shows nothing twice."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.service.portal.cut_relay import CutRelay
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

Start = Callable[..., PortalService]
Visit = Callable[..., PortalUser]


def test_a_cut_connection_comes_back_without_repeated_history(start_service: Start, visit: Visit) -> None:
    service = start_service(portal_tenant(demo("linux1")), "--bind", "::1")
    with CutRelay(service.port) as relay:
        user = visit(service, url=relay.url)
        user.sign_in("vmcontributor")
        user.open_console("linux1")
        user.login()
        user.type("echo before''hand; sleep 1; echo mean''while")
        user.expect_in_terminal("beforehand")
        relay.cut()
        expect(user.page.get_by_text("Reconnecting in")).to_be_visible()
        relay.mend()
        user.expect_connected()
        user.expect_in_terminal("meanwhile")
        user.type("echo after''wards")
        user.expect_in_terminal("afterwards")
        text = user.whole_text()
        for once in ("beforehand", "meanwhile", "Password:"):
            assert text.count(once) == 1, text


def test_a_killed_service_is_found_again(start_service: Start, visit: Visit) -> None:
    service = start_service(portal_tenant(demo("linux1")))
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    user.login()
    user.type("echo before''hand")
    user.expect_in_terminal("beforehand")
    service.kill()
    expect(user.page.get_by_text("Reconnecting in")).to_be_visible()
    service.restart()
    # By itself: the next attempt is due within seconds.
    user.expect_connected()
    user.login()
    user.type("echo after''wards")
    user.expect_in_terminal("afterwards")
    assert user.whole_text().count("beforehand") == 1


def test_an_expired_token_is_renewed_without_a_word(start_service: Start, visit: Visit) -> None:
    user = visit(start_service(portal_tenant(demo("linux1"), tenant={"token_lifetime_s": 10})))
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    user.login()
    # The gateway ends the session with 4004 when its token expires; the page opens the next.  What is typed at its
    # beginning has the time that the next token is good for.
    user.page.wait_for_event("websocket")
    user.expect_connected()
    user.type("echo before''hand")
    user.expect_in_terminal("\nbeforehand")
    user.page.wait_for_event("websocket")
    user.expect_connected()
    user.type("echo after''wards")
    user.expect_in_terminal("\nafterwards")
    assert user.whole_text().count("\nbeforehand") == 1
