"""What the report of a failed test says of its consoles: each thing once, and where the rest is.

The error of a console has said what was expected, the last lines, the screen and the problems (``console/evidence.py``); the
section of its console adds what came before, the steps and the paths.  After any other failure the section says all of it.
Everything from a guest is made printable: no escape reaches a terminal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.artifacts import KEPT, write_new, write_records
from uartsim.pytest_plugin.console_fixtures import consoles_of
from uartsim.pytest_plugin.plugin_options import KEEP, RECORD
from uartsim.pytest_plugin.reported_consoles import (
    ReportedConsole,
    ask_console,
    error_texts,
    junit_output,
    junit_properties,
    section,
)

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console

#: The attribute of a report that has what the controller needs: plain values, which travel from pytest-xdist's workers.
EXTRA: Final = "uartsim"
#: Where the files of a test are; "" if they could not be written.
_FOLDER: Final = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its consoles know, and write the files of the test."""
    consoles = consoles_of(item)
    failed = call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    records = RECORD.value(item.config)
    wants_files = _FOLDER not in item.stash and (failed or (records == "all" and call.when == "teardown"))
    if not consoles or not (failed or (wants_files and records != "none")):
        return (yield)
    told = error_texts(call.excinfo.value if call.excinfo is not None else None)
    reported = [ask_console(name, console, told) for name, console in consoles]
    files: list[dict[str, str]] = [{} for _ in reported]
    page = ""
    if wants_files and records != "none" and item.config.stash[KEPT].folder:
        files, page = _write(item, reported, failed)
    sections: list[tuple[str, str]] = []
    if failed and call.when == "call":
        sections += [(f"uartsim disk: {name}", kept) for name, console in consoles if (kept := _keep_disk(console))]
        if kept := KEEP.value(item.config):
            sections += [(f"uartsim snapshot: {name}", _keep(item, kept, name, console)) for name, console in consoles]
    # Sections do not reach JUnit XML; properties do, if they are there before the report is made.
    pairs = list(zip(reported, files, strict=True))
    item.user_properties += [each for console, paths in pairs for each in junit_properties(console, paths)] + sections
    report = yield
    if failed:
        about = [each for each in reported if each.facts is not None and each.facts.is_told] or reported
        report.sections += [
            (f"uartsim console: {each.name}", section(each, paths, is_concerned=each in about)) for each, paths in pairs
        ]
        report.sections += sections
        output = "\n\n".join(map(junit_output, reported))
        setattr(report, EXTRA, {"output": output, "page": _write_page(item, report, reported, page)})
    return report


def _write(item: pytest.Item, reported: list[ReportedConsole], failed: bool) -> tuple[list[dict[str, str]], str]:
    """Write the records of a test; returns their paths, and that of the page to come, or sentences in their place."""
    from uartsim.errors import UartsimError

    item.stash[_FOLDER] = ""
    try:
        folder = item.stash[_FOLDER] = item.config.stash[KEPT].folder_of(item.nodeid)
        files = write_records(folder, reported)
    except (UartsimError, OSError) as error:
        return [{"Log": f"not written: {error}"} for _ in reported], ""
    page = os.path.join(folder, "failure.html") if failed else ""
    if page:
        for paths in files:
            paths["Page"] = page
    return files, page


def _write_page(item: pytest.Item, report: pytest.TestReport, reported: list[ReportedConsole], path: str) -> str:
    """Write the page of a failure; returns its path, "" if there is none."""
    if not path:
        return ""
    from uartsim.errors import UartsimError
    from uartsim.pytest_plugin.failure_page import page

    try:
        write_new(path, page(item.nodeid, str(report.when), report.longreprtext, report.sections, reported))
    except (UartsimError, OSError) as error:
        report.sections.append(("uartsim page", f"not written: {error}"))
        return ""
    return path


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
