"""What a port tells its taps: every register access, every pin, every frame (:mod:`uartsim.record.tap`).

A port with taps does nothing in slices, so that there is an access for each thing that the guest does, at the time at
which it did it; and it lets its chip come from event to event, so that each pin changes at its own time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from uartsim.line_format import LineFormat
from uartsim.record.tap import RecordHeader, Tap
from uartsim.wire.frame import Arrival

if TYPE_CHECKING:
    from uartsim.machine.port import Port

#: Makes a tap for a port, given what a recording has to say of it.
TapMaker: TypeAlias = Callable[[RecordHeader], Tap]


class Taps:
    """The taps of one port.

    Args:
        port: the port, whose chip and cable have just been made.
        name: the machine's, for the recordings.
        makers: make the taps.

    Raises:
        UsageError: a recording cannot be made; those that were made before are for the caller to discard.
    """

    def __init__(self, port: Port, name: str, makers: Sequence[TapMaker]) -> None:
        self._port = port
        self._uart = uart = port.uart
        header = RecordHeader(
            name=name,
            start=uart.now,
            variant=uart.variant.name,
            thre_delay=uart.transmitter.delay_circuit,
            out2_gate=uart.out2_gate,
            unlimited=uart.unlimited,
            strict_line=port.strict_line,
            modem_inputs=uart.modem.pins,
        )
        self._taps: list[Tap] = [make(header) for make in makers]
        #: What the pins are made of, as it was last looked at; and what was told of them.
        self._pins_seen: tuple[bool, int, bool] | None = None
        self._irq_told = False
        #: Where the line is gone over bit by bit: from when on the edges at RXD have not been told; when its last frame is
        #: over; and the level told last.
        self._edges_from: int | None = None
        self._edges_until = 0
        self._rxd = 1
        self._inputs_told = uart.modem.pins
        self._outputs_told = 0
        far = port.cable.far
        far.on_frame = self._far_frame
        far.on_space = self._far_space

    def close(self) -> None:
        """The recordings end."""
        for tap in self._taps:
            tap.settled(self._uart.now)
            tap.close()
        self._taps.clear()

    # -- what the guest does -------------------------------------------------------------------------------

    def read(self, at: int, offset: int, value: int) -> None:
        """The guest has read a register."""
        for tap in self._taps:
            tap.read(at, offset, value)
        self.tell_pins()

    def written(self, at: int, offset: int, value: int) -> None:
        """The guest has written a register."""
        for tap in self._taps:
            tap.write(at, offset, int(value))
        self.tell_pins()

    def reset(self) -> None:
        """The chip is about to be reset."""
        for tap in self._taps:
            tap.reset(self._uart.now)

    def programmed(self) -> None:
        """The chip has another format."""
        for tap in self._taps:
            tap.programmed(self._uart.now, self._uart.line_format)

    # -- what comes of it ----------------------------------------------------------------------------------

    def pass_time(self, until: int) -> None:
        """Let the chip come to ``until`` from one event to the next, so that each change of a pin has its own time."""
        uart = self._uart
        until = max(until, uart.now)
        while uart.due <= until:
            due = uart.next_event(uart.now)
            self.tell_pins()  # to say what comes next, the chip has done what was due already
            if due > until:
                break
            uart.advance(due)
            self.tell_pins()
        self.tell_pins()
        uart.advance(until)

    def tell_pins(self) -> None:
        """Tell of the interrupt and the modem lines, if they have changed."""
        uart, modem = self._uart, self._uart.modem
        pins = uart.irq, modem.control, modem.rts_dropped
        if pins == self._pins_seen:
            return
        self._pins_seen = pins
        at, outputs = uart.now, int(modem.outputs)
        if outputs != self._outputs_told:
            self._outputs_told = outputs
            for tap in self._taps:
                tap.modem_outputs(at, outputs)
        if uart.irq != self._irq_told:
            self._irq_told = uart.irq
            for tap in self._taps:
                tap.interrupt(at, uart.irq)

    def received(self, arrival: Arrival, at: int) -> None:
        """The chip's receiver is about to get a character."""
        self.pass_time(at)
        for tap in self._taps:
            tap.received(at, arrival.character, arrival.errors)

    def inputs_driven(self) -> None:
        """The cable has driven the chip's modem lines."""
        pins = self._uart.modem.pins
        if pins != self._inputs_told:
            self._inputs_told = pins
            for tap in self._taps:
                tap.modem_inputs(self._uart.now, pins)
        self.tell_pins()

    def carried(self) -> None:
        """What the chip has sent is about to be put onto the cable."""
        runs, breaks = self._uart.transmitter.sent, self._uart.break_changes
        for tap in self._taps:
            for run in runs:
                tap.sent(run.start, bytes(run.characters), run.line_format)
            for at, on in breaks:
                tap.sent_break(at, on)

    def settled(self) -> None:
        """The port has done all that is due."""
        until = self._tell_edges()
        for tap in self._taps:
            tap.settled(until)

    def _tell_edges(self) -> int:
        """Tell what came at RXD where that may be another thing than was sent; returns until when all has been told."""
        far, now = self._port.cable.far, self._uart.now
        edges = far.take_edges()
        if edges and self._edges_from is None:
            self._edges_from = edges[0].at
        if self._edges_from is None:
            return now
        channel = far.channel
        busy = channel is not None and channel.busy
        until = max(self._edges_from, min(now, channel.horizon)) if channel is not None and busy else now
        if not busy:
            until = max(until, self._edges_until)
        if edges or until > self._edges_from:
            level = edges[-1].level if edges else self._rxd
            told = [(self._edges_from, self._rxd), *edges, (until, level)]
            for tap in self._taps:
                tap.rxd_edges(told)
            self._edges_from, self._rxd = until, level
        if busy:
            return until
        self._edges_from, self._rxd = None, 1
        return now

    # -- what the far end does -----------------------------------------------------------------------------

    def _far_frame(self, start: int, character: int, line_format: LineFormat) -> None:
        for tap in self._taps:
            tap.far_sent(start, bytes((character,)), line_format)
        self._over_channel(start, start + line_format.frame_ticks)

    def _far_space(self, start: int, ticks: int) -> None:
        for tap in self._taps:
            tap.far_space(start, ticks)
        self._over_channel(start, start + ticks)

    def _over_channel(self, start: int, end: int) -> None:
        """The far end has put something on a line that is gone over bit by bit: what came of it is told by edges."""
        if self._port.cable.far.channel is not None:
            self._edges_until = end
            if self._edges_from is None:
                self._edges_from = start
