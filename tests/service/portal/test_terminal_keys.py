"""Keys, input methods and fingers at the terminal: what the guest gets, and what the page takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.terminal_line import TerminalLine, printed, shell_of

#: Alt and Ctrl, as the browser's protocol has them.
ALT_AND_CTRL = 1 | 2


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("linux2")))


@pytest.fixture
def line(service: PortalService, visit: Callable[..., PortalUser]) -> TerminalLine:
    return shell_of(service, visit)


@pytest.fixture(scope="module")
def kept_line(service: PortalService, stay: Callable[..., PortalUser]) -> TerminalLine:
    """A line for tests after which the next can go on."""
    return shell_of(service, stay, "linux2")


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("Tab", "\t"),
        ("Shift+Tab", "\x1b[Z"),
        ("Escape", "\x1b"),
        ("F5", "\x1b[15~"),
        ("ArrowUp", "\x1b[A"),
        ("Control+c", "\x03"),
        ("Control+Space", "\0"),
        ("Backspace", "\x7f"),
    ],
)
def test_the_guest_gets_a_key_and_the_terminal_keeps_the_focus(kept_line: TerminalLine, key: str, typed: str) -> None:
    kept_line.user.key(key)
    kept_line.wait_for(typed)
    assert kept_line.user.terminal_has_focus()


def test_control_f6_leaves_the_terminal(kept_line: TerminalLine) -> None:
    kept_line.user.key("Control+F6")
    assert not kept_line.user.terminal_has_focus()
    assert kept_line.typed() == ""


@pytest.mark.parametrize("system", ["Linux", "Windows"])
def test_alt_graph_types_the_third_character_of_a_key(
    service: PortalService, visit: Callable[..., PortalUser], system: str
) -> None:
    line = TerminalLine(visit(service))
    keys = line.devtools()
    if system == "Windows":
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
        keys.send("Emulation.setUserAgentOverride", {"userAgent": agent, "platform": "Win32"})
    line.log_in("linux1")
    line.user.terminal.focus()
    # German and Polish layouts have @ at AltGr+Q; Windows reports AltGr as Ctrl and Alt.
    key = {"key": "@", "code": "KeyQ", "windowsVirtualKeyCode": 81}
    held = {"modifiers": ALT_AND_CTRL} if system == "Windows" else {}
    keys.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": "@", **key, **held})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    line.wait_for("@")


def test_a_dead_key_types_what_it_composes(line: TerminalLine) -> None:
    line.user.terminal.focus()
    keys = line.devtools()
    dead = {"key": "Dead", "code": "Equal", "windowsVirtualKeyCode": 222}
    letter = {"key": "é", "code": "KeyE", "windowsVirtualKeyCode": 69}
    keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **dead})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **dead})
    keys.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": "é", **letter})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **letter})
    line.wait_for("é")


def test_a_composition_is_typed_once_when_it_ends_wherever_the_caret_has_been(line: TerminalLine) -> None:
    line.user.page.keyboard.press("Home")
    line.user.page.keyboard.type("ab")
    line.user.page.keyboard.press("ArrowLeft")
    line.wait_for("\x1b[Hab\x1b[D")
    line.user.compose("日本語")
    line.wait_for("日本語")
    line.user.page.keyboard.type("x")
    line.wait_for("x")


def test_text_that_is_inserted_without_keys_is_typed(line: TerminalLine) -> None:
    line.user.terminal.focus()
    line.user.page.keyboard.insert_text("😀")
    line.wait_for("😀")
    line.user.compose("に")
    line.wait_for("に")


def test_a_finger_has_the_keys_that_its_keyboard_lacks(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    line = shell_of(service, visit, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 780})
    keys = line.user.page.get_by_role("toolbar", name="Keys")
    expect(keys).to_be_visible()
    line.user.terminal.focus()
    keys.get_by_role("button", name="Control, with the next key").tap()
    expect(keys.get_by_role("button", name="Control, with the next key")).to_have_attribute("aria-pressed", "true")
    line.user.page.keyboard.type("c")
    line.wait_for("\x03")
    keys.get_by_role("button", name="Escape").tap()
    keys.get_by_role("button", name="Up", exact=True).tap()
    line.wait_for("\x1b\x1b[A")
    assert line.user.terminal_has_focus()


def test_a_mouse_has_no_row_of_keys(kept_line: TerminalLine) -> None:
    expect(kept_line.user.page.get_by_role("toolbar", name="Keys")).to_have_count(0)


def test_a_finger_scrolls_the_scroll_back(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    line = shell_of(service, visit, has_touch=True, viewport={"width": 900, "height": 700})
    line.user.type("seq 1 300")
    line.user.expect_in_terminal("\n300")
    box = line.user.page.locator(".xterm-screen").bounding_box()
    assert box is not None
    touch = line.devtools()
    x, y = box["x"] + 50, box["y"] + 50
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        points = [{"x": x, "y": y + 20 * step}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    line.user.page.wait_for_function(
        "() => !document.querySelector('.xterm-accessibility-tree').innerText.includes('300')"
    )


def test_control_plus_and_minus_change_the_text_size(line: TerminalLine) -> None:
    columns = line.user.page.locator(".xterm-accessibility-tree > div").count()
    line.user.key("Control+=")
    line.user.key("Control+=")
    line.user.page.wait_for_function(
        "(before) => document.querySelectorAll('.xterm-accessibility-tree > div').length < before", arg=columns
    )
    line.user.key("Control+0")
    line.user.page.wait_for_function(
        "(before) => document.querySelectorAll('.xterm-accessibility-tree > div').length === before", arg=columns
    )
    assert line.typed() == ""


def test_keys_of_an_editor_follow_its_cursor_key_mode(line: TerminalLine) -> None:
    line.user.type(printed("\x1b[?1hset"))
    line.user.expect_in_terminal("set")
    line.typed()
    line.user.key("ArrowUp")
    line.wait_for("\x1bOA")
