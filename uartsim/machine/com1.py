"""COM1: a serial port and what is done to it from outside the guest: from the far end of its line, and by the machine.

The far end sends characters and breaks, drives DTR and RTS, has a format of its own, listens, and is where faults of the
line are made.  Everything about time is in :class:`uartsim.machine.port.Port`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol

import trio

from uartsim.chip.state import UartState
from uartsim.errors import UsageError
from uartsim.line_format import NEVER, TICKS_PER_NS, TICKS_PER_SECOND, LineFormat, seconds_to_ticks
from uartsim.machine.fault_tally import FaultTally
from uartsim.machine.losses import in_words
from uartsim.machine.port import Port
from uartsim.machine.ticker import Ticker, Wakeup
from uartsim.registers import FCR, MSR, ModemOutput, Offset
from uartsim.wire.cable import Ear
from uartsim.wire.channel import add_counters
from uartsim.wire.far_sender import XOFF
from uartsim.wire.faults import Fault
from uartsim.wire.frame import Arrival

#: How often :meth:`Com1.drain` looks again while CTS holds the transmitter, and how long it sleeps at least, in ticks.
_HELD_LOOK: Final = 20_000_000 * TICKS_PER_NS
_SHORTEST_SLEEP: Final = 1000 * TICKS_PER_NS


class Recorder(Protocol):
    """Something that records the port in a file."""

    def status(self) -> dict[str, Any]:
        """Its ``path``, ``bytes``, ``lost_events`` and ``trouble``."""

    def discard(self) -> None:
        """Remove the file."""


class Com1(Port):
    """One running serial port, as the far end sees it.  The arguments are those of :class:`Port`."""

    def __init__(self, ticker: Ticker, **options: Any) -> None:
        super().__init__(ticker, **options)
        self._port_faults: dict[str, Fault] = {}  # those that are done to modem lines, by kind
        self._fault_ends: dict[str, Wakeup] = {}
        self._tally = FaultTally()
        #: What records it, by what that is to the user: ``"trace"``, ``"vcd"``.
        self.recorders: dict[str, Recorder] = {}

    @property
    def far_pending(self) -> int:
        """Characters queued at the far end that are not yet on the line."""
        return self.cable.far.pending

    def far_send(self, data: bytes) -> None:
        """The far end sends; the characters queue until the line has carried them."""
        now = self.clock.now()
        self.advance(now)
        far = self.cable.far
        far.send(data, now)
        self._quiet_until = self._far_due = 0  # as _touched has it, without the call
        if self.uart.unlimited:
            self.advance(now)
        else:
            far.step(now, self.has_room())  # a free line takes the first frame at once
        self.settle()

    def far_break(self, ticks: int) -> None:
        """The far end holds the line at space for ``ticks``, after what it has queued; ValueError for 0 or less."""
        now = self.clock.now()
        self.advance(now)
        self.cable.far.send_break(ticks, now)
        self._touched()
        self.advance(now)
        self.settle()

    async def drain(self) -> None:
        """Wait until all that the guest has written has left the chip, the last stop bit included.

        While CTS holds the transmitter this waits for CTS as well.
        """
        await trio.lowlevel.checkpoint()
        transmitter = self.uart.transmitter
        self.advance(self.clock.now())
        while not transmitter.empty:
            left = _HELD_LOOK if transmitter.held else transmitter.drained_at() - self.clock.now()
            await trio.sleep(max(left, _SHORTEST_SLEEP) / TICKS_PER_SECOND)
            self.advance(self.clock.now())
        self.settle()

    def reset(self) -> None:
        """Master reset of the chip, now.  What is on the line stays on the line."""
        now = self.clock.now()
        self.advance(now)
        was_closed = not self.has_room()
        if self.taps is not None:
            self.taps.reset()
        self.uart.reset(self.uart.now)
        self.cable.far.xoff_at = None  # the guest's driver, which it has stopped, starts anew
        if self.taps is not None:
            self.taps.tell_pins()
        self._set_format()
        self._look_for_losses()
        self.far_end.machine_reset(self.uart.now)
        self._resume(was_closed, self.uart.now)
        self.settle()

    def restore(self, uart: UartState, line: Iterable[tuple[int, bytes, LineFormat]]) -> None:
        """The chip becomes what a snapshot holds, at its present time; frames that were on the line are on it again.

        Args:
            uart: the chip, with its times moved to the present, see :func:`uartsim.guest.snapshot.moved`.
            line: the frames: when the first began, the characters, their format.
        """
        self.uart.become(uart)
        self.losses.begin()
        self._set_format()
        for start, characters, line_format in line:
            self.cable.carry_run(start, characters, line_format)
        self._drive_pins()  # the far end and the faults of the line are those of the present

    def close_taps(self) -> None:
        """The machine has ended: recordings of the port, if there are any, are closed."""
        if self.taps is not None:
            self.taps.close()

    # -- its format, and what it hears ---------------------------------------------------------------------

    def set_far_format(self, line_format: LineFormat | None) -> None:
        """The far end sends in a format of its own from its next frame on; None: in the guest's, and follows it."""
        if line_format != self.cable.far_format:
            self.cable.set_far_format(line_format, self.uart.now)
            self._soon()

    def _soon(self) -> None:
        """Have the timer look at the line again: not within this call, which may come from what the line hands out."""
        self._touched()
        self._wakeup.set(min(self._wakeup.at, self.uart.now))

    def listen(self, line_format: LineFormat | None, deliver: Callable[[Arrival], object]) -> Ear:
        """Hear at the far end, over all that is wrong with the line; see :meth:`uartsim.wire.cable.Cable.listen`."""
        self.carry()
        return self.cable.listen(line_format, deliver, self.uart.now)

    def release(self, ear: Ear) -> None:
        """Stop listening as soon as the line is quiet."""
        self.carry()
        self.cable.release(ear, self.uart.now)
        self._soon()

    def retune(self, ear: Ear, line_format: LineFormat | None) -> None:
        """Listen in another format from now on."""
        self.carry()
        self.cable.retune(ear, line_format, self.uart.now)

    # -- modem lines ---------------------------------------------------------------------------------------

    def set_far_outputs(self, outputs: ModemOutput) -> None:
        """The far end drives DTR and RTS: the chip sees them as DSR and DCD, and CTS."""
        now = self.clock.now()
        self.advance(now)
        self.cable.far_outputs = outputs
        self._drive_pins()
        self.settle()

    def _drive_pins(self) -> None:
        """What comes in at the chip's modem lines: what the far end drives, as far as faults let it."""
        faults, outputs, pins = self._port_faults, self.cable.far_outputs, MSR(0)
        if outputs & ModemOutput.DTR:
            pins |= MSR.DSR | MSR.DCD
        if outputs & ModemOutput.RTS:
            pins |= MSR.CTS
        if "lost-cts" in faults and faults["lost-cts"].applies_to("in"):
            pins &= ~MSR.CTS
        if "dcd-drop" in faults:
            pins &= ~MSR.DCD
        if "cut" in faults:
            pins = MSR(0)
        was_closed = not self.has_room()
        self.rts_lost = "cut" in faults or ("lost-cts" in faults and faults["lost-cts"].applies_to("out"))
        self.uart.set_modem_inputs(int(pins), self.uart.now)
        self._resume(was_closed, self.uart.now)
        if self.taps is not None:
            self.taps.inputs_driven()

    def forget_line(self) -> None:
        """Forget what is on the line in both directions, and what the far end has queued."""
        self.carry()
        self.cable.forget(self.uart.now)
        self._touched()
        self.far_end.room_made()

    # -- faults --------------------------------------------------------------------------------------------

    def add_fault(self, fault: Fault) -> None:
        """A fault of the line begins now; another of its kind in the same direction ends.

        Raises:
            UsageError: it needs a line that takes time, and the rate is unlimited.
        """
        check_fault_at_rate(fault, self.uart.unlimited)
        self.advance(self.clock.now())
        self._touched()
        now, far = self.uart.now, self.cable.far
        self.carry()
        if fault.level == "line":
            if fault.applies_to("in"):
                far.use_channel(True, now)
                assert far.channel is not None
                far.channel.add_fault(fault, random.Random(fault.seed_of("in")), now)
            if fault.applies_to("out"):
                self.cable.use_channel(now).add_fault(fault, random.Random(fault.seed_of("out")), now)
        if fault.kind == "xoff":
            far.send(XOFF, now)
            self._tally.sent(fault.kind)
        elif fault.level == "port" or fault.kind == "cut":
            if fault.level == "port":
                if (before := self._port_faults.get(fault.kind)) is not None:
                    self._tally.end(before, now)
                self._tally.begin(fault, now)
            self._port_faults[fault.kind] = fault
            self._drive_pins()
            if fault.kind not in self._fault_ends:
                self._fault_ends[fault.kind] = self.ticker.wakeup(partial(self._time_is_over, fault.kind))
            self._fault_ends[fault.kind].set(now + seconds_to_ticks(fault["seconds"]) if fault["seconds"] else NEVER)
        self._faults_changed()

    def clear_faults(self, kind: str | None = None) -> int:
        """The faults of ``kind``, or all of them, end now; returns how many were at work."""
        self.advance(self.clock.now())
        self._touched()
        self.carry()
        now, far, out = self.uart.now, self.cable.far, self.cable.out
        ended = [fault for fault in self.faults() if kind in (None, fault.kind)]
        for channel in (far.channel, out):
            if channel is not None:
                channel.clear_faults(now, kind)
        if far.channel is not None and not far.channel.faults:
            far.use_channel(False, now)
        for name in [name for name in self._port_faults if kind in (None, name)]:
            self._end_port_fault(name)
        self._faults_changed()
        return len(ended)

    def _time_is_over(self, kind: str, now: int) -> None:
        """A fault of a modem line has lasted as long as it should."""
        self.advance(now)
        self._end_port_fault(kind)
        self._faults_changed()

    def _end_port_fault(self, kind: str) -> None:
        fault = self._port_faults.pop(kind)
        if fault.level == "port":
            self._tally.end(fault, self.uart.now)
        self._fault_ends[kind].set(NEVER)
        self._drive_pins()

    def _faults_changed(self) -> None:
        self.far_end.faults_changed()
        self.settle()

    def faults(self) -> list[Fault]:
        """The faults at work."""
        found: dict[str, Fault] = {}
        for channel in (self.cable.far.channel, self.cable.out):
            for fault in channel.faults if channel is not None else ():
                found[str(fault)] = fault
        for fault in self._port_faults.values():
            found[str(fault)] = fault
        return list(found.values())

    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction (``"in"`` to the guest, ``"out"``) and kind, those that ended included."""
        found = self.cable.fault_counters()
        for direction, counters in self._tally.counters(self._tallied(), self.uart.now).items():
            found[direction] = add_counters(found.get(direction, {}), counters)
        return found

    def reset_fault_counters(self) -> None:
        """Count from 0 on what faults do."""
        self.advance(self.clock.now())
        self.carry()
        self.cable.reset_fault_counters()
        self._tally.reset(self._tallied(), self.uart.now)
        self.settle()

    def _tallied(self) -> list[Fault]:
        return [fault for fault in self._port_faults.values() if fault.level == "port"]

    # -- facts ---------------------------------------------------------------------------------------------

    def recordings(self) -> dict[str, dict[str, Any]]:
        """What is recorded of the port besides its bytes, ``"trace"`` and ``"vcd"``: the file, its size, what it lacks."""
        return {what: recorder.status() for what, recorder in self.recorders.items()}

    def lost(self) -> dict[str, int]:
        """The characters that were lost, by the names in :data:`uartsim.machine.losses.MEANINGS`."""
        self._look_for_losses()
        found = {"overruns": self.losses.overruns, "dropped_by_full_transmitter": self.losses.dropped}
        for direction, kinds in self.fault_counters().items():
            for counters in kinds.values():
                for name in counters.keys() & {"characters_lost", "characters_held"}:
                    found[f"{name}_{direction}"] = found.get(f"{name}_{direction}", 0) + counters[name]
        return found

    def status(self) -> dict[str, Any]:
        """What the port is and has done, as plain values."""
        uart = self.uart
        receiver, transmitter, modem = uart.receiver, uart.transmitter, uart.modem
        lost = in_words(self.lost())
        return {
            "uart": uart.variant.name,
            "format": str(uart.line_format),
            "baud": None if uart.unlimited else round(uart.line_format.baud, 3),
            "divisor": uart.divisor,
            "registers": {
                "IER": uart.ier,
                "IIR": uart.iir | (uart.variant.iir_fifo_bits | uart.fcr & FCR.FIFO_64 if uart.fcr & 1 else 0),
                "FCR": uart.fcr,
                "LCR": uart.lcr,
                "MCR": modem.control,
                "LSR": uart.line_status,
                "MSR": modem.status,
                "SCR": uart.scratch,
            },
            "thr_writes": transmitter.thr_writes,
            "rbr_reads": receiver.rbr_reads,
            "accesses": {
                "read": {name: self.reads[offset] for name, offset in _READ_NAMES.items()},
                "write": {name: self.writes[offset] for name, offset in _WRITE_NAMES.items()},
            },
            "line": {
                "bytes_out": self.counts.characters_out,
                "bytes_in": receiver.received - self.counts.breaks_in,
                "errors_out": self.counts.errors_out,
                "errors_in": self.counts.errors_in,
                "breaks_out": self.counts.breaks_out,
                "breaks_in": self.counts.breaks_in,
                "overruns": self.losses.overruns,
                "withheld": self.cable.far.withheld,
                "dropped_by_full_transmitter": self.losses.dropped,
                "lost_in_loopback": self.losses.in_loopback,
                "queued_in": self.far_pending,
            },
            "modem": {
                "dtr": bool(modem.outputs & 1),
                "rts": bool(modem.outputs & 2),
                "cts": bool(modem.shown & MSR.CTS),
                "dsr": bool(modem.shown & MSR.DSR),
                "dcd": bool(modem.shown & MSR.DCD),
                "ri": bool(modem.shown & MSR.RI),
            },
            "strict_line": self.strict_line,
            "flow_control": "rtscts" if self.flow_control else "none",
            "far_format": str(self.cable.far.line_format),
            "faults": [str(fault) for fault in self.faults()],
            "fault_counters": self.fault_counters(),
            "lost": lost,
        }


def check_fault_at_rate(fault: Fault, unlimited: bool) -> None:
    """UsageError for a fault that needs a line that takes time, where the rate is unlimited."""
    if unlimited and fault.level == "line":
        raise UsageError(
            f"{fault.kind} is done to bits, and at unlimited rate there are none: run the machine with --rate line"
        )


_READ_NAMES: Final = {
    "RBR/DLL": Offset.RBR,
    "IER/DLM": Offset.IER,
    "IIR": Offset.IIR,
    "LCR": Offset.LCR,
    "MCR": Offset.MCR,
    "LSR": Offset.LSR,
    "MSR": Offset.MSR,
    "SCR": Offset.SCR,
}
_WRITE_NAMES: Final = {
    "THR/DLL": Offset.THR,
    "IER/DLM": Offset.IER,
    "FCR": Offset.FCR,
    "LCR": Offset.LCR,
    "MCR": Offset.MCR,
    "LSR": Offset.LSR,
    "MSR": Offset.MSR,
    "SCR": Offset.SCR,
}
