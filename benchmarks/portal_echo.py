"""A key's echo at the portal page, beside the WebSocket's own in the same browser and for the same key.

    python -m benchmarks.portal_echo [--rounds 9] [--keys 50]

- ``WebSocket``: from the page's call of ``send`` to the browser's message event with the echo.
- ``page``: from the browser's key event to xterm.js's call-back, when it has parsed the echo.
- ``above``: the difference of the two, for each key.  The goal is at most 10 ms.

The guest sends back what it gets, over an unlimited line.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from playwright.sync_api import Page

from benchmarks.portal_rig import chromium, open_console, portal, signed_in
from benchmarks.rig import GUESTS, compile_all, median, table

GOAL_MS = 10
WARM_UP = 10
#: Notes when a key was pressed, when the page sent it and when its echo came, in milliseconds.
STAMPS = """
globalThis.stamps = {};
addEventListener("keydown", (event) => (stamps.key = event.timeStamp), { capture: true });
globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") stamps.came ??= performance.now();
    });
  }
  send(data) {
    stamps.sent = performance.now();
    stamps.came = undefined;
    super.send(data);
  }
};
"""
ECHOED = """
() => {
  const end = globalThis.writes.at(-1)?.end;
  return stamps.came > stamps.sent && end > stamps.came ? { ...stamps, end } : null;
}
"""


class Echo(NamedTuple):
    """A key and its echo, in milliseconds."""

    web_socket_ms: float
    page_ms: float

    @property
    def above_ms(self) -> float:
        """What the page adds."""
        return self.page_ms - self.web_socket_ms


def echo(page: Page) -> Echo:
    """Press a key, and wait until its echo is in the terminal."""
    page.evaluate("() => { globalThis.writes.length = 0; globalThis.stamps = {}; }")
    page.keyboard.press("k")
    seen = page.wait_for_function(ECHOED).json_value()
    return Echo(seen["came"] - seen["sent"], seen["end"] - seen["key"])


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keys", type=int, default=50)
    options = parser.parse_args()
    compile_all()
    rounds = []
    with portal(GUESTS / "echo") as url, chromium() as browser, signed_in(browser, url, STAMPS) as context:
        for _ in range(options.rounds):
            page = open_console(context, url, 0)
            rounds.append([echo(page) for _ in range(options.keys + WARM_UP)][WARM_UP:])
            page.close()
    rows = []
    for name, goal in (("web_socket_ms", ""), ("page_ms", ""), ("above_ms", f"{GOAL_MS} ms")):
        medians, slowest = [], []
        for keys in rounds:
            times = sorted(getattr(one, name) for one in keys)
            medians.append(median(times))
            slowest.append(times[int(len(times) * 0.9)])
        title = name.removesuffix("_ms").replace("web_socket", "WebSocket")
        rows.append((title, f"{median(medians):.1f} ms", f"{median(slowest):.1f} ms", goal))
    table("A key's echo at the portal page", ("echo", "median", "90 %", "goal"), rows)


if __name__ == "__main__":
    main()
