"""The events of a trace: each call of a tap, as a value.

Times are ticks since the start of the recording.  :func:`tell` makes the call that an event stands for, so that a trace
can be turned into everything that a running port can be recorded as.
"""

from __future__ import annotations

from typing import NamedTuple

from uartsim.line_format import LineFormat
from uartsim.record.tap import Tap


class Read(NamedTuple):
    """A register was read."""

    at: int
    offset: int
    value: int


class Write(NamedTuple):
    """A register was written."""

    at: int
    offset: int
    value: int


class Reset(NamedTuple):
    """Master reset of the chip."""

    at: int


class Programmed(NamedTuple):
    """The chip's line format changed."""

    at: int
    line_format: LineFormat


class Interrupt(NamedTuple):
    """The interrupt line rose or fell."""

    at: int
    level: bool


class Sent(NamedTuple):
    """Frames on TXD without gaps; ``at`` is the falling edge of the first start bit."""

    at: int
    characters: bytes
    line_format: LineFormat


class SentBreak(NamedTuple):
    """The break on TXD began (``on``) or ended."""

    at: int
    on: bool


class Received(NamedTuple):
    """The chip's receiver got a character; ``errors`` are its bits of :class:`uartsim.registers.LineError`."""

    at: int
    character: int
    errors: int


class FarSent(NamedTuple):
    """Frames that the far end sent on RXD without gaps; ``at`` is the falling edge of the first start bit."""

    at: int
    characters: bytes
    line_format: LineFormat


class FarSpace(NamedTuple):
    """The far end held RXD at space for ``ticks`` from ``at`` on."""

    at: int
    ticks: int


class RxdEdges(NamedTuple):
    """The levels at the receiver's pin, as (time, level) pairs; ``at`` is the time of the first."""

    at: int
    edges: tuple[tuple[int, int], ...]


class ModemInputs(NamedTuple):
    """The modem inputs changed; ``pins`` are their new levels at their places in MSR."""

    at: int
    pins: int


class ModemOutputs(NamedTuple):
    """The modem outputs changed; ``outputs`` are their new levels at their places in MCR."""

    at: int
    outputs: int


class Settled(NamedTuple):
    """Every event before ``at`` has been reported."""

    at: int


class Lost(NamedTuple):
    """``missing`` events are missing here, because the file could not be written."""

    at: int
    missing: int


class End(NamedTuple):
    """The end of the recording; ``whole`` means that it was closed and not cut off."""

    at: int
    whole: bool


Event = (
    Read
    | Write
    | Reset
    | Programmed
    | Interrupt
    | Sent
    | SentBreak
    | Received
    | FarSent
    | FarSpace
    | RxdEdges
    | ModemInputs
    | ModemOutputs
    | Settled
    | Lost
    | End
)


def tell(event: Event, tap: Tap) -> None:
    """Call the method of ``tap`` that reports ``event``, with the event's times.

    :class:`Lost` and :class:`End` have no such method: for them nothing is called.
    """
    match event:
        case Read(at, offset, value):
            tap.read(at, offset, value)
        case Write(at, offset, value):
            tap.write(at, offset, value)
        case Reset(at):
            tap.reset(at)
        case Programmed(at, line_format):
            tap.programmed(at, line_format)
        case Interrupt(at, level):
            tap.interrupt(at, level)
        case Sent(at, characters, line_format):
            tap.sent(at, characters, line_format)
        case SentBreak(at, on):
            tap.sent_break(at, on)
        case Received(at, character, errors):
            tap.received(at, character, errors)
        case _:
            _tell_of_the_far_end(event, tap)


def _tell_of_the_far_end(event: Event, tap: Tap) -> None:
    match event:
        case FarSent(at, characters, line_format):
            tap.far_sent(at, characters, line_format)
        case FarSpace(at, ticks):
            tap.far_space(at, ticks)
        case RxdEdges(_, edges):
            tap.rxd_edges(edges)
        case ModemInputs(at, pins):
            tap.modem_inputs(at, pins)
        case ModemOutputs(at, outputs):
            tap.modem_outputs(at, outputs)
        case Settled(at):
            tap.settled(at)
