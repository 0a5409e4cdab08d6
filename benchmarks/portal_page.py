"""How soon the portal page can be used, from the start of its navigation, and how large its scripts are.

    python -m benchmarks.portal_page [--rounds 9]

- ``sign-in form``: it takes input.  Nobody is signed in.
- ``console connected``: a new tab of a browser that is signed in opens the console of a machine, and the line is there.
- ``prompt in the terminal``: the same, until the output of before, which ends with a login prompt, is in the terminal.

The browser is warm: it has had the page before.  Goals: one second, and 300 KB of compressed script.
"""

from __future__ import annotations

import argparse

from playwright.sync_api import Browser, BrowserContext

from benchmarks.portal_rig import (
    CONSOLE_USABLE,
    PAGE_USABLE,
    chromium,
    console_hash,
    marked_ms,
    portal,
    script_bytes,
    signed_in,
)
from benchmarks.rig import compile_all, median, table

GOAL_MS = 1000
GOAL_KB = 300
QUICK = "grub_timeout = 0, boot_seconds = 0.0, time_scale = 0.0"
#: When xterm.js had parsed the machine's output of before, with the prompt, in milliseconds after the navigation's start.
PROMPT = "() => globalThis.writes[0]?.end"


def sign_in_form(browser: Browser, url: str, rounds: int) -> list[float]:
    """Milliseconds to the form, in a browser in which nobody is signed in; the first is for warming up."""
    context = browser.new_context(ignore_https_errors=True)
    times = []
    for _ in range(rounds + 1):
        page = context.new_page()
        page.goto(url)
        times.append(marked_ms(page, PAGE_USABLE))
        page.close()
    context.close()
    return times[1:]


def consoles(context: BrowserContext, url: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the connected console, and to its prompt; the first is for warming up."""
    connected, prompts = [], []
    for _ in range(rounds + 1):
        page = context.new_page()
        page.goto(url + console_hash(0))
        prompts.append(float(page.wait_for_function(PROMPT, timeout=60_000).json_value()))
        connected.append(marked_ms(page, CONSOLE_USABLE))
        page.close()
    return connected[1:], prompts[1:]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    compile_all()
    with portal("demo", settings=QUICK) as url, chromium() as browser:
        form = sign_in_form(browser, url, options.rounds)
        with signed_in(browser, url) as context:
            connected, prompts = consoles(context, url, options.rounds)
    rows = [
        (name, f"{median(times):.0f} ms", f"{max(times):.0f} ms", f"{GOAL_MS} ms")
        for name, times in (
            ("sign-in form", form),
            ("console connected", connected),
            ("prompt in the terminal", prompts),
        )
    ]
    rows += [
        (f"scripts, {name}", f"{sum(script_bytes(suffix)) / 1000:.0f} KB", "", f"{GOAL_KB} KB" if suffix else "")
        for name, suffix in (("brotli", ".br"), ("gzip", ".gz"), ("as they are", ""))
    ]
    table("The portal page", ("from the navigation's start", "median", "longest", "goal"), rows)


if __name__ == "__main__":
    main()
