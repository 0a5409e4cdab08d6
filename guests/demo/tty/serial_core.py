"""ttyS0 as the kernel sees it: one serial port, shared by ``printk`` and by the tty.

Theory of operation
    The driver below has one transmit buffer of 4096 bytes.  Two sources share it: the kernel's messages, which never
    wait and go first, and the tty's output, which is bounded (a writer waits for room), can be held (XOFF) and can be
    thrown away (Ctrl-C).  One task feeds the driver.  When the order changes (there is a new kernel message, XOFF
    comes, or a signal flushes) that task takes back what the driver has not yet given to the chip and sorts it anew.
    So a message can land in the middle of a long output, and XOFF and Ctrl-C act after one FIFO, as on a real console.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from uartsim.guest.script import LineFormat, Received, SerialDriver

#: How much of the tty's output may wait for the driver, in bytes (``UART_XMIT_SIZE``: one page).
TRANSMIT_BYTES: Final = 4096
#: How much goes to the driver at a time, in bytes.
PIECE_BYTES: Final = 256
#: How much of what the driver was given is remembered, in bytes: more than it can still have.
REMEMBERED_BYTES: Final = 4 * TRANSMIT_BYTES


class SerialPort:
    """The serial core: it merges output from two sources and passes input to one receiver.

    Args:
        driver: the guest's end of COM1, open.
    """

    def __init__(self, driver: SerialDriver) -> None:
        self.driver = driver
        #: Where received characters go; None while the port is not open: they are lost.
        self.receiver: Callable[[Received], None] | None = None
        #: Characters sent and received since the kernel took the port, for /proc/tty/driver/serial.
        self.sent = 0
        self.received = 0
        self._kernel = bytearray()
        self._user = bytearray()
        self._held = False
        self._feeding = False
        self._given: deque[tuple[bytes, bool]] = deque()  # what the driver was given last; True: the kernel's
        self._given_bytes = 0
        self._sort_anew = False
        self._times_sorted = 0
        self._drop_user = False
        self._gate: trio.CancelScope | None = None
        self._work = trio.Event()
        self._progress = trio.Event()

    @property
    def line_format(self) -> LineFormat:
        """The speed and word format that are programmed."""
        return self.driver.line_format

    def set_format(self, line_format: LineFormat) -> None:
        """Program speed and word format at once; `drain` first to do it after the output."""
        if line_format != self.driver.line_format:
            self.driver.set_format(line_format)

    # ---------------------------------------------------------------------------------------------------------- output
    def print_kernel(self, data: bytes) -> None:
        """Queue a kernel message in front of everything else."""
        self._kernel += data
        self._change()

    def put(self, data: bytes) -> None:
        """Queue output of the tty without waiting for room (echo)."""
        self._user += data
        self._work.set()

    async def write(self, data: bytes) -> None:
        """Queue output of the tty, and return as soon as there was room for all of it."""
        position = 0
        while position < len(data):
            while len(self._user) >= TRANSMIT_BYTES:
                await self._progress.wait()
            piece = data[position : position + TRANSMIT_BYTES - len(self._user)]
            self.put(piece)
            position += len(piece)
        await trio.lowlevel.checkpoint()

    def hold(self, held: bool) -> None:
        """Stop (True) or resume (False) the tty's output; kernel messages pass."""
        self._held = held
        if held:
            self._change()
        else:
            self._work.set()

    def discard_output(self) -> None:
        """Throw away what the tty has not sent (TCOFLUSH)."""
        # Writers that wait for room are woken later, by the transmitter's task; a signal has ended them by then.
        self._user.clear()
        self._drop_user = True
        self._change()

    async def drain(self) -> None:
        """Wait until everything queued so far has left the transmitter (tcdrain)."""
        await self._drain(lambda: bool(self._kernel or self._user))

    async def drain_kernel(self) -> None:
        """Hold the tty's output, and wait until the kernel's messages have left the transmitter."""
        self.hold(True)
        await self._drain(lambda: bool(self._kernel))

    async def _drain(self, something_waits: Callable[[], bool]) -> None:
        while True:
            while self._sort_anew or self._feeding or something_waits():
                await self._progress.wait()
            sorted_before = self._times_sorted
            await self.driver.drain()
            if sorted_before == self._times_sorted and not (self._sort_anew or self._feeding or something_waits()):
                return

    async def room_for_kernel(self, limit: int = 512) -> None:
        """Wait until fewer than ``limit`` bytes of kernel messages are queued: a slow console slows the boot."""
        while len(self._kernel) >= limit:
            await self._progress.wait()
        await trio.lowlevel.checkpoint()

    def _change(self) -> None:
        self._sort_anew = True
        self._work.set()
        if self._gate is not None:
            self._gate.cancel()

    async def run_transmitter(self) -> None:
        """Feed the driver; never returns."""
        while True:
            if self._sort_anew:
                self._take_back()
            if self._kernel:
                queue, is_kernel = self._kernel, True
            elif self._user and not self._held:
                queue, is_kernel = self._user, False
            else:
                self._feeding = False
                self._announce()
                self._work = trio.Event()
                await self._work.wait()
                continue
            self._feeding = True
            # The first byte waits for room; the rest of the piece may then exceed it a little.
            first = bytes(queue[:1])
            del queue[:1]
            with trio.CancelScope() as self._gate:
                await self.driver.write(first)
            if self._gate.cancelled_caught:
                if is_kernel or not self._drop_user:
                    queue[:0] = first
                continue
            rest = bytes(queue[: PIECE_BYTES - 1]) if is_kernel or not (self._held or self._sort_anew) else b""
            del queue[: len(rest)]
            self.driver.write_nowait(rest)
            self._remember(first + rest, is_kernel)
            self._announce()

    def _remember(self, piece: bytes, is_kernel: bool) -> None:
        self.sent += len(piece)
        self._given.append((piece, is_kernel))
        self._given_bytes += len(piece)
        while self._given_bytes > REMEMBERED_BYTES:
            self._given_bytes -= len(self._given.popleft()[0])

    def _take_back(self) -> None:
        """Put what the driver still has back in front of the two queues, or drop the tty's part of it."""
        self._sort_anew = False
        self._times_sorted += 1
        drop_user, self._drop_user = self._drop_user, False
        left = self.driver.discard_output()
        self.sent -= left
        kernel, user = bytearray(), bytearray()
        while left > 0 and self._given:
            piece, is_kernel = self._given.pop()
            self._given_bytes -= len(piece)
            back = piece[-left:]
            if len(back) < len(piece):
                self._given.append((piece[: len(piece) - len(back)], is_kernel))
                self._given_bytes += len(piece) - len(back)
            left -= len(back)
            (kernel if is_kernel else user)[:0] = back
        self._kernel[:0] = kernel
        if not drop_user:
            self._user[:0] = user

    def _announce(self) -> None:
        self._progress.set()
        self._progress = trio.Event()

    # ----------------------------------------------------------------------------------------------------------- input
    async def run_receiver(self) -> None:
        """Pass everything that is received to `receiver`; never returns."""
        while True:
            received = await self.driver.receive()
            if self.receiver is not None:
                self.received += len(received.data)
                self.receiver(received)
