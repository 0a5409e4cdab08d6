"""The port bridge: our chip serves an unmodified QEMU's accesses to COM1.

``port_bridge.c`` runs inside QEMU, and describes how it gets there and how the two processes communicate.  This module is
the server, in uartsim's process.

Time: QEMU's side stamps each access with CLOCK_MONOTONIC, and the chip sees the access at that time, so that neither our
latency nor the wait of a posted write in the ring delays the line.  Under TCG the guest's own clocks follow the same
clock.  The chip's past cannot be changed, however: a stamp older than the chip's present counts as the present.

Posted writes of a polling driver are gathered: after the first one, the server looks at the ring once every
:data:`GATHER_TICKS` without being called, until it finds the ring empty, so that a guest's character does not wake a
process.  Before the chip's time is advanced for any other reason, the ring is served, so that no stamp comes too late.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.guest.bridge_lease import NO_LEASE, lease_of
from uartsim.guest.bridge_page import POSTED, VERSION, Page
from uartsim.line_format import NEVER, TICKS_PER_NS
from uartsim.machine import Com1
from uartsim.machine.sides import NO_GUEST, QuietGuest
from uartsim.register_bits import DLAB, ERBFI, ETBEI, THR_EMPTY

#: How long a polling driver's posted writes may wait in the ring, in ticks.
GATHER_TICKS: Final = 1_000_000 * TICKS_PER_NS
#: At unlimited rate, how often the server looks again while the far end is behind and the guest's writes wait, in ticks.
FAR_PATIENCE_TICKS: Final = 100_000_000 * TICKS_PER_NS
#: The environment variable with the parameters of the library in QEMU.
VARIABLE: Final = "UARTSIM_BRIDGE"
#: QEMU's exit status when the library in it refuses to work.
REFUSED: Final = 98

_HELLO, _READ, _WRITE, _RESET, _RUN = b"HRWZV"


class BridgeServer(QuietGuest):
    """Serves the COM1 of one QEMU from a :class:`Com1`.

    Args:
        com1: the port.
        library: the path of the compiled bridge, see :func:`uartsim.guest.bridge_build.bridge_library`.
        leases: whether QEMU's side may answer reads by itself; without leases every access waits for us, so that a
            recorder sees all of them.
        base_port: the first of the port's eight I/O ports in the guest.
        irq: the port's ISA interrupt.

    Raises:
        BridgeUnavailable: the library cannot be loaded.

    Attributes:
        ready: set when QEMU's side has reported that it works.
        on_transmit: called with characters after the guest has written them to THR.
        on_reset: called when the guest's machine is reset, after the chip has been reset.
        on_run: called when the guest's processor starts to run, before its first access.
        running: whether the guest's processor runs.
    """

    serves_interrupts = True
    posts_accesses = True
    follows_changes = True

    def __init__(self, com1: Com1, library: Path, *, leases: bool = True, base_port: int = 0x3F8, irq: int = 4) -> None:
        self.com1 = com1
        self.ready = trio.Event()
        self.running = False
        self.on_transmit: Callable[[bytes], None] | None = None
        self.on_reset: Callable[[], None] | None = None
        self.on_run: Callable[[], None] | None = None
        self._leases = leases
        self._library = library
        self._page = Page(library)
        self._socket, self._theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._environment = f"{self._theirs.fileno()},{self._page.fd},{base_port:#x},{irq}"
        self._served = 0
        self._dips = 0
        self._told_line = 0
        self._draining = False
        self._transmitted = bytearray()
        self._closed = False
        self._held = False
        self._run_changed = trio.Event()
        self._gathered_to = 0
        self._noted_leases = [0] * 8
        self._gathering = com1.ticker.wakeup(self._gathered)
        self._arrival = com1.ticker.wakeup(self._arrived)
        self._gather_ns = 0
        com1.guest = self
        self._publish()

    # -- QEMU's side ---------------------------------------------------------------------------------------

    @property
    def descriptors(self) -> tuple[int, int]:
        """The descriptors that QEMU inherits, under the same numbers; call :meth:`handed_over` afterwards."""
        return self._theirs.fileno(), self._page.fd

    @property
    def command_prefix(self) -> list[str]:
        """The words to put in front of QEMU's command line, so that only QEMU has these environment variables."""
        return ["env", f"LD_PRELOAD={self._library}", f"{VARIABLE}={self._environment}"]

    def handed_over(self) -> None:
        """QEMU has inherited its end of the socket: close our copy, so that we get end of file when QEMU ends."""
        self._theirs.close()

    # -- serving -------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Serve until QEMU closes its end of the socket, because it has ended or no longer waits for us."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                over = not self._socket.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                over = True
            self._drain(0)  # serves QEMU's last posted writes as well
            if over and not self._held:
                return
            if over:
                await trio.sleep(0.01)

    def _drain(self, gather_ns: int) -> None:
        """Serve the requests in the ring.

        Args:
            gather_ns: the time until which we look again by ourselves, in nanoseconds; 0 if QEMU has to call us.
        """
        page, com1 = self._page, self.com1
        posted = self._held = False
        self._gather_ns = gather_ns
        self._draining = True
        try:
            while (made := page.look(gather_ns)) != self._served:
                if com1.uart.unlimited and com1.far_end.is_busy():
                    self._held = True
                    break
                posted |= self._serve_until(made)
                com1.advance(com1.uart.now)  # without a FIFO, at unlimited rate, a character leaves at this very time
                self._publish()  # do this first, because a processor may be waiting for it
                com1.settle()
        finally:
            self._draining = False
        self._tell_transmitted()
        if self._held:
            # The far end is behind: the guest's writes wait in the ring, and each look tells QEMU that we are alive.
            self._gathering.set(com1.clock.now() + FAR_PATIENCE_TICKS)
        elif posted and not gather_ns and (com1.uart.unlimited or not com1.uart.ier & ETBEI):
            until = com1.clock.now() + GATHER_TICKS
            self._gathering.set(until)
            self._gather_ns = until // TICKS_PER_NS
            if page.look(self._gather_ns) != self._served:
                self._drain(self._gather_ns)

    def _serve_until(self, made: int) -> bool:
        """Serve the requests in the ring up to the ``made``-th; returns whether a posted write was among them."""
        page, com1, uart = self._page, self.com1, self.com1.uart
        run = bytearray()
        at, posted = uart.now, False
        for op, offset, value, slot, ns in page.requests(self._served, made):
            at = max(ns * TICKS_PER_NS, at)
            if op == _WRITE and slot == POSTED:
                posted = True
                if not offset and uart.unlimited and not uart.lcr & DLAB:
                    run.append(value)
                    continue
            if run:
                self._write_run(run, at)
            com1.advance(at)
            if op == _READ:
                page.answer(slot, com1.read_at(offset, uart.now))
            elif op == _WRITE:
                self._write(offset, value, slot)
            else:
                self._special(op, value, slot)
        if run:
            self._write_run(run, at)
        self._served = made
        return posted

    def _tell_transmitted(self) -> None:
        if self._transmitted:
            transmitted, self._transmitted = bytes(self._transmitted), bytearray()
            if self.on_transmit is not None:
                self.on_transmit(transmitted)

    def _gathered(self, now: int) -> None:
        """It is time to look at the ring by ourselves; continue doing so while requests come."""
        if self._closed:
            return
        self._drain((now + GATHER_TICKS) // TICKS_PER_NS)
        if self._held:
            return
        before, self._gathered_to = self._gathered_to, self._served
        if self._served != before:
            self._gathering.set(now + GATHER_TICKS)
        else:
            self._drain(0)

    def catch_up(self) -> None:
        """The chip's time is about to be advanced: serve the guest's earlier posted writes first."""
        if not self._draining and not self._held and self._page.look(self._gather_ns) != self._served:
            self._drain(self._gather_ns)

    def far_ready(self) -> None:
        """The far end takes characters again: go on with what was held."""
        if self._held:
            self._drain(0)

    def _write(self, offset: int, value: int, slot: int) -> None:
        com1, uart = self.com1, self.com1.uart
        if offset or uart.lcr & DLAB:
            com1.write_at(offset, value, uart.now)
            return
        transmitter = uart.transmitter
        while slot == POSTED and len(transmitter.fifo) >= transmitter.depth and transmitter.due < NEVER:
            # QEMU posts a write only when there is room; the chip may be a little behind the time of the stamp.
            com1.advance(max(uart.now, transmitter.due))
        was_up = uart.irq and uart.iir == THR_EMPTY
        com1.write_at(0, value, uart.now)
        self._note_transmitted(bytes((value,)), was_up)

    def _write_run(self, run: bytearray, at: int) -> None:
        """Write a run of characters to THR at unlimited rate, and empty the run."""
        com1, uart = self.com1, self.com1.uart
        com1.advance(at)
        was_up = uart.irq and uart.iir == THR_EMPTY
        characters = bytes(run)
        run.clear()
        com1.write_thr_at(characters, uart.now)
        self._note_transmitted(characters, was_up)

    def _note_transmitted(self, characters: bytes, was_up: bool) -> None:
        uart = self.com1.uart
        if was_up and uart.irq and uart.iir == THR_EMPTY:
            self._dips += 1  # the line fell with the write and rose at once: an edge that the level does not show
        if self.on_transmit is not None and not uart.modem.looped:
            self._transmitted += characters

    def _special(self, op: int, value: int, slot: int) -> None:
        if op == _HELLO:
            self._page.answer(slot, VERSION)
            self.ready.set()
        elif op == _RESET:
            self.com1.reset()
            if self.on_reset is not None:
                self.on_reset()
        elif op == _RUN:
            self.running = bool(value)
            self._run_changed.set()
            self._run_changed = trio.Event()
            if value and self.on_run is not None:
                self.on_run()

    # -- the chip's own events -----------------------------------------------------------------------------

    def interrupt(self, level: bool, at: int) -> None:
        """The interrupt line has changed; unless the ring is being served, tell QEMU at once."""
        if not level:
            self._dips += 1
        if not self._draining:
            # The lease must end before the line rises: a guest that then read an old IIR would lose the interrupt.
            line = self._line()
            self._page.publish(self._served, NO_LEASE, line)
            self._tell(line)

    def _line(self) -> int:
        return int(self.com1.uart.irq) | (self._dips & 0xFF) << 8

    def _tell(self, line: int) -> None:
        """Make QEMU's main loop look at the interrupt line."""
        if line != self._told_line:
            self._told_line = line
            with contextlib.suppress(OSError):  # QEMU has ended, or the socket is full of such messages
                self._socket.send(b"i")

    def settled(self) -> None:
        """Registers were accessed, or the far end acted: publish the new state, unless the ring is being served."""
        if not self._draining:
            self._publish()

    def _publish(self) -> None:
        com1 = self.com1
        uart, far = com1.uart, com1.cable.far
        room = com1.has_room()
        if far.idle:
            next_arrival = interrupt_at = NEVER
        elif room:
            next_arrival = far.nth_arrival(1)
            interrupt_at = NEVER
            if uart.ier & ERBFI:
                interrupt_at = far.nth_arrival(max(1, uart.receiver.trigger - len(uart.receiver.data)))
        else:
            next_arrival = interrupt_at = far.due(room=False)
        self._arrival.set(interrupt_at)
        line = self._line()
        lease = lease_of(uart, next_arrival) if self._leases else NO_LEASE
        if self._page.publish(self._served, lease, line):
            self._told_line = line
        else:
            self._tell(line)

    def _arrived(self, now: int) -> None:
        """Characters have arrived that may raise the interrupt line."""
        if not self._closed:
            self.com1.advance(now)
            self.com1.settle()

    async def wait_stopped(self) -> None:
        """Wait until the guest's processor is stopped and all its writes are in the chip."""
        while self.running:
            await self._run_changed.wait()

    async def wait_running(self) -> None:
        """Wait until the guest's processor runs."""
        while not self.running:
            await self._run_changed.wait()

    # -- status and closing --------------------------------------------------------------------------------

    def count_leased(self) -> None:
        """Add the reads that QEMU's side has answered by itself to the port's own counts."""
        if self._closed:
            return
        leased = self._page.counters().leased
        for offset in range(8):
            self.com1.reads[offset] += leased[offset] - self._noted_leases[offset]
        self._noted_leases = list(leased)

    def status(self) -> dict[str, Any]:
        """The bridge's counters, as plain values."""
        counters = self._page.counters()
        return {
            "reads_leased": sum(counters.leased),
            "reads_waited": sum(counters.waited),
            "writes_posted": sum(counters.posted),
            "writes_waited": sum(counters.written),
            "naps": counters.naps,
            "median_wait_us": counters.median_wait_us,
            "longest_wait_us": counters.longest_wait_ns // 1000,
            "running": self.running,
        }

    def close(self) -> None:
        """Detach from the port; for a QEMU that still runs, the port then reads FF, like an empty slot."""
        if self._closed:
            return
        self.count_leased()
        self._closed = True
        com1 = self.com1
        com1.guest = NO_GUEST
        self._gathering.set(NEVER)
        self._arrival.set(NEVER)
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
        self._theirs.close()
        self._page.close()
