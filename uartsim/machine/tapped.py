"""A port that tells its taps everything: every register access, every pin, every frame (:mod:`uartsim.record.tap`).

Its slices are off, so that there is an access for each thing that the guest does, at the time at which it did it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from uartsim.line_format import LineFormat
from uartsim.machine.com1 import Com1
from uartsim.machine.ticker import Ticker
from uartsim.record.tap import RecordHeader, Tap
from uartsim.wire.frame import Arrival

#: Makes a tap for a port, given what a recording has to say of it.
TapMaker: TypeAlias = Callable[[RecordHeader], Tap]


class TappedCom1(Com1):
    """A port with taps.

    Args:
        ticker: what wakes it.
        name: the machine's, for the recordings.
        taps: who is told.
        options: of :class:`uartsim.machine.port.Port`.
    """

    def __init__(self, ticker: Ticker, name: str, taps: Sequence[TapMaker], **options: Any) -> None:
        super().__init__(ticker, **options)
        self.slices = False
        self.watched = True
        uart = self.uart
        header = RecordHeader(
            name=name,
            start=uart.now,
            variant=uart.variant.name,
            thre_delay=uart.transmitter.delay_circuit,
            out2_gate=uart.out2_gate,
            unlimited=uart.unlimited,
            strict_line=self.strict_line,
            modem_inputs=uart.modem.pins,
        )
        self.taps: list[Tap] = []
        try:
            for make in taps:
                self.taps.append(make(header))
        except BaseException:
            self.close_taps()
            raise
        self._irq_told = False
        #: Where the line is gone over bit by bit: from when on the edges at RXD have not been told; when its last frame is
        #: over; and the level told last.
        self._edges_from: int | None = None
        self._edges_until = 0
        self._rxd = 1
        self._inputs_told = uart.modem.pins
        self._outputs_told = 0
        far = self.cable.far
        far.on_frame = self._far_frame
        far.on_space = self._far_space

    def close_taps(self) -> None:
        """The recordings end."""
        for tap in self.taps:
            tap.settled(self.uart.now)
            tap.close()
        self.taps.clear()

    # -- what the guest does -------------------------------------------------------------------------------

    def read_at(self, offset: int, at: int) -> int:
        """See :meth:`uartsim.machine.port.Port.read_at`."""
        self._pass_time(at)
        value = super().read_at(offset, at)
        for tap in self.taps:
            tap.read(at, offset, value)
        self._tell_pins()
        return value

    def write_at(self, offset: int, value: int, at: int) -> None:
        """See :meth:`uartsim.machine.port.Port.write_at`."""
        self._pass_time(at)
        super().write_at(offset, value, at)
        for tap in self.taps:
            tap.write(at, offset, int(value))
        self._tell_pins()

    def write_thr_at(self, characters: bytes, at: int) -> None:
        """See :meth:`uartsim.machine.port.Port.write_thr_at`; each is an access of its own."""
        for character in characters:
            self.write_at(0, character, at)

    def _reset_chip(self) -> None:
        for tap in self.taps:
            tap.reset(self.uart.now)
        super()._reset_chip()
        self._tell_pins()

    def _set_format(self) -> None:
        super()._set_format()
        for tap in self.taps:
            tap.programmed(self.uart.now, self.uart.line_format)

    # -- what comes of it ----------------------------------------------------------------------------------

    def _pass_time(self, until: int) -> None:
        """From one event of the chip to the next, so that each change of a pin is told at its own time."""
        uart = self.uart
        while (due := uart.next_event(uart.now)) <= until:
            self._tell_pins()  # to say what comes next, the chip has done what was due already
            uart.advance(due)
            self._tell_pins()
        self._tell_pins()
        super()._pass_time(max(until, uart.now))

    def _tell_pins(self) -> None:
        """Tell of the interrupt and the modem lines, if they have changed."""
        uart, at = self.uart, self.uart.now
        outputs = int(uart.modem.outputs)
        if outputs != self._outputs_told:
            self._outputs_told = outputs
            for tap in self.taps:
                tap.modem_outputs(at, outputs)
        if uart.irq != self._irq_told:
            self._irq_told = uart.irq
            for tap in self.taps:
                tap.interrupt(at, uart.irq)

    def _signal(self, now: int) -> None:
        self._tell_pins()
        super()._signal(now)

    def _receive(self, arrival: Arrival, at: int) -> None:
        self._pass_time(at)
        for tap in self.taps:
            tap.received(at, arrival.character, arrival.errors)
        super()._receive(arrival, at)
        self._tell_pins()

    def _drive_pins(self) -> None:
        super()._drive_pins()
        pins = self.uart.modem.pins
        if pins != self._inputs_told:
            self._inputs_told = pins
            for tap in self.taps:
                tap.modem_inputs(self.uart.now, pins)
        self._tell_pins()

    def _carry(self) -> None:
        runs, breaks = self.uart.transmitter.sent, self.uart.break_changes
        for tap in self.taps:
            for run in runs:
                tap.sent(run.start, bytes(run.characters), run.line_format)
            for at, on in breaks:
                tap.sent_break(at, on)
        super()._carry()

    def _plan(self) -> None:
        super()._plan()
        until = self._tell_edges()
        for tap in self.taps:
            tap.settled(until)

    def _tell_edges(self) -> int:
        """Tell what came at RXD where that may be another thing than was sent; returns until when all has been told."""
        far, now = self.cable.far, self.uart.now
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
            for tap in self.taps:
                tap.rxd_edges(told)
            self._edges_from, self._rxd = until, level
        if busy:
            return until
        self._edges_from, self._rxd = None, 1
        return now

    def _over_channel(self, start: int, end: int) -> None:
        """The far end has put something on a line that is gone over bit by bit: what came of it is told by edges."""
        if self.cable.far.channel is not None:
            self._edges_until = end
            if self._edges_from is None:
                self._edges_from = start

    # -- what the far end does -----------------------------------------------------------------------------

    def _far_frame(self, start: int, character: int, line_format: LineFormat) -> None:
        for tap in self.taps:
            tap.far_sent(start, bytes((character,)), line_format)
        self._over_channel(start, start + line_format.frame_ticks)

    def _far_space(self, start: int, ticks: int) -> None:
        for tap in self.taps:
            tap.far_space(start, ticks)
        self._over_channel(start, start + ticks)
