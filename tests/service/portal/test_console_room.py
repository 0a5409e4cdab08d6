"""The room that a console has: panels lie over it, a small window takes no column from the guest; and how it is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

Visit = Callable[..., PortalUser]


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("linux2")))


def at_console(service: PortalService, visit: Visit, width: int, height: int) -> PortalUser:
    user = visit(service, viewport={"width": width, "height": height})
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    return user


def size_of(user: PortalUser) -> str:
    return user.page.get_by_label("Status of the console").get_by_role("definition").last.inner_text()


def settle(user: PortalUser) -> None:
    """Wait until the terminal has taken the size of its element: it looks 60 ms after the last change, and once a frame."""
    user.page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done), 150))")


@pytest.mark.parametrize("panel", ["Help on the serial console", "Diagnose the console of linux1"])
def test_a_panel_takes_no_columns_from_the_terminal(service: PortalService, visit: Visit, panel: str) -> None:
    user = at_console(service, visit, 1100, 800)
    settle(user)
    before = size_of(user)
    user.tool(panel)
    expect(user.page.locator(".console-body > .panel")).to_be_visible()
    settle(user)
    assert size_of(user) == before


@pytest.mark.parametrize(("width", "height"), [(1000, 640), (700, 500), (320, 640)])
def test_a_small_window_keeps_the_80_columns_and_24_rows_that_boot_loaders_draw_for(
    service: PortalService, visit: Visit, width: int, height: int
) -> None:
    user = at_console(service, visit, width, height)
    settle(user)
    columns, rows = (int(number) for number in size_of(user).split(" × "))
    assert columns >= 80
    assert rows >= 24
    assert user.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (
        "the page itself scrolls sideways"
    )
    user.log_in_if_asked()
    user.type("seq 1 100")
    user.expect_prompt("~#")
    # The row of the cursor is in sight, and the last column can be scrolled to.
    seen = user.page.evaluate(
        """() => {
          const frame = document.querySelector(".terminal-frame");
          frame.scrollLeft = 10000;
          const box = frame.getBoundingClientRect();
          const screen = document.querySelector(".xterm-screen").getBoundingClientRect();
          return { low: screen.bottom - box.bottom, right: screen.right - box.right };
        }"""
    )
    assert seen["low"] <= 20
    assert seen["right"] <= 0


def test_text_that_was_chosen_larger_is_not_shrunk(service: PortalService, visit: Visit) -> None:
    user = at_console(service, visit, 700, 500)
    for _ in range(4):
        user.key("Control+Equal")
    settle(user)
    height = user.page.locator(".xterm-accessibility-tree > div").first.evaluate(
        "(row) => row.getBoundingClientRect().height"
    )
    assert height >= 20
    assert size_of(user) == "80 × 24"


def test_a_console_is_looked_at_by_a_link_and_by_keyboard_without_taking_it(
    service: PortalService, visit: Visit
) -> None:
    holder = at_console(service, visit, 1280, 800)
    watcher = visit(service)
    watcher.sign_in("contributor")
    watcher.open_blade("linux1")
    link = watcher.page.get_by_role("link", name="Watch the console of linux1, without taking it over")
    link.focus()
    watcher.page.keyboard.press("Enter")
    watcher.expect_connected("Watching only")
    assert watcher.page.url.endswith("!console&watch")
    holder.expect_connected()
    expect(holder.page.get_by_role("button", name="Take it back")).to_have_count(0)


def test_what_a_boot_clears_stays_in_the_scroll_back(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console("linux2")
    user.log_in_if_asked()
    user.type("seq 4001 4100; echo before''boot")
    user.expect_in_terminal("beforeboot")
    user.type("printf '\\033c\\033[2J\\033[3Jnew''boot'")
    user.expect_in_terminal("newboot")
    assert "beforeboot" not in user.terminal_text()
    text = user.whole_text()
    assert "beforeboot" in text
    assert "4001" in text


def test_the_download_with_colours_has_the_attributes_and_all_lines(service: PortalService, visit: Visit) -> None:
    user = visit(service, viewport={"width": 1700, "height": 900})
    user.sign_in("vmcontributor")
    user.open_console("linux2")
    user.log_in_if_asked()
    user.type("seq 7001 7900; printf '\\033[31mred''dish\\033[0m\\n'")
    user.expect_in_terminal("\nreddish")
    with user.page.expect_download() as download:
        user.tool("Download the output with its colours, as text with ANSI sequences")
    assert download.value.suggested_filename.endswith(".ans")
    text = download.value.path().read_text()
    assert "\x1b[31mreddish" in text
    for number in range(7001, 7901):
        assert text.count(f"\n{number}") == 1, number
