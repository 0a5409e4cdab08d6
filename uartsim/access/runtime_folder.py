"""Where running machines are found: their private folders, locks, links to ptys, and sockets.

    FOLDER/NAME.tty            a symbolic link to the machine's pty
    FOLDER/NAME.N.tty          the same to its second pty and further ones
    FOLDER/NAME/lock           held while the machine runs, with its process id in it
    FOLDER/NAME/link           a note of the link's path and its target, for a later run; link.N likewise
    FOLDER/NAME/control        its control socket
    FOLDER/NAME/attach         the socket of 'uartsim attach'
    FOLDER/NAME/uartsim-*      a guest's own private folder

FOLDER is ``$UARTSIM_RUNTIME_DIR``, or ``uartsim`` in ``$XDG_RUNTIME_DIR``, in ``/run/user/UID`` or (root) in ``/run``,
or finally in the user's own cache folder: never in a place that is shared with other users.  It carries a mark while
anything is in it (:mod:`uartsim.own_files`); files with other names are never touched.
Only the standard library's small modules are used: this runs before anything heavy is imported.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator

from uartsim.errors import UsageError
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.places import runtime_place
from uartsim.printable import shown_name

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")
_PRIVATE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_PTYS = "/dev/pts/"
_REMEDY = "set UARTSIM_RUNTIME_DIR to a folder of its own, such as one that does not exist yet"


def runtime_folder() -> str:
    """The absolute path of the folder of all running machines of this user; it may not be there."""
    return os.path.abspath(os.environ.get("UARTSIM_RUNTIME_DIR", "") or runtime_place())


def open_runtime_folder(*, reading: bool = False) -> OwnFolder:
    """Open the runtime folder.

    Args:
        reading: whether the folder is only read; then it is not made.

    Raises:
        UsageError: the folder is not this user's alone, or cannot be made.
        FileNotFoundError: it does not exist, and is only to be read.
    """
    return open_own(runtime_folder(), "runtime", _REMEDY, earlier=_made_earlier, reading=reading)


def _made_earlier(folder: OwnFolder) -> Iterator[str]:
    """The names in a runtime folder without a mark that an older uartsim, which made no marks, has not made."""
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
                    if not (is_name(name) and has_lock(own) and all(map(is_machine_file, own.names()))):
                        yield name
        except OSError:
            yield name


def is_note(name: str) -> bool:
    """Whether a file in a machine's folder is the note of a further link, by its name."""
    return name.startswith("link.") and name[5:].isascii() and name[5:].isdigit()


def is_machine_file(name: str) -> bool:
    """Whether a file in a machine's folder is one that uartsim makes, by its name; see the top of this module.

    A guest's private folder has what :func:`tempfile.mkdtemp` makes of ``uartsim-``.
    """
    private = name.startswith("uartsim-") and len(name) == 16 and _PRIVATE_LETTERS.issuperset(name[8:])
    return name in ("lock", "link", "control", "attach") or is_note(name) or private


def _is_lock(content: bytes) -> bool:
    """Whether this is the content of a lock: nothing, or a process id."""
    return content == b"" or (content.endswith(b"\n") and content[:-1].isdigit() and len(content) < 33)


def has_lock(own: OwnFolder) -> bool:
    """Whether a folder holds a machine's lock."""
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


def running_machines() -> list[str]:
    """The names of this user's running machines.  Nothing is changed.

    Raises:
        UsageError: the runtime folder is not this user's alone.
    """
    try:
        folder = open_runtime_folder(reading=True)
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
    """The path of a running machine's control socket or attach socket.

    Raises:
        UsageError: no machine of that name runs; the message names those that do.
    """
    running = running_machines()
    if name not in running:
        others = f"running: {', '.join(running)}" if running else "none is running; start one with 'uartsim run'"
        raise UsageError(f"no machine named {shown_name(name)} is running; {others}")
    return os.path.join(runtime_folder(), name, which)
