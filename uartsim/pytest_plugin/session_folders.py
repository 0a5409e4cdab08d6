"""The folders of sessions in the folder of the artifacts: held while their session runs, and removed when they are old.

A session's folder, and in it that of each test, carries uartsim's mark.  Only what has one is removed, and of what is in it
only files with names that uartsim gives; a folder with anything else in it stays.  Every process of a session, pytest-xdist's
workers too, has a shared lock on its folder until it ends, so that no other session takes it for an old one.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from uartsim.pytest_plugin.plugin_options import ARTIFACTS

if TYPE_CHECKING:
    from uartsim.own_files.folder import OwnFolder

#: What the folders are called in messages, and in their marks.
_WHAT: Final = "artifacts"
_REMEDY: Final = f"name a new folder with {ARTIFACTS.flag}"
#: A session's folder, and the files of a test.
_SESSION: Final = re.compile(r"\d{8}T\d{6}-\d+")
_FILE: Final = re.compile(r"failure\.html|.+\.(?:log|cast|jsonl|trace|vcd)", re.DOTALL)


class SessionFolder:
    """The folder of one session.

    Args:
        name: its name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._base = ""
        self._held: OwnFolder | None = None
        self._lock = contextlib.ExitStack()

    @contextlib.contextmanager
    def opened(self, base: str) -> Iterator[OwnFolder]:
        """The folder, open and alone in use; it is made if it is missing, and held from now on.

        Args:
            base: the folder of all sessions.

        Raises:
            UartsimError, OSError: it cannot be used.
        """
        with (
            open_base(base) as folder,
            folder.locked(),
            folder.enter(self.name, _WHAT, lambda entered: entered.is_marked(), _REMEDY) as session,
        ):
            session.mark()
            self._hold(session)
            self._base = base
            yield session

    def _hold(self, session: OwnFolder) -> None:
        from uartsim.own_files.folder import OwnFolder

        if self._held is not None:
            if os.path.samestat(os.fstat(self._held.fd), os.fstat(session.fd)):
                return
            self._lock.close()  # somebody has removed that one
        self._held = self._lock.enter_context(OwnFolder(session.path, _WHAT, os.dup(session.fd)))
        self._lock.enter_context(self._held.locked(shared=True))

    def let_go(self) -> None:
        """The session ends: hold the folder no more, and remove it if nothing is in it."""
        if self._held is None:
            return
        from uartsim.errors import UartsimError

        self._held = None
        self._lock.close()
        with contextlib.suppress(UartsimError, OSError), open_base(self._base) as folder, folder.locked():
            _remove_marked(folder, self.name, lambda session: None)


def open_base(path: str) -> OwnFolder:
    """Open the folder of all sessions; it is made if it is missing.

    Raises:
        UartsimError, OSError: it cannot be used.
    """
    from uartsim.own_files.folder import open_own

    return open_own(path, _WHAT, _REMEDY)


def make_test_folder(session: OwnFolder, name: str) -> str:
    """Make the folder of a test in that of its session, and return its path.

    Raises:
        UartsimError, OSError: it cannot be made.
    """
    with session.enter(name, _WHAT, lambda _: False, _REMEDY) as made:
        made.mark()
        return made.path


def discard_files(session: OwnFolder, name: str, files: Iterable[str]) -> None:
    """Remove files from the folder of a test, and the folder if nothing is left in it."""
    wanted = set(files)
    _remove_marked(session, name, lambda test: _remove_files(test, wanted.intersection(test.names())))


def forget_old(base: str, runs: int, but: str) -> None:
    """Remove the folders of all but the newest sessions; those of sessions that run stay, as does what cannot be removed.

    Args:
        base: the folder of all sessions.
        runs: how many sessions' folders stay.
        but: the name of one that stays in any case.
    """
    from uartsim.errors import UartsimError

    with contextlib.suppress(UartsimError, OSError), open_base(base) as folder, folder.locked():
        sessions = [name for name in folder.names() if _SESSION.fullmatch(name) and _is_marked(folder, name)]
        for name in sessions[:-runs]:
            if name != but:
                _remove_marked(folder, name, _remove_tests)


def _remove_tests(session: OwnFolder) -> None:
    for name in session.names():
        _remove_marked(session, name, lambda test: _remove_files(test, filter(_FILE.fullmatch, test.names())))


def _remove_files(folder: OwnFolder, names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(folder.state(name).st_mode):
                folder.remove(name)


def _remove_marked(above: OwnFolder, name: str, empty: Callable[[OwnFolder], None]) -> None:
    """Empty a folder with a mark that nobody holds, and remove it if nothing is left; what is not one is left alone."""
    from uartsim.errors import UartsimError

    with (
        contextlib.suppress(UartsimError, OSError),
        _entered(above, name) as folder,
        folder.locked(0),
    ):
        if folder.is_marked():
            empty(folder)
            if not folder.names():
                folder.unmark_if_empty()
                above.remove_folder(name)


def _is_marked(above: OwnFolder, name: str) -> bool:
    try:
        with _entered(above, name) as folder:
            return folder.is_marked()
    except OSError:
        return False


def _entered(above: OwnFolder, name: str) -> OwnFolder:
    """A folder in another, open; OSError: it is none, or a link to one."""
    from uartsim.own_files.folder import OwnFolder

    return OwnFolder(os.path.join(above.path, name), _WHAT, above.open(name, os.O_RDONLY | os.O_DIRECTORY))
