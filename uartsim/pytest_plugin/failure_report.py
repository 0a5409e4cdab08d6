"""The guest's last words in the report of a failure."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.console_fixtures import consoles_of
from uartsim.pytest_plugin.plugin_options import KEEP

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console

#: How many lines of a console the report of a failure shows.
REPORTED_LINES: Final = 40


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last lines of each console to the report of a failed test, and to its JUnit properties."""
    consoles = consoles_of(item)
    failed = call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    sections = [(f"uartsim console: {name}", _tail(console)) for name, console in consoles] if failed else []
    if failed and call.when == "call":
        sections += [(f"uartsim disk: {name}", kept) for name, console in consoles if (kept := _keep_disk(console))]
    if failed and call.when == "call" and (kept := KEEP.value(item.config)):
        sections += [(f"uartsim snapshot: {name}", _keep(item, kept, name, console)) for name, console in consoles]
    # Sections do not reach JUnit XML; properties do, if they are there before the report is made.
    item.user_properties += sections
    report = yield
    report.sections += sections
    return report


def _keep_disk(console: Console) -> str | None:
    """Keep what the guest of a test that has failed wrote to its disk; returns where it is, None if there is no such disk."""
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    try:
        return kept if (kept := console.snapshots.keep_disk()) is None else printable(kept)
    except UartsimError:
        return None  # the console is closed already


def _keep(item: pytest.Item, kept: str, name: str, console: Console) -> str:
    """Save the machine of a test that has failed; returns a sentence for the report."""
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    words = re.sub(r"[^\w.-]+", "-", item.nodeid.rpartition("/")[2]).strip("-")[:100]
    folder = os.path.join(os.path.abspath(kept), f"{words}-{os.getpid()}-{id(console):x}")
    try:
        console.snapshots.save(folder)
    except UartsimError as error:
        return f"the machine could not be saved: {printable(str(error).splitlines()[0])}"
    return f"saved in {folder}: 'uartsim run {name} --restore {folder}', with the same settings, goes on from there"


def _tail(console: Console) -> str:
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    try:
        lines = console.last_lines(REPORTED_LINES)
    except UartsimError as error:
        return str(error)
    return printable("\n".join(lines)) or "(the guest has sent nothing)"
