"""What watches the page in all other tests notices what it is there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.service.portal.page_state import accessibility_faults, button_names, layout_shift
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import portal_tenant
from tests.service.portal.portal_user import PortalUser


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant())


@pytest.fixture
def user(service: PortalService, visit: Callable[..., PortalUser]) -> PortalUser:
    user = visit(service)
    user.open()
    return user


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("setTimeout(() => { throw new Error('broken'); })", "error: broken"),
        ("void Promise.reject(new Error('left alone'))", "error: left alone"),
        ("console.error('it went wrong')", "console: it went wrong"),
        ("try { document.body.setAttribute('onclick', 'alert(1)'); } catch {}", "policy: require-trusted-types-for"),
        ("setTimeout(() => alert('look'))", "a dialog of the browser: look"),
        ("fetch('https://127.0.0.1:9/').catch(() => null)", "policy: connect-src"),
        ("new Image().src = 'https://127.0.0.1:9/'", "policy: img-src"),
        ("new Image().src = '/portal/assets/none.svg'", "a file of the page is missing"),
        ("new Image().src = '/favicon.ico?authorization=abc'", "a token in an address"),
    ],
)
def test_what_must_not_happen_in_a_page_is_noticed(user: PortalUser, script: str, found: str) -> None:
    user.page.evaluate(f"() => {{ {script}; }}")
    user.watch.wait_for(user.page, found)
    with pytest.raises(AssertionError, match="in the page:"):
        user.watch.check()


def test_a_request_to_another_host_is_noticed(user: PortalUser) -> None:
    user.page.evaluate("() => { open('https://127.0.0.1:9/'); }")
    user.watch.wait_for(user.page, "a request to somebody else: https://127.0.0.1:9/")
    user.watch.forgive("127.0.0.1:9")


def test_what_moves_by_itself_is_noticed(user: PortalUser) -> None:
    assert layout_shift(user.page) == 0
    user.page.evaluate(
        "() => new Promise((done) => { const late = document.createElement('div'); late.textContent = 'late';"
        " document.body.prepend(late); requestAnimationFrame(() => requestAnimationFrame(done)); })"
    )
    assert layout_shift(user.page) > 0.001


def test_axe_and_the_accessibility_tree_see_the_page(user: PortalUser) -> None:
    user.page.evaluate("() => { document.body.append(document.createElement('button')); }")
    assert "button-name" in accessibility_faults(user.page)
    assert "" in button_names(user.page)


def test_what_a_modal_dialog_covers_has_no_buttons(user: PortalUser) -> None:
    user.page.evaluate(
        "() => { const dialog = document.createElement('dialog'); const button = document.createElement('button');"
        " button.textContent = 'Yes'; dialog.append(button); document.body.append(dialog); dialog.showModal(); }"
    )
    assert button_names(user.page) == ["Yes"]
