"""The port bridge: a stock QEMU's accesses to COM1 are served by our chip.

``port_bridge.c`` says how QEMU is brought to that, and how the two processes talk.  Here is the process that serves.

Time.  QEMU stamps each access with CLOCK_MONOTONIC, and the chip sees it at that time: neither our latency nor the
wait of a posted write in the ring stretches the line.  A guest's own clocks under TCG are the same clock.  Only what
the chip has done already is not undone: a stamp older than the chip's present counts as the present.

Posted writes of a driver that polls are gathered: after the first we look at the ring once in :data:`GATHER_TICKS`
without being called, until we find it empty, so that a guest's character costs no wake-up of a process.  Whoever lets the
chip's time pass has the ring served first, so that no stamp is late.
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
from uartsim.registers import IER, LCR, MCR, InterruptId

#: How long a polling driver's posted writes may wait in the ring, in ticks.
GATHER_TICKS: Final = 1_000_000 * TICKS_PER_NS
#: At unlimited rate, how long the guest waits at a time for a far end that is behind, in ticks.
FAR_PATIENCE_TICKS: Final = 100_000_000 * TICKS_PER_NS
#: The variable that tells the library in QEMU what to do.
VARIABLE: Final = "UARTSIM_BRIDGE"
#: QEMU's exit status when the library in it refuses to work.
REFUSED: Final = 98

_ERBFI: Final = int(IER.ERBFI)
_ETBEI: Final = int(IER.ETBEI)
_DLAB: Final = int(LCR.DLAB)
_LOOP: Final = int(MCR.LOOP)
_THR_EMPTY: Final = int(InterruptId.THR_EMPTY)
_HELLO, _READ, _WRITE, _RESET, _RUN = b"HRWZV"


class BridgeServer:
    """Serves one QEMU's COM1 from a :class:`Com1`.

    Args:
        com1: the port.
        library: the compiled bridge, see :func:`uartsim.guest.bridge_build.bridge_library`.
        leases: whether QEMU may answer for us; without, every access waits, and whoever records sees them all.
        base_port: the first of its eight I/O ports in the guest.
        irq: its ISA interrupt.

    Raises:
        BridgeUnavailable: the library cannot be loaded.

    Attributes:
        ready: set when QEMU has shown that its side works.
        on_transmit: called with characters that the guest has written to THR, after they were.
        on_reset: called when the guest's machine is reset; the chip has been reset already.
        on_run: called when the guest's processor begins to run, before anything that it does.
        running: whether the guest's processor runs.
    """

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
        com1.before_advance = self._before_advance
        com1.on_settled = self._settled
        com1.on_interrupt = self._interrupt
        com1.on_far_ready = self._far_is_ready
        self._publish()

    # -- QEMU's side ---------------------------------------------------------------------------------------

    @property
    def descriptors(self) -> tuple[int, int]:
        """What QEMU inherits, under the same numbers; :meth:`handed_over` when it has."""
        return self._theirs.fileno(), self._page.fd

    @property
    def command_prefix(self) -> list[str]:
        """What stands in front of QEMU's command line: it alone is to have these variables."""
        return ["env", f"LD_PRELOAD={self._library}", f"{VARIABLE}={self._environment}"]

    def handed_over(self) -> None:
        """QEMU has inherited its end of the socket: its end is the end of file for us."""
        self._theirs.close()

    # -- serving -------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Serve until QEMU closes its end: it has ended, or has given us up."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                over = not self._socket.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                over = True
            self._drain(0)  # also what QEMU has posted last
            if over and not self._held:
                return
            if over:
                await trio.sleep(0.01)

    def _drain(self, gather_ns: int) -> None:
        """Serve what is in the ring.

        Args:
            gather_ns: until then we look again by ourselves; 0 if QEMU has to call.
        """
        page, com1, served = self._page, self.com1, self._served
        uart = com1.uart
        posted = self._held = False
        self._gather_ns = gather_ns
        self._draining = True
        try:
            while (made := page.look(gather_ns)) != served and not self._held:
                if uart.unlimited and com1.far_busy is not None and com1.far_busy():
                    self._held = True
                    break
                run = bytearray()
                at = uart.now
                for op, offset, value, slot, ns in page.requests(served, made):
                    at = max(ns * TICKS_PER_NS, at)
                    if op == _WRITE and slot == POSTED:
                        posted = True
                        if not offset and uart.unlimited and not uart.lcr & _DLAB:
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
                self._served = served = made
                com1.advance(uart.now)  # without FIFO and at unlimited rate a character leaves at this very time
                self._publish()  # first of all: a processor may wait for it
                com1.settle()
        finally:
            self._draining = False
        if self._transmitted:
            transmitted, self._transmitted = bytes(self._transmitted), bytearray()
            if self.on_transmit is not None:
                self.on_transmit(transmitted)
        if self._held:
            # The far end is behind: the guest's writes wait in the ring, and each look tells QEMU that we live.
            self._gathering.set(com1.clock.now() + FAR_PATIENCE_TICKS)
        elif posted and not gather_ns and (uart.unlimited or not uart.ier & _ETBEI):
            until = com1.clock.now() + GATHER_TICKS
            self._gathering.set(until)
            self._gather_ns = until // TICKS_PER_NS
            if page.look(self._gather_ns) != self._served:
                self._drain(self._gather_ns)

    def _gathered(self, now: int) -> None:
        """The time to look by ourselves has come: go on with that while something comes."""
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

    def _before_advance(self) -> None:
        """Time is to pass: what the guest posted before comes first."""
        if not self._draining and not self._held and self._page.look(self._gather_ns) != self._served:
            self._drain(self._gather_ns)

    def _far_is_ready(self) -> None:
        if self._held:
            self._drain(0)

    def _write(self, offset: int, value: int, slot: int) -> None:
        com1, uart = self.com1, self.com1.uart
        if offset or uart.lcr & _DLAB:
            com1.write_at(offset, value, uart.now)
            return
        transmitter = uart.transmitter
        while slot == POSTED and len(transmitter.fifo) >= transmitter.depth and transmitter.due < NEVER:
            # QEMU posts only what it knows to have room; a stamp that came late to us may be a little before that.
            com1.advance(max(uart.now, transmitter.due))
        was_up = uart.irq and uart.iir == _THR_EMPTY
        com1.write_at(0, value, uart.now)
        self._note_transmitted(bytes((value,)), was_up)

    def _write_run(self, run: bytearray, at: int) -> None:
        """THR was written several times at unlimited rate; the run is empty then."""
        com1, uart = self.com1, self.com1.uart
        com1.advance(at)
        was_up = uart.irq and uart.iir == _THR_EMPTY
        characters = bytes(run)
        run.clear()
        com1.write_thr_at(characters, uart.now)
        self._note_transmitted(characters, was_up)

    def _note_transmitted(self, characters: bytes, was_up: bool) -> None:
        uart = self.com1.uart
        if was_up and uart.irq and uart.iir == _THR_EMPTY:
            self._dips += 1  # down with the write, and up again at once: an edge that nobody has seen
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

    # -- what the chip does by itself ----------------------------------------------------------------------

    def _interrupt(self, level: bool, at: int) -> None:
        """The line has changed; between our own accesses QEMU is told at once."""
        if not level:
            self._dips += 1
        if not self._draining:
            # The lease goes before the line rises: a guest that read an old IIR would lose the interrupt for good.
            line = self._line()
            self._page.publish(self._served, NO_LEASE, line)
            self._tell(line)

    def _line(self) -> int:
        return int(self.com1.uart.irq) | (self._dips & 0xFF) << 8

    def _tell(self, line: int) -> None:
        """QEMU's main loop is to look at the line."""
        if line != self._told_line:
            self._told_line = line
            with contextlib.suppress(OSError):  # QEMU has ended; or it has been told often enough
                self._socket.send(b"i")

    def _settled(self) -> None:
        """After registers were touched, or the far end did something; in the midst of the ring we say it ourselves."""
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
            if uart.ier & _ERBFI:
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
        """Characters have come that may raise the interrupt."""
        if not self._closed:
            self.com1.advance(now)
            self.com1.settle()

    async def wait_stopped(self) -> None:
        """Wait until the guest's processor stands still, and all that it has written is in the chip."""
        while self.running:
            await self._run_changed.wait()

    async def wait_running(self) -> None:
        """Wait until the guest's processor runs."""
        while not self.running:
            await self._run_changed.wait()

    async def drain(self) -> None:
        """Wait until all that the guest has written has left the chip, the last stop bit included."""
        com1 = self.com1
        while not com1.uart.transmitter.empty:
            ticks = com1.uart.transmitter.drained_at() - com1.clock.now()
            await trio.sleep(max(ticks, 144_000) / 144e9)
            com1.advance(com1.clock.now())
        com1.settle()

    # -- facts and the end ---------------------------------------------------------------------------------

    def count_leased(self) -> None:
        """Add the reads that QEMU has answered by itself to the port's own count."""
        if self._closed:
            return
        leased = self._page.counters().leased
        for offset in range(8):
            self.com1.reads[offset] += leased[offset] - self._noted_leases[offset]
        self._noted_leases = list(leased)

    def status(self) -> dict[str, Any]:
        """What the bridge has done, as plain values."""
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
        """Let go of the port; QEMU, if it still runs, finds an empty slot."""
        if self._closed:
            return
        self.count_leased()
        self._closed = True
        com1 = self.com1
        com1.before_advance = com1.on_settled = None
        com1.on_interrupt = com1.on_far_ready = None
        self._gathering.set(NEVER)
        self._arrival.set(NEVER)
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
        self._theirs.close()
        self._page.close()
