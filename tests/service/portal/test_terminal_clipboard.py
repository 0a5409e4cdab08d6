"""Copying from the terminal, and pasting to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.terminal_line import TerminalLine, printed, shell_of

CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


@pytest.fixture
def line(service: PortalService, visit: Callable[..., PortalUser]) -> TerminalLine:
    return shell_of(service, visit, permissions=CLIPBOARD)


def clipboard(line: TerminalLine) -> str:
    return str(line.user.page.evaluate("() => navigator.clipboard.readText()"))


def select_row(line: TerminalLine, text: str, rows: int = 1) -> None:
    """Select rows from the last that begins with a text, by the mouse."""
    shown = line.user.terminal_text().split("\n")
    first = max(number for number, row in enumerate(shown) if row.startswith(text))
    box = line.user.page.locator(".xterm-screen").bounding_box()
    assert box is not None
    height = box["height"] / len(shown)
    mouse = line.user.page.mouse
    mouse.move(box["x"] + 1, box["y"] + (first + 0.5) * height)
    mouse.down()
    mouse.move(box["x"] + box["width"] - 2, box["y"] + (first + rows - 0.5) * height, steps=5)
    mouse.up()


def test_what_the_guest_has_hidden_is_not_copied(line: TerminalLine) -> None:
    line.user.type(printed("\nsafe\x1b[8m; rm -rf ~ \x1b[0m text\n"))
    line.user.expect_in_terminal("\nsafe")
    select_row(line, "safe")
    line.user.key("Control+Shift+C")
    line.user.page.wait_for_function("() => navigator.clipboard.readText().then((text) => text === 'safe text')")


def test_a_middle_click_pastes_no_hidden_text_either(line: TerminalLine) -> None:
    line.user.type(printed("\nopen\x1b[8m hidden\x1b[0m end\n"))
    line.user.expect_in_terminal("\nopen")
    select_row(line, "open")
    line.typed()
    box = line.user.page.locator(".xterm-screen").bounding_box()
    assert box is not None
    line.user.page.mouse.click(box["x"] + 300, box["y"] + 10, button="middle")
    line.wait_for("open end")


def test_a_line_that_is_wrapped_is_copied_whole(line: TerminalLine) -> None:
    line.user.type("yes word | head -60 | tr '\\n' ' '; echo end")
    line.user.expect_in_terminal("word end\n")
    line.user.page.evaluate("() => navigator.clipboard.writeText('')")
    select_row(line, "word", rows=4)
    line.user.key("Control+Shift+C")
    line.user.page.wait_for_function("() => navigator.clipboard.readText().then((text) => text.startsWith('word'))")
    assert "word " * 60 + "end" in clipboard(line).split("\n")


@pytest.mark.parametrize("key", ["Control+Shift+V", "Shift+Insert"])
def test_a_paste_comes_without_control_characters(line: TerminalLine, key: str) -> None:
    line.user.page.evaluate("() => navigator.clipboard.writeText('# a\\u001b[31m\\u0003b\\tc')")
    line.user.key(key)
    line.wait_for("# a[31mb\tc")


def test_a_bracketed_paste_cannot_be_ended_from_within(line: TerminalLine) -> None:
    line.user.type(printed("\x1b[?2004hon%s") + " now")
    line.user.expect_in_terminal("onnow")
    line.typed()
    line.user.page.evaluate("() => navigator.clipboard.writeText('# a\\u001b[201~ b')")
    line.user.key("Control+Shift+V")
    line.wait_for("\x1b[200~# a b\x1b[201~")
    # The next user sees this history, too.
    line.user.key("Control+c")
    line.user.type(printed("\x1b[?2004loff%s") + " again")
    line.user.expect_in_terminal("offagain")


def test_a_clipboard_that_the_browser_refuses_has_a_message_and_the_keys_still_paste(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    line = shell_of(service, visit, permissions=[])
    line.user.page.context.clear_permissions()
    line.user.tool("Paste from the clipboard")
    expect(line.user.page.get_by_text("does not let this page read the clipboard")).to_be_visible()
    line.user.type("echo copied")
    line.user.expect_in_terminal("\ncopied")
    select_row(line, "copied")
    line.user.key("Control+Shift+C")
    line.typed()
    line.user.key("Control+Shift+V")
    line.wait_for("copied")
