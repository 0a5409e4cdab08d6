"""/dev/ttyS0 as programs see it: reading, writing, modes and speed, over the line discipline and the serial port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from uartsim.guest.script import Flag, LineFormat, Received

from .line_discipline import LineDiscipline, Signal
from .serial_core import SerialPort
from .termios_modes import Modes


class Terminal:
    """A tty with one foreground job.

    Args:
        port: the serial port below.
        warn: called with what the kernel's log says about the line (overruns).
    """

    def __init__(self, port: SerialPort, warn: Callable[[str], None]) -> None:
        self.port = port
        self.discipline = LineDiscipline(port.put, self._deliver, port.hold, port.discard_output)
        self._warn = warn
        self._handlers: list[Callable[[Signal], None]] = []
        self._arrived = trio.Event()

    # --------------------------------------------------------------------------------------------------- from the port
    def receive(self, data: bytes) -> None:
        """Take characters that the kernel has not kept for itself."""
        self.discipline.receive(data)
        self._wake()

    def receive_flagged(self, received: Received) -> None:
        """Take a break or a damaged character."""
        if received.flag is Flag.BREAK:
            self.discipline.receive_break()
        elif received.flag is Flag.OVERRUN:
            self._warn("ttyS ttyS0: 1 input overrun(s)")
            self.discipline.receive(received.data)
        else:
            for byte in received.data:
                self.discipline.receive_error(byte)
        self._wake()

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = trio.Event()

    def _deliver(self, signal: Signal) -> None:
        if self._handlers:
            self._handlers[-1](signal)

    @contextmanager
    def foreground(self, handler: Callable[[Signal], None]) -> Iterator[None]:
        """Within the block, call ``handler`` with the terminal's signals."""
        self._handlers.append(handler)
        try:
            yield
        finally:
            self._handlers.remove(handler)

    # ---------------------------------------------------------------------------------------------------- for programs
    @property
    def modes(self) -> Modes:
        """The modes in force (tcgetattr)."""
        return self.discipline.modes

    def set_modes(self, modes: Modes) -> None:
        """Change the modes at once (TCSANOW)."""
        self.discipline.set_modes(modes)
        self._wake()

    async def set_modes_after_output(self, modes: Modes) -> None:
        """Change the modes when everything written has been sent (TCSADRAIN)."""
        await self.port.drain()
        self.set_modes(modes)

    async def set_format(self, line_format: LineFormat) -> None:
        """Change speed and word format when everything written has been sent."""
        await self.port.drain()
        self.port.set_format(line_format)

    async def read(self, size: int = 4096) -> bytes:
        """Wait for input, as read(2) does: a line, or some bytes in raw mode; ``b""`` is an end of file."""
        while True:
            data = self.discipline.read(size)
            if data is not None:
                await trio.lowlevel.checkpoint()
                return data
            await self._arrived.wait()

    async def write(self, data: bytes | str) -> None:
        """Write through output processing, and return as soon as the port has room for all of it."""
        if isinstance(data, str):
            data = data.encode(errors="surrogateescape")
        for start in range(0, len(data), 1024):
            await self.port.write(self.discipline.process_output(data[start : start + 1024]))

    def flush_input(self) -> None:
        """Forget what has been typed and not read (TCIFLUSH)."""
        self.discipline.flush_input()

    @contextmanager
    def modes_restored(self) -> Iterator[None]:
        """Set the present modes again at the end of the block."""
        before = self.modes
        try:
            yield
        finally:
            self.set_modes(before)
