"""The folder of one running machine, locked while the machine runs, and the links to its ptys.

Its files are listed in :mod:`uartsim.access.runtime_folder`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time

from uartsim.access.runtime_folder import (
    has_lock,
    is_machine_file,
    is_name,
    is_note,
    open_runtime_folder,
    runtime_folder,
)
from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.folder import EXHAUSTED, OwnFolder
from uartsim.own_files.links import is_link, make_link, remove_link

_REMEDY = "move that away, or give this machine another name with --name"


class MachineFolder:
    """The folder and the lock of a machine: they hold its name until :meth:`release`.

    Attributes:
        name: the machine's name.
        path: the folder.
        control: the path of the control socket.
        attach: the path of the attach socket.
        link: the path of the link to the pty.

    Args:
        name: the machine's name: letters, digits, ``_``, ``-``, ``.``, ``+``.
        link: the path of the link to the pty; the runtime folder's ``NAME.tty`` if not given.

    Raises:
        UsageError: a machine of that name runs already, the name is not possible, or something that is not a link of
            uartsim's is at the link's path.
    """

    def __init__(self, name: str, link: str | None = None) -> None:
        if not is_name(name):
            raise UsageError(
                f"{name[:80]!r}{'...' * (len(name) > 80)} cannot be a machine's name: give it one with --name, of up to 64 "
                "letters, digits, '_', '-', '.' or '+', not beginning with '-', '+' or '.'"
            )
        if link and "\n" in link:
            raise UsageError(f"{link!r} cannot be a link's path: it has a line feed in it")
        self.name = name
        parent = runtime_folder()
        self.path = os.path.join(parent, name)
        self.control = os.path.join(self.path, "control")
        self.attach = os.path.join(self.path, "attach")
        if len(os.fsencode(self.control)) > 100:
            raise UsageError(
                f"the path of the control socket is too long for the system ({self.control}): "
                "set UARTSIM_RUNTIME_DIR to a folder with a shorter path"
            )
        self.link = os.path.abspath(link) if link else os.path.join(parent, f"{name}.tty")
        self._linked: str | None = None
        self._lock = -1
        self._parent = open_runtime_folder()
        try:
            self._own = self._take()
        except OSError as error:
            self._parent.close()
            if error.errno in EXHAUSTED:
                raise
            raise UsageError(
                f"the folder {self.path} cannot be made, or not emptied of what a dead machine has left in it "
                f"({error.strerror}): {_REMEDY}"
            ) from None
        except BaseException:
            self._parent.close()
            raise

    def _take(self) -> OwnFolder:
        """Make or take over the machine's folder, lock it, and remove what a dead machine of that name has left."""
        with self._parent.locked():
            self._parent.mark()  # the last machine to end may have removed it since
            own = self._parent.enter(self.name, "machine's", has_lock, _REMEDY)
            try:
                self._lock = own.open("lock", os.O_RDWR | os.O_CREAT)
                self._check_alone()
                try:
                    self._check_link(own)
                    os.ftruncate(self._lock, 0)
                    os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
                    _clean(own)
                    _remove_dead(self._parent)
                except BaseException:
                    self._give_back(own)
                    raise
            except BaseException:
                if self._lock >= 0:
                    os.close(self._lock)
                own.close()
                raise
        return own

    def _check_alone(self) -> None:
        """Raise UsageError if another machine holds the lock."""
        try:
            _lock(self._lock)
        except BlockingIOError:
            pid = os.read(self._lock, 32).decode(errors="replace").strip()
            raise UsageError(
                f"a machine named {self.name} is already running (process {pid or 'unknown'}): give this one "
                f"another name with --name, or end that one with 'uartsim stop {self.name}'"
            ) from None

    def _check_link(self, own: OwnFolder) -> None:
        """Raise UsageError if something is at the link's path that an earlier run has not noted as its link."""
        if os.path.lexists(self.link) and _noted(own, "link") != self.link:
            raise UsageError(
                f"{self.link} exists and is not a link of ours: remove it, or give another path with --link"
            )

    def make_link(self, target: str) -> None:
        """Make the link to the pty; a note is written first, by which a later run knows the link after a crash.

        Args:
            target: the pty.

        Raises:
            UsageError: the link cannot be made.
        """
        try:
            self._own.write_new("link", _note(self.link, target))
            self._linked = target
            make_link(target, self.link)
        except OSError as error:
            self._linked = None
            raise UsageError(
                f"the link {self.link} cannot be made ({error.strerror}): give another with --link"
            ) from None

    def add_link(self, target: str, link: str | None = None) -> tuple[int, str]:
        """Make a link to a further pty; returns the pty's number, 2 or more, and the link's path.

        Args:
            target: the pty.
            link: an absolute path; the next free ``NAME.N.tty`` of the runtime folder if not given.

        Raises:
            UsageError: the path is taken, or the link cannot be made.
        """
        number = 2
        taken = self._own.names()
        while f"link.{number}" in taken or (link is None and os.path.lexists(self._numbered(number))):
            number += 1
        path = link or self._numbered(number)
        try:
            self._own.write_new(f"link.{number}", _note(path, target))
            make_link(target, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._own.remove(f"link.{number}")
            raise UsageError(f"the link {path} cannot be made ({error.strerror}): give another with --link") from None
        return number, path

    def move_link(self, target: str, number: int | None = None) -> None:
        """Point a link to another pty, if the link is still as it was made; any other is left alone.

        Args:
            target: the pty.
            number: which link, as :meth:`add_link` numbered it; None: the first.

        Raises:
            UsageError: the link cannot be made.
        """
        note = "link" if number is None else f"link.{number}"
        try:
            path = _noted(self._own, note)
            if path is None:
                return
            before = os.readlink(path)
            self._own.remove(note)
            self._own.write_new(note, _note(path, target))
            remove_link(path, before)
            make_link(target, path)
        except (OSError, ValueError) as error:
            raise UsageError(f"the link to {target} cannot be made ({error}): make it yourself with 'ln -s'") from None
        if number is None:
            self._linked = target

    def remove_link(self, number: int) -> None:
        """Remove the link of :meth:`add_link`, if it is still as it was made."""
        _unlink_noted(self._own, f"link.{number}")
        self._own.remove(f"link.{number}")

    def _numbered(self, number: int) -> str:
        return f"{self.path}.{number}.tty"

    def _is_ours(self) -> bool:
        """Whether the folder holds our lock: another machine may have removed the folder and made its own."""
        try:
            return os.path.samestat(os.stat(os.path.join(self.path, "lock")), os.fstat(self._lock))
        except OSError:
            return False

    def release(self) -> None:
        """Remove the folder and its links, and let the lock go."""
        if self._lock < 0:
            return
        if self._linked is not None:
            remove_link(self.link, self._linked)  # unless it has been removed or replaced meanwhile
            self._linked = None
        with contextlib.suppress(OSError, UartsimError), self._parent.locked():
            if self._is_ours():
                self._give_back(self._own)
        os.close(self._lock)
        self._lock = -1
        self._own.close()
        self._parent.close()

    def _give_back(self, own: OwnFolder) -> None:
        """Remove the folder; the runtime folder's lock is held, so that no other machine takes the name half-way."""
        with contextlib.suppress(OSError):
            _clean(own)
        with contextlib.suppress(OSError):
            if own.names() == ["lock"]:  # anything else was put there by others, and stays
                own.remove("lock")
                self._parent.remove_folder(self.name)
                self._parent.unmark_if_empty()


def _clean(own: OwnFolder) -> None:
    """Remove a machine's files, all but the lock, and its links; the caller holds the lock."""
    for name in own.names():
        if name == "link" or is_note(name):
            _unlink_noted(own, name)
        if name != "lock" and is_machine_file(name):
            own.remove(name)


def remove_dead_machines() -> None:
    """Remove what machines that were killed have left: their links, which may lead to another's pty, and their folders.

    A folder that holds anything that uartsim did not make is left alone.
    """
    with contextlib.suppress(OSError, UartsimError), open_runtime_folder(reading=True) as parent, parent.locked():
        if parent.is_marked():
            _remove_dead(parent)
            parent.unmark_if_empty()


def _remove_dead(parent: OwnFolder) -> None:
    """Remove what dead machines have left; the runtime folder's lock is held, so that none begins meanwhile."""
    for name in filter(is_name, parent.names()):
        with contextlib.suppress(OSError, UartsimError):
            if stat.S_ISDIR(parent.state(name).st_mode):
                with parent.enter(name, "machine's", has_lock, _REMEDY) as own:
                    _remove_if_dead(parent, own, name)


def _remove_if_dead(parent: OwnFolder, own: OwnFolder, name: str) -> None:
    if not all(map(is_machine_file, own.names())):
        return
    lock = own.open("lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused if it lives
        _clean(own)
        own.remove("lock")
        parent.remove_folder(name)
    finally:
        os.close(lock)


def _note(link: str, target: str) -> bytes:
    return os.fsencode(f"{link}\n{target}\n")


def _noted(own: OwnFolder, note: str) -> str | None:
    """The link that a note names, or None where the link is not as it was made.

    The pty's number may belong to another program by now, so the link has to point to what the note says.
    """
    try:
        fd = own.open(note, os.O_RDONLY | os.O_NONBLOCK)
        try:
            link, target = os.fsdecode(os.read(fd, 1 << 14)).split("\n")[:2]
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return None
    return link if is_link(link, target) else None


def _unlink_noted(own: OwnFolder, note: str) -> None:
    """Remove the link that a note names."""
    if (link := _noted(own, note)) is not None:
        remove_link(link, os.readlink(link))


def _lock(lock: int) -> None:
    """Lock the file, even if :func:`running_machines` of another process holds it for a moment.

    Raises:
        BlockingIOError: a machine holds it.
    """
    for _ in range(5):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.01)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
