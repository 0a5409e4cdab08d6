"""A folder in which uartsim removes and overwrites files: checked, marked, and held by a descriptor."""

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
#: How long a folder's lock is waited for, in seconds: it is held for moments.
LOCK_TIMEOUT_S = 10.0

_LONGEST_MARK = 200
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
#: Not the folder's fault: what to do is another matter.
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)


class OwnFolder:
    """A folder that has been checked, held by a descriptor; made by :func:`open_own` and :meth:`enter`.

    Names are those of entries directly in it.  Every method raises OSError where the system refuses.

    Attributes:
        path: where it was found.
        what: what it is for, such as ``"runtime"``.
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
        """Let go of the folder.  Can be called again."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def names(self) -> list[str]:
        """What is in it, without the mark, in order."""
        return sorted(name for name in os.listdir(self.fd) if name != MARK)

    def is_marked(self) -> bool:
        """Whether it carries its mark: a file of this user's that says what the folder is for."""
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
        """Put the mark in, if it is not there.  Only for a folder of which everything else has been checked."""
        if self.is_marked():
            return
        if self._has_half_a_mark():
            os.unlink(MARK, dir_fd=self.fd)
        self.write_new(MARK, self._mark() + b"uartsim removes and replaces files of its own here.\n")

    def _has_half_a_mark(self) -> bool:
        """Whether somebody was killed while making it."""
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
        """Remove the mark if nothing else is there: the folder is as it was found."""
        if self.is_marked() and not self.names():
            os.unlink(MARK, dir_fd=self.fd)

    def open(self, name: str, flags: int) -> int:
        """Open a file of ours, mode 0600 if it is made; never through a symbolic link."""
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)

    def state(self, name: str) -> os.stat_result:
        """The state of an entry, of a symbolic link itself."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False)

    def write_new(self, name: str, data: bytes) -> None:
        """Write a file that must not be there yet; nothing is left of it where that fails."""
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
        """Give a file that is whole its name, in place of an earlier one.  What it holds is on the disk first."""
        self.sync(draft)
        os.rename(draft, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        os.fsync(self.fd)

    def sync(self, name: str) -> None:
        """Wait until a file is on the disk."""
        fd = self.open(name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def note_use(self, name: str) -> None:
        """Note that a file of ours is in use."""
        os.utime(name, dir_fd=self.fd, follow_symlinks=False)

    def make_private(self, name: str) -> None:
        """Mode 0600 for a file that uartsim has just made, whatever has written it."""
        fd = self.open(name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)

    def remove(self, name: str) -> None:
        """Remove an entry of ours: a file or link, or a folder with all that is in it (see :func:`remove_tree`)."""
        if stat.S_ISDIR(self.state(name).st_mode):
            remove_tree(os.path.join(self.path, name), name, self.fd)
        else:
            os.unlink(name, dir_fd=self.fd)

    def remove_folder(self, name: str) -> None:
        """Remove a folder that is empty."""
        os.rmdir(name, dir_fd=self.fd)

    def enter(self, name: str, what: str, is_ours: Callable[[OwnFolder], bool], remedy: str) -> OwnFolder:
        """A folder in this one, made if it is not there; this one carries the mark for both.

        Args:
            name: its name.
            what: what it is for.
            is_ours: whether one that is not empty is recognisably ours.
            remedy: what to do where it is not, as the end of a sentence.

        Raises:
            UsageError: it is not ours.
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
        """Hold the folder's lock, so that of two processes one makes or removes things in it.

        Args:
            timeout_s: how long another process is waited for.
            shared: others that only read may hold it too.

        Raises:
            UartsimError: another process holds it for longer.
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
                break  # a network's file system without locks on folders: the lock files in it must do
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
    """A folder that is ours; made, with its mark, if it is not there.

    Args:
        path: an absolute path.
        what: what it is for, such as ``"runtime"``; its mark says so.
        remedy: what to do if it cannot be used, as the end of a sentence.
        earlier: names what, in a folder without a mark, an earlier version has not made; without, only an empty folder
            gets its mark.
        reading: only check it; nothing is made.
        timeout_s: how long another process that is at work in it is waited for.

    Raises:
        UsageError: it cannot be made; it is another user's, or others can write to it; it holds what is not ours.
        FileNotFoundError: with ``reading``, it is not there.
    """
    if not reading:
        try:
            _make(path)
        except OSError as error:
            if error.errno in SHORTAGES:
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
    """Make a folder and those above it, if they are not there, of mode 0700 each."""
    above = os.path.dirname(path)
    if not os.path.isdir(above) and above != path:
        _make(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)


def _put_mark(folder: OwnFolder, remedy: str) -> None:
    try:
        folder.mark()
    except OSError as error:
        if error.errno in SHORTAGES:
            raise
        raise UsageError(
            f"the {folder.what} folder {folder.path} cannot be written ({error.strerror}): {remedy}"
        ) from None


def _checked(path: str, what: str, remedy: str, name: str | None = None, dir_fd: int | None = None) -> int:
    """A descriptor of a folder that is this user's alone to write.

    Raises:
        UsageError: it is not; the message says how to mend that.
        FileNotFoundError: it is not there.
    """
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(path if name is None else name, flags, dir_fd=dir_fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in SHORTAGES:
            raise
        why = {errno.ELOOP: "it is a symbolic link", errno.ENOTDIR: "it is a link or a file"}.get(error.errno or 0)
        why = why or str(error.strerror)
        raise UsageError(f"the {what} folder {path} is not a folder of ours ({why}): {remedy}") from None
    try:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid():
            raise UsageError(
                f"the {what} folder {path} is not a folder of ours (it belongs to {user_name(found.st_uid)}): {remedy}"
            )
        if found.st_mode & _OTHERS_WRITE:
            raise UsageError(
                f"others can write to the {what} folder {path} (mode {stat.S_IMODE(found.st_mode):04o}): "
                f"if it is meant for you alone, 'chmod go-w {path}' mends that; if not, {remedy}"
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
            f"the {folder.what} folder {folder.path} holds what uartsim has not made ({', '.join(names[:3])}{more}), "
            f"so nothing in it is touched: {remedy}"
        )
