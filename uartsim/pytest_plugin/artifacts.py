"""The files of a test: the log and the recording of each of its consoles, and a page of its failure.

Each test has a folder of its own in that of the session, which pytest-xdist's workers share.  The sessions' folders are in the
folder of ``--uartsim-artifacts``, where the newest stay; without that option they are in pytest's own base folder, of which
pytest keeps the last three.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.opened_consoles import file_stem, numbered
from uartsim.pytest_plugin.plugin_options import ARTIFACTS, RUNS
from uartsim.pytest_plugin.reported_consoles import ReportedConsole
from uartsim.pytest_plugin.session_folders import (
    SessionFolder,
    discard_files,
    forget_old,
    make_test_folder,
    open_base,
)

if TYPE_CHECKING:
    from uartsim.console.failure_facts import ConsoleRecord


class Artifacts:
    """The artifacts of one session.

    Args:
        config: the session's.
        session: the name of its folder; None for a new one.
    """

    def __init__(self, config: pytest.Config, session: str | None = None) -> None:
        self.session = session or f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
        self._config = config
        self._named: str = ARTIFACTS.value(config)
        self._ours = SessionFolder(self.session)

    @property
    def folder(self) -> str:
        """Where the sessions' folders are; "" where there is none, as with ``-p no:tmpdir``."""
        if self._named:
            return self._named
        factory = getattr(self._config, "_tmp_path_factory", None)
        return "" if factory is None else os.path.join(factory.getbasetemp(), "console-artifacts")

    def check(self) -> None:
        """Check that the folder can be used, before anything runs.

        Raises:
            pytest.UsageError: it cannot.
        """
        if self._named:
            from uartsim.errors import UartsimError

            try:
                open_base(self.folder).close()
            except (UartsimError, OSError) as error:
                raise pytest.UsageError(f"{ARTIFACTS.flag}: {error}") from None

    def hold(self) -> None:
        """Make the folder of the session for its workers, of which none may be there all the time.

        What is wrong with it is told where something is to be written.
        """
        from uartsim.errors import UartsimError

        if self._named:
            with contextlib.suppress(UartsimError, OSError), self._ours.opened(self.folder):
                pass

    def folder_of(self, nodeid: str) -> str:
        """Make a new folder for a test, and return its path.

        Raises:
            UartsimError, OSError: it cannot be made.
        """
        if not self.folder:
            from uartsim.errors import UsageError

            raise UsageError(f"there is no folder for the test's files: name one with {ARTIFACTS.flag}")
        words = file_stem(nodeid)
        with self._ours.opened(self.folder) as session:
            taken = set(session.names())
            name = next(n for k in range(1, len(taken) + 2) if (n := f"{words}-{k}" if k > 1 else words) not in taken)
            return make_test_folder(session, name)

    def discard(self, folder: str, paths: Iterable[str]) -> None:
        """Remove files from a test's folder, and the folder if nothing is left in it; what cannot be removed stays.

        Args:
            folder: the folder, as :meth:`folder_of` has made it.
            paths: the files, of which some may be missing.
        """
        from uartsim.errors import UartsimError

        with contextlib.suppress(UartsimError, OSError), self._ours.opened(self.folder) as session:
            discard_files(session, os.path.basename(folder), map(os.path.basename, paths))

    def end(self) -> None:
        """The session ends."""
        self._ours.let_go()

    def forget_old(self) -> None:
        """Remove the folders of all but the newest sessions."""
        if self._named and os.path.isdir(self._named):
            forget_old(self._named, RUNS.value(self._config), but=self.session)


#: The session's artifacts.
KEPT: Final = pytest.StashKey[Artifacts]()
#: The folder of a test, if it has one.
_FOLDER: Final = pytest.StashKey[str]()


def folder_for(item: pytest.Item) -> str:
    """The folder of a test's artifacts, which is made if there is none.

    Raises:
        UartsimError, OSError: it cannot be made.
    """
    folder = item.stash.get(_FOLDER, "")
    if not os.path.isdir(folder):
        folder = item.stash[_FOLDER] = item.config.stash[KEPT].folder_of(item.nodeid)
    return folder


def forget_folder(item: pytest.Item) -> None:
    """A test is about to run, perhaps once more: its artifacts go into a new folder."""
    item.stash[_FOLDER] = ""


def write_records(folder: str, consoles: Sequence[ReportedConsole]) -> list[dict[str, str]]:
    """Write the log and the recording of each console into a new folder; returns their paths, by what they are.

    Raises:
        UartsimError, OSError: they cannot be written.
    """
    written: list[dict[str, str]] = []
    stems: set[str] = set()
    for console in consoles:
        files: dict[str, str] = {}
        if (record := console.record) is not None:
            stem = file_stem(numbered(console.name, stems))
            stems.add(stem)
            files["Log"] = os.path.join(folder, f"{stem}.log")
            write_new(files["Log"], _log(record))
            files["Recording"] = os.path.join(folder, f"{stem}.cast")
            write_new(files["Recording"], _asciicast(record))
        written.append(files)
    return written


def write_new(path: str, text: str) -> None:
    """Write a new file.

    Raises:
        UartsimError, OSError: it cannot be written.
    """
    from uartsim.own_files.outputs import write_new_output

    write_new_output(path, "artifact", text.encode("utf-8", "replace"), 0o600)


def _log(record: ConsoleRecord) -> str:
    gap = [f"({record.lost} byte{'s are' if record.lost > 1 else ' is'} not kept before these)"] if record.lost else []
    return "".join(f"{line}\n" for line in [*gap, *record.log])


def _asciicast(record: ConsoleRecord) -> str:
    """The guest's bytes as an asciicast, version 2."""
    from uartsim.record.casts import Record, cast_lines
    from uartsim.record.transcript import Event

    rows, columns = record.size
    events = tuple(Event(max(0.0, at), "o", data) for at, data in record.pieces)
    return "".join(f"{line}\n" for line in cast_lines(Record(record.name, rows, columns, events)))
