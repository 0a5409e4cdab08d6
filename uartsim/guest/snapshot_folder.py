"""The folder of a snapshot: written beside what is there, and put in its place when it is whole.

``port.json`` names the other files, with their sizes: the guest's memory, and a copy of each of its disks.  A save
writes files of new names, and what tells of them last, in one step: until then the earlier snapshot is what it was, and
its files go only afterwards.  The folder carries a mark; it is of mode 0700 and the files are of mode 0600, for a guest's
memory holds its secrets.
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

from uartsim.line_format import UartsimError, UsageError
from uartsim.own_files.folder import OwnFolder, open_own

PORT_FILE: Final = "port.json"
#: How long another process that is at work in the folder is waited for, in seconds.
LOCK_TIMEOUT_S: Final = 1.0

_DRAFT: Final = f".{PORT_FILE}.new"
_NAMES: Final = re.compile(r"(machine|disk-[0-9]{1,4}\.qcow2)(\.[0-9]{1,9})?")
_REMEDY: Final = "save in a folder that does not exist yet"


class SnapshotDraft:
    """A snapshot that is being written; used as a context, at whose end it is there or nothing of it.

    Args:
        folder: is made, if it is not there.

    Raises:
        UsageError: the folder holds something else than a snapshot, is not ours, or cannot be made.
        UartsimError: another process saves or restores there.
        OSError: it cannot be written.
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
        """A file of the snapshot: its name in the folder, and a descriptor to write it, which the caller closes."""
        name += self._suffix
        fd = self._own.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._made.append(name)
        return name, fd

    def path(self, name: str) -> Path:
        """Where a file of it is."""
        return Path(self._own.path, name)

    def commit(self, content: Mapping[str, Any]) -> None:
        """The snapshot is whole: it takes the place of the earlier one.

        Args:
            content: of ``port.json``; the sizes of the files are added.

        Raises:
            OSError: it cannot be written.
        """
        for name in self._made:
            self._own.sync(name)
        sizes = {name: self._own.state(name).st_size for name in self._made}
        self._own.write_new(_DRAFT, json.dumps({**content, "sizes": sizes}).encode())
        self._own.replace(_DRAFT, PORT_FILE)

    def _remove_leftovers(self) -> None:
        """Remove what is not of the snapshot that is there; nothing, where that cannot be read.

        Raises:
            OSError: it cannot be read or removed.
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
    """What ``port.json`` says; ValueError or OSError if there is nothing of the kind."""
    with open(own.open(PORT_FILE, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        try:
            content = json.load(file)
        except RecursionError:
            content = None
    if not isinstance(content, dict) or "uart" not in content:
        raise ValueError("it tells of no port")
    return content


def _files_of(own: OwnFolder) -> set[str]:
    """The files of the snapshot that is there; none where there is no ``port.json``.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    try:
        content = _content(own)
    except FileNotFoundError:
        return set()
    return set(content["sizes"]) if isinstance(content.get("sizes"), dict) else {"machine"}


def _made_earlier(own: OwnFolder) -> Iterator[str]:
    """What, in a folder without a mark, a uartsim without marks has not made: a snapshot is two files."""
    names = own.names()
    try:
        _content(own)
    except (OSError, ValueError):
        yield from names
    else:
        yield from (name for name in names if name not in ("machine", PORT_FILE))


class SnapshotFiles:
    """The files of a snapshot, to be read; used as a context, while which nobody saves there.

    Args:
        folder: where it is.

    Raises:
        UartsimError: another process saves there.
        UsageError: there is no such folder.
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
        """Let go of it.  Can be called again."""
        self._exits.close()

    def path(self, name: str) -> Path:
        """Where a file of it is."""
        return Path(self._own.path, name)

    def open(self, name: str) -> int:
        """A file of it, to be read; the caller closes it.

        Raises:
            OSError: it cannot be.
        """
        return self._own.open(name, os.O_RDONLY | os.O_NONBLOCK)

    def check(self, name: str, size: int | None) -> None:
        """See that a file of it is whole.

        Args:
            name: the file.
            size: in bytes, where it is known.

        Raises:
            UsageError: it is not; says which.
        """
        try:
            found = self._own.state(name)
        except OSError as error:
            raise UsageError(f"the snapshot's file {self.path(name)} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode) or size not in (None, found.st_size):
            raise UsageError(
                f"the snapshot's file {self.path(name)} is damaged: {found.st_size} bytes, not {size}; save it anew"
            )


def is_file_name(name: object) -> bool:
    """Whether a snapshot can have a file of that name, besides ``port.json``."""
    return isinstance(name, str) and _NAMES.fullmatch(name) is not None


def cannot_save(folder: Path, error: OSError) -> UartsimError:
    """What is said when a snapshot cannot be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = f"disk full ({os.strerror(error.errno or 0)})" if full else os.strerror(error.errno or 0)
    remedy = {errno.EFBIG: "raise the limit with 'ulimit -f'"}.get(error.errno or 0)
    remedy = remedy or ("make room there, or save in a folder on another disk" if full else _REMEDY)
    return UartsimError(f"cannot save in {folder}: {why}; an earlier snapshot there is as it was; {remedy}")


def check_file_size(size: int) -> None:
    """OSError where this process, and so QEMU, may not write a file of that size; it would be killed for trying."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and size > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
