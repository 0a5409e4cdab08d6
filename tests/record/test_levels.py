"""Levels: the pins of a port in the order of time, whatever reaches into the future."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.record.rig import AT_115200, BIT
from tests.strategies import line_formats
from uartsim.line_format import LineFormat
from uartsim.record.levels import PINS, Levels, frame_edges
from uartsim.record.tap import RecordHeader
from uartsim.registers import LineError
from uartsim.trace.decode import Signal, decode


class Pins:
    """What a :class:`Levels` has said."""

    def __init__(self, header: RecordHeader | None = None) -> None:
        self.changes: list[tuple[int, str, int]] = []
        self.texts: list[tuple[int, str, str]] = []
        self.formats: list[tuple[int, str, LineFormat]] = []
        self.levels = Levels(
            header or RecordHeader(),
            lambda *change: self.changes.append(change),
            lambda *text: self.texts.append(text),
            lambda *found: self.formats.append(found),
        )
        self.first = dict(self.levels.levels)

    def edges(self, pin: str) -> list[tuple[int, int]]:
        return [(at, level) for at, name, level in self.changes if name == pin]

    def characters(self, line: str, line_format: LineFormat = AT_115200) -> list[tuple[int, int, int]]:
        """Start, character and errors of what a receiver reads."""
        found = decode(Signal(1, self.edges(line)), [(0, line_format)])
        return [(c.start, c.character, c.errors) for c in found]


def test_at_first_the_lines_are_at_mark_and_the_modem_lines_are_the_headers() -> None:
    pins = Pins(RecordHeader(modem_inputs=0x50))
    assert tuple(pins.first) == PINS
    assert [pin for pin, level in pins.first.items() if level] == ["TXD", "RXD", "CTS", "RI"]


def test_the_edges_of_a_frame_are_those_of_its_bits() -> None:
    # 41 in 7E1: start, 1000001 from the lowest bit, even parity 0, stop.
    line_format = LineFormat(100, 7, "E", 2)
    assert frame_edges(0x41, line_format) == ((0, 0), (100, 1), (200, 0), (700, 1), (800, 0), (900, 1))


@given(st.binary(min_size=1, max_size=20), line_formats(), st.integers(0, 10**12))
def test_what_is_sent_can_be_read_from_the_edges(data: bytes, line_format: LineFormat, start: int) -> None:
    pins = Pins()
    pins.levels.sent(start, data, line_format)
    pins.levels.close()
    frame = line_format.frame_ticks
    wanted = [(start + n * frame, character & line_format.data_mask, 0) for n, character in enumerate(data)]
    assert pins.characters("TXD", line_format) == wanted
    times = [at for at, _, _ in pins.changes]
    assert times == sorted(times)


def test_nothing_is_said_before_it_is_settled() -> None:
    pins = Pins()
    pins.levels.sent(0, b"U", AT_115200)
    assert pins.changes == []
    pins.levels.settled(3 * BIT)
    assert pins.edges("TXD") == [(0, 0), (BIT, 1), (2 * BIT, 0)]
    pins.levels.interrupt(3 * BIT, True)
    pins.levels.settled(3 * BIT + 1)
    assert pins.changes[-2:] == [(3 * BIT, "TXD", 1), (3 * BIT, "IRQ", 1)]


def test_a_break_covers_frames_and_lets_go_to_what_they_are() -> None:
    pins = Pins()
    pins.levels.sent(0, b"\xff\x00", AT_115200)
    pins.levels.sent_break(2 * BIT, True)
    pins.levels.sent_break(5 * BIT, False)
    pins.levels.close()
    assert pins.edges("TXD") == [(0, 0), (BIT, 1), (2 * BIT, 0), (5 * BIT, 1), (10 * BIT, 0), (19 * BIT, 1)]


def test_a_space_of_the_far_end_is_one_on_rxd() -> None:
    pins = Pins()
    pins.levels.far_space(100, 5000)
    pins.levels.close()
    assert pins.edges("RXD") == [(100, 0), (5100, 1)]


def test_a_pin_that_goes_and_comes_back_at_one_moment_has_done_nothing() -> None:
    pins = Pins()
    pins.levels.modem_outputs(100, 0x0F)
    pins.levels.modem_outputs(100, 0x0B)
    pins.levels.modem_outputs(200, 0x0B)
    pins.levels.close()
    assert pins.changes == [(100, "DTR", 1), (100, "RTS", 1), (100, "OUT2", 1)]


def test_an_interrupt_served_at_once_is_both_changes_at_that_moment() -> None:
    pins = Pins()
    for at, level in ((100, True), (100, False), (200, True), (300, False), (300, True), (400, False), (400, True)):
        pins.levels.interrupt(at, level)
    pins.levels.interrupt(400, False)
    pins.levels.close()
    assert pins.edges("IRQ") == [(100, 1), (100, 0), (200, 1), (300, 0), (300, 1), (400, 0)]
    assert pins.levels.levels["IRQ"] == 0


def test_the_edges_after_a_fault_stand_for_the_frames_from_the_first_to_the_last() -> None:
    pins = Pins()
    pins.levels.far_sent(0, b"ABC", AT_115200)
    # The B is lost on the way: the line is at mark for all of its frame.
    pins.levels.rxd_edges([(10 * BIT, 1), (20 * BIT, 1)])
    pins.levels.close()
    assert pins.characters("RXD") == [(0, 0x41, 0), (20 * BIT, 0x43, 0)]


def test_stretches_of_edges_that_follow_each_other_leave_no_moment_to_the_frames() -> None:
    pins = Pins()
    pins.levels.far_sent(0, b"\x00\x00", AT_115200)
    pins.levels.rxd_edges([(0, 1), (5 * BIT, 1)])
    pins.levels.rxd_edges([(5 * BIT, 1), (20 * BIT, 1)])
    pins.levels.close()
    assert pins.edges("RXD") == []


def test_a_frame_that_is_cut_off_by_the_next_ends_there() -> None:
    pins = Pins()
    pins.levels.sent(0, b"\x00", AT_115200)
    pins.levels.settled(3 * BIT)
    pins.levels.sent(4 * BIT, b"\xff", AT_115200)
    pins.levels.close()
    assert pins.edges("TXD") == [(0, 0), (5 * BIT, 1)]


def test_frames_without_length_have_no_edges() -> None:
    pins = Pins()
    pins.levels.sent(0, b"abc", LineFormat(0))
    pins.levels.close()
    assert pins.changes == []


def test_texts_say_what_is_in_each_frame_and_what_was_wrong_with_it() -> None:
    pins = Pins()
    pins.levels.programmed(0, AT_115200)
    pins.levels.sent(0, b"A\r", AT_115200)
    pins.levels.received(100, 0x80, int(LineError.FE | LineError.PE))
    pins.levels.received(30 * BIT, 0, int(LineError.BI | LineError.FE))
    pins.levels.close()
    frame = AT_115200.frame_ticks
    assert [(at, text) for at, line, text in pins.texts if line == "TXD"] == [(0, "A"), (frame, "CR"), (2 * frame, "")]
    assert [text for _, line, text in pins.texts if line == "RXD"] == ["80 PE FE", "", "BREAK", ""]
    assert pins.formats == [(0, "RXD", AT_115200), (0, "TXD", AT_115200)]
