"""What the report of a failed test says of its consoles: each thing once, and where the rest is.

The error of a console has said what was expected, the last lines, the screen and the problems (``console/evidence.py``); the
section of its console adds what came before, the steps and the paths.  After any other failure the section says all of it.
Everything from a guest is made printable: no escape reaches a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.artifacts import KEPT, folder_for, forget_folder, write_new, write_records
from uartsim.pytest_plugin.machine_files import asked_files, drop_unwanted
from uartsim.pytest_plugin.opened_consoles import OpenedConsole, file_stem, forget_opened, opened_of
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
#: Whether the records of a test have been written, and whether its files are among its properties.
_WRITTEN: Final = pytest.StashKey[bool]()
_NAMED: Final = pytest.StashKey[bool]()


@dataclass
class _Told:
    """What is told of a test.

    Attributes:
        failed: whether it has failed in this phase.
        opened: its consoles.
        reported: what these know.
        files: the paths of each one's files, by what they are.
        page: where the page of the failure is to be; empty: nowhere.
        kept: sections that say where machines and disks are kept.
    """

    failed: bool
    opened: list[OpenedConsole]
    reported: list[ReportedConsole]
    files: list[dict[str, str]]
    page: str = ""
    kept: list[tuple[str, str]] = field(default_factory=list)


def add_to_report(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A wrapper of ``pytest_runtest_makereport``: add what the consoles of a failed test know, and write its files."""
    told = _collect(item, call)
    if told is not None:
        _keep(item, call, told)
    elif call.when == "teardown":
        _note_asked(item)
    report = yield
    if told is not None and told.failed:
        _attach(item, report, told)
    elif call.when == "call":
        report.sections += [(f"uartsim files: {each.name}", text) for each in opened_of(item) if (text := _asked(each))]
    if call.when == "teardown":
        drop_unwanted(item.config)
    return report


def _collect(item: pytest.Item, call: pytest.CallInfo[None]) -> _Told | None:
    """What there is to tell of a test at the end of a phase; None: nothing."""
    opened = opened_of(item)
    failed = call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    if not opened or not (failed or _wants_records(item, call, failed)):
        return None
    texts = error_texts(call.excinfo.value if call.excinfo is not None else None)
    for each in opened:
        each.has_failed |= failed
    reported = [ask_console(each, texts) for each in opened]
    return _Told(failed, opened, reported, [dict(each.files.paths) for each in opened])


def _wants_records(item: pytest.Item, call: pytest.CallInfo[None], failed: bool) -> bool:
    """Whether the records of a test's consoles are to be written now."""
    wanted = RECORD.value(item.config)
    return not item.stash.get(_WRITTEN, False) and (
        (failed and wanted != "none") or (wanted == "all" and call.when == "teardown")
    )


def _keep(item: pytest.Item, call: pytest.CallInfo[None], told: _Told) -> None:
    """Keep the records of a test, and of one that has failed the machines and disks, and note all of it as properties."""
    if _wants_records(item, call, told.failed) and item.config.stash[KEPT].folder:
        written, told.page = _write(item, told.reported, told.failed)
        page = {"Page": told.page} if told.page else {}
        told.files = [{**records, **paths, **page} for records, paths in zip(written, told.files, strict=True)]
    if told.failed and call.when == "call":
        disks = [(each.name, _keep_disk(each.console)) for each in told.opened]
        told.kept += [(f"uartsim disk: {name}", kept) for name, kept in disks if kept]
        if folder := KEEP.value(item.config):
            told.kept += [(f"uartsim snapshot: {each.name}", _save(item, folder, each)) for each in told.opened]
    # Sections do not reach JUnit XML; properties do, if they are there before the report is made.
    for console, paths in zip(told.reported, told.files, strict=True):
        item.user_properties += junit_properties(console, paths)
    item.user_properties += told.kept
    item.stash[_NAMED] = True


def _note_asked(item: pytest.Item) -> None:
    """Note, as properties of a test that has passed, the files that its marks or its calls have asked for."""
    if not item.stash.get(_NAMED, False):
        for each in opened_of(item):
            if files := asked_files(each):
                item.user_properties += junit_properties(ReportedConsole(each.name, each.guest, None, None), files)


def _asked(opened: OpenedConsole) -> str:
    return "\n".join(f"{what}: {path}" for what, path in asked_files(opened).items())


def _attach(item: pytest.Item, report: pytest.TestReport, told: _Told) -> None:
    """Add the sections of a failure to its report, and write its page."""
    about = [each for each in told.reported if each.facts is not None and each.facts.is_told] or told.reported
    for each, paths in zip(told.reported, told.files, strict=True):
        report.sections.append((f"uartsim console: {each.name}", section(each, paths, is_concerned=each in about)))
    report.sections += told.kept
    output = "\n\n".join(map(junit_output, told.reported))
    setattr(report, EXTRA, {"output": output, "page": _write_page(item, report, told.reported, told.page)})


def _write(item: pytest.Item, reported: list[ReportedConsole], failed: bool) -> tuple[list[dict[str, str]], str]:
    """Write the records of a test; returns their paths, and that of the page to come, or sentences in their place."""
    from uartsim.errors import UartsimError

    item.stash[_WRITTEN] = True
    try:
        folder = folder_for(item)
        files = write_records(folder, reported)
    except (UartsimError, OSError) as error:
        return [{"Log": f"not written: {error}"} for _ in reported], ""
    return files, os.path.join(folder, "failure.html") if failed else ""


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


def _save(item: pytest.Item, kept: str, opened: OpenedConsole) -> str:
    """Save the machine of a test that has failed; returns a sentence for the report."""
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    folder = os.path.join(kept, f"{file_stem(item.nodeid.rpartition('/')[2])}-{os.getpid()}-{id(opened):x}")
    try:
        opened.console.snapshots.save(folder)
    except UartsimError as error:
        return f"the machine could not be saved: {printable(str(error).splitlines()[0])}"
    return f"saved in {folder}: 'uartsim run {opened.guest} --restore {folder}', with the same settings, goes on from there"


def begin_report(item: pytest.Item) -> None:
    """A test is about to run, perhaps once more, as pytest-rerunfailures does: nothing of it is told or written yet."""
    forget_opened(item)
    item.user_properties[:] = [each for each in item.user_properties if not str(each[0]).startswith("uartsim ")]
    forget_folder(item)
    item.stash[_WRITTEN] = item.stash[_NAMED] = False
