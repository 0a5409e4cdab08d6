"""A state of the page, and what a test reads of it: its buttons, its layout, its faults of accessibility."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_user import PortalUser

_SHIFTED: Final = """
() => new Promise((resolve) => {
  let sum = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  });
  observer.observe({ type: "layout-shift", buffered: true });
  // What is buffered is given in a task of its own, and what the last frame did after that frame.
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
    for (const entry of observer.takeRecords()) if (!entry.hadRecentInput) sum += entry.value;
    observer.disconnect();
    resolve(sum);
  }, 0)));
})
"""


@dataclass(frozen=True)
class Stage:
    """Where a state is reached.

    Attributes:
        user: who reaches it; signed in as the owner, unless the state is one of signing in.
        service: the service.
        visit: brings further people to it.
        afterwards: what is to be undone when the state has been looked at.
    """

    user: PortalUser
    service: PortalService
    visit: Callable[..., PortalUser]
    afterwards: ExitStack


@dataclass(frozen=True)
class PageState:
    """A state of the page.

    Attributes:
        name: its name, and that of its pictures.
        says: what a picture of it shows, in a sentence.
        reach: how a person gets there.
        buttons: the accessible names of all buttons then, in the order of the page, but for a console's toolbar.
        machine: the machine whose console it is.
        signed_in: whether somebody is signed in.
        tenant: the text of a set-up file, where the state needs a service of its own.
    """

    name: str
    says: str
    reach: Callable[[Stage], None]
    buttons: tuple[str, ...]
    machine: str | None = None
    signed_in: bool = True
    tenant: str | None = None


def tool_names(machine: str) -> tuple[str, ...]:
    """The names of the buttons of a console's toolbar; those that have no room are in the menu "More"."""
    return (
        f"Send SysRq keys to {machine}",
        f"Send a non-maskable interrupt (NMI) to {machine}",
        f"Restart {machine}",
        f"Reset {machine}",
        "Search the output",
        "Copy the selected text",
        "Paste from the clipboard",
        "Clear the terminal and its scroll-back",
        "Download the output as a text file",
        f"Watch only: release {machine}'s console",
        "Move the console into a window of its own",
        f"Diagnose the console of {machine}",
        "Show the keyboard shortcuts",
        "Make the text smaller",
        "Make the text larger",
        f"Tell {machine} the terminal's size: types the command that resize would run",
        "Choose the size of the terminal",
        "Download the output with its colours, as text with ANSI sequences",
        "More",
        # Windows has none, and says so in the service's words.
        f"Send SysRq keys to {machine}: You can only send a SysRq to a Linux VM.",
    )


def button_names(page: Page) -> list[str]:
    """The names of all buttons, in the order of the page: what a modal dialog covers is not among them."""
    return _names(page, "button")


def outline(page: Page, state: PageState) -> str:
    """What a picture of a state shows, in substance, as JSON: headings, columns, and buttons but for a toolbar's."""
    tools = () if state.machine is None else tool_names(state.machine)
    shown = {role: _names(page, role) for role in ("heading", "columnheader", "tab", "button")}
    return json.dumps({role: [name for name in names if name not in tools] for role, names in shown.items()})


def _names(page: Page, role: str) -> list[str]:
    """The names of all elements of a role, as the browser's accessibility tree has them."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        node.get("name", {}).get("value", "")
        for node in nodes
        if not node["ignored"] and node.get("role", {}).get("value") == role
    ]


def layout_shift(page: Page) -> float:
    """How much of the layout has moved by itself since the page was loaded: Chromium's cumulative layout shift."""
    return float(page.evaluate(_SHIFTED))


def accessibility_faults(page: Page) -> str:
    """What axe-core finds, as text; empty if it finds nothing."""
    found = Axe().run(page)
    return str(found.generate_report()) if found.violations_count else ""
