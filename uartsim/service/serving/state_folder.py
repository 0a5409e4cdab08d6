"""The folder of the service's state: the database, the keys, the certificate.

It belongs to one process at a time: the file ``lock`` in it is held for as long as the process lives.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from uartsim.errors import UartsimError
from uartsim.own_files.folder import EXHAUSTED, open_own
from uartsim.own_files.service_note import ServiceNote, remove_service_note, write_service_note

DATABASE: Final = "state.sqlite"
CERTIFICATE: Final = "server.pem"
AUTHORITY: Final = "ca.pem"
AUTHORITY_KEY: Final = "ca-key.pem"
TOKEN_KEY: Final = "token-key.pem"
#: The example tenant as it was made, with its passwords.
EXAMPLE: Final = "example.toml"
_LOCK: Final = "lock"
_REMEDY: Final = "give another folder with --state"


class StateFolder:
    """The folder, open and locked.  A context manager that closes it.

    Args:
        path: an absolute path; the folder is made if it is missing.

    Attributes:
        path: as given.
        folder: the open folder.

    Raises:
        UsageError: it cannot be used, or is not ours.
        UartsimError: another service uses it.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.folder = open_own(path, "service", _REMEDY)
        self._lock_fd = -1
        try:
            self._lock()
        except BaseException:
            self.folder.close()
            raise

    def __enter__(self) -> StateFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the folder."""
        if self._lock_fd >= 0:
            remove_service_note(self.folder)
            os.close(self._lock_fd)
            self._lock_fd = -1
        self.folder.close()

    def announce(self, url: str) -> None:
        """Say where the service is reached, for ``uartsim console``."""
        write_service_note(self.folder, ServiceNote(url, self.file(AUTHORITY)))

    def file(self, name: str) -> str:
        """The path of a file in it."""
        return str(self.path / name)

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None if it is missing.

        Raises:
            UartsimError: it cannot be read.
        """
        with self._explained(name, "read"):
            try:
                with open(self.folder.open(name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                    return file.read()
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file of mode 0600, in place of an earlier one: as a whole, or not at all.

        Raises:
            UartsimError: it cannot be written.
        """
        draft = f".{name}.new"
        with self._explained(name, "written"):
            if draft in self.folder.names():
                self.folder.remove(draft)
            self.folder.write_new(draft, content)
            self.folder.replace(draft, name)

    def database(self) -> Path:
        """The path of the database; an empty one of mode 0600 is made if it is missing.

        Raises:
            UartsimError: it cannot be opened or made.
        """
        with self._explained(DATABASE, "opened"):
            os.close(self.folder.open(DATABASE, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK))
        return self.path / DATABASE

    def reset(self) -> str | None:
        """Set the database aside under a new name, which is returned; None if there is none.

        Keys and certificate stay: clients that trust them still do.
        """
        if not self.has(DATABASE):
            return None
        taken = self.folder.names()
        number = next(one for one in itertools.count(1) if f"{DATABASE}.{one}" not in taken)
        for more in ("-wal", ""):  # the database last: a crash in between leaves the state in place
            if self.has(DATABASE + more):
                self.folder.replace(DATABASE + more, f"{DATABASE}.{number}{more}")
        return self.file(f"{DATABASE}.{number}")

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return name in self.folder.names()

    @contextlib.contextmanager
    def _explained(self, name: str, what: str) -> Iterator[None]:
        """Within this, what the system refuses is said in a sentence."""
        try:
            yield
        except OSError as error:
            if error.errno in EXHAUSTED and error.errno != errno.ENOSPC:  # of a full disk, the remedy is ours
                raise
            why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise UartsimError(f"{self.file(name)} cannot be {what} ({why}): {_REMEDY}") from None

    def _lock(self) -> None:
        with self._explained(_LOCK, "made"):
            fd = self.folder.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise UartsimError(f"{self.file(_LOCK)} is not a regular file: move it out of the way, or {_REMEDY}")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            os.close(fd)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise UartsimError(f"{self.file(_LOCK)} cannot be locked ({error.strerror}): {_REMEDY}") from None
            process = f" (process {holder})" if holder.isdigit() else ""
            raise UartsimError(
                f"another 'uartsim serve'{process} uses the state in {self.path}: end it, or {_REMEDY}"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd
