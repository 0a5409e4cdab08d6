"""The inner tty: the pty on which a process guest runs, seen as the tty of a serial line.

The guest's program has the slave; we hold the master and stand for the wire.  What a pty cannot do by itself is done
here: the speed, CRTSCTS and CLOCAL that the program sets are read from the master, a break or a damaged character is
delivered as the 8250 driver and the line discipline of a real tty would (termios(3)), and a lost carrier hangs up.

What a pty withholds: its kernel driver forces eight bits without parity, so a program that sets 7E1 is not noticed;
and PARMRK's three-byte mark cannot be put in from the master, for the line discipline doubles its 0xFF, so that a
marked character arrives as NUL.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from types import TracebackType
from typing import Final, NamedTuple

import trio

from uartsim.line_format import LineFormat, UartsimError
from uartsim.machine import Flag, Received

#: Bytes taken from the program at a time: small, for it is the 115200 baud line that should hold it up, not buffers.
CHUNK_BYTES: Final = 1024
#: The same where the line takes no time, and so holds up nobody.
UNLIMITED_CHUNK_BYTES: Final = 65536
#: How often more is looked for at once, where the program writes faster than a tty hands on.
_TRIES: Final = 16

_SPEEDS: Final = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()
}
_TIOCSIG: Final = 0x40045436
_TCGETS2: Final = 0x802C542A
_TERMIOS2: Final = struct.Struct("IIIIB19sII")

_IFLAG, _, _CFLAG, _LFLAG, _ISPEED, _OSPEED, _CC = range(7)


class LineModes(NamedTuple):
    """What a program has set that concerns the line.

    Attributes:
        line_format: speed and stop bits.
        flow_control: CRTSCTS: RTS and CTS are honoured.
        local: CLOCAL: carrier is not looked at.
    """

    line_format: LineFormat
    flow_control: bool
    local: bool


def as_tty_input(received: Received, input_flags: int) -> bytes | None:
    """What a program reads for characters from the line, by the input modes of its tty.

    Args:
        received: what the 8250 driver has got.
        input_flags: ``c_iflag``, see termios(3).

    Returns:
        The bytes, perhaps none, for the line discipline; or None where it sends SIGINT (a break with BRKINT).
    """
    match received.flag:
        case Flag.BREAK:
            if input_flags & termios.IGNBRK:
                return b""
            return None if input_flags & termios.BRKINT else b"\0"
        case Flag.PARITY | Flag.FRAMING:
            if not input_flags & termios.INPCK:
                return received.data
            return b"" if input_flags & termios.IGNPAR else b"\0"
        case _:
            return received.data


def _open_pty() -> tuple[int, int]:
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise UartsimError(
            f"no pty for the guest's inner tty: {error.strerror}; end what uses ptys, or raise kernel.pty.max"
        ) from error
    os.set_blocking(master, False)
    return master, slave


class InnerTty:
    """A pty: master and slave, both kept open so that the program may come and go.

    Args:
        line_format: the speed and stop bits that the tty begins with.
        local: whether it begins with CLOCAL, as Linux's serial ports do.

    Attributes:
        path: the slave's; another one after :meth:`hang_up`.

    Raises:
        UartsimError: no pty is left.
    """

    def __init__(self, line_format: LineFormat, local: bool = True) -> None:
        self.local = local
        self.master, self.slave = _open_pty()
        self._sane = termios.tcgetattr(self.slave)
        speed = {baud: code for code, baud in _SPEEDS.items()}.get(round(line_format.baud), termios.B115200)
        self._sane[_ISPEED] = self._sane[_OSPEED] = speed
        self._sane[_CFLAG] |= termios.CSTOPB if line_format.stop_halves > 2 else 0
        self._sane[_CFLAG] |= termios.CLOCAL if local else 0
        self.path = os.ttyname(self.slave)
        self.rest()

    def hang_up(self) -> None:
        """The line is hung up, as the kernel does it to a real tty.

        Whoever has the tty as controlling terminal gets SIGHUP and SIGCONT, and all who have it open find it dead.  The
        next program gets another, for a pty does not come to life again.

        Raises:
            UartsimError: no pty is left for it.
        """
        # First: with a number of its own, nobody who still looks for the old one can come upon it.
        new = _open_pty()
        for descriptor in (self.master, self.slave):
            trio.lowlevel.notify_closing(descriptor)
            os.close(descriptor)
        self.master, self.slave = new
        self.path = os.ttyname(self.slave)
        self.rest()

    def rest(self) -> None:
        """Between two programs: nothing echoes what arrives, and no open program reads it."""
        raw = [*self._sane[:_CC], list(self._sane[_CC])]
        raw[_LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
        termios.tcsetattr(self.slave, termios.TCSANOW, raw)

    def make_sane(self) -> None:
        """Before a program starts: the modes of a fresh tty, and no input from before."""
        termios.tcflush(self.slave, termios.TCIFLUSH)
        termios.tcsetattr(self.slave, termios.TCSANOW, self._sane)

    def forget(self) -> None:
        """Throw away what is on its way in either direction, as a loss of power does."""
        termios.tcflush(self.slave, termios.TCIOFLUSH)
        termios.tcflush(self.master, termios.TCIFLUSH)  # what the master's own line discipline has taken already

    @property
    def modes(self) -> LineModes:
        """What the program has set; speed 0 (hang up) reads as it was at first."""
        attributes = termios.tcgetattr(self.master)
        control = attributes[_CFLAG]
        baud = _SPEEDS.get(attributes[_OSPEED]) or self._odd_speed()
        baud = baud or _SPEEDS[self._sane[_OSPEED]]
        line_format = LineFormat.from_baud(baud, "8N2" if control & termios.CSTOPB else "8N1")
        return LineModes(line_format, bool(control & termios.CRTSCTS), bool(control & termios.CLOCAL))

    def _odd_speed(self) -> int:
        """A speed that has no name in termios(3)."""
        try:
            answer = fcntl.ioctl(self.master, _TCGETS2, bytes(_TERMIOS2.size))
        except OSError:  # an architecture with another number for it
            return 0
        return min(int(_TERMIOS2.unpack(answer)[-1]), 4_000_000)

    async def read(self, most: int = CHUNK_BYTES) -> bytes:
        """The next bytes that the program has written.

        Args:
            most: how many at most.  A tty hands on a few thousand at a time; where more may be taken, and the program goes
                on writing, they are put together.
        """
        data = b""
        while not data:
            await trio.lowlevel.wait_readable(self.master)
            tries = _TRIES if most > CHUNK_BYTES else 1
            while tries and len(data) < most:
                tries -= 1
                try:
                    data += os.read(self.master, most - len(data))
                except BlockingIOError:
                    if len(data) < CHUNK_BYTES:
                        break
                    os.sched_yield()
        return data

    async def write(self, received: Received) -> None:
        """Deliver what has come over the line; waits while the program does not read."""
        data = as_tty_input(received, termios.tcgetattr(self.master)[_IFLAG])
        if data is None:
            self._interrupt()
            return
        while data:
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.master)

    def _interrupt(self) -> None:
        termios.tcflush(self.slave, termios.TCIOFLUSH)
        try:
            fcntl.ioctl(self.master, _TIOCSIG, 2)
        except OSError:
            pass  # nobody is in the foreground

    def has_output(self) -> bool:
        """Whether :meth:`read` would return at once."""
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close both ends: whoever still has the tty gets SIGHUP."""
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self) -> InnerTty:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
