"""What a tap is told, as values: the events of a trace.

Times are ticks since the start of the recording.  :func:`tell` hands an event to a tap, so that a trace may be made
into anything that a running port can be made into.
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
    """Master reset."""

    at: int


class Programmed(NamedTuple):
    """The chip has another format."""

    at: int
    line_format: LineFormat


class Interrupt(NamedTuple):
    """The interrupt line rose or fell."""

    at: int
    level: bool


class Sent(NamedTuple):
    """Frames on TXD without a gap; ``at`` is the falling edge of the first start bit."""

    at: int
    characters: bytes
    line_format: LineFormat


class SentBreak(NamedTuple):
    """TXD is forced to space, or let go."""

    at: int
    on: bool


class Received(NamedTuple):
    """The chip's receiver was given a character."""

    at: int
    character: int
    errors: int


class FarSent(NamedTuple):
    """Frames that the far end put on RXD without a gap; ``at`` is the falling edge of the first start bit."""

    at: int
    characters: bytes
    line_format: LineFormat


class FarSpace(NamedTuple):
    """The far end held RXD at space from ``at`` on."""

    at: int
    ticks: int


class RxdEdges(NamedTuple):
    """The levels that came at the receiver's pin, (time, level) each; ``at`` is the time of the first."""

    at: int
    edges: tuple[tuple[int, int], ...]


class ModemInputs(NamedTuple):
    """The modem lines that come in, at their places in MSR."""

    at: int
    pins: int


class ModemOutputs(NamedTuple):
    """The modem lines that go out, at their places in MCR."""

    at: int
    outputs: int


class Settled(NamedTuple):
    """Everything before ``at`` has been told."""

    at: int


class Lost(NamedTuple):
    """Here so many events are missing: the file could not be written."""

    at: int
    missing: int


class End(NamedTuple):
    """The end of the recording; ``whole``: it was closed, and not cut off."""

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
    """Tell ``tap`` of ``event``, with the event's times; :class:`Lost` and :class:`End` are nothing that a tap is told."""
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
