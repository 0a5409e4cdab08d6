"""The folder of a snapshot.  A new snapshot is written beside the earlier one, and replaces it when it is complete.

``port.json`` names the other files, with their sizes: the guest's memory, and a copy of each of its disks.  Saving writes
files with new names, and at last replaces ``port.json`` in one step: until then the earlier snapshot is unchanged, and its
files are removed only afterwards.  The folder carries a mark.  It has mode 0700 and its files have mode 0600, because a
guest's memory holds its secrets.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import resource
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.folder import OwnFolder, open_own

#: The file that describes the snapshot.
PORT_FILE: Final = "port.json"
#: How long to wait for another process that works in the folder, in seconds.
LOCK_TIMEOUT_S: Final = 1.0

_DRAFT: Final = f".{PORT_FILE}.new"
_NAMES: Final = re.compile(r"(machine|disk-[0-9]{1,4}\.qcow2)(\.[0-9]{1,9})?")
_REMEDY: Final = "save in a folder that does not exist yet"


class SnapshotDraft:
    """A snapshot that is being written: a context manager, at whose end the snapshot is complete or nothing is left of it.

    Args:
        folder: the folder of the snapshot, made if it is missing.

    Raises:
        UsageError: the folder holds other files than a snapshot, is not ours, or cannot be made.
        UartsimError: another process saves or restores a snapshot there.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._exits = contextlib.ExitStack()
        try:
            self._own = self._exits.enter_context(
                open_own(os.path.realpath(folder), "snapshot", _REMEDY, earlier=_made_earlier, timeout_s=LOCK_TIMEOUT_S)
            )
            self._exits.enter_context(self._own.locked(LOCK_TIMEOUT_S))
            self._remove_leftovers()  # of a save that was killed
            taken = self._own.names()
        except BaseException:
            self._exits.close()
            raise
        suffixes = {match[2] or "" for match in map(_NAMES.fullmatch, taken) if match}
        self._suffix = next(s for s in map(_suffix, range(1, len(taken) + 2)) if s not in suffixes)
        self._made: list[str] = []

    def __enter__(self) -> SnapshotDraft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with contextlib.suppress(OSError):
                self._remove_leftovers()
                if error is not None and not self._own.names():
                    self._own.unmark_if_empty()
        finally:
            self._exits.close()

    def new_file(self, name: str) -> tuple[str, int]:
        """Make a file of the snapshot; returns its name in the folder, and a descriptor, which the caller closes."""
        name += self._suffix
        fd = self._own.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._made.append(name)
        return name, fd

    def path(self, name: str) -> Path:
        """The path of a file of the snapshot."""
        return Path(self._own.path, name)

    def commit(self, content: Mapping[str, Any]) -> None:
        """Replace the earlier snapshot by this one, which is complete.

        Args:
            content: the content of ``port.json``; the sizes of the files are added.

        Raises:
            OSError: a file cannot be written.
        """
        for name in self._made:
            self._own.sync(name)
        sizes = {name: self._own.state(name).st_size for name in self._made}
        self._own.write_new(_DRAFT, json.dumps({**content, "sizes": sizes}).encode())
        self._own.replace(_DRAFT, PORT_FILE)

    def _remove_leftovers(self) -> None:
        """Remove files that do not belong to the snapshot in the folder; if ``port.json`` is damaged, remove nothing.

        Raises:
            OSError: a file cannot be read or removed.
        """
        try:
            kept = _files_of(self._own)
        except ValueError:
            return
        for name in self._own.names():
            if (name == _DRAFT or _NAMES.fullmatch(name)) and name not in kept:
                self._own.remove(name)


def _suffix(number: int) -> str:
    return f".{number}" if number > 1 else ""


def _content(own: OwnFolder) -> dict[str, Any]:
    """The content of ``port.json``.

    Raises:
        ValueError: the file is damaged.
        OSError: the file cannot be read.
    """
    with open(own.open(PORT_FILE, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        try:
            content = json.load(file)
        except RecursionError:
            content = None
    if not isinstance(content, dict) or "uart" not in content:
        raise ValueError("it does not describe a port")
    return content


def _files_of(own: OwnFolder) -> set[str]:
    """The names of the files of the snapshot in the folder; empty if there is no ``port.json``.

    Raises:
        ValueError: ``port.json`` is damaged.
        OSError: ``port.json`` cannot be read.
    """
    try:
        content = _content(own)
    except FileNotFoundError:
        return set()
    return set(content["sizes"]) if isinstance(content.get("sizes"), dict) else {"machine"}


def _made_earlier(own: OwnFolder) -> Iterator[str]:
    """The names in a folder without a mark that an earlier uartsim, whose snapshots were two files, did not make."""
    names = own.names()
    try:
        _content(own)
    except (OSError, ValueError):
        yield from names
    else:
        yield from (name for name in names if name not in ("machine", PORT_FILE))


class SnapshotFiles:
    """The files of a snapshot, for reading: a context manager, during which no other process can save there.

    Args:
        folder: the folder of the snapshot.

    Raises:
        UartsimError: another process saves a snapshot there.
        UsageError: the folder does not exist or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        path = os.path.realpath(folder)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"the snapshot {folder} cannot be read: {error.strerror}") from None
        self._exits = contextlib.ExitStack()
        self._own = self._exits.enter_context(OwnFolder(path, "snapshot", fd))
        try:
            self._exits.enter_context(self._own.locked(LOCK_TIMEOUT_S, shared=True))
        except BaseException:
            self._exits.close()
            raise

    def __enter__(self) -> SnapshotFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the folder.  Closing again does nothing."""
        self._exits.close()

    def path(self, name: str) -> Path:
        """The path of a file of the snapshot."""
        return Path(self._own.path, name)

    def open(self, name: str) -> int:
        """Open a file of the snapshot for reading; returns a descriptor, which the caller closes.

        Raises:
            OSError: the file cannot be opened.
        """
        return self._own.open(name, os.O_RDONLY | os.O_NONBLOCK)

    def check(self, name: str, size: int | None) -> None:
        """Check that a file of the snapshot is complete.

        Args:
            name: the name of the file.
            size: its size in bytes, or None if that is not known.

        Raises:
            UsageError: the file is missing or damaged; the message names it.
        """
        try:
            found = self._own.state(name)
        except OSError as error:
            raise UsageError(f"the snapshot's file {self.path(name)} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode) or size not in (None, found.st_size):
            raise UsageError(
                f"the snapshot's file {self.path(name)} is damaged: it has {found.st_size} bytes, not {size}; save again"
            )


def is_file_name(name: object) -> bool:
    """Whether ``name`` is a valid name of a snapshot's file other than ``port.json``."""
    return isinstance(name, str) and _NAMES.fullmatch(name) is not None


class SaveError(UartsimError):
    """A snapshot cannot be written.

    Args:
        folder: where it was to be saved.
        error: what the system refused.

    Attributes:
        reason: the reason, in a few words.
        is_full: whether it is that the disk is full, or the user's quota.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        self.is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        text = os.strerror(error.errno or 0)
        self.reason = f"disk full ({text})" if self.is_full else text
        remedy = {errno.EFBIG: "raise the limit with 'ulimit -f'"}.get(error.errno or 0)
        remedy = remedy or ("make room there, or save in a folder on another disk" if self.is_full else _REMEDY)
        super().__init__(f"cannot save in {folder}: {self.reason}; an earlier snapshot there is unchanged; {remedy}")


def check_file_size(size: int) -> None:
    """Check that the limit on file sizes, which QEMU inherits, allows ``size`` bytes: exceeding it would kill QEMU.

    Raises:
        OSError: the limit (``ulimit -f``) is too low.
    """
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and size > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
