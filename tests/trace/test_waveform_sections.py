"""Sections of a waveform: where they begin and end by default, what is known of each pin at their beginning, and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat, seconds_to_ticks
from uartsim.record.levels import PINS
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_writer import TraceWriter
from uartsim.trace.decode import decode
from uartsim.trace.waveform import Waveform, read_waveform

FORMAT = LineFormat()
FRAME, BIT = FORMAT.frame_ticks, FORMAT.bit_ticks
US = TICKS_PER_SECOND // 1_000_000


def vcd(folder: Path, *lines: str, timescale: str = "1 us", wires: str = "! TXD") -> str:
    """A dump with wires of one bit, each given by identifier and name."""
    declared = [f"$var wire 1 {wire} $end" for wire in wires.split(", ")]
    text = [f"$timescale {timescale} $end", "$scope module m $end", *declared, "$upscope $end", "$enddefinitions $end"]
    path = folder / "a.vcd"
    path.write_text("\n".join([*text, *lines, ""]))
    return str(path)


@pytest.mark.parametrize(
    ("timescale", "tick"), [("1 s", 10**6), ("10 ms", 10**4), ("1 us", 1), ("100 ns", 0.1), ("1 ns", 1e-3)]
)
def test_times_are_in_the_files_unit(tmp_path: Path, timescale: str, tick: float) -> None:
    path = vcd(tmp_path, "#0", "1!", "#20", "0!", "#30", "1!", timescale=timescale)
    found = read_waveform(path, 0, 100)
    assert found.pins["TXD"].edges == [(round(20 * tick * US), 0), (round(30 * tick * US), 1)]


def test_a_pin_has_the_level_it_has_at_0_and_mark_if_it_has_none(tmp_path: Path) -> None:
    path = vcd(tmp_path, "#0", "0!", "x#", "#5", "1!", "0#", "#6", "1!", "0?", wires='! TXD, # CTS, " DSR, ? OUT')
    found = read_waveform(path, 0, 1)
    assert {name: signal.first for name, signal in found.pins.items()} == {"TXD": 0, "CTS": 0, "DSR": 1, "OUT": 1}
    assert found.pins["TXD"].edges == [(5 * US, 1)]
    assert found.pins["CTS"].edges == []
    assert found.pins["OUT"].edges == [(6 * US, 0)]


def test_pins_of_ours_come_first_and_two_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = vcd(tmp_path, "#0", wires='! clk, # IRQ, " TXD, % clk, & clk, ( RXD')
    found = read_waveform(path, 0, 1)
    assert list(found.pins) == ["TXD", "RXD", "IRQ", "clk", "clk_2", "clk_3"]
    assert found.lines == ("TXD", "RXD")


@pytest.mark.parametrize(
    ("name", "is_line"),
    [
        *((name, True) for name in ("TX", "rx", "uart0_txd", "SOUT", "sin", "dut.RXD.pad", "D1-RX")),
        *((name, False) for name in ("CTS", "TXEN", "matrix", "basin", "clk")),
    ],
)
def test_the_data_lines_of_other_programs_are_known_by_their_names(tmp_path: Path, name: str, is_line: bool) -> None:
    found = read_waveform(vcd(tmp_path, "#0", wires=f"! {name}"), 0, 1)
    assert found.lines == ((name,) if is_line else ())


def recorded(folder: Path, *frames: int) -> str:
    """A trace with a character at each of these times, in frames, and an interrupt at the end."""
    path = str(folder / "a.trace")
    tap = TraceWriter(path, RecordHeader(modem_inputs=0x10))
    for at in frames:
        tap.sent(at * FRAME, b"U", FORMAT)
    tap.interrupt((frames[-1] + 50) * FRAME, True)
    tap.close()
    return path


def found_characters(found: Waveform) -> list[int]:
    """The frames at which characters are found."""
    return [c.start // FRAME for c in decode(found.pins["TXD"], found.formats["TXD"])]


def test_by_default_a_section_begins_before_the_first_character_and_is_fourteen_frames_long(tmp_path: Path) -> None:
    found = read_waveform(recorded(tmp_path, *range(100, 200)))
    assert found.begin == 100 * FRAME - 3 * BIT
    assert found.end == found.begin + 14 * FRAME
    assert found.longer
    assert set(range(100, 113)) <= set(found_characters(found))
    at_once = read_waveform(recorded_at_0(tmp_path))
    assert (at_once.begin, at_once.longer) == (0, False)


def recorded_at_0(folder: Path) -> str:
    path = str(folder / "b.trace")
    tap = TraceWriter(path, RecordHeader())
    tap.sent(0, b"U", FORMAT)
    tap.settled(3 * FRAME)
    tap.close()
    return path


def test_a_recording_that_ends_early_ends_the_section_too(tmp_path: Path) -> None:
    path = recorded_at_0(tmp_path)
    found = read_waveform(path)
    assert found.end == 9 * BIT + 3 * BIT  # the last edge, and a little more
    given = read_waveform(path, 0, 1)
    assert (given.begin, given.end, given.longer) == (0, TICKS_PER_SECOND, False)
    assert read_waveform(path, 0).end == 12 * BIT


def test_a_section_knows_the_frames_that_reach_into_it_and_forgets_those_long_before(tmp_path: Path) -> None:
    path = recorded(tmp_path, 1, 2, 50, 51, 52, 53)
    begin = 51 * FRAME + 5 * BIT
    found = read_waveform(path, begin / TICKS_PER_SECOND, 90 * FRAME / TICKS_PER_SECOND)
    assert abs(found.begin - begin) <= 1
    assert set(found_characters(found)) == {50, 51, 52, 53}, (
        "a frame that runs on from before is needed to read the rest"
    )
    late = read_waveform(path, (53 * FRAME + 30 * BIT) / TICKS_PER_SECOND, 100 * FRAME / TICKS_PER_SECOND)
    assert late.pins["CTS"].first == 1
    assert late.pins["TXD"].level(late.begin) == 1


def test_a_modem_line_has_the_last_level_before_the_section(tmp_path: Path) -> None:
    lines = ["#0", "1!", "0#", "#10", "1#", "#20", "0#", "#30", "1#", "#40", "0#"]
    path = vcd(tmp_path, *lines, wires="! TXD, # CTS")
    for begin_us, first, edges in ((5, 0, 4), (10, 1, 3), (15, 1, 3), (20, 0, 2), (39, 1, 1), (40, 0, 0)):
        found = read_waveform(path, begin_us * 1e-6, 1)
        assert (found.pins["CTS"].first, len(found.pins["CTS"].edges)) == (first, edges)


def test_reading_ends_soon_after_the_section(tmp_path: Path) -> None:
    line_format = LineFormat.from_baud(9600)
    tail = 24 * line_format.bit_ticks
    for beyond, longer in ((0, False), (1, True)):
        end_us = 1000
        last = (seconds_to_ticks(end_us * 1e-6) + tail) // US + beyond
        path = vcd(tmp_path, "#0", "1!", f"#{last}", "0!", "#99999999", "1!" if longer else "")
        found = read_waveform(path, 0, end_us * 1e-6, line_format)
        assert found.longer
        assert len(found.pins["TXD"].edges) == (0 if longer else 1)


def test_a_format_that_the_file_gives_counts_from_its_time_on_each_line(tmp_path: Path) -> None:
    text = [
        "$timescale 1 us $end",
        "$scope module m $end",
        "$var wire 1 ! TXD $end",
        "$var string 1 f TXD_format $end",
        "$var string 1 t TXD_text $end",
        "$upscope $end",
        "$enddefinitions $end",
        *("#0", "1!", "s9600_7E1 f", "sA t", "#50", "s115200_8N1 f", "#60", "s f"),
    ]
    path = tmp_path / "a.vcd"
    path.write_text("\n".join([*text, ""]))
    found = read_waveform(str(path), 0, 1)
    assert found.formats == {"TXD": [(0, LineFormat.from_baud(9600, "7E1")), (50 * US, FORMAT)]}
    path.write_text("\n".join([*text, "#70", "s9600_9X9 f", ""]))
    with pytest.raises(UsageError, match="'9600_9X9'"):
        read_waveform(str(path), 0, 1)


def test_a_trace_shows_every_pin_with_its_first_level(tmp_path: Path) -> None:
    found = read_waveform(recorded_at_0(tmp_path))
    assert tuple(found.pins) == PINS
    assert found.lines == ("TXD", "RXD")
    with pytest.raises(UsageError, match=r"there is nothing from 1 s to 1 s"):
        read_waveform("a.trace", 1, 1)
