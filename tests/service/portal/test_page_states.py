"""Every state of the page, in both themes: accessible, named, at rest, and in a picture of docs/."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.service.portal.page_state import (
    PageState,
    Stage,
    accessibility_faults,
    button_names,
    layout_shift,
    outline,
    tool_names,
)
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_states import CONSOLE, HEADER, STATES, TENANT_OF_STATES
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.visits import visits

DOCS = Path(__file__).resolve().parents[3] / "docs"
PICTURES = DOCS / "pictures" / "portal"
GALLERY = DOCS / "portal-pictures.md"
Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
VIEWPORT: Final[ViewportSize] = {"width": 1100, "height": 720}
WINDOW: Final[dict[str, Any]] = {"viewport": VIEWPORT, "reduced_motion": "reduce", "color_scheme": "light"}
#: Colours of a picture; it is to be looked at, not measured.
COLOURS = 64
#: What a word in the status line comes to that moves by the width of the one before it; a line of text that moves counts
#: ten times as much.
MOST_SHIFT = 0.02
HEAD = """# The portal page in pictures

Every state of [the portal page](portal.md), in both themes. The pictures are screenshots of Chromium at a real
`uartsim serve`; `pytest tests/service/portal/test_page_states.py --uartsim-portal-pictures` takes them again.
"""
#: The keyword of the text in a picture that says what it shows.
OUTLINE: Final = "uartsim-outline"
STALE: Final = "take the pictures again: pytest tests/service/portal/test_page_states.py --uartsim-portal-pictures"
MOST_BYTES_OF_ALL_PICTURES = 3_000_000


@pytest.fixture(scope="module")
def services(start_service: Callable[..., PortalService]) -> Callable[[str], PortalService]:
    """Gives the service of a set-up file, which is started when it is first asked for."""
    return functools.cache(start_service)


@pytest.fixture(scope="module")
def service(services: Callable[[str], PortalService]) -> PortalService:
    return services(TENANT_OF_STATES)


@pytest.fixture(scope="module")
def owner(service: PortalService, stay: Callable[..., PortalUser]) -> PortalUser:
    user = stay(service, permissions=["clipboard-read", "clipboard-write"], **WINDOW)
    user.sign_in("owner")
    return user


@dataclass
class Reached:
    """A state that has been reached; ``shift`` is how much of the layout has moved by itself on the way there."""

    state: PageState
    page: Page
    shift: float


@pytest.fixture(scope="module", params=STATES, ids=lambda state: state.name)
def reached(
    request: pytest.FixtureRequest, services: Callable[[str], PortalService], owner: PortalUser, browser: Browser
) -> Iterator[Reached]:
    state = request.param
    service = services(state.tenant or TENANT_OF_STATES)
    with visits(browser) as others, ExitStack() as afterwards:
        user = owner
        if state.tenant is not None or not state.signed_in:
            user = others(service, **WINDOW)
            if state.signed_in:
                user.sign_in("owner")
        user.go_home()
        # What the pointer is on looks different.
        user.page.mouse.move(0, 0)
        before = layout_shift(user.page)
        state.reach(Stage(user, service, others, afterwards))
        yield Reached(state, user.page, layout_shift(user.page) - before)


@pytest.mark.azure("A-095")
def test_every_button_says_what_it_does(reached: Reached) -> None:
    state = reached.state
    tools = () if state.machine is None else tool_names(state.machine)
    names = button_names(reached.page)
    assert tuple(name for name in names if name not in tools) == state.buttons


def test_the_toolbar_has_all_its_buttons_where_there_is_room(service: PortalService, owner: PortalUser) -> None:
    owner.go_home()
    owner.page.set_viewport_size({"width": 2400, "height": 800})
    owner.open_console("linux1")
    owner.page.get_by_role("button", name="More", exact=True).wait_for(state="detached")
    assert sorted(set(button_names(owner.page)) - {*HEADER, *CONSOLE}) == sorted(tool_names("linux1")[:-2])
    owner.page.set_viewport_size(VIEWPORT)


def test_the_layout_does_not_move_by_itself(reached: Reached) -> None:
    assert reached.shift < MOST_SHIFT


@pytest.mark.azure("A-092")
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(reached: Reached, theme: Theme) -> None:
    show_theme(reached.page, theme)
    assert accessibility_faults(reached.page) == ""


@pytest.mark.parametrize("theme", THEMES)
def test_the_state_has_its_picture(reached: Reached, theme: Theme, pytestconfig: pytest.Config) -> None:
    picture = PICTURES / f"{reached.state.name}-{theme}.png"
    if pytestconfig.getoption("--uartsim-portal-pictures"):
        show_theme(reached.page, theme)
        expect(reached.page.locator(".notices-toast")).to_have_count(0, timeout=15_000)
        screenshot = reached.page.screenshot(animations="disabled", caret="hide")
        write_picture(picture, screenshot, outline(reached.page, reached.state))
    with Image.open(picture) as image:
        assert image.size == (VIEWPORT["width"], VIEWPORT["height"])
        assert image.info.get(OUTLINE) == outline(reached.page, reached.state), STALE


def test_nothing_is_cut_off_at_320_pixels(reached: Reached) -> None:
    reached.page.set_viewport_size({"width": 320, "height": 640})
    try:
        reached.page.wait_for_function("() => document.documentElement.scrollWidth <= 320")
    finally:
        reached.page.set_viewport_size(VIEWPORT)


def show_theme(page: Page, theme: Theme) -> None:
    """Have the system ask for a theme, and wait until the page has it."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=theme)


def test_the_gallery_shows_every_state_in_both_themes(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--uartsim-portal-pictures"):
        GALLERY.write_text(gallery())
    assert GALLERY.read_text() == gallery(), STALE


@pytest.mark.azure("A-017", "A-024", "A-031", "P-012", "P-056")
def test_the_pictures_of_the_documents_are_in_the_gallery() -> None:
    shown = GALLERY.read_text()
    for name in ("diagnostics-settings", "console-linux", "console-instance", "console-windows"):
        assert f"pictures/portal/{name}-light.png" in shown, name


def test_the_pictures_are_those_of_the_states_and_small() -> None:
    named = {f"{state.name}-{theme}.png" for state in STATES for theme in THEMES}
    found = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert set(found) == named
    assert sum(found.values()) < MOST_BYTES_OF_ALL_PICTURES


def write_picture(picture: Path, screenshot: bytes, shown: str) -> None:
    """Write a screenshot as a small PNG, and with it what it shows."""
    text = PngInfo()
    text.add_text(OUTLINE, shown)
    picture.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(screenshot)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True, pnginfo=text)


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
