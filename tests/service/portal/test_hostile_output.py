"""A guest's output is text: it cannot become markup, and it cannot reach for the browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


@pytest.fixture(scope="module")
def user(service: PortalService, stay: Callable[..., PortalUser]) -> PortalUser:
    user = stay(service, permissions=["clipboard-read", "clipboard-write"])
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    user.key("Enter")
    user.log_in_if_asked()
    return user


@pytest.mark.parametrize(
    "markup",
    ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>", "<b>bold</b>", "&lt;i&gt;", "{{7*7}}${7*7}"],
)
def test_markup_is_shown_as_it_is(user: PortalUser, markup: str) -> None:
    user.type(f"printf 'so: %s, said\\n' '{markup}'")
    user.expect_in_terminal(f"so: {markup}, said")
    assert user.page.locator("b, main script, img[src='x']").count() == 0


def test_output_sets_neither_clipboard_nor_title(user: PortalUser) -> None:
    title = user.page.title()
    user.page.evaluate("() => navigator.clipboard.writeText('mine')")
    # OSC 52 sets the clipboard and asks for it, OSC 0 and 2 set the title, CSI 21 t asks for it.
    user.type("printf '\\033]52;c;c3RvbGVu\\a\\033]52;c;?\\a\\033]0;stolen\\a\\033]2;stolen\\a\\033[21tall %s\\n' sent")
    user.expect_in_terminal("all sent")
    assert user.page.evaluate("() => navigator.clipboard.readText()") == "mine"
    assert user.page.title() == title


def test_output_that_is_no_text_leaves_the_page_whole(user: PortalUser) -> None:
    user.type("printf '\\377\\376\\200\\033[999;999H\\033[?1049h\\033[?1049l\\033Pq#0~\\033\\\\\\r\\nstill %s\\n' here")
    user.expect_in_terminal("still here")
