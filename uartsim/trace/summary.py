"""Summing up a trace: how a driver used a port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.record import events
from uartsim.register_bits import DLAB
from uartsim.registers import POWER_ON_DIVISOR, LineError
from uartsim.trace.bit_names import bit_names, register_name
from uartsim.trace.listing import duration

#: The registers that hold settings: the summary lists each value that was written to them.
_SETTINGS = ("FCR", "LCR", "IER", "MCR")


@dataclass
class Summary:
    """Counts over a trace; times are in ticks.

    Attributes:
        reads: the number of reads by register name; LCR.DLAB decides between registers at one offset.
        writes: the number of writes by register name, likewise.
        settings: for each register that holds settings, how often each value was written, in order of first use.
        last: the last value written to each of these registers.
        divisors: the divisors that the driver set, in order; each is the latch's value when LCR.DLAB was cleared.
        formats: how long each format was in force.
        characters_out: the number of frames on TXD.
        characters_in: the number of characters that the receiver got, without breaks.
        breaks_out: how often a break began on TXD (LCR.6).
        breaks_in: the number of breaks that the receiver got.
        errors_in: the number of received characters with a parity or framing error.
        interrupts: how often the interrupt line rose.
        interrupt_ticks: how long it was active in all.
        longest_interrupt: the longest time for which it was active without a pause.
        resets: the number of master resets.
        events: the number of events in the trace.
        lost: the number of events that are missing from it.
        end: the time of the last event.
        whole: whether the recording was closed and not cut off.
    """

    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    settings: dict[str, dict[int, int]] = field(default_factory=lambda: {name: {} for name in _SETTINGS})
    last: dict[str, int] = field(default_factory=dict)
    divisors: list[int] = field(default_factory=list)
    formats: dict[LineFormat, int] = field(default_factory=dict)
    characters_out: int = 0
    characters_in: int = 0
    breaks_out: int = 0
    breaks_in: int = 0
    errors_in: int = 0
    interrupts: int = 0
    interrupt_ticks: int = 0
    longest_interrupt: int = 0
    resets: int = 0
    events: int = 0
    lost: int = 0
    end: int = 0
    whole: bool = False

    @property
    def accesses(self) -> int:
        """The number of reads and writes of registers."""
        return sum(self.reads.values()) + sum(self.writes.values())

    def as_json(self) -> dict[str, Any]:
        """The summary as plain values for JSON; times are in seconds."""
        found: dict[str, Any] = {
            name: value for name, value in vars(self).items() if isinstance(value, int | dict | list)
        }
        found["formats"] = {str(name): ticks / TICKS_PER_SECOND for name, ticks in self.formats.items()}
        for name in ("interrupt_ticks", "longest_interrupt", "end"):
            found[f"{name.removesuffix('_ticks')}_s"] = found.pop(name) / TICKS_PER_SECOND
        return found | {"accesses": self.accesses}

    def lines(self) -> list[str]:
        """The summary as lines of text."""
        last = ", ".join(
            f"{name} {value:02X} ({bit_names(name, value) or 'nothing'})" for name, value in self.last.items()
        )
        lines = [
            f"length      {duration(self.end)}, {self.events} events{'' if self.whole else '; it was cut off'}"
            f"{f'; {self.lost} events are missing' if self.lost else ''}",
            f"divisors    {', '.join(map(str, self.divisors)) or 'none was set'}",
            f"formats     {', '.join(f'{name} for {duration(ticks)}' for name, ticks in self.formats.items()) or '-'}",
            f"last set    {last or 'nothing'}",
            *(f"{name + ' values':<11} {_values(values)}" for name, values in self.settings.items() if values),
            f"reads       {_counts(self.reads)}",
            f"writes      {_counts(self.writes)}",
            f"line        {self.characters_out} characters out, {self.characters_in} in ({self.errors_in} with errors); "
            f"breaks {self.breaks_out} out, {self.breaks_in} in",
            f"interrupt   {self.interrupts} times, {duration(self.interrupt_ticks)} in all, at most "
            f"{duration(self.longest_interrupt)}",
        ]
        return [*lines, f"resets      {self.resets}"] if self.resets else lines


def _values(values: dict[int, int]) -> str:
    return ", ".join(f"{value:02X}{f' {count} times' if count > 1 else ''}" for value, count in values.items())


def _counts(counts: dict[str, int]) -> str:
    return " ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1])) or "none"


def summarize(trace: Iterable[events.Event]) -> Summary:
    """Sum up the events of a trace."""
    return _Counting().count(trace)


class _Counting:
    """One pass over a trace: the counts so far, and the state that carries over from one event to the next."""

    def __init__(self) -> None:
        self.found = Summary()
        self.lcr = 0
        self.latch = [POWER_ON_DIVISOR, 0]
        self.latch_set = False
        #: The format in force and the time since when; None before the first one was recorded.
        self.format: tuple[LineFormat, int] | None = None
        #: When the interrupt line rose; None while it is low.
        self.rose: int | None = None

    def count(self, trace: Iterable[events.Event]) -> Summary:
        """Count all events."""
        found = self.found
        for event in trace:
            found.events += not isinstance(event, events.Settled | events.End)
            found.end = max(found.end, event.at)
            match event:
                case events.Read() | events.Write():
                    self._access(event)
                case events.Reset():
                    found.resets += 1
                    self.lcr = 0
                case events.Programmed(at, line_format):
                    self._end_format(at)
                    self.format = line_format, at
                case events.Interrupt(at, level):
                    self._interrupt(at, level)
                case events.Lost(_, count):
                    found.lost += count
                case events.End(_, whole):
                    found.whole = whole
                case _:
                    self._line(event)
        self._end_format(found.end)
        self._interrupt(found.end, False)
        found.formats = {name: ticks for name, ticks in found.formats.items() if ticks}
        return found

    def _access(self, event: events.Read | events.Write) -> None:
        _, offset, value = event
        written = isinstance(event, events.Write)
        name = register_name(offset, written, bool(self.lcr & DLAB))
        counts = self.found.writes if written else self.found.reads
        counts[name] = counts.get(name, 0) + 1
        if not written:
            return
        if name in ("DLL", "DLM"):
            self.latch[name == "DLM"] = value
            self.latch_set = True
        elif (values := self.found.settings.get(name)) is not None:
            values[value] = values.get(value, 0) + 1
            self.found.last[name] = value
        if name == "LCR":
            self._latch_closed(value)

    def _latch_closed(self, lcr: int) -> None:
        """LCR was written.  A driver writes the two halves of the divisor one by one: it is whole when DLAB is cleared."""
        divisor = self.latch[0] | self.latch[1] << 8
        if self.latch_set and self.lcr & ~lcr & DLAB and self.found.divisors[-1:] != [divisor]:
            self.found.divisors.append(divisor)
        self.lcr = lcr

    def _end_format(self, at: int) -> None:
        if self.format is not None:
            name, since = self.format
            self.found.formats[name] = self.found.formats.get(name, 0) + at - since

    def _interrupt(self, at: int, level: bool) -> None:
        found = self.found
        if level and self.rose is None:
            self.rose = at
            found.interrupts += 1
        elif not level and self.rose is not None:
            found.interrupt_ticks += at - self.rose
            found.longest_interrupt = max(found.longest_interrupt, at - self.rose)
            self.rose = None

    def _line(self, event: events.Event) -> None:
        found = self.found
        match event:
            case events.Sent(_, characters, _):
                found.characters_out += len(characters)
            case events.SentBreak(_, on):
                found.breaks_out += on
            case events.Received(_, _, errors) if errors & LineError.BI:
                found.breaks_in += 1
            case events.Received(_, _, errors):
                found.characters_in += 1
                found.errors_in += bool(errors)
