"""The inner tty: the pty on which a process guest runs, made to behave like the tty of a serial line.

The guest's program has the slave side; this module holds the master side and stands for the wire.  It does what a pty
lacks: it reads the speed, CRTSCTS and CLOCAL that the program sets from the master; it delivers a break or a damaged
character as the 8250 driver and the line discipline of a real tty would (termios(3)); and a lost carrier hangs up the tty.

Two things are not possible with a pty.  Its kernel driver forces eight data bits without parity, so a program that sets
7E1 goes unnoticed.  PARMRK's three-byte mark cannot be inserted from the master, because the line discipline doubles its
0xFF, so a character with an error arrives as NUL.
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

from uartsim.errors import UartsimError
from uartsim.line_format import LineFormat
from uartsim.machine import Flag, Received

#: How many bytes are read from the program at a time.  The number is small, so that the line, and not a buffer, sets the
#: program's pace.
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
    """The modes of the tty that concern the line.

    Attributes:
        line_format: the speed and the stop bits.
        flow_control: CRTSCTS: RTS and CTS are honoured.
        local: CLOCAL: carrier is ignored.
    """

    line_format: LineFormat
    flow_control: bool
    local: bool


def as_tty_input(received: Received, input_flags: int) -> bytes | None:
    """Apply a tty's input modes to characters from the line.

    Args:
        received: the characters, or the break, that the serial driver received.
        input_flags: the tty's ``c_iflag``, see termios(3).

    Returns:
        The bytes for the line discipline, possibly none; or None if the tty sends SIGINT (a break with BRKINT).
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


def odd_speed(tty: int) -> int:
    """A tty's speed in baud, which may have no constant in termios(3); 0 if it cannot be read."""
    try:
        answer = fcntl.ioctl(tty, _TCGETS2, bytes(_TERMIOS2.size))
    except OSError:  # this architecture has another number for the request
        return 0
    return min(int(_TERMIOS2.unpack(answer)[-1]), 4_000_000)


def _open_pty() -> tuple[int, int]:
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise UartsimError(
            f"no pty for the guest's inner tty: {error.strerror}; end programs that use ptys, or raise kernel.pty.max"
        ) from error
    os.set_blocking(master, False)
    return master, slave


class InnerTty:
    """A pty whose master and slave are both kept open, so that programs may open and close it.

    Args:
        line_format: the initial speed and stop bits of the tty.
        local: whether CLOCAL is set initially, as on Linux's serial ports.

    Attributes:
        path: the slave's path; :meth:`hang_up` changes it.

    Raises:
        UartsimError: no pty is available.
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
        self.set_idle_modes()

    def hang_up(self) -> None:
        """Hang up the tty, as the kernel does with a real one.

        The session that has the tty as its controlling terminal gets SIGHUP and SIGCONT, and every process that has it
        open can no longer use it.  The next program gets another pty, because one that was hung up cannot be used again.

        Raises:
            UartsimError: no pty is available.
        """
        # Open the new pty first, so that it gets another number than the old one, which a program may still look for.
        new = _open_pty()
        for descriptor in (self.master, self.slave):
            trio.lowlevel.notify_closing(descriptor)
            os.close(descriptor)
        self.master, self.slave = new
        self.path = os.ttyname(self.slave)
        self.set_idle_modes()

    def set_idle_modes(self) -> None:
        """Set the modes between two programs: arriving characters are neither echoed nor turned into signals."""
        raw = [*self._sane[:_CC], list(self._sane[_CC])]
        raw[_LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
        termios.tcsetattr(self.slave, termios.TCSANOW, raw)

    def set_fresh_modes(self) -> None:
        """Set the modes of a fresh tty and discard earlier input, before a program starts."""
        termios.tcflush(self.slave, termios.TCIFLUSH)
        termios.tcsetattr(self.slave, termios.TCSANOW, self._sane)

    def discard(self) -> None:
        """Discard the bytes that are on their way in either direction, as a loss of power does."""
        termios.tcflush(self.slave, termios.TCIOFLUSH)
        termios.tcflush(self.master, termios.TCIFLUSH)  # the bytes that the master's line discipline already holds

    @property
    def modes(self) -> LineModes:
        """The modes that the program has set; speed 0 (hang up) counts as the initial speed."""
        attributes = termios.tcgetattr(self.master)
        control = attributes[_CFLAG]
        baud = _SPEEDS.get(attributes[_OSPEED]) or odd_speed(self.master)
        baud = baud or _SPEEDS[self._sane[_OSPEED]]
        line_format = LineFormat.from_baud(baud, "8N2" if control & termios.CSTOPB else "8N1")
        return LineModes(line_format, bool(control & termios.CRTSCTS), bool(control & termios.CLOCAL))

    async def read(self, most: int = CHUNK_BYTES) -> bytes:
        """Wait for bytes from the program, and return them.

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
        """Deliver characters, or a break, from the line to the program; waits while the program does not read."""
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
            pass  # the tty has no foreground process group

    def has_output(self) -> bool:
        """Whether :meth:`read` would return at once."""
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close both ends; a session that still has the tty as its controlling terminal gets SIGHUP."""
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self) -> InnerTty:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
