"""The longest freeze of the portal page while a machine sends a megabyte, with one console and with ten in ten tabs.

    python -m benchmarks.portal_flood [--rounds 9] [--bytes 1000000]

A freeze is the time between two turns of the page's event loop, in which it can take no key and draw nothing.  The goal is
at most 100 ms, for one console.  ``idle`` is the longest freeze in as long a time without output: what else runs on this
computer.  With ten consoles all machines send at once, and the longest freeze is that of any tab.

The guest's output goes over an unlimited line, in lines of 64 characters; ``without line feeds`` is one long line, which the
terminal wraps.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page

from benchmarks.portal_rig import chromium, open_console, portal, signed_in
from benchmarks.rig import GUESTS, compile_all, median, table

GOAL_MS = 100
TABS = 10
TIMEOUT_MS = 120_000
#: The setting with which the guest sends lines.
IN_LINES = 'lines = "yes"'
#: Watches the turns of the event loop: a message to itself comes after all that waits before it.
TURNS = """
globalThis.freeze = 0;
globalThis.watchTurns = () => {
  const { port1, port2 } = new MessageChannel();
  let before = performance.now();
  port1.onmessage = () => {
    const now = performance.now();
    globalThis.freeze = Math.max(globalThis.freeze, now - before);
    before = now;
    setTimeout(() => port2.postMessage(0), 1);
  };
  port2.postMessage(0);
};
"""
WRITTEN = "() => globalThis.writes.reduce((sum, { bytes }) => sum + bytes, 0)"
ALL_WRITTEN = f"(bytes) => ({WRITTEN})() >= bytes"


class Flood(NamedTuple):
    """What one tab has shown: its longest freeze and how long all of the output took, in milliseconds."""

    freeze_ms: float
    took_ms: float


def start(page: Page, size: int) -> None:
    """Have the machine of a console send so many bytes."""
    page.locator(".xterm-helper-textarea").focus()
    page.evaluate(
        "() => { globalThis.writes.length = 0; globalThis.freeze = 0; globalThis.began = performance.now(); }"
    )
    page.keyboard.type(str(size))
    page.keyboard.press("Control+j")


def finish(page: Page, size: int) -> Flood:
    """Wait until xterm.js has parsed all of it."""
    page.wait_for_function(ALL_WRITTEN, arg=size, timeout=TIMEOUT_MS, polling=50)
    freeze, took = page.evaluate("() => [globalThis.freeze, globalThis.writes.at(-1).end - globalThis.began]")
    return Flood(float(freeze), float(took))


def idle(page: Page, milliseconds: float) -> float:
    """The longest freeze in a time without output."""
    page.evaluate("() => { globalThis.freeze = 0; }")
    page.evaluate("(time) => new Promise((done) => setTimeout(done, time))", milliseconds)
    return float(page.evaluate("() => globalThis.freeze"))


def flood(pages: Sequence[Page], size: int) -> Flood:
    """All consoles at once: the longest freeze of any, and the time until the last has all."""
    for page in pages:
        page.bring_to_front()
        start(page, size)
    ended = [finish(page, size) for page in pages]
    return Flood(max(one.freeze_ms for one in ended), max(one.took_ms for one in ended))


def one_console(browser: Browser, settings: str, size: int, rounds: int) -> tuple[list[Flood], list[float]]:
    """One console: what its floods have shown, and the longest freezes in as long a time without output."""
    with portal(GUESTS / "source", settings=settings) as url, signed_in(browser, url, TURNS) as context:
        page = watched(context, url, 0)
        flood([page], size)
        floods = [flood([page], size) for _ in range(rounds)]
        return floods, [idle(page, one.took_ms) for one in floods]


def ten_consoles(browser: Browser, size: int, rounds: int) -> list[Flood]:
    """Ten consoles in ten tabs."""
    with portal(GUESTS / "source", TABS, IN_LINES) as url, signed_in(browser, url, TURNS) as context:
        pages = [watched(context, url, number) for number in range(TABS)]
        flood(pages, size)
        return [flood(pages, size) for _ in range(rounds)]


def watched(context: BrowserContext, url: str, machine: int) -> Page:
    """A tab with a console, whose freezes are measured."""
    page = open_console(context, url, machine)
    page.evaluate("watchTurns()")
    return page


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--bytes", type=int, default=1_000_000)
    options = parser.parse_args()
    compile_all()
    with chromium() as browser:
        lines, still = one_console(browser, IN_LINES, options.bytes, options.rounds)
        unbroken, _ = one_console(browser, "", options.bytes, options.rounds)
        ten = ten_consoles(browser, options.bytes, options.rounds)
    rows = [("idle", f"{median(still):.0f} ms", "", "")]
    for name, floods, goal in (
        ("one console", lines, f"{GOAL_MS} ms"),
        ("without line feeds", unbroken, f"{GOAL_MS} ms"),
        (f"{TABS} consoles in {TABS} tabs", ten, ""),
    ):
        freeze_ms, took_ms = (median([one[field] for one in floods]) for field in range(2))
        rows.append((name, f"{freeze_ms:.0f} ms", f"{took_ms / 1000:.2f} s", goal))
    table(f"{options.bytes} bytes of output at the portal page", ("", "longest freeze", "all shown", "goal"), rows)


if __name__ == "__main__":
    main()
