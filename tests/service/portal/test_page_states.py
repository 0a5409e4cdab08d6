"""Every state of the page, in both themes: accessible, named, at rest, and in a picture of docs/."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, ViewportSize

from tests.service.portal.page_state import PageState, accessibility_faults, button_names, layout_shift
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_states import STATES, TENANT_OF_STATES
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.visits import visits

DOCS = Path(__file__).resolve().parents[3] / "docs"
PICTURES = DOCS / "pictures" / "portal"
GALLERY = DOCS / "portal-pictures.md"
THEMES = ("light", "dark")
VIEWPORT: Final[ViewportSize] = {"width": 1000, "height": 640}
#: Colours of a picture; it is to be looked at, not measured.
COLOURS = 64
#: What a browser's rounding can come to; a line of text that moves counts a hundred times as much.
MOST_SHIFT = 0.001
HEAD = """# The portal page in pictures

Every state of [the portal page](portal.md), in both themes. The pictures are screenshots of Chromium at a real
`uartsim serve`; `pytest tests/service/portal/test_page_states.py --uartsim-portal-pictures` takes them again.
"""
MOST_BYTES_OF_ALL_PICTURES = 3_000_000


@dataclass
class Reached:
    """A state that a user has reached in a theme."""

    state: PageState
    theme: str
    user: PortalUser


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(TENANT_OF_STATES)


@pytest.fixture(
    scope="module",
    params=[(state, theme) for state in STATES for theme in THEMES],
    ids=lambda param: f"{param[0].name}-{param[1]}",
)
def reached(request: pytest.FixtureRequest, service: PortalService, browser: Browser) -> Iterator[Reached]:
    state, theme = request.param
    with visits(browser) as visit:
        user = visit(service, color_scheme=theme, viewport=VIEWPORT, reduced_motion="reduce")
        state.reach(user, service)
        yield Reached(state, theme, user)


def test_axe_finds_nothing(reached: Reached) -> None:
    assert accessibility_faults(reached.user.page) == ""


def test_every_button_says_what_it_does(reached: Reached) -> None:
    assert tuple(button_names(reached.user.page)) == reached.state.buttons


def test_the_layout_does_not_move_by_itself(reached: Reached) -> None:
    assert layout_shift(reached.user.page) < MOST_SHIFT


def test_the_state_has_its_picture(reached: Reached, pytestconfig: pytest.Config) -> None:
    picture = PICTURES / f"{reached.state.name}-{reached.theme}.png"
    if pytestconfig.getoption("--uartsim-portal-pictures"):
        reached.user.page.mouse.move(0, 0)
        write_picture(picture, reached.user.page.screenshot(animations="disabled", caret="hide"))
    with Image.open(picture) as image:
        assert image.size == (VIEWPORT["width"], VIEWPORT["height"])


def test_nothing_is_cut_off_at_320_pixels(reached: Reached) -> None:
    page = reached.user.page
    page.set_viewport_size({"width": 320, "height": 640})
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    finally:
        page.set_viewport_size(VIEWPORT)


def test_the_gallery_shows_every_state_in_both_themes(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--uartsim-portal-pictures"):
        GALLERY.write_text(gallery())
    assert GALLERY.read_text() == gallery(), (
        "run pytest tests/service/portal/test_page_states.py --uartsim-portal-pictures"
    )


def test_the_pictures_are_those_of_the_states_and_small() -> None:
    named = {f"{state.name}-{theme}.png" for state in STATES for theme in THEMES}
    found = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert set(found) == named
    assert sum(found.values()) < MOST_BYTES_OF_ALL_PICTURES


def write_picture(picture: Path, screenshot: bytes) -> None:
    """Write a screenshot as a small PNG."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(screenshot)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)


def gallery() -> str:
    """The page of docs/ with all pictures."""
    parts = [HEAD]
    for state in STATES:
        name = f"pictures/portal/{state.name}"
        parts.append(
            f"## {state.name.replace('-', ' ').capitalize()}\n\n{state.says}\n\n"
            f"| light | dark |\n|---|---|\n"
            f"| ![{state.says} Light theme.]({name}-light.png) | ![{state.says} Dark theme.]({name}-dark.png) |\n"
        )
    return "\n".join(parts)
