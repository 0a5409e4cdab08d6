"""Writing a trace: every register access and everything on the line, with its time, in a few bytes each.

:mod:`uartsim.record.trace_format` describes the format.  A trace can be listed, summed up, drawn, converted to a
waveform, and replayed against the chip (:mod:`uartsim.trace.replay`).

A file that cannot be written (disk full) never stops the line: lost events are counted, and their number is recorded as
soon as writing works again.  A file that was cut off is readable up to its last whole record; checksums reveal a file that
was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.record.recording_file import RecordFile
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_format import (
    ACCESS,
    LONGEST_RUN,
    SAME_VALUE,
    WRITTEN,
    Kind,
    block,
    checksum,
    format_record,
    header_line,
    number,
    start_since,
    time_since,
)

#: How often a trace records that it is settled, and how often it is flushed, in ticks of the port's clock.
_SETTLE_EVERY: Final = TICKS_PER_SECOND // 100
_FLUSH_EVERY: Final = TICKS_PER_SECOND


class TraceWriter:
    """Writes a trace; a :class:`uartsim.record.tap.Tap`.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        header: the properties of the port.

    Raises:
        UsageError: the file exists, or cannot be made or written.
    """

    def __init__(self, path: str, header: RecordHeader) -> None:
        self._file = RecordFile(path, "trace")
        self._start = self._base = self._settled = self._flushed = self._last = header.start
        self._told = False  # whether anything was reported since the last record that the trace is settled
        self._formats: dict[LineFormat, int] = {}
        self._values: list[int | None] = [None] * 16
        #: Runs of frames that may continue, by kind: their start, characters and format, and when the next would begin.
        self._runs: dict[Kind, tuple[int, bytearray, LineFormat, int]] = {}
        first = header_line(header)
        empty, so_far = block(b"", checksum(first))
        self._file.add(first + empty, 0)
        self._file.begin()
        self._file.wrap_in(block, so_far)

    def read(self, at: int, offset: int, value: int) -> None:
        """A register was read."""
        self._access(at, offset, value, ACCESS | offset << 3)

    def write(self, at: int, offset: int, value: int) -> None:
        """A register was written."""
        self._access(at, offset, value, ACCESS | WRITTEN | offset << 3)

    def _access(self, at: int, offset: int, value: int, tag: int) -> None:
        unit, since = self._since(at)
        place = tag >> 3 & 15
        if self._values[place] == value:
            self._put(bytes((tag | SAME_VALUE | unit,)) + since)
        else:
            self._values[place] = value
            self._put(bytes((tag | unit,)) + since + bytes((value,)))

    def reset(self, at: int) -> None:
        """Master reset of the chip."""
        self._event(Kind.RESET, at)

    def programmed(self, at: int, line_format: LineFormat) -> None:
        """The chip's line format changed."""
        self._event(Kind.PROGRAMMED, at, number(self._number_of(line_format)))

    def interrupt(self, at: int, level: bool) -> None:
        """The interrupt line rose or fell."""
        self._event(Kind.INTERRUPT_ROSE if level else Kind.INTERRUPT_FELL, at)

    def sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Frames on TXD."""
        self._run(Kind.SENT, start, characters, line_format)

    def sent_break(self, at: int, on: bool) -> None:
        """The break on TXD began or ended."""
        self._event(Kind.BREAK_ON if on else Kind.BREAK_OFF, at)

    def received(self, at: int, character: int, errors: int) -> None:
        """The receiver got a character."""
        self._event(Kind.RECEIVED, at, bytes((character, errors)))

    def far_sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Frames from the far end on RXD."""
        self._run(Kind.FAR_SENT, start, characters, line_format)

    def far_space(self, start: int, ticks: int) -> None:
        """The far end holds RXD at space."""
        self._start_of(Kind.FAR_SPACE, start, number(ticks))

    def rxd_edges(self, edges: Sequence[tuple[int, int]]) -> None:
        """The levels at the receiver's pin."""
        for first in range(0, len(edges), LONGEST_RUN - 1):
            # Each record repeats the last edge of the one before, so that no time is left out between them.
            some = edges[max(0, first - 1) : first + LONGEST_RUN - 1]
            steps = bytearray(number(len(some)))
            since = some[0][0]
            for at, level in some:
                steps += number(2 * (at - since) + (1 if level else 0))
                since = at
            self._start_of(Kind.RXD_EDGES, some[0][0], bytes(steps))

    def modem_inputs(self, at: int, pins: int) -> None:
        """The modem inputs changed."""
        self._event(Kind.MODEM_INPUTS, at, bytes((pins,)))

    def modem_outputs(self, at: int, outputs: int) -> None:
        """The modem outputs changed."""
        self._event(Kind.MODEM_OUTPUTS, at, bytes((outputs,)))

    def settled(self, at: int) -> None:
        """Everything before ``at`` has been reported; the file records this at most every 10 ms."""
        self._last = at
        if at - self._settled >= _SETTLE_EVERY and self._told:
            self._settle(at)
            if at - self._flushed >= _FLUSH_EVERY:
                self._flushed = at
                self.flush()

    def _settle(self, at: int) -> None:
        self._put_runs()
        if at > self._base:  # otherwise the last event says so already
            self._event(Kind.SETTLED, at)
            self._told = False
        self._settled = at

    def _since(self, at: int) -> tuple[int, bytes]:
        """The unit and the bytes of an event's time; the next event's time counts from it."""
        if at < self._base:
            at = self._base
        unit, since = time_since(at - self._base)
        # A gap is recorded in front of the next event, whose time then counts from where the gap ends.
        if self._file.gap:
            self._resume()
        self._base = at
        return unit, since

    def _event(self, kind: Kind, at: int, more: bytes = b"") -> None:
        unit, since = self._since(at)
        self._put(bytes((kind << 2 | unit,)) + since + more)

    def _start_of(self, kind: Kind, start: int, more: bytes) -> None:
        if self._file.gap:
            self._resume()
        unit, since = start_since(start - self._base)
        self._put(bytes((kind << 2 | unit,)) + since + more)

    def _run(self, kind: Kind, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Add frames to a run; runs that follow each other without a gap are joined until the trace is settled."""
        self._told = True
        end = start + len(characters) * line_format.frame_ticks
        if (before := self._runs.get(kind)) is not None:
            first_start, gathered, its_format, its_end = before
            if its_end == start and its_format == line_format and len(gathered) < LONGEST_RUN:
                gathered += characters
                self._runs[kind] = first_start, gathered, its_format, end
                return
            self._put_run(kind)
        self._runs[kind] = start, bytearray(characters), line_format, end

    def _put_runs(self) -> None:
        for kind in list(self._runs):
            self._put_run(kind)

    def _put_run(self, kind: Kind) -> None:
        start, characters, line_format, _ = self._runs.pop(kind)
        for first in range(0, len(characters), LONGEST_RUN):
            some = bytes(characters[first : first + LONGEST_RUN])
            more = number(self._number_of(line_format)) + number(len(some)) + some
            self._start_of(kind, start + first * line_format.frame_ticks, more)

    def _number_of(self, line_format: LineFormat) -> int:
        found = self._formats.get(line_format)
        if found is None:
            if self._file.gap:
                self._resume()
            found = self._formats[line_format] = len(self._formats)
            self._file.add(format_record(line_format), 0)
        return found

    def _resume(self) -> None:
        """Record that events are missing here, and repeat the formats, which a reader forgets at a gap."""
        self._file.add(bytes((Kind.LOST << 2,)) + number(self._file.gap) + number(self._base - self._start), 0)
        for line_format in self._formats:
            self._file.add(format_record(line_format), 0)
        self._values = [None] * 16

    def _put(self, record: bytes) -> None:
        self._told = True
        self._file.add(record)
        if self._file.full:
            self._file.flush()

    def flush(self) -> None:
        """Write what has gathered to the file.  A failure is counted, never raised."""
        self._put_runs()
        self._file.flush()

    def close(self) -> None:
        """Record the end, and close the file."""
        self._put_runs()
        self._event(Kind.END, max(self._base, self._last))
        self._file.close()

    def discard(self) -> None:
        """Remove and close the file, because the port that it was for did not start."""
        self._file.discard()

    def status(self) -> dict[str, Any]:
        """The path, the size in bytes, the number of lost events and the last trouble, as plain values."""
        return self._file.status()
