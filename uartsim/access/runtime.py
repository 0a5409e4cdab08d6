"""Where a running machine can be found: its private folder, lock, link to the pty, and control socket.

    FOLDER/NAME.tty            a symbolic link to the machine's pty
    FOLDER/NAME.N.tty          the same to its second pty and further ones
    FOLDER/NAME/lock           held while the machine runs, with its process id in it
    FOLDER/NAME/link           where the link is and what it points to, so that a later run knows it; link.N likewise
    FOLDER/NAME/control        its control socket
    FOLDER/NAME/attach         the socket of our own client
    FOLDER/NAME/uartsim-*      a guest's own private folder

FOLDER is ``$UARTSIM_RUNTIME_DIR``, or ``uartsim`` in ``$XDG_RUNTIME_DIR``, in ``/run/user/UID`` or (root) in ``/run``,
or at last in the user's own cache folder: never in a place that is shared with other users.  It carries a mark while
anything is in it (:mod:`uartsim.own_files`); what is not of these names is never touched.
Only the standard library's small modules are used: this runs before anything heavy is imported.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator

from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.folder import EXHAUSTED, OwnFolder, open_own
from uartsim.own_files.links import is_link, make_link, remove_link
from uartsim.own_files.places import runtime_place

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")
_PRIVATE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_PTYS = "/dev/pts/"
_REMEDY = "set UARTSIM_RUNTIME_DIR to a folder of its own, such as one that does not exist yet"
_MACHINE_REMEDY = "move that away, or give this machine another name with --name"


def runtime_folder() -> str:
    """The absolute path of the folder of all running machines of this user; it may not be there."""
    return os.path.abspath(os.environ.get("UARTSIM_RUNTIME_DIR", "") or runtime_place())


def _made_earlier(folder: OwnFolder) -> Iterator[str]:
    """What, in a runtime folder without a mark, a uartsim without marks has not made."""
    private = not os.fstat(folder.fd).st_mode & 0o077
    for name in folder.names():
        path = os.path.join(folder.path, name)
        try:
            if not private:
                yield name
            elif stat.S_ISLNK(folder.state(name).st_mode):
                if not name.endswith(".tty") or not os.readlink(path).startswith(_PTYS):
                    yield name
            else:
                with OwnFolder(path, "machine's", os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as own:
                    if not (is_name(name) and _has_lock(own) and all(map(is_machine_file, own.names()))):
                        yield name
        except OSError:
            yield name


def is_note(name: str) -> bool:
    """Whether a name in a machine's folder is that of a note of a further link."""
    return name.startswith("link.") and name[5:].isascii() and name[5:].isdigit()


def is_machine_file(name: str) -> bool:
    """Whether a name in a machine's folder is one that uartsim makes: see the top of this module.

    A guest's private folder has what :func:`tempfile.mkdtemp` makes of ``uartsim-``.
    """
    private = name.startswith("uartsim-") and len(name) == 16 and _PRIVATE_LETTERS.issuperset(name[8:])
    return name in ("lock", "link", "control", "attach") or is_note(name) or private


def _is_lock(content: bytes) -> bool:
    """Whether a file has what a lock of ours has: nothing, or a process id."""
    return content == b"" or (content.endswith(b"\n") and content[:-1].isdigit() and len(content) < 33)


def _has_lock(own: OwnFolder) -> bool:
    """Whether a machine's folder holds a lock of ours."""
    try:
        lock = own.open("lock", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(lock).st_mode) and _is_lock(os.read(lock, 33))
    finally:
        os.close(lock)


def is_name(name: str) -> bool:
    """Whether ``name`` can be a machine's name."""
    return 0 < len(name) <= 64 and name[0] not in ".-+" and _LETTERS.issuperset(name)


class Claim:
    """A machine's name, taken: its folder, lock and link.  Released by :meth:`release`.

    Args:
        name: the machine's name: letters, digits, ``_``, ``-``, ``.``, ``+``.
        link: where the link to the pty shall be; the runtime folder's ``NAME.tty`` if not given.

    Raises:
        UsageError: a machine of that name runs already, the name is impossible, or the link's path is taken by
            something that is not ours.
    """

    def __init__(self, name: str, link: str | None = None) -> None:
        if not is_name(name):
            raise UsageError(
                f"{name!r} cannot be a machine's name: give it one with --name, of up to 64 letters, digits, "
                "'_', '-', '.' or '+', not beginning with '-', '+' or '.'"
            )
        if link and "\n" in link:
            raise UsageError(f"{link!r} cannot be a link's path: it has a line feed in it")
        self.name = name
        parent = runtime_folder()
        self.folder = os.path.join(parent, name)
        self.control = os.path.join(self.folder, "control")
        self.attach = os.path.join(self.folder, "attach")
        if len(os.fsencode(self.control)) > 100:
            raise UsageError(
                f"the path of the control socket is too long for the system ({self.control}): "
                "set UARTSIM_RUNTIME_DIR to a folder with a shorter path"
            )
        self.link = os.path.abspath(link) if link else os.path.join(parent, f"{name}.tty")
        self._linked: str | None = None
        self._lock = -1
        self._parent = open_own(parent, "runtime", _REMEDY, earlier=_made_earlier)
        try:
            self._own = self._take()
        except OSError as error:
            self._parent.close()
            if error.errno in EXHAUSTED:
                raise
            raise UsageError(
                f"the folder {self.folder} cannot be made, or not emptied of what a dead machine has left in it "
                f"({error.strerror}): {_MACHINE_REMEDY}"
            ) from None
        except BaseException:
            self._parent.close()
            raise

    def _take(self) -> OwnFolder:
        """The machine's folder, locked, with nothing of a dead machine of that name in it."""
        with self._parent.locked():
            self._parent.mark()  # the last machine to end may have removed it since
            own = self._parent.enter(self.name, "machine's", _has_lock, _MACHINE_REMEDY)
            try:
                self._lock = own.open("lock", os.O_RDWR | os.O_CREAT)
                self._check_alone()
                try:
                    self._check_link(own)
                    os.ftruncate(self._lock, 0)
                    os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
                    _clean(own)
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
        """UsageError if the lock is held."""
        try:
            _lock(self._lock)
        except BlockingIOError:
            pid = os.read(self._lock, 32).decode(errors="replace").strip()
            raise UsageError(
                f"a machine named {self.name} is already running (process {pid or 'unknown'}): give this one "
                f"another name with --name, or end that one with 'uartsim stop {self.name}'"
            ) from None

    def _check_link(self, own: OwnFolder) -> None:
        """A link from an earlier run of ours is in our note; anything else at that path is not ours."""
        if os.path.lexists(self.link) and _noted(own, "link") != self.link:
            raise UsageError(
                f"{self.link} exists and is not a link of ours: remove it, or give another path with --link"
            )

    def make_link(self, target: str) -> None:
        """Link to the pty; noted first, so that it can be told from a stranger's after a crash.

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
        """Link to a further pty; returns its number, 2 or more, and the link's path.

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
        """Have a link of ours point to another pty, if it is still as it was made; a stranger's is left alone.

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
        return f"{self.folder}.{number}.tty"

    def _is_ours(self) -> bool:
        """Whether the folder holds our lock: after somebody has removed it, another machine may have made it anew."""
        try:
            return os.path.samestat(os.stat(os.path.join(self.folder, "lock")), os.fstat(self._lock))
        except OSError:
            return False

    def release(self) -> None:
        """Give everything back."""
        if self._lock < 0:
            return
        if self._linked is not None:
            remove_link(self.link, self._linked)  # if somebody has removed or replaced it, it is not ours any more
            self._linked = None
        with contextlib.suppress(OSError, UartsimError), self._parent.locked():
            if self._is_ours():
                self._give_back(self._own)
        os.close(self._lock)
        self._lock = -1
        self._own.close()
        self._parent.close()

    def _give_back(self, own: OwnFolder) -> None:
        """Remove the folder; the runtime folder's lock is held, so that nobody takes the name half-way."""
        with contextlib.suppress(OSError):
            _clean(own)
        with contextlib.suppress(OSError):
            if own.names() == ["lock"]:  # else somebody has put something there, which stays
                own.remove("lock")
                self._parent.remove_folder(self.name)
                self._parent.unmark_if_empty()


def _clean(own: OwnFolder) -> None:
    """Remove what a machine has left behind in its folder, all but the lock, and its links; the lock says it is dead."""
    for name in own.names():
        if name == "link" or is_note(name):
            _unlink_noted(own, name)
        if name != "lock" and is_machine_file(name):
            own.remove(name)


def _note(link: str, target: str) -> bytes:
    return os.fsencode(f"{link}\n{target}\n")


def _noted(own: OwnFolder, note: str) -> str | None:
    """The link of which a note tells, if it still is as it was made.

    The number of the pty may be a stranger's by now: only a link that still says what the note says is ours.
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
    """Remove the link of which a note tells."""
    if (link := _noted(own, note)) is not None:
        remove_link(link, os.readlink(link))


def _lock(lock: int) -> None:
    """Lock the file, also while somebody who looks which machines run holds it for a moment.

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


def running_machines() -> list[str]:
    """The names of this user's running machines.  Looking changes nothing.

    Raises:
        UsageError: the runtime folder is not ours alone.
    """
    try:
        folder = open_own(runtime_folder(), "runtime", _REMEDY, earlier=_made_earlier, reading=True)
    except FileNotFoundError:
        return []
    with folder:
        return [name for name in folder.names() if is_name(name) and _is_running(folder, name)]


def _is_running(folder: OwnFolder, name: str) -> bool:
    """Whether the lock of a machine is held."""
    try:
        place = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder.fd)
    except OSError:
        return False
    try:
        lock = os.open("lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except OSError:
        return False
    finally:
        os.close(place)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def only_machine() -> str:
    """The name of the one machine that runs.

    Raises:
        UsageError: none runs, or several do.
    """
    running = running_machines()
    if not running:
        raise UsageError("no machine is running; start one with 'uartsim run'")
    if len(running) > 1:
        raise UsageError(f"several machines are running: {', '.join(running)}; say which")
    return running[0]


def socket_path(name: str, which: str = "control") -> str:
    """Where a running machine's control (or attach) socket is.

    Raises:
        UsageError: no machine of that name runs; names those that do.
    """
    running = running_machines()
    if name not in running:
        others = f"running: {', '.join(running)}" if running else "none is running; start one with 'uartsim run'"
        raise UsageError(f"no machine named {name} is running; {others}")
    return os.path.join(runtime_folder(), name, which)
