"""A pty as a serial device: raw from its creation, watched for who opens it.

Only the standard library's small modules are used, so that a client can connect before anything heavy is imported.

Facts behind this (measured on Linux): the slave must be raw at once, or the first client starts an echo storm; the
descriptor of the slave that we keep open saves the master from EIO and the termios from being lost; inotify on the
node tells who opens and closes it; in packet mode (TIOCPKT) a client's flush of its input arrives as a packet.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import termios

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
_INOTIFY_EVENT = struct.Struct("iIII")
_SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}


class PtyDevice:
    """One pty.  The master is non-blocking and in packet mode.

    Attributes:
        master: the descriptor of our end.
        slave: a descriptor of the other end, kept open.
        path: the node that clients open.
        watch: an inotify descriptor that tells when the node is opened and closed.

    Raises:
        UartsimError: the system has no pty or descriptor left.
    """

    def __init__(self, baud: int = 115200) -> None:
        self._fds: list[int] = []
        try:
            self.master, self.slave = os.openpty()
            self._fds += [self.master, self.slave]
            self.path = os.ttyname(self.slave)
            self.set_raw(baud)
            libc = ctypes.CDLL(None, use_errno=True)
            self.watch = libc.inotify_init1(_IN_NONBLOCK_CLOEXEC)
            if self.watch < 0:
                raise OSError(ctypes.get_errno(), "inotify_init1")
            self._fds.append(self.watch)
            self._libc = libc
            self._folder = -1
            self._node = libc.inotify_add_watch(self.watch, os.fsencode(self.path), _IN_OPEN | _IN_CLOSE)
            if self._node < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch")
            os.set_blocking(self.master, False)
            os.set_blocking(self.slave, False)
            fcntl.ioctl(self.master, termios.TIOCPKT, struct.pack("i", 1))
        except OSError as error:
            self.close()
            why = os.strerror(error.errno) if error.errno else str(error)
            hint = {
                errno.ENOSPC: "no ptys or inotify watches are left: end what uses them, "
                "or raise kernel.pty.max or fs.inotify.max_user_watches",
                errno.EMFILE: "too many open files: raise the limit with 'ulimit -n'",
            }.get(error.errno or 0, "see that /dev/ptmx and /dev/pts are there and usable")
            raise UartsimError(f"no pty could be made ({why}): {hint}") from None

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
        """What the client has set: its speed in baud, and whether it wants two stop bits.

        Word length and parity cannot be seen: the kernel forces a pty to eight bits without parity.
        """
        raw = fcntl.ioctl(self.slave, _TCGETS2, b"\0" * _TERMIOS2.size)
        fields = _TERMIOS2.unpack(raw)
        return fields[7], bool(fields[2] & termios.CSTOPB)

    def restore(self, baud: int, two_stop_bits: bool = False) -> None:
        """A client has left: undo what it leaves behind for the next (settings, TIOCEXCL, stopped output)."""
        fcntl.ioctl(self.slave, termios.TIOCNXCL)
        termios.tcflow(self.slave, termios.TCOON)
        self.set_raw(baud, two_stop_bits)

    def count_closely(self, on: bool) -> None:
        """Tell opens that follow each other apart, at the price of being woken by every pty of the system.

        The kernel merges an event with the one before it if they are equal, so that two opens in a row count as one.
        Watching the folder of all ptys as well puts an event of its own between them.
        """
        if on and self._folder < 0:
            folder = os.path.dirname(self.path).encode()
            self._folder = self._libc.inotify_add_watch(self.watch, folder, _IN_OPEN | _IN_CLOSE)
        elif not on and self._folder >= 0:
            self._libc.inotify_rm_watch(self.watch, self._folder)
            self._folder = -1

    def opens(self) -> list[int]:
        """Who has opened (1) and closed (-1) the node since the last call, in order."""
        changes: list[int] = []
        while True:
            try:
                events = os.read(self.watch, 4096)
            except BlockingIOError:
                return changes
            offset = 0
            while offset < len(events):
                watch, mask, _, length = _INOTIFY_EVENT.unpack_from(events, offset)
                if watch == self._node and mask & (_IN_OPEN | _IN_CLOSE):
                    changes.append(1 if mask & _IN_OPEN else -1)
                offset += _INOTIFY_EVENT.size + length

    def waiting(self) -> int:
        """How many bytes wait for a client to read them, as far as the kernel tells."""
        found: int = struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, b"\0" * 4))[0]
        return found

    def unread(self) -> int:
        """Take back what a client did not read; returns how many bytes that was.

        A read that finds nothing waits for the kernel to hand on what it still has (``tty_buffer_flush_work``).
        """
        count = 0
        while True:
            try:
                data = os.read(self.slave, 65536)
            except BlockingIOError:
                return count
            if not data:
                return count
            count += len(data)

    def close(self) -> None:
        """Give the descriptors back."""
        while self._fds:
            os.close(self._fds.pop())
