"""What a guest's output does in the terminal: answers, colours, links, notes; sizes; and the scroll-back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.terminal_line import TerminalLine, printed, shell_of

#: The least contrast of text to its background, by WCAG 2.2, level AA.
LEAST_CONTRAST = 4.5

#: The text of each span of the terminal with its colour, and what is behind it.
_COLOURS = """
() => Array.from(document.querySelectorAll(".xterm-rows span"), (span) => {
  let behind = span;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  return [span.textContent, getComputedStyle(span).color, getComputedStyle(behind).backgroundColor];
})
"""


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("linux2"), demo("linux3")))


@pytest.fixture
def line(service: PortalService, visit: Callable[..., PortalUser]) -> TerminalLine:
    return shell_of(service, visit)


def test_queries_that_programs_need_are_answered_and_no_others(line: TerminalLine) -> None:
    unanswered = "\x1b[21t\x1b[18t\x1b]11;?\x07\x1b]4;1;?\x07\x1b]52;c;?\x07\x1bP$qm\x1b\\\x1b[>q\x1b[?2026$p"
    command = printed(f"{unanswered}\x1b[c\x1b[5n\x1b[5;7H\x1b[6n")
    line.user.terminal.focus()
    line.user.page.keyboard.type(command)
    line.wait_for(command)
    line.user.page.keyboard.press("Enter")
    line.wait_for("\r\x1b[?1;2c\x1b[0n\x1b[5;7R")
    line.user.page.keyboard.press("Control+c")
    line.wait_for("\x03")
    line.user.type(printed("\x1b[2J\x1b[H"))
    line.user.log_in_if_asked()


def test_queries_in_history_are_not_answered_again(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    line = shell_of(service, visit, "linux2")
    line.user.type(printed("\x1b[6n\x1b[cask%s") + " ed")
    line.user.expect_in_terminal("asked")
    line.user.page.keyboard.press("Control+c")
    line.user.page.reload()
    line.user.sign_in("vmcontributor")
    line.user.open_console("linux2")
    line.user.expect_in_terminal("asked")
    line.typed()
    line.user.key("Enter")
    line.wait_for("\r")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_sixteen_colours_can_be_read(service: PortalService, visit: Callable[..., PortalUser], theme: str) -> None:
    line = shell_of(service, visit, color_scheme=theme)
    numbers = [*range(30, 38), *range(90, 98)]
    line.user.type(printed("\x1b[2J\x1b[H" + "".join(f"\x1b[{number}mc{number} " for number in numbers) + "\x1b[m\n"))
    line.user.page.wait_for_function(
        "() => Array.from(document.querySelectorAll('.xterm-rows span')).some((one) => one.textContent.startsWith('c97'))"
    )
    shown = {text.strip(): contrast(ink, behind) for text, ink, behind in line.user.page.evaluate(_COLOURS)}
    assert {f"c{number}" for number in numbers} <= shown.keys(), shown
    low = {name: ratio for name, ratio in shown.items() if name and ratio < LEAST_CONTRAST}
    assert not low


def test_a_note_loses_its_mark_when_the_guest_writes_over_it(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    user = shell_of(service, visit, "linux3").user
    other = visit(service)
    other.sign_in("owner")
    other.open_console("linux3")
    # A note says who has taken the line.
    note = user.page.locator(".terminal-note")
    expect(note).to_have_count(1)
    user.press("Take it back")
    user.key("Enter")
    user.type(printed("\x1b[6A\r\x1b[Jit is %s") + " forged")
    user.expect_in_terminal("it is forged")
    expect(note).to_have_count(0)


def test_a_search_counts_matches_and_tells_what_is_wrong_with_a_pattern(line: TerminalLine) -> None:
    line.user.type("seq 77001 78000")
    line.user.expect_in_terminal("\n78000")
    line.user.key("Control+Shift+F")
    box = line.user.page.get_by_label("Text to search for")
    box.fill("7712")
    # 77120 to 77129, and 77712.
    status = line.user.page.get_by_role("search").get_by_role("status")
    expect(status).to_have_text("11 of 11")
    expect(line.user.page.locator(".terminal-match-current")).to_have_count(1)
    box.press("Enter")
    expect(status).to_have_text("10 of 11")
    line.user.page.get_by_role("button", name="Regular expression").click()
    box.fill("(")
    expect(status).to_contain_text("This is not a regular expression")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2.2 defines it; they are written as browsers do, ``rgb(1, 2, 3)``."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_output_without_line_feeds_is_not_announced_at_its_full_length(line: TerminalLine) -> None:
    """The browser would lay out all of it, and the page would stand still for as long."""
    line.user.page.evaluate("""() => {
      const region = document.querySelector(".live-region");
      globalThis.announced = [];
      new MutationObserver(() => announced.push(region.textContent)).observe(region, { childList: true });
    }""")
    line.user.type("printf '%06000d'; echo all of it")
    line.user.expect_in_terminal("all of it")
    line.user.page.wait_for_function("() => announced.some((text) => text.startsWith('Too much output'))")
    assert line.user.page.evaluate("() => document.querySelector('.live-region').textContent.length") <= 2000
