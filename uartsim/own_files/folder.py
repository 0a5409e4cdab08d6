"""Folders in which uartsim removes and overwrites files: checked, marked, and held open by a descriptor."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.places import user_name
from uartsim.own_files.trees import remove_tree

#: The name of the mark.
MARK = ".uartsim"
#: How long to wait for a folder's lock, in seconds.  It is never held for long.
LOCK_TIMEOUT_S = 10.0

_LONGEST_MARK = 200
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
#: Errors that say that a resource is exhausted: choosing another folder would not help.
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)


class OwnFolder:
    """A folder that has been checked and is held open; :func:`open_own` and :meth:`enter` make these objects.

    Names are those of entries directly in the folder.  Every method raises OSError if the system refuses an operation.

    Attributes:
        path: the path of the folder when it was opened.
        what: the purpose of the folder, such as ``"runtime"``.
        fd: the descriptor.
    """

    def __init__(self, path: str, what: str, fd: int) -> None:
        self.path = path
        self.what = what
        self.fd = fd

    def __enter__(self) -> OwnFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor.  Closing again does nothing."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def names(self) -> list[str]:
        """The names of all entries except the mark, sorted."""
        return sorted(name for name in os.listdir(self.fd) if name != MARK)

    def is_marked(self) -> bool:
        """Whether the folder carries its mark: a file of this user that says what the folder is for."""
        try:
            fd = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.fd)
        except OSError:
            return False
        try:
            found = os.fstat(fd)
            says = stat.S_ISREG(found.st_mode) and os.read(fd, _LONGEST_MARK).startswith(self._mark())
            return says and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE
        finally:
            os.close(fd)

    def _mark(self) -> bytes:
        return f"uartsim {self.what} folder\n".encode()

    def mark(self) -> None:
        """Write the mark, if it is missing.  Call this only after everything else in the folder has been checked."""
        if self.is_marked():
            return
        if self._has_half_a_mark():
            os.unlink(MARK, dir_fd=self.fd)
        self.write_new(MARK, self._mark() + b"uartsim removes and replaces files of its own here.\n")

    def _has_half_a_mark(self) -> bool:
        """Whether there is an incomplete mark, left by a process that was killed while writing it."""
        try:
            fd = self.open(MARK, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            found = os.fstat(fd)
            ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
            return ours and self._mark().startswith(os.read(fd, _LONGEST_MARK))
        finally:
            os.close(fd)

    def unmark_if_empty(self) -> None:
        """Remove the mark if nothing else is in the folder, so that it is as it was found."""
        if self.is_marked() and not self.names():
            os.unlink(MARK, dir_fd=self.fd)

    def open(self, name: str, flags: int) -> int:
        """Open a file of ours, never through a symbolic link; a new file gets mode 0600.  Returns a descriptor."""
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)

    def state(self, name: str) -> os.stat_result:
        """The stat result of an entry; for a symbolic link, that of the link itself."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False)

    def write_new(self, name: str, data: bytes) -> None:
        """Write a file that must not exist yet.  If writing fails, the file is removed again."""
        fd = self.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            done = 0
            while done < len(data):
                done += os.write(fd, data[done:])
        except BaseException:
            os.unlink(name, dir_fd=self.fd)
            raise
        finally:
            os.close(fd)

    def replace(self, draft: str, name: str) -> None:
        """Rename the complete file ``draft`` to ``name``, replacing an earlier one.  Its content is on the disk first."""
        self.sync(draft)
        os.rename(draft, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        os.fsync(self.fd)

    def sync(self, name: str) -> None:
        """Wait until a file's content is on the disk."""
        fd = self.open(name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def note_use(self, name: str) -> None:
        """Set a file's times to now, to note that it is in use."""
        os.utime(name, dir_fd=self.fd, follow_symlinks=False)

    def make_private(self, name: str) -> None:
        """Give a file mode 0600 that uartsim, or a program that it ran, has just made."""
        fd = self.open(name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)

    def remove(self, name: str) -> None:
        """Remove an entry of ours: a file, a link, or a folder with everything in it (see :func:`remove_tree`)."""
        if stat.S_ISDIR(self.state(name).st_mode):
            remove_tree(os.path.join(self.path, name), name, self.fd)
        else:
            os.unlink(name, dir_fd=self.fd)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        os.rmdir(name, dir_fd=self.fd)

    def enter(self, name: str, what: str, is_ours: Callable[[OwnFolder], bool], remedy: str) -> OwnFolder:
        """Open a folder inside this one, and make it if it is missing.  The mark of this folder is valid for both.

        Args:
            name: the name of the inner folder.
            what: its purpose, for messages.
            is_ours: tells whether everything in the inner folder was made by uartsim.
            remedy: what the user should do if it is not ours, as the end of a sentence.

        Raises:
            UsageError: the inner folder is not ours.
        """
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=self.fd)
        path = os.path.join(self.path, name)
        folder = OwnFolder(path, what, _checked(path, what, remedy, name, self.fd))
        try:
            _check_known(folder, [] if is_ours(folder) else folder.names(), remedy)
        except BaseException:
            folder.close()
            raise
        return folder

    @contextlib.contextmanager
    def locked(self, timeout_s: float = LOCK_TIMEOUT_S, *, shared: bool = False) -> Iterator[None]:
        """Hold the folder's lock, so that only one process at a time makes or removes files in it.

        Args:
            timeout_s: how long to wait for another process, in seconds.
            shared: take a shared lock, for reading only.

        Raises:
            UartsimError: another process held the lock for longer than that.
        """
        give_up_at = time.monotonic() + timeout_s
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        while True:
            try:
                fcntl.flock(self.fd, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise UartsimError(
                        f"the {self.what} folder {self.path} is in use by another process (fuser names it): "
                        "try again when that has ended"
                    ) from None
                time.sleep(0.002)
            except OSError:
                break  # a network file system without locks on folders: the lock files in it have to suffice
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(self.fd, fcntl.LOCK_UN)


def open_own(
    path: str,
    what: str,
    remedy: str,
    *,
    earlier: Callable[[OwnFolder], Iterable[str]] | None = None,
    reading: bool = False,
    timeout_s: float = LOCK_TIMEOUT_S,
) -> OwnFolder:
    """Open a folder of ours; make it, with its mark, if it is missing.

    Args:
        path: an absolute path.
        what: the purpose of the folder, such as ``"runtime"``; its mark says so.
        remedy: what the user should do if it cannot be used, as the end of a sentence.
        earlier: for a folder without a mark, returns the names in it that an earlier version of uartsim did not make; if
            there are none, the folder gets its mark.  Without this function only an empty folder gets one.
        reading: only check the folder, and make nothing.
        timeout_s: how long to wait for another process that works in it, in seconds.

    Raises:
        UsageError: the folder cannot be made, belongs to another user, is writable by others, or holds files that are not
            ours.
        UartsimError: another process held the folder's lock for longer than ``timeout_s``.
        FileNotFoundError: with ``reading``, the folder does not exist.
        OSError: a resource of the system is exhausted (one of :data:`EXHAUSTED`).
    """
    if not reading:
        try:
            _make(path)
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            raise UsageError(f"the {what} folder {path} cannot be made ({error.strerror}): {remedy}") from None
    folder = OwnFolder(path, what, _checked(path, what, remedy))
    try:
        with folder.locked(timeout_s):
            if not folder.is_marked():
                _check_known(folder, folder.names() if earlier is None else earlier(folder), remedy)
                if not reading:
                    _put_mark(folder, remedy)
    except BaseException:
        folder.close()
        raise
    return folder


def _make(path: str) -> None:
    """Make a folder, and the folders above it that are missing, with mode 0700 each."""
    above = os.path.dirname(path)
    if not os.path.isdir(above) and above != path:
        _make(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)


def _put_mark(folder: OwnFolder, remedy: str) -> None:
    try:
        folder.mark()
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        raise UsageError(
            f"the {folder.what} folder {folder.path} cannot be written ({error.strerror}): {remedy}"
        ) from None


def _checked(path: str, what: str, remedy: str, name: str | None = None, dir_fd: int | None = None) -> int:
    """Open a folder that belongs to this user and that no other user can write to; returns its descriptor.

    Raises:
        UsageError: the folder is of another kind; the message says what to do.
        FileNotFoundError: it does not exist.
    """
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(path if name is None else name, flags, dir_fd=dir_fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        why = {errno.ELOOP: "it is a symbolic link", errno.ENOTDIR: "it is a link or a file"}.get(error.errno or 0)
        why = why or str(error.strerror)
        raise UsageError(f"the {what} folder {path} cannot be used ({why}): {remedy}") from None
    try:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid():
            raise UsageError(
                f"the {what} folder {path} cannot be used (it belongs to {user_name(found.st_uid)}): {remedy}"
            )
        if found.st_mode & _OTHERS_WRITE:
            raise UsageError(
                f"others can write to the {what} folder {path} (mode {stat.S_IMODE(found.st_mode):04o}): "
                f"if it is meant for you alone, run 'chmod go-w {path}'; if not, {remedy}"
            )
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check_known(folder: OwnFolder, strange: Iterable[str], remedy: str) -> None:
    names = [repr(name) if not name.isprintable() else name for name in strange]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise UsageError(
            f"the {folder.what} folder {folder.path} holds files that uartsim did not make ({', '.join(names[:3])}{more}), "
            f"so nothing in it is touched: {remedy}"
        )
