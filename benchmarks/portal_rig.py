"""What the benchmarks of the portal page share: a `uartsim serve` as a process, headless Chromium, and a person at the page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.rig import environment, process, wait_for
from uartsim.own_files.service_note import read_service_note
from uartsim.service.portal.page_files import PAGE_FOLDER, why_missing
from uartsim.service.tenant.setup_file import DEFAULT_GROUP, DEFAULT_SUBSCRIPTION

PASSWORD: Final = "benchmark"
_TENANT: Final = f"""
[[user]]
name = "owner"
password = "{PASSWORD}"
roles = ["Owner"]
"""
_MACHINE: Final = """
[[vm]]
name = "vm{number}"
guest = "{guest}"
settings = {{ {settings} }}
port = {{ rate = "unlimited" }}
"""
_PATH: Final = (
    f"/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/{DEFAULT_GROUP}/providers/Microsoft.Compute/virtualMachines"
)
#: The marks of the browser's own timing that the page sets.
PAGE_USABLE: Final = "uartsim-page-usable"
CONSOLE_USABLE: Final = "uartsim-console-usable"
#: Collects the measures that the page takes of each write to the terminal: when xterm.js had parsed it, and how long it was.
_COLLECT_WRITES: Final = """
globalThis.writes = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntriesByName("uartsim:terminal-write")) {
    writes.push({ end: entry.startTime + entry.duration, bytes: entry.detail });
  }
}).observe({ type: "measure" });
"""
_MARKED: Final = "(mark) => performance.getEntriesByName(mark)[0]?.startTime"


@contextmanager
def portal(guest: str | Path, machines: int = 1, settings: str = "") -> Iterator[str]:
    """A service with running machines ``vm0``, ``vm1`` and so on; yields the URL of its page."""
    if (missing := why_missing()) is not None:
        raise SystemExit(missing)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        setup, state = Path(folder, "tenant.toml"), Path(folder, "state")
        vms = (_MACHINE.format(number=number, guest=guest, settings=settings) for number in range(machines))
        setup.write_text(_TENANT + "".join(vms))
        command = [
            sys.executable,
            "-m",
            "uartsim",
            "serve",
            "--port",
            "0",
            "--state",
            str(state),
            "--config",
            str(setup),
        ]
        with process(command, env=environment(folder), stdout=subprocess.DEVNULL):
            wait_for(lambda: (state / "connection.toml").exists(), timeout_s=60)
            note = read_service_note(str(state))
            assert note is not None
            yield f"{note.url}/"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium, as the tests of the page use it."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing here: apt-get install chromium")
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


def console_hash(machine: int) -> str:
    """The part of the console's URL behind the page's."""
    return f"#/resource{_PATH}/vm{machine}!console"


@contextmanager
def signed_in(browser: Browser, url: str, *scripts: str) -> Iterator[BrowserContext]:
    """A browser in which the owner has signed in: further tabs get his session from the one that stays open.

    Args:
        browser: Chromium.
        url: the page's URL.
        scripts: what runs in each tab before the page's own script, after what collects ``writes``.
    """
    context = browser.new_context(ignore_https_errors=True)
    for script in (_COLLECT_WRITES, *scripts):
        context.add_init_script(script)
    page = context.new_page()
    page.goto(url)
    page.get_by_label("User name").fill("owner@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Password", exact=True).wait_for(state="detached")
    yield context
    context.close()


def marked_ms(page: Page, mark: str) -> float:
    """Wait for a mark of the page's, and tell how long after the start of its navigation it was set, in milliseconds."""
    page.wait_for_function(_MARKED, arg=mark, timeout=60_000)
    return float(page.evaluate(_MARKED, mark))


def open_console(context: BrowserContext, url: str, machine: int) -> Page:
    """Another tab, with the console of a machine, connected."""
    page = context.new_page()
    page.goto(url + console_hash(machine))
    marked_ms(page, CONSOLE_USABLE)
    page.locator(".xterm-helper-textarea").focus()
    return page


def script_bytes(suffix: str) -> Sequence[int]:
    """The sizes of the page's scripts as they are sent, in bytes, with the suffix of their coding: ``.br``, ``.gz`` or none."""
    return [path.stat().st_size for path in sorted(PAGE_FOLDER.glob(f"assets/*.js{suffix}"))]
