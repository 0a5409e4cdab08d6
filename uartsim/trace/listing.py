"""Listing a trace: as lines of text, or as plain values for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final

from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND
from uartsim.record import events
from uartsim.record.levels import error_names
from uartsim.register_bits import DLAB
from uartsim.registers import LineError, ModemInput, ModemOutput
from uartsim.trace.bit_names import bit_names, printable, register_name

#: The groups of events that ``--only`` selects.
GROUPS: Final = {
    "accesses": (events.Read, events.Write, events.Reset),
    "line": (
        *(events.Sent, events.SentBreak, events.Received, events.FarSent, events.FarSpace, events.RxdEdges),
        events.Programmed,
    ),
    "interrupts": (events.Interrupt,),
    "modem": (events.ModemInputs, events.ModemOutputs),
}
#: Events that are always listed: they say what is missing from the trace.
_ALWAYS: Final = (events.Lost, events.End)


def clock(ticks: int) -> str:
    """Format a time since the start, in ticks, to the nanosecond: ``+0.000 417 292 s``."""
    sign, ns = ("-", -ticks) if ticks < 0 else ("+", ticks)
    seconds, rest = divmod(ns // TICKS_PER_NS, 1_000_000_000)
    text = f"{rest:09d}"
    return f"{sign}{seconds}.{text[:3]} {text[3:6]} {text[6:]} s"


class Listing:
    """A selection of a trace's events, as text or as plain values.

    Args:
        begin: events before this time are left out, in ticks since the start.
        end: events after this time are left out.
        only: keys of :data:`GROUPS`; empty selects all events.
    """

    def __init__(self, begin: int = 0, end: int | None = None, only: Iterable[str] = ()) -> None:
        self._begin, self._end = begin, end
        wanted = tuple(kind for group in only for kind in GROUPS[group])
        self._wanted = (*wanted, *_ALWAYS) if wanted else None
        self._dlab = False

    def _chosen(self, trace: Iterable[events.Event]) -> Iterator[tuple[events.Event, bool]]:
        """The selected events, each with whether LCR.DLAB was set."""
        for event in in_order(trace):
            dlab = self._dlab
            match event:
                case events.Write(_, 3, value):
                    self._dlab = bool(value & DLAB)
                case events.Reset():
                    self._dlab = False
            if isinstance(event, events.End) and not event.whole:
                yield event, dlab  # whatever was selected: the missing part may have contained it
                return
            if event.at < self._begin or (self._wanted is not None and not isinstance(event, self._wanted)):
                continue
            if self._end is not None and event.at > self._end:
                return
            if isinstance(event, events.End) and event.whole and self._wanted is not None:
                continue
            yield event, dlab

    def lines(self, trace: Iterable[events.Event], every: bool = False) -> Iterator[str]:
        """The events as lines of text; repeated reads of the same value are counted on one line, unless ``every``."""
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
        """The events as plain values for JSON; ``ticks`` is exact, with 144 ticks to a nanosecond."""
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
    """The events in order of time: one that was recorded after its start comes at its start."""
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
    return "RXD", f"arrived other than it was sent, for {duration(length)}: {len(event.edges)} levels"


def _received(event: Any, _: bool) -> tuple[str, str]:
    if event.errors & LineError.BI:
        return "RXD", "break received"
    character = f"'{printable(bytes((event.character,)), quote=chr(39))}'"
    errors = error_names(event.errors)
    return "RXD", f"{character} {event.character:02X} received{f' with {errors}' if errors else ''}"


def duration(ticks: int) -> str:
    """Format a length of time in a suitable unit, to four digits."""
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
    events.SentBreak: lambda event, _: ("TXD", "break begins" if event.on else "break ends"),
    events.Received: _received,
    events.FarSent: lambda event, _: ("far", f'"{printable(event.characters)}" sent at {event.line_format}'),
    events.FarSpace: lambda event, _: ("far", f"holds RXD at space for {duration(event.ticks)}"),
    events.RxdEdges: _edges,
    events.ModemInputs: lambda event, _: ("pins", f"in: {_active(ModemInput, event.pins)}"),
    events.ModemOutputs: lambda event, _: ("pins", f"out: {_active(ModemOutput, event.outputs)}"),
    events.Lost: lambda event, _: ("lost", f"{event.missing} events are missing here"),
    events.End: lambda event, _: ("end", "" if event.whole else "the recording was cut off here"),
}
