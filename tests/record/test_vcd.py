"""Waveforms: sigrok reads our characters from them, and every edge is where it has to be."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vcd.reader import TokenKind, tokenize

from tests.patience import patience
from tests.record.rig import AT_115200, RecordedChip, print_by_interrupts, set_up
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.record.levels import PINS
from uartsim.record.tap import RecordHeader
from uartsim.record.vcd import TIMESCALES, VcdWriter

START = 5_000_000_000_000_123
HEADER = RecordHeader(start=START)
#: sigrok's names for a parity, and its longest stop: it looks at no second stop bit.
PARITY = {"N": "none", "E": "even", "O": "odd", "S": "zero", "M": "one"}


def sigrok(path: Path, pin: str, line_format: LineFormat, *annotations: str) -> list[str]:
    """What sigrok's UART decoder says about a pin."""
    bits = line_format.data_bits
    options = f"baudrate={round(line_format.baud)}:data_bits={bits}:parity={PARITY[line_format.parity]}:format=hex"
    # A sample for each picosecond is more than it can hold: some two hundred in a bit will do.
    downsample = max(1, round(line_format.bit_ticks / TICKS_PER_NS * 1000 / 200))
    done = subprocess.run(
        [
            *("sigrok-cli", "-l", "1", "-I", f"vcd:downsample={downsample}", "-i", str(path)),
            *("-P", f"uart:rx={pin}:{options}", "-A", f"uart={':'.join(annotations or ('rx-data',))}"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=patience(120),
    )
    return [line.partition(": ")[2] for line in done.stdout.splitlines()]


def sigrok_bytes(path: Path, pin: str, line_format: LineFormat) -> bytes:
    return bytes(int(word, 16) for word in sigrok(path, pin, line_format))


def changes(path: Path) -> tuple[list[tuple[int, str, str]], list[str]]:
    """(time, name, value) of what a waveform says, and its comments."""
    names, found, comments, now = {}, [], [], 0
    with path.open("rb") as file:
        for token in tokenize(file):
            match token.kind:
                case TokenKind.VAR:
                    names[token.var.id_code] = token.var.reference
                case TokenKind.COMMENT:
                    comments.append(token.comment)
                case TokenKind.CHANGE_TIME:
                    now = token.time_change
                case TokenKind.CHANGE_SCALAR:
                    found.append((now, names[token.scalar_change.id_code], str(token.scalar_change.value)))
                case TokenKind.CHANGE_STRING:
                    found.append((now, names[token.string_change.id_code], token.string_change.value))
    return found, comments


@pytest.mark.needs("sigrok-cli")
@pytest.mark.parametrize(
    ("baud", "characters"),
    [(115200, "8N1"), (9600, "7E1"), (38400, "5N2"), (1200, "6O1"), (57600, "8M2"), (2400, "8S1")],
)
def test_sigrok_reads_the_bytes_that_were_sent(tmp_path: Path, baud: int, characters: str) -> None:
    line_format = LineFormat.from_baud(baud, characters)
    # The chip's own length of a bit is exact; from_baud rounds to a tick.
    data = bytes(byte & line_format.data_mask for byte in b"Hello, world!\r\n\x00\xff\x55\xaa")
    writer = VcdWriter(str(tmp_path / "a.vcd"), HEADER)
    start = START + 3 * line_format.bit_ticks  # sigrok does not see an edge at the very beginning
    writer.sent(start, data, line_format)
    writer.far_sent(start + 77_777_777, data[::-1], line_format)
    writer.close()
    assert sigrok_bytes(tmp_path / "a.vcd", "TXD", line_format) == data
    assert sigrok_bytes(tmp_path / "a.vcd", "RXD", line_format) == data[::-1]


@pytest.mark.needs("sigrok-cli")
def test_sigrok_reads_what_a_driver_printed(tmp_path: Path) -> None:
    writer = VcdWriter(str(tmp_path / "a.vcd"), HEADER)
    chip = RecordedChip(HEADER, writer)
    set_up(chip)
    print_by_interrupts(chip, b"printed by interrupts, sixteen at a time")
    chip.far_send(b"and typed")
    chip.wait(10**7)
    chip.close()
    assert sigrok_bytes(tmp_path / "a.vcd", "TXD", AT_115200) == b"printed by interrupts, sixteen at a time"
    assert sigrok_bytes(tmp_path / "a.vcd", "RXD", AT_115200) == b"and typed"


@pytest.mark.needs("sigrok-cli")
def test_sigrok_sees_breaks_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    line_format = LineFormat.from_baud(115200, "8E1")
    bit, frame = line_format.bit_ticks, line_format.frame_ticks
    writer = VcdWriter(str(path), HEADER)
    at = START + frame
    writer.far_sent(at, b"AAA", line_format)
    # The lowest data bit of the second comes wrong, and so does the stop bit of the third: 41 is 1 0000010 in the order
    # of time, even parity 0.
    second, third = at + frame, at + 2 * frame
    edges = [(second, 0), (second + 7 * bit, 1), (second + 8 * bit, 0), (second + 10 * bit, 1)]
    edges += [(third, 0), (third + bit, 1), (third + 2 * bit, 0), (third + 7 * bit, 1), (third + 8 * bit, 0)]
    writer.rxd_edges([*edges, (third + frame + bit, 1)])
    writer.far_space(at + 6 * frame, 3 * frame)
    writer.sent_break(START + 2 * frame, True)
    writer.sent_break(START + 5 * frame, False)
    writer.settled(START + 20 * frame)
    writer.modem_inputs(START + 20 * frame, 0)
    writer.close()
    assert sigrok(path, "RXD", line_format)[:3] == ["41", "40", "41"]
    said = Counter(sigrok(path, "RXD", line_format, "rx-warnings", "rx-parity-err", "rx-break"))
    assert said["Parity error"] == 1
    assert said["Frame error"] >= 1
    assert said["Break condition"] == 1
    assert sigrok(path, "TXD", line_format, "rx-break") == ["Break condition"]


@settings(max_examples=30)
@given(st.sampled_from(TIMESCALES[:4]), st.integers(1, 100), st.binary(min_size=1, max_size=9))
def test_edges_are_exact_to_half_a_unit_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, timescale: str, divisor: int, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("vcd") / "a.vcd"
    line_format = LineFormat(divisor * AT_115200.bit_ticks)
    writer = VcdWriter(str(path), HEADER, timescale)
    writer.sent(START + 12345, data, line_format)
    writer.close()
    unit_ps = {"1 ps": 1, "10 ps": 10, "100 ps": 100, "1 ns": 1000}[timescale]
    found = [(at * unit_ps, value) for at, name, value in changes(path)[0] if name == "TXD"][1:]
    levels = [level for byte in data for level in (0, *(byte >> n & 1 for n in range(8)), 1)]
    wanted, level = [], 1
    for n, this in enumerate(levels):
        if this != level:
            wanted.append(((12345 + n * line_format.bit_ticks) * 1000 / TICKS_PER_NS, str(this)))
            level = this
    assert [value for _, value in found] == [value for _, value in wanted]
    for (at, _), (exact, _) in zip(found, wanted, strict=True):
        assert abs(at - exact) <= unit_ps / 2 + 1e-3


def test_every_pin_is_there_with_what_it_is_at_first(tmp_path: Path) -> None:
    writer = VcdWriter(str(tmp_path / "a.vcd"), RecordHeader(modem_inputs=0x90))
    writer.modem_outputs(144_000, 0x0B)
    writer.interrupt(288_000, True)
    writer.settled(144_000_000)
    writer.close()
    found, comments = changes(tmp_path / "a.vcd")
    first = {name: value for at, name, value in found[: len(PINS)] if not at}
    assert tuple(first) == PINS
    assert [pin for pin, value in first.items() if value == "1"] == ["TXD", "RXD", "CTS", "DCD"]
    later = [change for change in found[len(PINS) :] if change[0]]
    assert later == [
        (1_000_000, "DTR", "1"),
        (1_000_000, "RTS", "1"),
        (1_000_000, "OUT2", "1"),
        (2_000_000, "IRQ", "1"),
    ]
    assert comments == ["com1: a 16550A"]


def irq_changes(path: Path) -> list[tuple[int, str]]:
    """Time in the file's units and level, after the beginning."""
    return [(at, value) for at, name, value in changes(path)[0] if name == "IRQ" and at]


@pytest.mark.parametrize(("timescale", "us"), [("1 ps", 1_000_000), ("10 ns", 100)])
def test_an_interrupt_served_at_once_is_a_unit_long(tmp_path: Path, timescale: str, us: int) -> None:
    writer = VcdWriter(str(tmp_path / "a.vcd"), RecordHeader(), timescale)
    for at in (144_000, 288_000):
        writer.interrupt(at, True)
        writer.interrupt(at, False)
    writer.modem_outputs(288_000, 0x01)
    writer.settled(289_000)
    writer.interrupt(432_000, True)
    writer.interrupt(432_000, False)
    writer.close()
    assert irq_changes(tmp_path / "a.vcd") == [(at * us + n, str(1 - n)) for at in (1, 2, 3) for n in (0, 1)]


def test_an_interrupt_shorter_than_a_unit_is_a_unit_long(tmp_path: Path) -> None:
    writer = VcdWriter(str(tmp_path / "a.vcd"), RecordHeader(), "1 us")
    for at, level in ((144_000, True), (145_000, False), (146_000, True), (147_000, False), (500_000, True)):
        writer.interrupt(at, level)
    writer.close()
    assert irq_changes(tmp_path / "a.vcd") == [(1, "1"), (2, "0"), (3, "1")]


def test_texts_name_the_characters_and_the_format(tmp_path: Path) -> None:
    writer = VcdWriter(str(tmp_path / "a.vcd"), RecordHeader())
    writer.sent(144_000, b" \\\x1b\x9f", AT_115200)
    writer.close()
    found, _ = changes(tmp_path / "a.vcd")
    texts = [value for at, name, value in found if name == "TXD_text" and at]
    assert texts == ["SP", r"\\", "ESC", "9F", ""]  # a backslash is escaped, as GTKWave wants it
    assert [value for _, name, value in found if name == "TXD_format" and value] == ["115200_8N1"]


def test_the_file_says_where_changes_are_missing_and_what_the_pins_are_then(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    writer = VcdWriter(str(path), RecordHeader())
    writer.interrupt(144_000, True)
    writer.settled(145_000)
    with mock.patch("os.write", side_effect=OSError(errno.ENOSPC, "full")):
        writer.flush()
        writer.modem_outputs(288_000, 0x01)
        writer.settled(289_000)
        writer.flush()
    assert writer.status()["lost_events"] == 2
    writer.modem_outputs(432_000, 0x00)
    writer.close()
    found, comments = changes(path)
    assert comments[-1] == "2 changes are missing here: No space left on device"
    known = {name: value for at, name, value in found if at == 3_000_000}
    assert (known["IRQ"], known["DTR"]) == ("1", "0")
    assert known.keys() >= set(PINS)


def test_half_a_line_never_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    writer = VcdWriter(str(path), RecordHeader())
    size = path.stat().st_size
    real_write = os.write
    rooms = [3, 0]

    def write(fd: int, data: Any) -> int:
        room = rooms.pop(0)
        if not room:
            raise OSError(errno.ENOSPC, "full")
        return real_write(fd, bytes(data)[:room])

    writer.sent(0, b"abc", AT_115200)
    writer.settled(TICKS_PER_SECOND // 2)
    with mock.patch("os.write", write):
        writer.flush()
    assert path.stat().st_size == size
    writer.close()


def test_the_unlimited_rate_has_no_waveform(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"the waveform .*a\.vcd cannot be recorded at the unlimited rate.*--rate line"
    ):
        VcdWriter(str(tmp_path / "a.vcd"), RecordHeader(unlimited=True))
    assert not (tmp_path / "a.vcd").exists()


def test_a_file_that_exists_and_a_unit_that_does_not_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.vcd").write_text("mine")
    with pytest.raises(UsageError, match="exists: remove it or give another file"):
        VcdWriter(str(tmp_path / "a.vcd"), RecordHeader())
    assert (tmp_path / "a.vcd").read_text() == "mine"
    with pytest.raises(ValueError, match=re.escape("timescale is '3 ps': use one of 1 ps, ")):
        VcdWriter(str(tmp_path / "b.vcd"), RecordHeader(), "3 ps")
