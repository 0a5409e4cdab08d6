"""Traces: what each place remembers, what a cursor takes, and when what gathers goes to the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.record import events, trace_format
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_format import Cursor, Damaged
from uartsim.record.trace_writer import TraceWriter
from uartsim.record.vcd import VcdWriter
from uartsim.trace.reader import read_trace


def test_every_register_and_direction_remembers_a_value_of_its_own(tmp_path: Path) -> None:
    path = str(tmp_path / "a.trace")
    writer = TraceWriter(path, RecordHeader())
    wanted: list[tuple[str, int, int]] = []
    for value in (7, 7, 9, 7):
        for offset in range(8):
            writer.read(0, offset, value)
            writer.write(0, offset, value ^ (offset & 1))
            wanted += [("Read", offset, value), ("Write", offset, value ^ (offset & 1))]
    writer.close()
    found = [event for event in read_trace(path) if isinstance(event, events.Read | events.Write)]
    assert [(type(event).__name__, event.offset, event.value) for event in found] == wanted


def test_a_cursor_takes_a_run_that_is_there_as_a_whole() -> None:
    cursor = Cursor(bytearray(b"\x03abcd"))
    assert (cursor.run(), cursor.at) == (b"abc", 4)
    for short in (b"\x03", b"\x03a", b"\x03ab"):
        with pytest.raises(IndexError):
            Cursor(bytearray(short)).run()
    for wrong in (b"\x00", b"\xff\xff\xff\x7fa"):
        with pytest.raises(Damaged):
            Cursor(bytearray(wrong)).run()
    assert Cursor(bytearray(b"\x03\x04\x03\x01")).edges(10) == ((12, 0), (13, 1), (13, 1))


@pytest.mark.parametrize("bits", range(1, 70))
def test_a_number_takes_a_byte_for_each_seven_bits_and_comes_back(bits: int) -> None:
    for value in {(1 << bits) - 1, 1 << (bits - 1), 127 << max(0, bits - 7)}:
        encoded = trace_format.number(value)
        assert len(encoded) == -(-value.bit_length() // 7)
        assert [byte >> 7 for byte in encoded] == [1] * (len(encoded) - 1) + [0]
        cursor = Cursor(encoded + b"x")
        assert (cursor.number(), cursor.at) == (value, len(encoded))


@pytest.mark.parametrize("count", [1, 2, 4095, 4096, 4097, 8190, 8191])
def test_edges_of_any_number_come_back(tmp_path: Path, count: int) -> None:
    path = str(tmp_path / "a.trace")
    edges = [(5 + 3 * n, n & 1) for n in range(count)]
    writer = TraceWriter(path, RecordHeader())
    writer.rxd_edges(edges)
    writer.rxd_edges([])
    writer.close()
    came: list[tuple[int, int]] = []
    for event in read_trace(path):
        if isinstance(event, events.RxdEdges):
            assert event.at == event.edges[0][0]
            assert not came or event.edges[0] == came[-1]
            came += event.edges[1:] if came else event.edges
    assert came == edges


def test_a_trace_goes_to_the_disk_by_itself_before_much_has_gathered(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    sizes = set()
    for number in range(300_000):
        writer.write(number * 1_000_003, number & 7, number & 0xFF)
        if number % 1000 == 0:
            sizes.add(os.path.getsize(path))
    assert len(sizes) > 2
    writer.close()


def test_a_waveform_goes_to_the_disk_once_a_second_of_the_ports_time(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    writer = VcdWriter(str(path), RecordHeader())
    header = os.path.getsize(path)
    writer.sent(0, b"U", LineFormat())
    writer.settled(TICKS_PER_SECOND - 1)
    assert os.path.getsize(path) == header
    writer.settled(TICKS_PER_SECOND)
    flushed = os.path.getsize(path)
    assert flushed > header
    writer.sent(TICKS_PER_SECOND, b"U", LineFormat())
    writer.settled(2 * TICKS_PER_SECOND - 1)
    assert os.path.getsize(path) == flushed
    writer.settled(2 * TICKS_PER_SECOND)
    assert os.path.getsize(path) > flushed
    writer.close()


def test_a_head_of_a_block_is_damaged_if_any_one_part_of_it_is() -> None:
    def head(mark: int = trace_format._MARK, length: int = 5, wrong: int = 0) -> bytes:
        packed = trace_format._HEAD.pack(mark, length, 7)
        return packed + trace_format._SUM.pack(trace_format.checksum(packed) ^ wrong)

    assert trace_format.parse_block_head(head()) == (5, 7)
    longest = trace_format.LONGEST_BLOCK
    assert trace_format.parse_block_head(head(length=longest)) == (longest, 7)
    other = trace_format._MARK ^ 1
    for damaged in (head(mark=other), head(wrong=1), head(length=longest + 1)):
        with pytest.raises(Damaged, match="the head of a block"):
            trace_format.parse_block_head(damaged)
