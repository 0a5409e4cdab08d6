"""Copy and paste, as people do them at the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

LIMIT = 2048
SENTENCE = "The serial console limits the length of strings pasted into the terminal to"


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


@pytest.fixture
def user(service: PortalService, visit: Callable[..., PortalUser]) -> PortalUser:
    user = visit(service, permissions=["clipboard-read", "clipboard-write"])
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    user.key("Enter")
    user.log_in_if_asked()
    return user


def counted(characters: int, mark: str) -> str:
    """A command of so many characters in all that says the length of its word."""
    head, tail = "X=", f"; echo {mark}''=${{#X}}"
    return head + "x" * (characters - len(head) - len(tail)) + tail


@pytest.mark.azure("A-117")
def test_copy_and_paste_by_ctrl_shift_c_and_v(user: PortalUser) -> None:
    user.paste("echo paste''d")
    user.key("Enter")
    user.expect_in_terminal("\npasted")
    user.select_word("pasted")
    user.page.keyboard.press("Control+Shift+C")
    user.page.wait_for_function("() => navigator.clipboard.readText().then((text) => text === 'pasted')")


def test_a_paste_of_2048_characters_goes_at_once(user: PortalUser) -> None:
    user.paste(counted(LIMIT, "short"))
    user.key("Enter")
    user.expect_in_terminal(f"short={LIMIT - len(counted(0, 'short'))}")
    expect(user.page.get_by_role("dialog")).to_have_count(0)


def test_a_longer_paste_is_refused_with_the_documents_text(user: PortalUser) -> None:
    user.paste(counted(LIMIT + 1, "refused"))
    dialog = user.page.get_by_role("dialog", name="Long paste")
    expect(dialog).to_contain_text(SENTENCE)
    user.press("Cancel")
    user.type("echo nothing''typed")
    user.expect_in_terminal("\nnothingtyped")
    assert "refused" not in user.whole_text()


def test_a_longer_paste_flows_with_progress_and_loses_nothing(user: PortalUser) -> None:
    lines = "".join(f"N=$((N + {number})) # {'.' * 60}\r" for number in range(100))
    user.paste(f"N=0\r{lines}echo sum''=$N\r")
    user.press("Paste anyway at the line's speed")
    user.expect_in_terminal(f"sum={sum(range(100))}")
