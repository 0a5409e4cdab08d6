"""The trace format: how each event is encoded in a few bytes.  ``docs/traces.md`` describes it for other programs.

A trace is one line of JSON, the header, followed by records in blocks.  In front of each block's records stand the byte
B5 and three little-endian words of four bytes: the length of the records; the CRC-32 of the header line and of all records
up to the end of this block; and the CRC-32 of the nine bytes before it.  The first block is empty: its checksum is the
header's.  Version 1 of the format has no blocks: its records follow the header directly.

A record begins with a tag:

- ``1 d ooo s uu``: a register access.  ``d`` is 1 for a write, ``ooo`` the offset.  With ``s`` the value is that of the
  last access to this offset in this direction; otherwise it follows, one byte, after the time;
- ``0 kkkkk uu``: an event of kind ``k``, see :class:`Kind`.

``uu`` is the unit of the time, a number that follows the tag: the time since the event before, in ticks (1), nanoseconds
(2) or periods of the UART's crystal (3), the largest in which it is whole; with 0 it is the same time, and no number
follows.  Kinds that give a *start* encode it as a signed number relative to the event before, and the next event's time
does not count from it.  Numbers have 7 bits a byte, the lowest first, and the top bit set where more bytes follow; a
signed number is encoded as 2n for n >= 0 and -2n-1 for n < 0.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from dataclasses import asdict, fields
from enum import IntEnum
from typing import Any, Final

from uartsim.line_format import CRYSTAL_PERIOD, PARITIES, TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.record.tap import RecordHeader

VERSION: Final = 2
#: The versions that this uartsim reads.
VERSIONS: Final = (1, 2)
#: The most characters or edges in one record; longer runs are split into several records.
LONGEST_RUN: Final = 4096

ACCESS: Final = 0x80
WRITTEN: Final = 0x40
SAME_VALUE: Final = 0x04
#: The length of each unit of time, in ticks, by its number in the tag.
UNITS: Final = (0, 1, TICKS_PER_NS, CRYSTAL_PERIOD)


_MARK: Final = 0xB5
_HEAD: Final = struct.Struct("<BII")
_SUM: Final = struct.Struct("<I")
#: The size of a block's head, and the most bytes of records that may follow it.
BLOCK_HEAD: Final = _HEAD.size + _SUM.size
LONGEST_BLOCK: Final = 1 << 20


class Kind(IntEnum):
    """Records other than register accesses.  The comments give what follows the time: n is a number, b a byte."""

    SETTLED = 0  #: nothing; always later than the event before, so that no record begins with a zero byte
    RESET = 1  #: nothing
    INTERRUPT_FELL = 2  #: nothing
    INTERRUPT_ROSE = 3  #: nothing
    BREAK_OFF = 4  #: nothing
    BREAK_ON = 5  #: nothing
    PROGRAMMED = 6  #: n: the format
    RECEIVED = 7  #: b: the character, b: its errors
    MODEM_INPUTS = 8  #: b
    MODEM_OUTPUTS = 9  #: b
    SENT = 10  #: a start; n: the format, n: how many, the characters
    FAR_SENT = 11  #: a start; n: the format, n: how many, the characters
    FAR_SPACE = 12  #: a start; n: ticks
    RXD_EDGES = 13  #: a start; n: how many, and for each of them n: 2 x ticks since the one before + level
    FORMAT = 14  #: no time; n: ticks in a bit, b: the rest; defines the format with the next number, from 0 up
    LOST = 15  #: no time; n: how many events, n: the time that the next one counts from; formats and values are reset
    END = 16  #: nothing


class Damaged(ValueError):
    """The bytes are not a valid header, block or record."""


def checksum(data: bytes, so_far: int = 0) -> int:
    """The CRC-32 (that of zlib and Ethernet) of ``data``, continued from the checksum ``so_far``."""
    return zlib.crc32(data, so_far)


def block(records: bytes, so_far: int) -> tuple[bytes, int]:
    """Encode a block of records.

    Args:
        records: whole records; empty in the first block.
        so_far: the checksum of everything before the block.

    Returns:
        The bytes of the block, and the checksum after it.
    """
    after = checksum(records, so_far)
    head = _HEAD.pack(_MARK, len(records), after)
    return head + _SUM.pack(checksum(head)) + records, after


def parse_block_head(head: bytes) -> tuple[int, int]:
    """Decode the head of a block.

    Returns:
        The length of the block's records in bytes, and the checksum after them.

    Raises:
        Damaged: the head is not as it was written.
    """
    mark, length, after = _HEAD.unpack_from(head)
    if mark != _MARK or _SUM.unpack_from(head, _HEAD.size) != (checksum(head[: _HEAD.size]),) or length > LONGEST_BLOCK:
        raise Damaged("the head of a block is not as it was written")
    return length, after


def number(value: int) -> bytes:
    """Encode a number of 0 or more."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def time_since(ticks: int) -> tuple[int, bytes]:
    """Encode a time of 0 ticks or more; returns its unit and its bytes."""
    if not ticks:
        return 0, b""
    if not ticks % CRYSTAL_PERIOD:
        return 3, number(ticks // CRYSTAL_PERIOD)
    if not ticks % TICKS_PER_NS:
        return 2, number(ticks // TICKS_PER_NS)
    return 1, number(ticks)


def start_since(ticks: int) -> tuple[int, bytes]:
    """Encode a start, ``ticks`` after the previous event (negative: before it); returns its unit and its bytes."""
    unit, _ = time_since(abs(ticks))
    if not unit:
        return 0, b""
    count = abs(ticks) // UNITS[unit]
    return unit, number(2 * count if ticks > 0 else 2 * count - 1)


def format_record(line_format: LineFormat) -> bytes:
    """The record that defines a format."""
    rest = line_format.data_bits - 5 | PARITIES.index(line_format.parity) << 2 | line_format.stop_halves - 2 << 5
    return bytes((Kind.FORMAT << 2,)) + number(line_format.bit_ticks) + bytes((rest,))


def format_of(bit_ticks: int, rest: int) -> LineFormat:
    """The format that a record defines.

    Raises:
        Damaged: there is no such format.
    """
    parity = rest >> 2 & 7
    try:
        return LineFormat(bit_ticks, (rest & 3) + 5, PARITIES[parity], (rest >> 5) + 2)
    except (ValueError, IndexError):
        raise Damaged(f"the line format {rest:#04x} does not exist") from None


def header_line(header: RecordHeader) -> bytes:
    """Encode the header as the file's first line."""
    first = {"uartsim": "trace", "version": VERSION, "ticks_per_second": TICKS_PER_SECOND}
    return json.dumps({**first, **asdict(header)}).encode() + b"\n"


def parse_header(line: bytes) -> tuple[int, RecordHeader]:
    """Decode a file's first line.

    Returns:
        The version of the format, and the header.

    Raises:
        Damaged: the line is not the header of a trace, or that of an unknown version.  The text follows the file's name
            in a message.
    """
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("uartsim") != "trace":
        if _LIKE_A_HEADER.search(line):
            raise Damaged("is damaged at byte 0: its first line is almost the header of a trace")
        raise Damaged("is not a trace of uartsim: its first line must be the header")
    version = found.get("version")
    if type(version) is not int or version not in VERSIONS:
        readable = " and ".join(map(str, VERSIONS))
        raise Damaged(f"is a trace of version {version!r}; this uartsim reads {readable}")
    if found.get("ticks_per_second", TICKS_PER_SECOND) != TICKS_PER_SECOND:
        raise Damaged(f"is damaged at byte 0: a trace has {TICKS_PER_SECOND} ticks in a second")
    values = {field.name: found[field.name] for field in fields(RecordHeader) if field.name in found}
    for name, value in values.items():
        if type(value) is not type(getattr(_DEFAULTS, name)):
            raise Damaged(f"has a header in which {name} is {value!r}")
    return version, RecordHeader(**values)


_DEFAULTS: Final = RecordHeader()
#: Matches a damaged header that is still recognisable.
_LIKE_A_HEADER: Final = re.compile(rb'artsim": "trac|uartsim".*"ticks_per_second')


class Cursor:
    """A position in some bytes.  Every method reads from there and advances the position.

    Every method raises IndexError if the bytes end too early, and Damaged if they do not encode what is asked for.
    """

    __slots__ = ("at", "data")

    def __init__(self, data: bytes | bytearray, at: int = 0) -> None:
        self.data = data
        self.at = at

    def byte(self) -> int:
        """The next byte."""
        value = self.data[self.at]
        self.at += 1
        return value

    def number(self) -> int:
        """The next number; one longer than any that is written counts as damage."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 70:
                raise Damaged("a number has no end")

    def run(self) -> bytes:
        """The next run of characters: how many, and the characters."""
        count = self._count()
        if self.at + count > len(self.data):
            raise IndexError
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def edges(self, since: int) -> tuple[tuple[int, int], ...]:
        """The next run of edges, as (time, level) pairs; the first time counts from ``since``."""
        found = []
        for _ in range(self._count()):
            step = self.number()
            since += step >> 1
            found.append((since, step & 1))
        return tuple(found)

    def _count(self) -> int:
        count = self.number()
        if not 1 <= count <= LONGEST_RUN:
            raise Damaged(f"a run has a length of {count}: 1 to {LONGEST_RUN} is valid")
        return count
