"""The line as a pty: what a person opens with picocom, tio or screen, and a program with pyserial.

Nothing is written to the pty while nobody has it open: the hub keeps it.  A client that opens it usually flushes its
input at once, which would throw that away; so output begins when its flush has been seen, or after a moment if it does
not flush.  What a client leaves unread when it closes is taken back and goes to the next one: nothing is lost, and
nothing comes twice.

A pty cannot carry a break or modem lines: the kernel accepts them and drops them.  The other ways in can.
"""

from __future__ import annotations

import os
from typing import Any, Final

import trio

from uartsim.access.hub import Hub, LineHeldError
from uartsim.access.pty_device import PtyDevice
from uartsim.line_format import LineFormat

_wait_readable = trio.lowlevel.wait_readable
_wait_writable = trio.lowlevel.wait_writable

#: How long a fresh client may take to flush its input before output begins without, in seconds.
OPENING_GRACE: Final = 0.1
#: Quiet after a flush before output begins: some clients flush twice.
FLUSH_SETTLE: Final = 0.03
_FLUSH_READ: Final = 0x01  # TIOCPKT_FLUSHREAD


class PtyAccess:
    """Serves one pty.

    Args:
        hub: the line.
        device: the pty, made before.
        name: what the other clients call it.
        backlog: whether the first client gets what was sent before it came.
    """

    def __init__(self, hub: Hub, device: PtyDevice, *, name: str = "pty", backlog: bool = True) -> None:
        self.hub = hub
        self.device = device
        self.client = hub.attach(name, watch=True, start=hub.start if backlog else None, notice=self._say)
        #: How many have it open now.
        self.opened = 0
        #: Bytes that a client at another speed sent and that were refused.
        self.refused = 0
        self._told_refusal: str | None = None
        self._changed = trio.Event()
        self._flushes = 0
        self._said = 0  # bytes of ours, not the guest's, that this client was sent

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_opens)
                nursery.start_soon(self._from_client)
                nursery.start_soon(self._to_clients)
        finally:
            self.client.detach()
            for fd in (self.device.master, self.device.watch, self.device.slave):
                trio.lowlevel.notify_closing(fd)

    def status(self) -> dict[str, Any]:
        """The pty, as plain values."""
        baud, two_stop_bits = self.device.client_line()
        return {
            "path": self.device.path,
            "opened": self.opened,
            "baud": baud,
            "stop_bits": 2 if two_stop_bits else 1,
            "refused_bytes": self.refused,
        }

    def _client_format(self) -> LineFormat:
        """The format that the client has set, as far as a pty shows it."""
        baud, two_stop_bits = self.device.client_line()
        line = self.hub.com1.cable.line_format
        if line.bit_ticks == 0 or abs(line.baud - baud) < 1:
            bit_ticks = line.bit_ticks
        else:
            bit_ticks = LineFormat.from_baud(baud or 0.1).bit_ticks
        stop_halves = 4 if two_stop_bits else min(line.stop_halves, 3)
        return LineFormat(bit_ticks, line.data_bits, line.parity, stop_halves)

    # -- who is there --------------------------------------------------------------------------------------

    async def _watch_opens(self) -> None:
        while True:
            change = self.device.opens()
            if change:
                self.opened = max(0, self.opened + change)
                self._wake()
            await _wait_readable(self.device.watch)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # -- from the client -----------------------------------------------------------------------------------

    async def _from_client(self) -> None:
        master = self.device.master
        while True:
            try:
                packet = os.read(master, 65536)
            except BlockingIOError:
                await _wait_readable(master)
                continue
            if packet[0]:
                if packet[0] & _FLUSH_READ:
                    self._flushes += 1
                    self._wake()
                continue
            await self._accept(packet[1:])

    async def _accept(self, data: bytes) -> None:
        """Bytes from the client go onto the line, unless it speaks at another speed or somebody else holds the line."""
        why = self.hub.com1.check_far_format(self._client_format())
        if why is None and self.client.watch:
            try:
                self.client.take_line()
            except LineHeldError as error:
                why = str(error)
        if why is None:
            self._told_refusal = None
            await self.client.send(data)
            if not self.opened:
                self.client.give_line()  # it wrote this and left
            return
        self.refused += len(data)
        if self._told_refusal != why:
            self._told_refusal = why
            self._say(f"not sent: {why}")

    def _say(self, text: str) -> None:
        """A sentence of ours for the person at the pty."""
        if not self.opened:
            return
        try:
            self._said += os.write(self.device.master, f"\r\nuartsim: {text}\r\n".encode())
        except BlockingIOError:
            self._told_refusal = None  # say it with the next byte

    # -- to the clients ------------------------------------------------------------------------------------

    async def _to_clients(self) -> None:
        while True:
            while not self.opened:
                await self._changed.wait()
            await self._opening()
            while self.opened:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pump)
                    while self.opened:
                        await self._changed.wait()
                    nursery.cancel_scope.cancel()
            await self._leaving()

    async def _opening(self) -> None:
        """Wait for the client's opening flush, or for a moment."""
        before = self._flushes
        with trio.move_on_after(OPENING_GRACE):
            while self._flushes == before and self.opened:
                await self._changed.wait()
        while self._flushes != before and self.opened:
            before = self._flushes
            with trio.move_on_after(FLUSH_SETTLE):
                while self._flushes == before and self.opened:
                    await self._changed.wait()

    async def _pump(self) -> None:
        """Copy the hub's stream to the pty."""
        client, master = self.client, self.device.master
        missed = client.missed
        while True:
            data = await client.receive()
            if not data:
                await trio.sleep_forever()  # the guest has ended; the machine closes us
            if client.missed != missed:
                notice = b"\r\nuartsim: %d bytes were not kept\r\n" % (client.missed - missed)
                self._said += len(notice)
                missed = client.missed
                data = notice + data
            view = memoryview(data)
            try:
                while view:
                    try:
                        view = view[os.write(master, view) :]
                    except BlockingIOError:
                        await _wait_writable(master)
            except trio.Cancelled:
                client.position -= len(view)  # it left before it could have this
                raise

    async def _leaving(self) -> None:
        """The last client has closed: take back what it did not read, and undo its settings."""
        device = self.device
        self.client.give_line()
        self._told_refusal = None
        device.restore(round(self.hub.com1.uart.line_format.baud) if not self.hub.com1.uart.unlimited else 115200)
        taken = device.unread()
        # The kernel moves what is left in steps of its own: look again until there is nothing.
        while not self.opened:
            with trio.move_on_after(0.005):
                await _wait_readable(device.slave)
            more = device.unread()
            taken += more
            if not more:
                break
        self.client.position -= max(0, taken - self._said)
        self._said = 0
