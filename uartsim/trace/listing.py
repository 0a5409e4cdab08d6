"""A trace as lines that a person, or a program, can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final

from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND
from uartsim.record import events
from uartsim.record.levels import error_names
from uartsim.register_bits import DLAB
from uartsim.registers import LineError, ModemInput, ModemOutput
from uartsim.trace.names import bit_names, printable, register_name

#: What may be asked for alone.
GROUPS: Final = {
    "accesses": (events.Read, events.Write, events.Reset),
    "line": (
        *(events.Sent, events.SentBreak, events.Received, events.FarSent, events.FarSpace, events.RxdEdges),
        events.Programmed,
    ),
    "interrupts": (events.Interrupt,),
    "modem": (events.ModemInputs, events.ModemOutputs),
}
#: Always shown: what is missing from the trace.
_ALWAYS: Final = (events.Lost, events.End)


def clock(ticks: int) -> str:
    """A time since the start, to the nanosecond: ``+0.000 417 292 s``."""
    sign, ns = ("-", -ticks) if ticks < 0 else ("+", ticks)
    seconds, rest = divmod(ns // TICKS_PER_NS, 1_000_000_000)
    text = f"{rest:09d}"
    return f"{sign}{seconds}.{text[:3]} {text[3:6]} {text[6:]} s"


class Listing:
    """Events in words.

    Args:
        begin: events before are passed over, in ticks since the start.
        end: events after are.
        only: names of :data:`GROUPS`; all if empty.
    """

    def __init__(self, begin: int = 0, end: int | None = None, only: Iterable[str] = ()) -> None:
        self._begin, self._end = begin, end
        wanted = tuple(kind for group in only for kind in GROUPS[group])
        self._wanted = (*wanted, *_ALWAYS) if wanted else None
        self._dlab = False

    def _chosen(self, trace: Iterable[events.Event]) -> Iterator[tuple[events.Event, bool]]:
        """What is shown of a trace, each with whether the divisor latch was open."""
        for event in in_order(trace):
            dlab = self._dlab
            match event:
                case events.Write(_, 3, value):
                    self._dlab = bool(value & DLAB)
                case events.Reset():
                    self._dlab = False
            if isinstance(event, events.End) and not event.whole:
                yield event, dlab  # whatever was asked for: what is not there may have come later
                return
            if event.at < self._begin or (self._wanted is not None and not isinstance(event, self._wanted)):
                continue
            if self._end is not None and event.at > self._end:
                return
            if isinstance(event, events.End) and event.whole and self._wanted is not None:
                continue
            yield event, dlab

    def lines(self, trace: Iterable[events.Event], every: bool = False) -> Iterator[str]:
        """The events as text, one a line; reads that repeat what the one before said are counted unless ``every``."""
        before: events.Read | None = None
        repeats, last = 0, 0
        for event, dlab in self._chosen(trace):
            if not every and before is not None and isinstance(event, events.Read) and event[1:] == before[1:]:
                repeats, last = repeats + 1, event.at
                continue
            if repeats:
                yield _repeated(repeats, last)
                repeats = 0
            before = event if isinstance(event, events.Read) else None
            yield f"{clock(event.at):>20}  {_words(event, dlab)}"
        if repeats:
            yield _repeated(repeats, last)

    def objects(self, trace: Iterable[events.Event]) -> Iterator[dict[str, Any]]:
        """The events as plain values for JSON; ``ticks`` are exact, 144 a nanosecond."""
        for event, dlab in self._chosen(trace):
            found: dict[str, Any] = {"ticks": event.at, "seconds": event.at / TICKS_PER_SECOND}
            found["event"] = _snake(type(event).__name__)
            for name, value in zip(event._fields[1:], event[1:], strict=True):
                if isinstance(value, bytes):
                    found[name] = value.decode("latin-1")
                elif isinstance(value, bool | int | tuple):
                    found[name] = value
                else:
                    found[name] = str(value)
            if isinstance(event, events.Read | events.Write):
                register = register_name(event.offset, isinstance(event, events.Write), dlab)
                found |= {"register": register, "means": bit_names(register, event.value)}
            yield found


def in_order(trace: Iterable[events.Event]) -> Iterator[events.Event]:
    """The events in the order of time: those that are told with an earlier start come where they began."""
    waiting: list[tuple[int, int, events.Event]] = []
    for number, event in enumerate(trace):
        match event:
            case events.Settled(at):
                while waiting and waiting[0][0] < at:
                    yield heappop(waiting)[2]
            case events.Lost() | events.End():
                while waiting:
                    yield heappop(waiting)[2]
                yield event
            case _:
                heappush(waiting, (event.at, number, event))


def _repeated(times: int, last: int) -> str:
    text = "once more, at" if times == 1 else f"{times} times more, until"
    return f"{'':20}  ... {text} {clock(last)}"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _words(event: events.Event, dlab: bool) -> str:
    what, text = _WORDS[type(event)](event, dlab)
    return f"{what:<6} {text}".rstrip()


def _access(event: Any, dlab: bool) -> tuple[str, str]:
    written = isinstance(event, events.Write)
    register = register_name(event.offset, written, dlab)
    return "write" if written else "read", f"{register} {event.value:02X}  {bit_names(register, event.value)}"


def _edges(event: Any, _: bool) -> tuple[str, str]:
    length = event.edges[-1][0] - event.edges[0][0]
    return "RXD", f"came otherwise than it was sent, for {duration(length)}: {len(event.edges)} levels"


def _received(event: Any, _: bool) -> tuple[str, str]:
    if event.errors & LineError.BI:
        return "RXD", "break received"
    character = f"'{printable(bytes((event.character,)), quote=chr(39))}'"
    errors = error_names(event.errors)
    return "RXD", f"{character} {event.character:02X} received{f' with {errors}' if errors else ''}"


def duration(ticks: int) -> str:
    """A length of time in the unit that suits it."""
    seconds = ticks / TICKS_PER_SECOND
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.4g} {unit}"
    return f"{ticks / TICKS_PER_NS:.4g} ns"


def _active(names: type[ModemInput] | type[ModemOutput], pins: int) -> str:
    return " ".join(str(pin.name) for pin in names if pins & pin) or "none"


_WORDS: Final[dict[type[Any], Callable[[Any, bool], tuple[str, str]]]] = {
    events.Read: _access,
    events.Write: _access,
    events.Reset: lambda event, _: ("reset", ""),
    events.Programmed: lambda event, _: ("format", str(event.line_format)),
    events.Interrupt: lambda event, _: ("IRQ", "rises" if event.level else "falls"),
    events.Sent: lambda event, _: ("TXD", f'"{printable(event.characters)}" sent at {event.line_format}'),
    events.SentBreak: lambda event, _: ("TXD", "forced to space" if event.on else "let go"),
    events.Received: _received,
    events.FarSent: lambda event, _: ("far", f'"{printable(event.characters)}" sent at {event.line_format}'),
    events.FarSpace: lambda event, _: ("far", f"holds RXD at space for {duration(event.ticks)}"),
    events.RxdEdges: _edges,
    events.ModemInputs: lambda event, _: ("pins", f"in: {_active(ModemInput, event.pins)}"),
    events.ModemOutputs: lambda event, _: ("pins", f"out: {_active(ModemOutput, event.outputs)}"),
    events.Lost: lambda event, _: ("lost", f"{event.missing} events are missing here"),
    events.End: lambda event, _: ("end", "" if event.whole else "the recording was cut off here"),
}
