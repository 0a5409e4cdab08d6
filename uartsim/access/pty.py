"""The line as a pty: what a person opens with picocom, tio or screen, and a program with pyserial.

Nothing is written to the pty while nobody has it open: the hub keeps it.  A client that opens it usually flushes its
input at once, which would throw that away; so output begins when its flush has been seen, or after a moment if it does
not flush.  What a client leaves unread when it closes is taken back and goes to the next one: nothing is lost, and
nothing comes twice.  There is one exception: where the next client opens and flushes before this process has been
woken, within some hundred microseconds, its flush discards what was unread as well.

:mod:`uartsim.access.pty_presence` follows clients as they open and close the pty.

A pty cannot carry a break or modem lines: the kernel accepts and drops them.  Every other way in carries them.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import trio

from uartsim.access.hub import Hub, LineHeldError
from uartsim.access.pty_device import PtyDevice, PtyLostError
from uartsim.access.pty_format import client_format
from uartsim.access.pty_presence import Presence
from uartsim.access.pty_sharing import Sharing
from uartsim.line_format import TICKS_PER_SECOND, LineFormat

_wait_readable = trio.lowlevel.wait_readable
_wait_writable = trio.lowlevel.wait_writable

#: How long after its opening a client may flush its input before output begins without, in seconds.
OPENING_GRACE: Final = 0.1
#: The least of it that remains for a client that was there before the machine: by then its flush, if any, has been seen.
LEAST_GRACE: Final = 0.01
#: How long it must be quiet after a flush before output begins, in seconds: some clients flush twice.
FLUSH_SETTLE: Final = 0.03
#: An upper bound on what the kernel keeps in a pty, in bytes.
_PTY_HOLDS: Final = 1 << 17
#: How much is taken from the hub at once: the larger, the fewer rounds of the scheduler while a guest floods.
PUMP_CHUNK: Final = 262144
#: The shortest time between two looks at a client's format while the guest sends, in ticks.
LOOK_TICKS: Final = TICKS_PER_SECOND // 100
#: The most that is written to the pty from within the guest's own output, in bytes.
EAGER: Final = 1024
#: How long a client has to read a sentence before it is written again, in seconds.
_TAKEN_S: Final = 0.002
_FLUSH_READ: Final = 0x01  # TIOCPKT_FLUSHREAD


class PtyAccess:
    """Serves one pty.

    Args:
        hub: the line.
        device: the pty.
        name: its name, as other clients are told it.
        backlog: whether the first client also gets what the guest sent before that client came.
        watch: whether what its clients send is refused.
        log: called with lines for the owner of the machine.
        renew: makes another pty, and its link, when this one cannot be used any more.
    """

    def __init__(
        self,
        hub: Hub,
        device: PtyDevice,
        *,
        name: str = "pty",
        backlog: bool = True,
        watch: bool = False,
        log: Callable[[str], object] | None = None,
        renew: Callable[[], PtyDevice] | None = None,
    ) -> None:
        self.hub = hub
        self.device = device
        self.watch = watch
        self.log = log
        self.renew = renew
        self.client = hub.attach(name, watch=True, start=hub.start if backlog else None, notice=self._say)
        self.client.present = False
        self.client.chunk = PUMP_CHUNK
        self.client.on_carry = self._look_at_format
        self.presence = self._follow(device)
        #: How many bytes were refused because another client holds the line.
        self.refused = 0
        self._told_refusal: str | None = None
        self._looked_at = 0  # when the client's format was last looked at
        self._changed = trio.Event()
        self.sharing = Sharing(self)
        self._written = 0  # bytes put into the pty so far
        self._written_before = 0  # the same when the last client had closed it
        self._ours: deque[tuple[int, int]] = deque()  # where among them our own sentences are: from, until
        hub.on_format.add(self._follow_guest)

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            PtyLostError: the pty cannot be used any more, and another cannot be made.
        """
        if self.device.trouble:
            self._tell_owner(self.device.trouble)
        try:
            while True:
                await self._serve()
                self._replace()
        finally:
            self.hub.on_format.discard(self._follow_guest)
            self.client.detach()

    @property
    def opened(self) -> int:
        """How many clients have it open now."""
        return self.presence.opened

    def _follow(self, device: PtyDevice) -> Presence:
        return Presence(device, self._restore, self._take_back, self._presence_changed)

    async def _serve(self) -> None:
        """Serve until the device is lost."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.presence.run)
                nursery.start_soon(self._from_client)
                nursery.start_soon(self._to_clients)
                nursery.start_soon(self.sharing.run)
                await self.presence.lost.wait()
                nursery.cancel_scope.cancel()
        finally:
            for fd in (self.device.master, self.device.watch):
                if fd >= 0:
                    trio.lowlevel.notify_closing(fd)

    def _replace(self) -> None:
        """Go on with another pty."""
        path = self.device.path
        if self.renew is None:
            raise PtyLostError(f"{path} cannot be used any more")
        self.device = self.renew()
        self._tell_owner(
            f"{path} cannot be used any more: the line goes on at {self.device.path}, and so does its link"
        )
        self.presence = self._follow(self.device)
        self._written = self._written_before = 0
        self._ours.clear()

    def _tell_owner(self, text: str) -> None:
        if self.log is not None:
            self.log(text)

    def status(self) -> dict[str, Any]:
        """The state of the pty, as plain values."""
        baud, two_stop_bits = self.device.client_line()
        return {
            "path": self.device.path,
            "opened": self.opened,
            "watch": self.watch,
            "baud": baud,
            "stop_bits": 2 if two_stop_bits else 1,
            "refused_bytes": self.refused,
            "shared_by": self.sharing.sharers,
        }

    def _follow_guest(self, line_format: LineFormat) -> None:
        """The guest has another format: while no client is attached, the pty shows it."""
        self.presence.note()
        if not self.opened:
            self.presence.restore()
        self._note_format()

    def _restore(self) -> None:
        """Put the tty into its first state again."""
        self.device.restore(self.hub.baud, self.hub.com1.uart.line_format.stop_halves > 2)

    def _note_format(self) -> None:
        """Look in which format the client is, if there is one: the kernel does not say when it sets another."""
        there = not self.watch and self.opened > 0
        self.client.be_at_far_end(there, client_format(self.device, self.hub.com1.cable.line_format) if there else None)

    def _look_at_format(self, now: int) -> None:
        """Look when the guest begins to send, but not for each of its characters."""
        if self.opened and not 0 <= now - self._looked_at < LOOK_TICKS:
            self._looked_at = now
            self._note_format()

    # -- presence ------------------------------------------------------------------------------------------

    def _presence_changed(self, is_new: bool) -> None:
        self.client.present = self.opened > 0
        if is_new or not self.opened:
            self.client.await_reading(self.opened > 0)
        self._looked_at = -LOOK_TICKS
        if not self.opened:
            self._note_format()
        self.sharing.clients_changed()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # -- from the client -----------------------------------------------------------------------------------

    async def _from_client(self) -> None:
        master = self.device.master
        while True:
            await _wait_readable(master)
            try:
                packet = os.read(master, 65536)
            except BlockingIOError:
                continue
            except OSError:  # EIO: even our own descriptor of the slave was hung up
                self.presence.mend()
                self.presence.note()  # what was reported while it was mended
                continue
            if packet[0]:
                if packet[0] & _FLUSH_READ:
                    self.presence.note()
                    self.presence.flushes += 1
                    self._wake()
                continue
            await self._accept(packet[1:])

    async def _accept(self, data: bytes) -> None:
        """Put bytes from the client onto the line, in its format, unless another client holds the line."""
        self.presence.note()
        if self.device.watch < 0 and not self.opened:
            self.presence.probe()
        why = self._take_line()
        if why is None:
            self._told_refusal = None
            await self.client.send(data)
            if not self.opened:
                self.client.give_line()  # it has written this and closed the pty
                self.client.be_at_far_end(False)
            return
        self.refused += len(data)
        if self._told_refusal != why and self._say(f"not sent: {why}"):
            self._told_refusal = why

    def _take_line(self) -> str | None:
        """Make the client the writer, in its format; returns why it cannot be, or None."""
        if self.watch:
            return "this pty only watches"
        line_format = client_format(self.device, self.hub.com1.cable.line_format)
        if line_format is None:
            return "your end of the line is at 0 baud, which is to hang up: set a speed, such as 115200"
        self.client.be_at_far_end(True, line_format)
        if self.client.watch:
            try:
                self.client.take_line()
            except LineHeldError as error:
                return str(error)
        return None

    def _say(self, text: str) -> bool:
        """Write a sentence for the person at the pty; returns whether there is one, and room for it."""
        if not self.opened:
            return False
        try:
            size = os.write(self.device.master, f"\r\nuartsim: {text}\r\n".encode())
        except OSError:
            return False
        self._ours.append((self._written, self._written + size))
        self._written += size
        while self._ours[0][1] < self._written - _PTY_HOLDS:
            self._ours.popleft()
        return True

    def say_to_all(self, text: str) -> None:
        """Write a sentence for each of two clients that take turns at reading: twice, as soon as the first is read.

        While one client is busy with the first, the other probably gets the second; there is no certain way.
        """
        for _ in range(2):
            if not self._say(text):
                return
            until = time.monotonic() + _TAKEN_S
            while self.device.waiting() and time.monotonic() < until:
                pass

    # -- to the clients ------------------------------------------------------------------------------------

    async def _to_clients(self) -> None:
        while True:
            while not self.opened:
                await self._changed.wait()
            departures = self.presence.departures
            self.hub.mark(f"{self.client.who} was opened")
            await self._opening(departures)
            self._note_format()
            self.client.come()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, departures)
                while self.presence.departures == departures:
                    await self._changed.wait()
                nursery.cancel_scope.cancel()
            self.hub.mark(f"{self.client.who} was closed")

    async def _opening(self, departures: int) -> None:
        """Wait until the client has flushed its input, or its grace is over."""
        seen = 0
        grace, early_at = OPENING_GRACE, self.device.opened_early_at
        if early_at is not None:
            grace = max(LEAST_GRACE, early_at + OPENING_GRACE - time.monotonic())
            self.device.opened_early_at = None
        with trio.move_on_after(grace):
            while self.presence.flushes == seen and self.presence.departures == departures:
                await self._changed.wait()
        while self.presence.flushes != seen and self.presence.departures == departures:
            seen = self.presence.flushes
            with trio.move_on_after(FLUSH_SETTLE):
                while self.presence.flushes == seen and self.presence.departures == departures:
                    await self._changed.wait()

    async def _pump(self, departures: int) -> None:
        """Copy the hub's stream to the pty, until the client has left."""
        client, master = self.client, self.device.master
        missed = client.missed
        while True:
            if client.in_the_past:
                self._note_format()
            client.eager = partial(self._push, departures)
            try:
                data = await client.receive()
            finally:
                client.eager = None
            if not data:
                await trio.sleep_forever()  # the guest has ended, and the machine cancels this task
            if client.missed != missed:
                self._say(f"{client.missed - missed} bytes were not kept until you came")
                missed = client.missed
            view = memoryview(data)
            try:
                while view:
                    # What is written after the client has left is discarded when the next one flushes.
                    self.presence.note()
                    if self.presence.departures != departures:
                        await trio.sleep_forever()
                    try:
                        size = os.write(master, view)
                    except BlockingIOError:
                        await _wait_writable(master)
                        continue
                    except OSError:
                        self.presence.mend()
                        await trio.lowlevel.checkpoint()
                        continue
                    client.await_reading(False)
                    self._written += size
                    view = view[size:]
                    client.progress()
            except trio.Cancelled:
                client.give_back(view)  # it left before it could have this
                raise

    def _push(self, departures: int) -> None:
        """Write what the guest has just sent while the pump waits: an echo goes out at once, not a task switch later."""
        hub, client = self.hub, self.client
        if not 0 < client.waiting <= EAGER or client.position < hub.start:
            return
        self.presence.note()
        if self.presence.departures != departures:
            return
        data = client.receive_nowait()
        try:
            size = os.write(self.device.master, data)
        except OSError:
            size = 0
        self._written += size
        if size < len(data):
            client.give_back(data[size:])

    def _take_back(self) -> None:
        """Take back what the last client did not read, at once, before the next one can flush it."""
        self.client.give_line()
        self._told_refusal = None
        self.device.opened_early_at = None
        if not self.opened and not self.presence.in_doubt:
            self.presence.restore()
        else:  # the next one is here already, with settings of its own
            self.device.restore_discipline()
        # A client may have put more there itself (TIOCSTI).
        taken = min(self.device.unread(), self._written - self._written_before)
        first = self._written_before = self._written - taken
        ours = sum(until - max(begin, first) for begin, until in self._ours if until > first)
        self.client.go_back(taken - ours)
        self._written = first
        while self._ours and self._ours[-1][1] > first:
            self._ours.pop()

    async def drain(self) -> None:
        """Wait until its clients have read what was written to it."""
        while self.opened and self.device.waiting():
            await trio.sleep(0.01)
