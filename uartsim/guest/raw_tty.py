"""A tty of this machine that another program, or a serial port, is behind: opened for us alone, in raw mode.

Its modes are put back as they were found when it is closed.  Other programs that lock ttys are heeded: those that use
flock(2), as tio and picocom do, those that use TIOCEXCL (screen), and those that write lock files (minicom).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import stat
import struct
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.guest.remote_address import PTY_MAJORS
from uartsim.guest.remote_line import CannotCarry, LineEnded, NotThere
from uartsim.machine import Flag, Received

#: Where lock files of serial devices are.
LOCK_FOLDER: Final = "/var/lock"

_CHUNK_BYTES: Final = 65536
_TIOCGEXCL: Final = 0x80045440
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)
#: How often it is asked whether the output has left, in seconds.
_LOOK_S: Final = 0.001


class RawTty:
    """An open tty.  :func:`open_raw_tty` makes it.

    Attributes:
        fd: its descriptor, which does not block.
        is_pty: another program is behind it, and no port: it has neither breaks nor modem lines.
    """

    def __init__(self, path: str, fd: int, found: list[Any]) -> None:
        self.path = path
        self.fd = fd
        self.is_pty = os.major(os.fstat(fd).st_rdev) in PTY_MAJORS
        self._found = found
        self._exclusive = False

    def set_raw(self, *, marks: bool, xonxoff: bool = False) -> None:
        """Set raw mode, and keep speed, format and RTS/CTS flow control.

        Args:
            marks: errors are marked; otherwise every byte is passed as it is.
            xonxoff: XON and XOFF hold the output back, and are sent.
        """
        modes = termios.tcgetattr(self.fd)
        modes[_IFLAG] = (termios.PARMRK | termios.INPCK) * marks | (termios.IXON | termios.IXOFF) * xonxoff
        modes[_OFLAG] &= ~termios.OPOST
        modes[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        modes[_CFLAG] |= termios.CLOCAL | termios.CREAD
        if self.is_pty:
            modes[_CFLAG] = modes[_CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        modes[_CC] = [*modes[_CC]]
        modes[_CC][termios.VMIN], modes[_CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self.fd, termios.TCSANOW, modes)

    def keep_others_out(self) -> None:
        """Refuse the tty to other programs from now on; not a pty, which would keep that when we are killed."""
        if not self.is_pty:
            fcntl.ioctl(self.fd, termios.TIOCEXCL)
            self._exclusive = True

    async def read(self) -> bytes:
        """Wait for bytes and return them.

        Raises:
            LineEnded: the program behind the pty has closed it, or the device is gone.
        """
        while True:
            await trio.lowlevel.wait_readable(self.fd)
            try:
                data = os.read(self.fd, _CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._ended(error) from None
            if data:
                return data
            raise self._ended(None)

    async def write_some(self, data: bytes) -> int:
        """Write the beginning of ``data``; returns how many bytes the tty has taken.

        Raises:
            LineEnded: the program behind the pty has closed it, or the device is gone.
        """
        while True:
            await trio.lowlevel.wait_writable(self.fd)
            try:
                if written := os.write(self.fd, data):
                    return written
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._ended(error) from None

    async def wait_written(self) -> None:
        """Wait until everything that was written has left the kernel's buffer."""
        with contextlib.suppress(OSError):  # it has no such count, or is gone
            while struct.unpack("i", fcntl.ioctl(self.fd, termios.TIOCOUTQ, bytes(4)))[0]:
                await trio.sleep(_LOOK_S)

    def discard_output(self) -> None:
        """Discard what has not left the kernel's buffer."""
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcflush(self.fd, termios.TCOFLUSH)

    def _ended(self, error: OSError | None) -> LineEnded:
        if self.is_pty:
            return LineEnded(f"the program behind {self.path} has closed it")
        why = "" if error is None or error.errno == errno.EIO else f" ({error.strerror})"
        return LineEnded(f"the device {self.path} is gone: was it unplugged?{why}", failed=True)

    def close(self) -> None:
        """Put the modes back as they were found, and close it."""
        with contextlib.suppress(termios.error, OSError):  # it is gone
            if self._exclusive:
                fcntl.ioctl(self.fd, termios.TIOCNXCL)
            termios.tcsetattr(self.fd, termios.TCSANOW, self._found)
        os.close(self.fd)


def open_raw_tty(path: str, *, marks: bool) -> RawTty:
    """Open a tty for us alone, in raw mode.

    Args:
        path: its path, or a symbolic link to it.
        marks: whether errors are marked as in :mod:`uartsim.guest.parity_marks`.

    Raises:
        NotThere: there is no such device now.
        UsageError: it is not a tty, may not be opened, or another program has it.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISCHR(found.st_mode):
            raise UsageError(f"{path} is {_what_it_is(found.st_mode)}, not a serial device or a pty")
        if _is_ours(found.st_rdev):
            raise UsageError(
                f"{path} is the terminal in which this program runs: name the serial device or another pty"
            )
        _check_lock_file(path)
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _cannot_open(path, error) from None
    try:
        modes = termios.tcgetattr(fd)
        if struct.unpack("i", fcntl.ioctl(fd, _TIOCGEXCL, bytes(4)))[0]:  # root may open it all the same
            raise OSError(errno.EBUSY, "")
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tty = RawTty(path, fd, modes)
        tty.set_raw(marks=marks)
    except (OSError, termios.error) as error:
        os.close(fd)
        raise _cannot_open(path, error) from None
    except BaseException:
        os.close(fd)
        raise
    return tty


def _cannot_open(path: str, error: Exception) -> UsageError:
    number = error.args[0] if isinstance(error, OSError | termios.error) else None
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return NotThere(
                f"there is no device {path}: is it plugged in, and is that its name? (ls /dev/tty* /dev/serial)"
            )
        case errno.EACCES | errno.EPERM:
            return UsageError(f"{path} may not be opened by this user: {_remedy(path)}")
        case errno.EBUSY | errno.EWOULDBLOCK:
            return NotThere(f"another program has {path} open for itself: end it first (fuser -v {path} names it)")
        case errno.ENOTTY | errno.EINVAL:
            return UsageError(f"{path} is not a terminal: name a serial device, such as /dev/ttyUSB0, or a pty")
        case errno.EIO:
            return UsageError(f"{path} does not answer: the port has no hardware behind it")
        case _:
            return UsageError(f"cannot open {path}: {getattr(error, 'strerror', None) or error}")


def _remedy(path: str) -> str:
    try:
        found = os.stat(path)
        group = grp.getgrgid(found.st_gid).gr_name
    except (OSError, KeyError):
        return "ask its owner"
    if found.st_mode & 0o060 != 0o060 or group == "root":
        return "ask its owner, or run the same command as root"
    return f"run 'sudo usermod -aG {group} $USER' and log in again"


def _what_it_is(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a disk", stat.S_IFIFO: "a pipe", stat.S_IFREG: "a file"}
    return kinds.get(stat.S_IFMT(mode), "a socket (write unix:PATH)")


def _is_ours(device: int) -> bool:
    """Whether a device is the terminal that we read from or print to."""
    for fd in (0, 1, 2):
        with contextlib.suppress(OSError):
            if os.isatty(fd) and os.fstat(fd).st_rdev == device:
                return True
    return device == os.makedev(5, 0)  # /dev/tty


def _check_lock_file(path: str) -> None:
    """Heed the lock file of a program such as minicom, if that still runs (the file holds its process id)."""
    lock = Path(LOCK_FOLDER, f"LCK..{os.path.basename(os.path.realpath(path))}")
    try:
        pid = int(lock.read_text()[:20])
        runs = pid > 0 and os.path.exists(f"/proc/{pid}")
    except (OSError, ValueError):
        return
    if runs:
        raise NotThere(f"another program, process {pid}, has {path} open for itself ({lock}): end it first")


class PtyLine:
    """A pty that another program has announced, as a line.

    Args:
        path: the path of its slave.

    Raises:
        UsageError: see :func:`open_raw_tty`.
    """

    modem = None

    def __init__(self, path: str) -> None:
        self._tty = open_raw_tty(path, marks=False)

    async def receive(self) -> Sequence[Received]:
        """Wait for what the program behind the pty sends."""
        return [Received(await self._tty.read(), Flag.NORMAL)]

    async def send_some(self, data: bytes) -> int:
        """Send the beginning of ``data``; returns how much of it the pty has taken."""
        return await self._tty.write_some(data)

    async def wait_sent(self) -> None:
        """Wait until the program behind the pty has read everything."""
        await self._tty.wait_written()

    async def send_break(self) -> None:
        """A pty has no breaks.

        Raises:
            CannotCarry: always.
        """
        raise CannotCarry("a pty carries no break: name QEMU's monitor (setting qmp), if it is QEMU's")

    def status(self) -> dict[str, Any]:
        """Nothing of its own."""
        return {}

    async def aclose(self) -> None:
        """Put its modes back as they were found, and close it."""
        trio.lowlevel.notify_closing(self._tty.fd)
        self._tty.close()
        await trio.lowlevel.checkpoint()
