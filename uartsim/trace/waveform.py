"""Reading a section of a recording, a waveform (VCD) or a trace, as the levels of its pins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat, seconds_to_ticks
from uartsim.record.events import Settled, tell
from uartsim.record.levels import PINS, DataPin, Levels
from uartsim.record.tap import RecordHeader
from uartsim.trace.decode import Signal
from uartsim.trace.reader import read_trace

if TYPE_CHECKING:
    from vcd.reader import Token, VarDecl

#: The default length of a section: this many frames from the first one on.
_DEFAULT_FRAMES: Final = 14
#: A line that has been at mark for this many bits is between two frames, in every format.
_SURELY_IDLE_BITS: Final = 16
#: How many bits are read after the end, so that the last frame can be decoded.
_TAIL_BITS: Final = 24
#: The units of time of a VCD, in seconds.
_UNITS: Final = {"s": 1, "ms": 10**-3, "us": 10**-6, "ns": 10**-9, "ps": 10**-12, "fs": 10**-15}
#: The names that other programs give the two data lines.
_LINES: Final = re.compile(r"(?:.*[^A-Za-z])?(TXD?|RXD?|SOUT|SIN)(?:[^A-Za-z].*)?", re.IGNORECASE)


@dataclass
class Waveform:
    """Levels from ``begin`` to ``end``, in ticks since the start of the recording.

    Attributes:
        pins: the levels of each pin by its name; they may include edges before ``begin``, so that frames can be decoded.
        lines: the names of the pins that carry characters.
        formats: for each of these lines, (time in ticks, format) pairs, as far as the file gives them.
        longer: whether the recording continues after ``end``.
    """

    begin: int = 0
    end: int = 0
    pins: dict[str, Signal] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    formats: dict[str, list[tuple[int, LineFormat]]] = field(default_factory=dict)
    longer: bool = False


class _Enough(Exception):
    """The requested section has been read."""


class _Collector:
    """Collects changes in order of time, until the requested section is complete."""

    def __init__(self, begin_s: float | None, end_s: float | None, line_format: LineFormat | None) -> None:
        self.begin = None if begin_s is None else seconds_to_ticks(begin_s)
        self.end = None if end_s is None else seconds_to_ticks(end_s)
        self.first: dict[str, int] = {}
        self.edges: dict[str, list[tuple[int, int]]] = {}
        self.lines: set[str] = set()
        self.formats: dict[str, list[tuple[int, LineFormat]]] = {}
        self.last = 0
        self._given = line_format
        self._end_given = end_s is not None

    def add(self, name: str, level: int) -> None:
        """Add a pin with its first level."""
        self.first[name] = level
        self.edges[name] = []

    def format(self, at: int, line: str, line_format: LineFormat) -> None:
        """A line has this format from ``at`` ticks on."""
        if line_format.bit_ticks:
            self.formats.setdefault(line, []).append((at, line_format))

    def level(self, at: int, name: str, level: int) -> None:
        """A pin changed.

        Raises:
            _Enough: the change is too late to matter.
        """
        edges, bit = self.edges[name], self._bit(name)
        if name in self.lines and self.begin is None:
            self.begin = max(0, at - 3 * bit)
        self.time(at)
        if name in self.lines:
            if edges and edges[-1][1] and at <= (self.begin or 0) and at - edges[-1][0] > _SURELY_IDLE_BITS * bit:
                self.first[name] = 1
                edges.clear()
        elif self.begin is not None and at <= self.begin:
            self.first[name] = level
            edges.clear()
            return
        edges.append((at, level))

    def time(self, at: int) -> None:
        """The recording has reached the time ``at``.

        Raises:
            _Enough: ``at`` is so long after the end that nothing in the section depends on it.
        """
        if self.end is None and self.begin is not None and at >= self.begin:
            self.end = self.begin + _DEFAULT_FRAMES * 10 * self._bit()
        if self.end is not None and at > self.end + _TAIL_BITS * self._bit():
            raise _Enough
        self.last = max(self.last, at)

    def _bit(self, line: str = "TXD") -> int:
        if self._given is not None:
            return self._given.bit_ticks
        formats = self.formats.get(line) or next(iter(self.formats.values()), [])
        return formats[-1][1].bit_ticks if formats else LineFormat().bit_ticks

    def waveform(self, longer: bool) -> Waveform:
        """The collected section; ``longer`` says whether the recording continues after it."""
        order = [*(pin for pin in PINS if pin in self.first), *(pin for pin in self.first if pin not in PINS)]
        begin = 0 if self.begin is None else self.begin
        end = self.end
        if end is None or not (self._end_given or longer):
            end = self.last + 3 * self._bit()
        return Waveform(
            begin,
            end,
            {pin: Signal(self.first[pin], self.edges[pin]) for pin in order},
            tuple(pin for pin in order if pin in self.lines),
            self.formats,
            longer,
        )


def read_waveform(
    path: str, begin_s: float | None = None, end_s: float | None = None, line_format: LineFormat | None = None
) -> Waveform:
    """Read a section of a waveform or a trace; the file's first byte tells which it is.

    Args:
        path: the file.
        begin_s: the beginning, in seconds since the start; by default shortly before the first character.
        end_s: the end, in seconds since the start; by default fourteen frames after the beginning.
        line_format: the format of the lines; by default the one that the file gives.

    Raises:
        UsageError: the file cannot be read, or is neither a waveform nor a trace; or the section is empty.
    """
    if begin_s is not None and end_s is not None and begin_s >= end_s:
        raise UsageError(f"there is nothing from {begin_s} s to {end_s} s: give an end after the beginning")
    collector = _Collector(begin_s, end_s, line_format)
    try:
        with open(path, "rb") as file:
            is_trace = file.read(1) == b"{"
        longer = False
        try:
            if is_trace:
                _read_trace(path, collector)
            else:
                _read_vcd(path, collector)
        except _Enough:
            longer = True
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if not longer and collector.begin is not None and collector.begin > collector.last:
        raise UsageError(
            f"{path} ends {collector.last / TICKS_PER_SECOND:.9g} s after its start, "
            f"before {collector.begin / TICKS_PER_SECOND:.9g} s: give an earlier time"
        )
    return collector.waveform(longer)


def _read_trace(path: str, collector: _Collector) -> None:
    trace = read_trace(path)
    if trace.header.unlimited:
        raise UsageError(f"{path} was recorded at the unlimited rate, where a character takes no time on the wire")
    header = RecordHeader(modem_inputs=trace.header.modem_inputs)

    def on_format(at: int, line: DataPin, line_format: LineFormat) -> None:
        collector.format(at, line, line_format)

    levels = Levels(header, collector.level, on_format=on_format)
    for pin, level in levels.levels.items():
        collector.add(pin, level)
    collector.lines |= {"TXD", "RXD"}
    for event in trace:
        tell(event, levels)
        if isinstance(event, Settled):
            collector.time(event.at)
    levels.close()


def _read_vcd(path: str, collector: _Collector) -> None:
    from vcd.reader import VCDParseError, tokenize

    reader = _VcdReader(path, collector)
    try:
        with open(path, "rb") as file:
            for token in tokenize(file):
                reader.take(token)
    except VCDParseError as error:
        raise UsageError(f"{path} is neither a waveform (VCD) nor a trace of uartsim: {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is neither a waveform (VCD) nor a trace of uartsim") from None
    if not reader.names:
        raise UsageError(f"{path} is a waveform without any wire of one bit: there is nothing to draw")


class _VcdReader:
    """Reads the tokens of a value change dump.

    Attributes:
        names: the names of the wires of one bit, by their identifiers in the file.
    """

    def __init__(self, path: str, collector: _Collector) -> None:
        self._path = path
        self._collector = collector
        self._unit = TICKS_PER_SECOND * 1e-9  # the length of the file's unit of time, in ticks
        self._now = 0
        self.names: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._seen: set[str] = set()

    def take(self, token: Token) -> None:
        """Process the next token."""
        from vcd.reader import TokenKind

        match token.kind:
            case TokenKind.TIMESCALE:
                magnitude, unit = str(token.timescale).split()
                self._unit = int(magnitude) * _UNITS[unit] * TICKS_PER_SECOND
            case TokenKind.VAR:
                self._declare(token.var)
            case TokenKind.CHANGE_TIME:
                self._now = round(token.time_change * self._unit)
                self._collector.time(self._now)
            case TokenKind.CHANGE_SCALAR:
                change = token.scalar_change
                if (pin := self.names.get(change.id_code)) is not None:
                    self._level(pin, int(change.value == "1"))
            case TokenKind.CHANGE_STRING:
                text = token.string_change
                line, _, what = self._texts.get(text.id_code, "").rpartition("_")
                if what == "format" and text.value:
                    self._collector.format(self._now, line, _format(self._path, text.value))

    def _declare(self, var: VarDecl) -> None:
        if var.type_.value == "string":
            self._texts[var.id_code] = var.reference
        elif var.size == 1:
            self.names[var.id_code] = name = _unique(var.reference, self.names)
            self._collector.add(name, 1)
            if _LINES.fullmatch(name):
                self._collector.lines.add(name)

    def _level(self, pin: str, level: int) -> None:
        collector = self._collector
        if pin not in self._seen and not self._now:
            collector.first[pin] = level
        else:
            edges = collector.edges[pin]
            if level != (edges[-1][1] if edges else collector.first[pin]):
                collector.level(self._now, pin, level)
        self._seen.add(pin)


def _unique(name: str, names: dict[str, str]) -> str:
    taken = set(names.values())
    return name if name not in taken else next(new for n in _numbers() if (new := f"{name}_{n}") not in taken)


def _numbers() -> Iterator[int]:
    n = 2
    while True:
        yield n
        n += 1


def _format(path: str, text: str) -> LineFormat:
    """The format in a waveform that uartsim wrote, such as ``115200_8N1``."""
    baud, _, characters = text.partition("_")
    try:
        return LineFormat.from_baud(float(baud), characters)
    except ValueError:
        raise UsageError(f"{path} gives a line the format {text!r}, which does not exist") from None
