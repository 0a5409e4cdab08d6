"""Reading recordings in detail: units of time, what an empty one holds, and differences in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_writer import TraceWriter
from uartsim.trace.reader import read_trace
from uartsim.trace.replay import replay
from uartsim.trace.summary import summarize
from uartsim.trace.waveform import read_waveform


@pytest.mark.parametrize(
    ("unit", "seconds"), [("s", 1), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("ps", 1e-12), ("fs", 1e-15)]
)
@pytest.mark.parametrize("magnitude", [1, 10, 100])
def test_a_waveform_of_another_program_has_its_edges_at_their_times(
    tmp_path: Path, unit: str, seconds: float, magnitude: int
) -> None:
    path = tmp_path / "a.vcd"
    step = 10**6 if unit == "fs" else 1000  # a tick is some 7000 fs
    edges = [(0, 1), (step, 0), (3 * step, 1), (10 * step, 0)]
    lines = [f"$timescale {magnitude} {unit} $end", "$var wire 1 ! TXD $end", "$enddefinitions $end"]
    path.write_text("\n".join([*lines, *(f"#{at}\n{level}!" for at, level in edges), f"#{20 * step}", ""]))
    length = seconds * magnitude
    found = read_waveform(
        str(path), 0, 15 * step * length, LineFormat(round(step / 2 * length * TICKS_PER_SECOND) or 1)
    )
    seen = [(at, level) for at, level in found.pins["TXD"].edges if at]
    wanted = [(at * length * TICKS_PER_SECOND, level) for at, level in edges if at]
    assert [level for _, level in seen] == [level for _, level in wanted]
    for (at, _), (exact, _) in zip(seen, wanted, strict=True):
        assert at == pytest.approx(exact, rel=1e-9, abs=1)


def test_a_recording_in_which_nothing_happened_is_summed_up_as_that(tmp_path: Path) -> None:
    TraceWriter(str(tmp_path / "a.trace"), RecordHeader()).close()
    found = summarize(read_trace(str(tmp_path / "a.trace"))).as_json()
    assert found.pop("whole") is True
    assert {name: value for name, value in found.items() if value and name not in ("events", "end", "settings")} == {}


def test_a_replay_names_the_modem_lines_that_differ_and_tells_the_first_ten_differences(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    for number in range(12):
        at = 1_000_000 * (number + 1)
        writer.write(at, 4, 0x0B if number % 2 == 0 else 0x00)
        writer.modem_outputs(at, 0x01 if number % 2 == 0 else 0x02)
    writer.close()
    found = replay(read_trace(str(path)))
    assert (found.found, len(found.differences)) == (12, 10)
    assert [(each.recorded, each.ours) for each in found.differences[:2]] == [
        ("DTR", "DTR RTS OUT2"),
        ("RTS", "none active"),
    ]
    assert [each.at for each in found.differences] == [1_000_000 * number for number in range(1, 11)]


def test_a_break_that_our_chip_does_not_send_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    writer.sent_break(1_000_000, True)
    writer.write(2_000_000, 3, 0x43)
    writer.write(3_000_000, 3, 0x03)
    writer.sent_break(3_000_000, False)
    writer.close()
    found = replay(read_trace(str(path)))
    assert [each.at for each in found.differences if each.what == "break on TXD"] == [1_000_000, 2_000_000]


def test_each_divisor_is_named_when_it_is_another_than_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    for number, divisor in enumerate((12, 1, 1, 12, 12, 1)):
        for offset, value in ((3, 0x83), (0, divisor), (1, 0), (3, 0x03)):
            writer.write(1000 * number, offset, value)
    writer.close()
    assert summarize(read_trace(str(path))).divisors == [12, 1, 12, 1]
