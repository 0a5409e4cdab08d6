"""Reading the records of a trace, of either version of the format.

A file that was cut off is read up to its last whole record.  Bytes that are not a valid record, or whose checksum is
wrong, are damage, and the error names their place in the file.  A system that crashes may leave zeros where data should
be: a file that ends in zeros counts as cut off where they begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from uartsim.errors import UsageError
from uartsim.line_format import NEVER, LineFormat
from uartsim.record import events
from uartsim.record.trace_format import (
    ACCESS,
    BLOCK_HEAD,
    LONGEST_BLOCK,
    SAME_VALUE,
    UNITS,
    WRITTEN,
    Cursor,
    Damaged,
    Kind,
    checksum,
    format_of,
    parse_block_head,
)
from uartsim.register_bits import CHARACTER_ERRORS, MODEM_INPUTS, MODEM_OUTPUTS

#: This many zero bytes at a file's end count as left by a crash.
CRASH_ZEROS: Final = 8


class Records:
    """Decodes records, and keeps the state that they refer to: formats, earlier values and the time.

    Args:
        path: the file's name, for messages.
        file: the file, positioned at its first line.
        version: the version of the format.
        start: the port's clock at power-on, in ticks.
    """

    def __init__(self, path: str, file: BinaryIO, version: int, start: int) -> None:
        self._path = path
        self._file = file
        self._header = file.readline()
        self._version = version
        self._latest = NEVER - 1 - start
        self._base = 0
        self._formats: list[LineFormat] = []
        self._values: list[int | None] = [None] * 16

    def read_all(self) -> Iterator[events.Event]:
        """All events, and an :class:`uartsim.record.events.End` as the last.

        Raises:
            UsageError: the file is damaged; the message says where.
        """
        for event in self._in_blocks() if self._version > 1 else self._in_a_row():
            yield event
            if isinstance(event, events.End):
                if event.whole and any(self._file.read(1 << 20)):
                    raise self._damaged(self._place, "something follows the recording's end")
                return
        yield events.End(self._base, whole=False)

    def _damaged(self, place: int, why: str) -> UsageError:
        return UsageError(f"{self._path} is damaged at byte {place}: {why}")

    def _in_blocks(self) -> Iterator[events.Event]:
        """The events of a trace of version 2: records are in blocks, each with its length and a checksum."""
        so_far = checksum(self._header)
        while head := self._file.read(BLOCK_HEAD):
            place = self._file.tell() - len(head)
            if len(head) < BLOCK_HEAD:
                return
            try:
                length, wanted = parse_block_head(head)
            except Damaged as error:
                rest = head + self._file.read(LONGEST_BLOCK)
                if _ends_in_zeros(rest) and len(rest.rstrip(b"\0")) < BLOCK_HEAD:
                    return
                raise self._damaged(place, str(error)) from None
            data, place = self._file.read(length), place + BLOCK_HEAD
            so_far = checksum(data, so_far)
            whole = len(data) == length
            if (length == 0) is not (place == len(self._header) + BLOCK_HEAD):
                raise self._damaged(place, "the first block must be empty, and no other may be")
            if whole and so_far != wanted:
                tail = data + self._file.read(LONGEST_BLOCK)
                if not _ends_in_zeros(tail) or len(tail.rstrip(b"\0")) > len(data):
                    raise self._damaged(
                        place if data else 0,
                        f"some of the {length or place} bytes from there on are not as they were written",
                    )
                data, whole = data.rstrip(b"\0"), False
            yield from self._in_block(data, place, whole)
            if not whole:
                return

    def _in_block(self, data: bytes, place: int, whole: bool) -> Iterator[events.Event]:
        """The events of one block; those of a block that was cut off, up to its last whole record."""
        if not whole and _ends_in_zeros(data):
            data = data.rstrip(b"\0")
        cursor = Cursor(data)
        while cursor.at < len(data):
            begin = cursor.at
            self._place = place + begin
            try:
                event = self._record(cursor)
            except (IndexError, Damaged) as error:
                if whole or (isinstance(error, Damaged) and any(data[cursor.at - 1 :])):
                    raise self._damaged(self._place, str(error) or "a record does not end with its block") from None
                return
            if event is not None:
                yield event
                if isinstance(event, events.End):
                    if any(data[cursor.at :]):
                        raise self._damaged(place + cursor.at, "something follows the recording's end")
                    return

    def _in_a_row(self) -> Iterator[events.Event]:
        """The events of a trace of version 1: records follow each other without blocks."""
        data, place = bytearray(), self._file.tell()
        cursor = Cursor(data)
        while True:
            more = self._file.read(1 << 18)
            place += cursor.at
            del data[: cursor.at]
            data += more
            cursor.at = 0
            while cursor.at < len(data):
                begin = cursor.at
                self._place = place + begin
                try:
                    event = self._record(cursor)
                except IndexError:
                    cursor.at = begin
                    break
                except Damaged as error:
                    if any(data[cursor.at - 1 :]) or any(self._file.read(1 << 20)):
                        raise self._damaged(self._place, str(error)) from None
                    return  # only zeros follow: a crash of the system left them
                if event is not None:
                    if isinstance(event, events.End) and any(data[cursor.at :]):
                        raise self._damaged(place + cursor.at, "something follows the recording's end")
                    yield event
                    if isinstance(event, events.End):
                        return
            if not more:
                return

    def _record(self, cursor: Cursor) -> events.Event | None:
        """Decode the next record; None for one that is not an event.

        Raises:
            IndexError: the data end before the record does.
            Damaged: the bytes are not a valid record.
        """
        tag = cursor.byte()
        unit = tag & 3
        if tag & ACCESS:
            since = cursor.number() * UNITS[unit] if unit else 0
            place = tag >> 3 & 15
            value = self._values[place] if tag & SAME_VALUE else cursor.byte()
            if value is None:
                raise Damaged("an access repeats the value of an earlier one, but there is none")
            self._values[place] = value
            self._base = self._time(self._base + since)
            make = events.Write if tag & WRITTEN else events.Read
            return make(self._base, tag >> 3 & 7, value)
        try:
            kind = Kind(tag >> 2)
        except ValueError:
            raise Damaged(f"there is no record of kind {tag >> 2}") from None
        if tag == 0:
            raise Damaged("no record begins with a zero byte")
        if kind is Kind.FORMAT:
            bit_ticks = cursor.number()
            self._formats.append(format_of(bit_ticks, cursor.byte()))
            return None
        if kind is Kind.LOST:
            count, base = cursor.number(), self._time(cursor.number())
            if base < self._base:
                raise Damaged("time goes backwards")
            self._base, self._formats, self._values = base, [], [None] * 16
            return events.Lost(base, count)
        since = cursor.number() if unit else 0
        if Kind.SENT <= kind <= Kind.RXD_EDGES:
            since = -(since + 1) // 2 if since & 1 else since // 2
            return self._start_of(kind, self._base + since * UNITS[unit], cursor)
        at = self._time(self._base + since * UNITS[unit])
        event = self._event(kind, at, cursor)
        self._base = at
        return event

    def _event(self, kind: Kind, at: int, cursor: Cursor) -> events.Event:
        match kind:
            case Kind.SETTLED:
                return events.Settled(at)
            case Kind.RESET:
                return events.Reset(at)
            case Kind.INTERRUPT_FELL | Kind.INTERRUPT_ROSE:
                return events.Interrupt(at, kind is Kind.INTERRUPT_ROSE)
            case Kind.BREAK_OFF | Kind.BREAK_ON:
                return events.SentBreak(at, kind is Kind.BREAK_ON)
            case Kind.PROGRAMMED:
                return events.Programmed(at, self._format(cursor))
            case Kind.RECEIVED:
                return events.Received(at, cursor.byte(), _bits(cursor, CHARACTER_ERRORS))
            case Kind.MODEM_INPUTS:
                return events.ModemInputs(at, _bits(cursor, MODEM_INPUTS))
            case Kind.MODEM_OUTPUTS:
                return events.ModemOutputs(at, _bits(cursor, MODEM_OUTPUTS))
            case _:
                return events.End(at, whole=True)

    def _start_of(self, kind: Kind, start: int, cursor: Cursor) -> events.Event:
        match kind:
            case Kind.FAR_SPACE:
                return events.FarSpace(start, cursor.number())
            case Kind.RXD_EDGES:
                return events.RxdEdges(start, cursor.edges(start))
            case _:
                line_format = self._format(cursor)
                make = events.Sent if kind is Kind.SENT else events.FarSent
                return make(start, cursor.run(), line_format)

    def _format(self, cursor: Cursor) -> LineFormat:
        found = cursor.number()
        if found >= len(self._formats):
            raise Damaged(f"format {found} was not defined")
        return self._formats[found]

    def _time(self, at: int) -> int:
        if at > self._latest:
            raise Damaged("a time is too large for the clock")
        return at


def _bits(cursor: Cursor, allowed: int) -> int:
    """The next byte, in which only the bits of ``allowed`` may be set."""
    value = cursor.byte()
    if value & ~allowed:
        raise Damaged(f"the byte {value:#04x} has bits set that are not in {allowed:#04x}")
    return value


def _ends_in_zeros(data: bytes) -> bool:
    return len(data) - len(data.rstrip(b"\0")) >= CRASH_ZEROS
