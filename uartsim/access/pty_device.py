"""A pty as a serial device: raw from its creation, watched for clients that open it.

Only the standard library's small modules are used, so that a client can connect before anything heavy is imported.

The facts behind this, measured on Linux: the slave must be raw at once, or the first client starts an echo storm; while
this process keeps a descriptor of the slave open, the master does not fail with EIO; inotify reports when the node is
opened and closed; in packet mode (TIOCPKT) a client's flush of its input arrives as a packet.

inotify only hints.  The kernel merges an event with an equal one before it, drops events when its queue is full, and
allows a user 128 instances.  What is certain is POLLHUP at the master: it is set exactly while no slave is open.
:meth:`PtyDevice.probe` closes this process's own descriptor for a moment, looks, and opens it again; what is in the pty
and its settings stay.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import select
import struct
import termios
import time

from uartsim.errors import UartsimError

#: struct termios2, which has the speeds as numbers (asm-generic/termbits.h).
_TCGETS2 = 0x802C542A
_TCSETS2 = 0x402C542B
_CBAUD = 0x100F | 0x100F << 16  # output and input
_BOTHER = 0x1000
_TERMIOS2 = struct.Struct("4IB19s2I")
_IN_NONBLOCK_CLOEXEC = 0o2004000
_IN_CLOSE = 0x08 | 0x10
_IN_OPEN = 0x20
_IN_Q_OVERFLOW = 0x4000
_TIOCGPTPEER = 0x5441
_TIOCGEXCL = 0x80045440
_TIOCSLCKTRMIOS = 0x5457
_N_TTY = 0
#: Errors of a system that lacks something for a moment: opening the slave again is worth another try.
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_INOTIFY_EVENT = struct.Struct("iIII")
_SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}


#: How often to look whether anybody has it open where inotify cannot be used, in seconds.
POLL_SECONDS = 0.05


class PtyLostError(UartsimError):
    """The pty cannot be used any more; another has to be made."""


class PtyDevice:
    """One pty.  The master is non-blocking and in packet mode.

    Attributes:
        master: the descriptor of this process's end.
        slave: a descriptor of the other end, kept open.
        path: the node that clients open.
        watch: an inotify descriptor that reports when the node is opened and closed; -1 where the system has none left.
        trouble: why there is no ``watch``, in words.

    Raises:
        UartsimError: the system has no pty or descriptor left.
    """

    def __init__(self, baud: int = 115200) -> None:
        self.master = self.slave = self.watch = self._folder = self._node = -1
        self.trouble = ""
        #: inotify has lost events: what :meth:`opens` returns is incomplete.
        self.lost_events = False
        #: When :meth:`look` first saw a client, on the clock of :func:`time.monotonic`; None: it has seen none.
        self.opened_early_at: float | None = None
        self._later: list[int] = []  # what was read of inotify already, for the next call of opens()
        self._own_open = 0  # how many events our own opening of the slave makes: none before Linux 6.5
        try:
            self.master, self.slave = os.openpty()
            self.path = os.ttyname(self.slave)
            self.set_raw(baud)
            os.set_blocking(self.master, False)
            os.set_blocking(self.slave, False)
            fcntl.ioctl(self.master, termios.TIOCPKT, struct.pack("i", 1))
            self._watch_node()
        except OSError as error:
            self.close()
            why = os.strerror(error.errno) if error.errno else str(error)
            hint = {
                errno.ENOSPC: "no ptys are left: end what uses them, or raise kernel.pty.max",
                errno.EMFILE: "too many open files: raise the limit with 'ulimit -n'",
                errno.ENFILE: "the whole system has too many open files: end what uses them, or raise fs.file-max",
            }.get(error.errno or 0, "see that /dev/ptmx and /dev/pts are there and usable")
            raise UartsimError(f"no pty could be made ({why}): {hint}") from None

    def _watch_node(self) -> None:
        """Have the kernel report opens and closes; if it cannot, :attr:`trouble` says why.

        Raises:
            OSError: the process has no descriptor left.
        """
        libc = self._libc = ctypes.CDLL(None, use_errno=True)
        self.watch = libc.inotify_init1(_IN_NONBLOCK_CLOEXEC)
        if self.watch < 0:
            error = ctypes.get_errno()
            os.close(os.dup(self.master))  # EMFILE may also mean that there is no descriptor left, which is fatal
            self._without_watch(error, "fs.inotify.max_user_instances")
            return
        self._node = libc.inotify_add_watch(self.watch, os.fsencode(self.path), _IN_OPEN | _IN_CLOSE)
        if self._node < 0:
            error = ctypes.get_errno()
            os.close(self.watch)
            self._without_watch(error, "fs.inotify.max_user_watches")
            return
        os.close(self._open_slave())
        self._own_open = sum(change > 0 for change in self.opens())

    def _without_watch(self, error: int, limit: str) -> None:
        self.watch = -1
        self.trouble = (
            f"inotify cannot be used ({os.strerror(error)}), so that a client at {self.path} may be noticed up to "
            f"{round(POLL_SECONDS * 1000)} ms late: end what uses it, or raise {limit}"
        )

    def set_raw(self, baud: int, two_stop_bits: bool = False) -> None:
        """Put the tty into the state of a fresh serial port: raw, 8 bits, no parity, no flow control, CLOCAL."""
        speed = next((code for code, value in _SPEEDS.items() if value == baud), termios.B115200)
        control = [b"\x00"] * 32
        control[termios.VMIN] = b"\x01"
        flags = termios.CS8 | termios.CREAD | termios.CLOCAL | termios.CSTOPB * two_stop_bits
        termios.tcsetattr(self.slave, termios.TCSANOW, [0, 0, flags, 0, speed, speed, control])
        if baud not in _SPEEDS.values():
            fields = list(_TERMIOS2.unpack(fcntl.ioctl(self.slave, _TCGETS2, b"\0" * _TERMIOS2.size)))
            fields[2] = fields[2] & ~_CBAUD | _BOTHER
            fields[6] = fields[7] = baud
            fcntl.ioctl(self.slave, _TCSETS2, _TERMIOS2.pack(*fields))

    def client_line(self) -> tuple[int, bool]:
        """The settings of the client: its speed in baud, and whether it uses two stop bits.

        Word length and parity cannot be seen: the kernel forces a pty to eight bits without parity.
        """
        # At the master, which answers whatever the slave's line discipline is.
        raw = fcntl.ioctl(self.master, _TCGETS2, b"\0" * _TERMIOS2.size)
        fields = _TERMIOS2.unpack(raw)
        return fields[7], bool(fields[2] & termios.CSTOPB)

    def restore(self, baud: int, two_stop_bits: bool = False) -> None:
        """Undo what a client has left behind, for the next one.

        That is: its settings, TIOCEXCL, stopped output, another line discipline, locked settings, and a hung-up tty.

        Raises:
            PtyLostError: the tty can be neither set nor opened again.
        """
        try:
            self._restore(baud, two_stop_bits)
        except (OSError, termios.error):
            self.reopen()
            try:
                self._restore(baud, two_stop_bits)
            except (OSError, termios.error) as error:
                raise PtyLostError(f"{self.path} cannot be used any more ({error.args[-1]})") from None

    def restore_discipline(self) -> None:
        """Undo another line discipline that a client has left, such as N_NULL, under which a tty cannot be read or set.

        It is only set where it differs: setting it, even to the same, makes other processes' reads fail with EAGAIN.
        """
        with contextlib.suppress(OSError):
            if struct.unpack("i", fcntl.ioctl(self.slave, termios.TIOCGETD, b"\0" * 4))[0] != _N_TTY:
                fcntl.ioctl(self.slave, termios.TIOCSETD, struct.pack("i", _N_TTY))

    def _restore(self, baud: int, two_stop_bits: bool) -> None:
        self.restore_discipline()
        fcntl.ioctl(self.slave, termios.TIOCNXCL)
        with contextlib.suppress(OSError):  # only root can lock settings, and unlock them
            fcntl.ioctl(self.slave, _TIOCSLCKTRMIOS, b"\0" * _TERMIOS2.size)
        termios.tcflow(self.slave, termios.TCOON)
        self.set_raw(baud, two_stop_bits)

    def _open_slave(self) -> int:
        """A new descriptor of the slave, whatever its node's mode, and even if its path cannot be reached."""
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return fcntl.ioctl(self.master, _TIOCGPTPEER, flags)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise
        return os.open(self.path, flags)  # before Linux 4.13

    def reopen(self) -> bool:
        """Close the own descriptor of the slave and open another; returns whether anybody else has the slave open.

        After a hang-up the old one is dead, and the new one brings the tty to life again.

        Raises:
            PtyLostError: it cannot be opened.
        """
        exclusive = False
        with contextlib.suppress(OSError):
            exclusive = bool(struct.unpack("i", fcntl.ioctl(self.slave, _TIOCGEXCL, b"\0" * 4))[0])
            if exclusive:
                fcntl.ioctl(self.slave, termios.TIOCNXCL)  # else it could not be opened again
        slave, self.slave = self.slave, -1
        if slave >= 0:
            os.close(slave)
        poll = select.poll()
        poll.register(self.master, 0)
        in_use = not any(events & select.POLLHUP for _, events in poll.poll(0))
        for tries_left in range(50, -1, -1):
            try:
                self.slave = self._open_slave()
                break
            except OSError as error:
                if not tries_left or error.errno not in _SCARCE:
                    raise PtyLostError(f"{self.path} cannot be used any more ({error.strerror})") from None
                time.sleep(0.001)
        if exclusive:
            fcntl.ioctl(self.slave, termios.TIOCEXCL)
        return in_use

    def probe(self) -> bool:
        """Whether anybody else has the slave open, for certain.  It takes some ten microseconds.

        Raises:
            PtyLostError: the slave cannot be opened again.
        """
        self._later = self.opens()
        in_use = self.reopen()
        own = [-1] * (self.watch >= 0) + [1] * self._own_open
        for change in self._read_events():
            if change in own:
                own.remove(change)
            else:
                self._later.append(change)
        return in_use

    def count_closely(self, on: bool) -> None:
        """Count opens that follow each other one by one, at the price of being woken by every pty of the system.

        The kernel merges an event with the one before it if they are equal, so that two opens in a row count as one.
        Watching the folder of all ptys as well puts an event of its own between them.
        """
        if self.watch < 0:
            return
        if on and self._folder < 0:
            folder = os.path.dirname(self.path).encode()
            self._folder = self._libc.inotify_add_watch(self.watch, folder, _IN_OPEN | _IN_CLOSE)
        elif not on and self._folder >= 0:
            self._libc.inotify_rm_watch(self.watch, self._folder)
            self._folder = -1

    def opens(self) -> list[int]:
        """The opens (1) and closes (-1) of the node since the last call, in order."""
        later, self._later = self._later, []
        return later + self._read_events()

    def look(self) -> None:
        """Notice a client before the pty is served, for :attr:`opened_early_at`; :meth:`opens` tells of it later.

        Called between the imports of a start, so that a client that came early does not wait again.
        """
        changes = self._read_events()
        self._later += changes
        if 1 in changes and self.opened_early_at is None:
            self.opened_early_at = time.monotonic()

    def _read_events(self) -> list[int]:
        changes: list[int] = []
        while self.watch >= 0:
            try:
                events = os.read(self.watch, 4096)
            except BlockingIOError:
                break
            offset = 0
            while offset < len(events):
                watch, mask, _, length = _INOTIFY_EVENT.unpack_from(events, offset)
                if watch == self._node and mask & (_IN_OPEN | _IN_CLOSE):
                    changes.append(1 if mask & _IN_OPEN else -1)
                elif mask & _IN_Q_OVERFLOW:
                    self.lost_events = True
                offset += _INOTIFY_EVENT.size + length
        return changes

    def hung_up(self) -> bool:
        """Whether the tty was hung up (``vhangup``), which makes every descriptor of the slave useless."""
        try:
            fcntl.ioctl(self.slave, _TIOCGEXCL, b"\0" * 4)
        except OSError:
            return True
        return False

    def waiting(self) -> int:
        """How many bytes wait for a client to read them, as far as the kernel says."""
        try:
            found: int = struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, b"\0" * 4))[0]
        except OSError:  # a line discipline that does not tell, or a tty that was hung up
            return 0
        return found

    def unread(self) -> int:
        """Take back what a client did not read; returns how many bytes that were.

        Before a read finds nothing, the kernel delivers what it still holds (``tty_buffer_flush_work``).
        """
        count = 0
        while True:
            try:
                data = os.read(self.slave, 65536)
            except OSError:  # usually because there is nothing
                return count
            if not data:
                return count
            count += len(data)

    def close(self) -> None:
        """Close the descriptors."""
        for fd in (self.watch, self.slave, self.master):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = self.watch = -1
