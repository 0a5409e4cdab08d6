"""The files of a test: the log and the recording of each of its consoles, and a page of its failure.

Each test has a folder of its own in that of the session, which pytest-xdist's workers share.  The sessions' folders are in the
folder of ``--uartsim-artifacts``, where the newest stay; without that option they are in pytest's own base folder, of which
pytest keeps the last three.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.opened_consoles import file_stem, numbered
from uartsim.pytest_plugin.plugin_options import ARTIFACTS, RUNS
from uartsim.pytest_plugin.reported_consoles import ReportedConsole

if TYPE_CHECKING:
    from uartsim.console.failure_facts import ConsoleRecord
    from uartsim.own_files.folder import OwnFolder

#: What the folder is called in messages, and in its mark.
_WHAT: Final = "artifacts"
_REMEDY: Final = f"name a new folder with {ARTIFACTS.flag}"
#: The longest name of a test's folder, without the number behind it.
_LONGEST: Final = 100
#: A session's folder.
_SESSION: Final = re.compile(r"\d{8}T\d{6}-\d+")


class Artifacts:
    """The artifacts of one session.

    Args:
        config: the session's.
        session: the name of its folder; None for a new one.
    """

    def __init__(self, config: pytest.Config, session: str | None = None) -> None:
        self.session = session or f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
        self._config = config
        self._runs: int = RUNS.value(config)

    @property
    def folder(self) -> str:
        """Where the sessions' folders are; "" where there is none, as with ``-p no:tmpdir``."""
        named: str = ARTIFACTS.value(self._config)
        if named:
            return os.path.abspath(named)
        factory = getattr(self._config, "_tmp_path_factory", None)
        return "" if factory is None else os.path.join(factory.getbasetemp(), "console-artifacts")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[OwnFolder]:
        """The session's folder, open and alone in use."""
        from uartsim.own_files.folder import open_own

        with (
            open_own(self.folder, _WHAT, _REMEDY) as base,
            base.locked(),
            base.enter(self.session, _WHAT, lambda _: True, _REMEDY) as session,
        ):
            yield session

    def check(self) -> None:
        """Check that the folder can be used, before anything runs.

        Raises:
            pytest.UsageError: it cannot.
        """
        if ARTIFACTS.value(self._config):
            from uartsim.errors import UartsimError
            from uartsim.own_files.folder import open_own

            try:
                open_own(self.folder, _WHAT, _REMEDY).close()
            except (UartsimError, OSError) as error:
                raise pytest.UsageError(f"{ARTIFACTS.flag}: {error}") from None

    def folder_of(self, nodeid: str) -> str:
        """Make a new folder for a test, and return its path.

        Raises:
            UartsimError, OSError: it cannot be made.
        """
        words = re.sub(r"[^\w.-]+", "-", nodeid).strip("-.")
        words = words if len(words) <= _LONGEST else words[-_LONGEST:].lstrip("-.")
        with self._opened() as session:
            taken = set(session.names())
            name = next(n for k in range(1, len(taken) + 2) if (n := f"{words}-{k}" if k > 1 else words) not in taken)
            with session.enter(name, _WHAT, lambda _: True, _REMEDY) as made:
                return made.path

    def discard(self, folder: str, paths: Iterable[str]) -> None:
        """Remove files from a test's folder, and the folders in which nothing is left; what cannot be removed stays.

        Args:
            folder: the folder, as :meth:`folder_of` has made it.
            paths: the files, of which some may be missing.
        """
        from uartsim.errors import UartsimError
        from uartsim.own_files.folder import open_own

        name = os.path.basename(folder)
        with contextlib.suppress(UartsimError, OSError):
            with self._opened() as session:
                with session.enter(name, _WHAT, lambda _: True, _REMEDY) as entered:
                    for path in paths:
                        with contextlib.suppress(FileNotFoundError):
                            entered.remove(os.path.basename(path))
                session.remove_folder(name)
            with open_own(self.folder, _WHAT, _REMEDY) as base, base.locked():
                base.remove_folder(self.session)

    def forget_old(self) -> None:
        """Remove the folders of all but the newest sessions."""
        if not ARTIFACTS.value(self._config) or not os.path.isdir(self.folder):
            return
        from uartsim.errors import UartsimError
        from uartsim.own_files.folder import open_own

        with (
            contextlib.suppress(UartsimError, OSError),
            open_own(self.folder, _WHAT, _REMEDY) as base,
            base.locked(),
        ):
            sessions = [name for name in base.names() if _SESSION.fullmatch(name)]
            for name in sessions[: -self._runs]:
                if name != self.session:
                    base.remove(name)


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
