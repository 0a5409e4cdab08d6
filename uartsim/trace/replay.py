"""Replaying a trace against our chip: the same accesses and the same characters at the same times.

A chip with the properties in the header gets the inputs of the recorded one: reads, writes, resets, received characters
and modem inputs.  Its outputs must equal the recorded ones: the value of every read, every change of the interrupt line,
every frame and break on TXD, the line format and the modem outputs.  All changes of the interrupt line are compared, even
those of an interrupt that is served at the very time at which it rises; of several changes of another pin at one time only
the last is compared.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, cast

from uartsim.chip.engine import Out2Gate, TimeoutRule
from uartsim.chip.uart import Uart
from uartsim.errors import UsageError
from uartsim.line_format import LineFormat
from uartsim.record import events
from uartsim.record.tap import RecordHeader
from uartsim.register_bits import CHARACTER_ERRORS, DLAB, MODEM_INPUTS
from uartsim.registers import ModemOutput
from uartsim.trace.bit_names import bit_names, printable, register_name
from uartsim.trace.reader import Trace

T = TypeVar("T")


class Difference(NamedTuple):
    """A difference between the recorded chip and ours, in words; ``at`` is in ticks since the start."""

    at: int
    what: str
    recorded: str
    ours: str


@dataclass
class Replayed:
    """The result of a replay.

    Attributes:
        limit: how many differences are kept.
        differences: the first differences, in the order in which they were found.
        found: the number of all differences.
        accesses: the number of register accesses.
        reads: the number of reads whose values were compared.
        interrupts: the number of equal changes of the interrupt line; a pulse of no length counts as two.
        frames: the number of equal frames on TXD.
        gap: the time in ticks at which events are missing from the trace and the replay ended, or None.
        cut_at: the time in ticks at which the recording was cut off, or None; what happened just before it may not have
            been compared.
    """

    limit: int = 10
    differences: list[Difference] = field(default_factory=list)
    found: int = 0
    accesses: int = 0
    reads: int = 0
    interrupts: int = 0
    frames: int = 0
    gap: int | None = None
    cut_at: int | None = None


class _Stream(Generic[T]):
    """One kind of output of both chips, in order of time for each; the calls for the two may interleave in any way."""

    def __init__(self, what: str, result: Replayed) -> None:
        self.what = what
        self.same = 0
        self._result = result
        self._recorded: deque[tuple[int, T]] = deque()
        self._ours: deque[tuple[int, T]] = deque()

    def recorded(self, at: int, value: T) -> None:
        """The recorded chip put out ``value`` at ``at`` ticks."""
        self._recorded.append((at, value))

    def ours(self, at: int, value: T) -> None:
        """Our chip put out ``value`` at ``at`` ticks."""
        self._ours.append((at, value))

    def compare(self, until: int) -> None:
        """Compare the outputs before ``until``; all of them must have been reported."""
        recorded, ours = self._recorded, self._ours
        while True:
            theirs = recorded[0] if recorded and recorded[0][0] < until else None
            own = ours[0] if ours and ours[0][0] < until else None
            if theirs is None and own is None:
                return
            if theirs is not None and own is not None and theirs[0] == own[0]:
                recorded.popleft()
                ours.popleft()
                if theirs[1] == own[1]:
                    self.same += self.weight(own[1])
                else:
                    self._differ(theirs[0], self.words(theirs[1]), self.words(own[1]))
            elif own is None or (theirs is not None and theirs[0] < own[0]):
                assert theirs is not None
                recorded.popleft()
                self._differ(theirs[0], self.words(theirs[1]), "nothing at this time")
            else:
                ours.popleft()
                self._differ(own[0], "nothing at this time", self.words(own[1]))

    def _differ(self, at: int, recorded: str, ours: str) -> None:
        _differ(self._result, Difference(at, self.what, recorded, ours))

    def weight(self, value: T) -> int:
        """How much an equal output adds to the count."""
        return 1

    def words(self, value: T) -> str:
        """An output in words."""
        return str(value)


class _Level(_Stream[T]):
    """A level: of several changes at one time only the last counts, and one back to the former level is not a change."""

    def __init__(self, what: str, result: Replayed, first: T) -> None:
        super().__init__(what, result)
        self._last = {"recorded": first, "ours": first}
        self._now: dict[str, tuple[int, T] | None] = {"recorded": None, "ours": None}

    def recorded(self, at: int, value: T) -> None:
        """The recorded chip changed to ``value``."""
        self._change("recorded", at, value)

    def ours(self, at: int, value: T) -> None:
        """Our chip changed to ``value``, or still has it."""
        self._change("ours", at, value)

    def _change(self, whose: str, at: int, value: T) -> None:
        now = self._now[whose]
        if now is not None and now[0] != at:
            self._over(whose)
        self._now[whose] = (at, value)

    def _over(self, whose: str) -> None:
        if (now := self._now[whose]) is not None:
            self._now[whose] = None
            if now[1] != self._last[whose]:
                self._last[whose] = now[1]
                (self._recorded if whose == "recorded" else self._ours).append(now)

    def compare(self, until: int) -> None:
        """Compare the changes before ``until``; all of them must have been reported."""
        for whose, now in self._now.items():
            if now is not None and now[0] < until:
                self._over(whose)
        super().compare(until)


class _Turns(NamedTuple):
    """The changes of the interrupt line at one time: how many, and the level after them."""

    changes: int
    level: bool

    def __eq__(self, other: object) -> bool:
        """Whether the level is equal, and so is the number of changes modulo 2.

        How many pulses of no length are seen at one time depends on when the line is looked at.
        """
        return isinstance(other, _Turns) and self.level == other.level and self.changes % 2 == other.changes % 2


class _Irq(_Stream[_Turns]):
    """The interrupt line: all its changes; those at one time are one output."""

    def __init__(self, what: str, result: Replayed) -> None:
        super().__init__(what, result)
        #: For each chip: the level; and the time of the last change with the number of changes at that time.
        self._levels = {"recorded": False, "ours": False}
        self._turns = {"recorded": (0, 0), "ours": (0, 0)}

    def level(self, whose: str, at: int, level: bool) -> None:
        """The interrupt line of ``"recorded"`` or ``"ours"`` has this level at ``at`` ticks."""
        if level is not self._levels[whose]:
            since, count = self._turns[whose]
            if since != at:
                self._over(whose)
                count = 0
            self._turns[whose] = (at, count + 1)
            self._levels[whose] = level

    def _over(self, whose: str) -> None:
        at, count = self._turns[whose]
        if count:
            self._turns[whose] = (at, 0)
            (self.recorded if whose == "recorded" else self.ours)(at, _Turns(count, self._levels[whose]))

    def compare(self, until: int) -> None:
        """Compare the changes before ``until``; all of them must have been reported."""
        for whose, (at, _) in list(self._turns.items()):
            if at < until:
                self._over(whose)
        super().compare(until)

    def weight(self, value: _Turns) -> int:
        """The number of changes."""
        return value.changes

    def words(self, value: _Turns) -> str:
        """The changes in words."""
        if value.changes == 1:
            return "rises" if value.level else "falls"
        if value.changes == 2:
            return "falls and rises at once" if value.level else "rises and falls at once"
        return f"changes {value.changes} times at once"


class _Outputs(_Level[int]):
    def words(self, value: int) -> str:
        """The names of the active modem outputs."""
        return " ".join(str(pin.name) for pin in ModemOutput if value & pin) or "none active"


class _Frames(_Stream[tuple[int, LineFormat]]):
    def words(self, value: tuple[int, LineFormat]) -> str:
        """The character of a frame, and its format."""
        return f"'{printable(bytes((value[0],)), quote=chr(39))}' {value[0]:02X} at {value[1]}"


def replay(trace: Trace, limit: int = 10) -> Replayed:
    """Replay ``trace`` to its end, or up to where events are missing.

    Args:
        trace: the trace.
        limit: how many differences are kept; all are counted.

    Raises:
        UsageError: the trace is damaged, or its header describes a chip that does not exist.
    """
    return _Replay(trace.header, trace.path, limit).run(trace)


class _Replay:
    """One replay.  Times in the trace count from its start; the chip's clock is that of the recorded one."""

    def __init__(self, header: RecordHeader, path: str, limit: int) -> None:
        try:
            self.uart = Uart(
                header.variant,
                thre_delay=header.thre_delay,
                out2_gate=cast("Out2Gate", header.out2_gate),
                timeout_rule=cast("TimeoutRule", header.timeout_rule),
                modem_inputs=header.modem_inputs,
                unlimited=header.unlimited,
            )
            self.uart.advance(header.start)
        except ValueError as error:
            raise UsageError(f"{path} is of a chip that does not exist: {error}") from None
        self.start = header.start
        self.result = result = Replayed(limit)
        self.irq = _Irq("IRQ", result)
        self.breaks = _Level("break on TXD", result, False)
        self.outputs = _Outputs("modem lines", result, 0)
        self.formats = _Level("format", result, self.uart.line_format)
        self.frames = _Frames("frame on TXD", result)
        self.streams: tuple[Any, ...] = (self.irq, self.breaks, self.outputs, self.formats, self.frames)

    def run(self, trace: Trace) -> Replayed:
        """Replay all events."""
        for event in trace:
            match event:
                case events.Settled(at):
                    self._until(at)
                    self._compare(at)
                case events.Lost(at, _):
                    self.result.gap = at
                    break
                case events.End(at, whole):
                    # If the recording was cut off, its last events may not have been written yet.
                    if whole:
                        self._until(at)
                        self._compare(at + 1)
                    else:
                        self.result.cut_at = at
                case events.FarSent() | events.FarSpace() | events.RxdEdges():
                    pass  # the characters that they became at the receiver are events of their own
                case events.Read() | events.Write() | events.Received() | events.ModemInputs() | events.Reset():
                    self._input(event)
                case _:
                    self._output(event)
        self.result.interrupts, self.result.frames = self.irq.same, self.frames.same
        return self.result

    def _output(self, event: events.Event) -> None:
        """An output of the recorded chip, which ours must have as well."""
        match event:
            case events.Interrupt(at, level):
                self.irq.level("recorded", at, level)
            case events.Sent(at, characters, line_format):
                for character in characters:
                    self.frames.recorded(at, (character, line_format))
                    at += line_format.frame_ticks
            case events.SentBreak(at, on):
                self.breaks.recorded(at, on)
            case events.ModemOutputs(at, outputs):
                self.outputs.recorded(at, outputs)
            case events.Programmed(at, line_format):
                self.formats.recorded(at, line_format)

    def _input(self, event: events.Event) -> None:
        """An input of the recorded chip, which ours gets as well."""
        uart = self.uart
        self._until(event.at)
        now = self.start + event.at
        match event:
            case events.Read(at, offset, value):
                dlab = bool(uart.lcr & DLAB)
                ours = uart.read(offset, now)
                self.result.accesses += 1
                self.result.reads += 1
                if ours != value:
                    name = register_name(offset, False, dlab)
                    _differ(self.result, Difference(at, f"read {name}", _value(name, value), _value(name, ours)))
            case events.Write(_, offset, value):
                uart.write(offset, value, now)
                self.result.accesses += 1
            case events.Received(_, character, errors):
                uart.receive(character, errors & CHARACTER_ERRORS, now)
            case events.ModemInputs(_, pins):
                uart.set_modem_inputs(pins & MODEM_INPUTS, now)
            case events.Reset():
                uart.reset(now)
        self._watch()

    def _until(self, at: int) -> None:
        """Advance our chip to ``at``, stopping at each of its own events to record its outputs at their times."""
        uart, now = self.uart, self.start + at
        while (due := uart.next_event(uart.now)) <= now:
            self._watch()  # next_event() has already done what was due before
            uart.advance(due)
            self._watch()
        self._watch()
        if uart.now < now:
            uart.advance(now)
        self._watch()

    def _watch(self) -> None:
        """Record the present outputs of our chip."""
        uart = self.uart
        at = uart.now - self.start
        self.irq.level("ours", at, uart.irq)
        self.outputs.ours(at, int(uart.modem.outputs))
        self.formats.ours(at, uart.line_format)
        for run in uart.take_sent_runs():
            for frame in run.frames():
                self.frames.ours(frame.start - self.start, (frame.character, frame.line_format))
        for when, on in uart.take_break_changes():
            self.breaks.ours(when - self.start, on)

    def _compare(self, until: int) -> None:
        for stream in self.streams:
            stream.compare(until)


def _differ(result: Replayed, difference: Difference) -> None:
    result.found += 1
    if len(result.differences) < result.limit:
        result.differences.append(difference)


def _value(register: str, value: int) -> str:
    return f"{value:02X} {bit_names(register, value)}".rstrip()
