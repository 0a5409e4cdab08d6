"""Where a running machine can be found: its private folder, lock, link to the pty, and control socket.

    FOLDER/NAME.tty            a symbolic link to the machine's pty
    FOLDER/NAME.N.tty          the same to its second pty and further ones
    FOLDER/NAME/lock           held while the machine runs, with its process id in it
    FOLDER/NAME/control        its control socket
    FOLDER/NAME/attach         the socket of our own client

FOLDER is ``$UARTSIM_RUNTIME_DIR``, or ``uartsim`` in ``$XDG_RUNTIME_DIR``, in ``/run/user/UID`` or (root) in ``/run``,
or at last in the user's own cache folder: never in a place that is shared with other users.
Only the standard library's small modules are used: this runs before anything heavy is imported.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time

from uartsim.errors import UsageError

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")


def runtime_folder() -> str:
    """The folder of all running machines of this user; made, mode 0700, if it is not there.

    Raises:
        UsageError: it cannot be made, or is not ours alone.
    """
    folder = os.environ.get("UARTSIM_RUNTIME_DIR", "")
    if not folder:
        for base in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}", "/run" * (os.getuid() == 0)):
            if base and os.path.isdir(base):
                folder = os.path.join(base, "uartsim")
                break
        else:
            folder = os.path.join(os.path.expanduser("~"), ".cache", "uartsim", "run")
    make_private(folder)
    return folder


def make_private(folder: str) -> None:
    """Make ``folder`` with mode 0700, or see that it is a folder of ours with that mode.

    Raises:
        UsageError: it is somebody else's, a link, or cannot be made.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise UsageError(
            f"the runtime folder {folder} cannot be made ({error.strerror}): set UARTSIM_RUNTIME_DIR to one that can"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise UsageError(f"the runtime folder {folder} is not a folder of ours: set UARTSIM_RUNTIME_DIR to another one")
    if found.st_mode & 0o077:
        os.chmod(folder, 0o700)


def _remove(path: str) -> None:
    """Remove a file, or a folder with all that is in it.  (shutil.rmtree takes long to import.)"""
    if os.path.isdir(path) and not os.path.islink(path):
        with os.scandir(path) as entries:
            for entry in entries:
                _remove(entry.path)
        os.rmdir(path)
    else:
        os.unlink(path)


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
        if len(self.control) > 100:
            raise UsageError(
                f"the path of the control socket is too long for the system ({self.control}): "
                "set UARTSIM_RUNTIME_DIR to a folder with a shorter path"
            )
        self._lock = self._take_lock()
        self.link = os.path.abspath(link) if link else os.path.join(parent, f"{name}.tty")
        self._linked: str | None = None
        try:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
            self._clean()
            self._check_link()
        except BaseException:
            self.release()
            raise

    def _take_lock(self) -> int:
        while True:
            make_private(self.folder)
            path = os.path.join(self.folder, "lock")
            try:
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                continue  # its owner removed the folder just now
            try:
                _lock(lock)
            except BlockingIOError:
                pid = os.read(lock, 32).decode(errors="replace").strip()
                os.close(lock)
                raise UsageError(
                    f"a machine named {self.name} is already running (process {pid or 'unknown'}): give this one "
                    f"another name with --name, or end that one with 'uartsim stop {self.name}'"
                ) from None
            try:
                if os.stat(path).st_ino == os.fstat(lock).st_ino:
                    return lock
            except FileNotFoundError:
                pass
            os.close(lock)  # its owner removed the file while we waited for it: take the next one

    def _clean(self) -> None:
        """Remove what a machine of this name has left behind; the lock says that it is dead."""
        for entry in os.scandir(self.folder):
            if entry.name not in ("lock", "link"):
                if entry.name.startswith("link."):
                    _unlink_noted(entry.path)
                _remove(entry.path)

    def _check_link(self) -> None:
        """A link from an earlier run of ours is in our note; anything else at that path is not ours."""
        note = os.path.join(self.folder, "link")
        if os.path.exists(note):
            _unlink_noted(note)
            os.unlink(note)
        if os.path.lexists(self.link):
            raise UsageError(
                f"{self.link} exists and is not a link of ours: remove it, or give another path with --link"
            )

    def make_link(self, target: str) -> None:
        """Link to the pty; noted first, so that it can be told from a stranger's after a crash.

        Raises:
            UsageError: the link cannot be made.
        """
        with open(os.path.join(self.folder, "link"), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"{self.link}\n{target}\n")
        self._linked = target
        try:
            os.symlink(target, self.link)
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
        while os.path.lexists(self._note(number)) or (link is None and os.path.lexists(self._numbered(number))):
            number += 1
        path = link or self._numbered(number)
        try:
            with open(self._note(number), "x", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"{path}\n{target}\n")
            os.symlink(target, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(self._note(number))
            raise UsageError(f"the link {path} cannot be made ({error.strerror}): give another with --link") from None
        return number, path

    def remove_link(self, number: int) -> None:
        """Remove the link of :meth:`add_link`, if it is still as it was made."""
        _unlink_noted(self._note(number))
        os.unlink(self._note(number))

    def _note(self, number: int) -> str:
        return os.path.join(self.folder, f"link.{number}")

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
        if self._linked is not None:
            try:
                if os.readlink(self.link) == self._linked:
                    os.unlink(self.link)
            except OSError:
                pass  # somebody has removed or replaced it: it is not ours any more
            self._linked = None
        if self._lock >= 0:
            if self._is_ours():
                with contextlib.suppress(OSError):
                    self._clean()
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self.folder, "link"))
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self.folder, "lock"))  # from here on another may take the name
                    os.rmdir(self.folder)
            os.close(self._lock)
            self._lock = -1


def _unlink_noted(note: str) -> None:
    """Remove the link that a note tells of.

    The number of the pty may be a stranger's by now: only a link that still says what the note says is ours.
    """
    with contextlib.suppress(OSError):
        with open(note, encoding="utf-8", errors="surrogateescape") as file:
            link, target = file.read().split("\n")[:2]
        if os.readlink(link) == target:
            os.unlink(link)


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
    """The names of this user's running machines."""
    folder = runtime_folder()
    names = []
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if not entry.is_dir(follow_symlinks=False):
            continue
        try:
            lock = os.open(os.path.join(entry.path, "lock"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            names.append(entry.name)
        finally:
            os.close(lock)
    return names


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
