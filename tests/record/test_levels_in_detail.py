"""Levels: names, annotations and what a later call takes back, each in detail."""

from __future__ import annotations

import pytest

from tests.record.test_levels import Pins
from uartsim.line_format import BIT_AT_DIVISOR_1 as BIT
from uartsim.line_format import NEVER, LineFormat
from uartsim.record.levels import Levels, character_name, error_names
from uartsim.record.tap import RecordHeader

AT_115200 = LineFormat()
FRAME, SAMPLED = AT_115200.frame_ticks, AT_115200.sampled_ticks


def test_a_character_has_a_name_without_spaces() -> None:
    names = [character_name(character) for character in range(256)]
    assert names[:4] == ["NUL", "SOH", "STX", "ETX"]
    assert (names[0x0A], names[0x0D], names[0x1B], names[0x1F]) == ("LF", "CR", "ESC", "US")
    assert names[0x20:0x23] == ["SP", "!", '"']
    assert names[0x7E:0x82] == ["~", "DEL", "80", "81"]
    assert names[0xFF] == "FF"
    assert len(set(names)) == 255  # FF is a form feed, too
    assert not any(" " in name for name in names)


@pytest.mark.parametrize(
    ("errors", "name"), [(0, ""), (0x04, "PE"), (0x08, "FE"), (0x0C, "PE FE"), (0x10, "BREAK"), (0x1C, "BREAK")]
)
def test_errors_have_their_names_and_a_break_is_just_that(errors: int, name: str) -> None:
    assert error_names(errors) == name


def test_each_pin_is_driven_by_its_bit() -> None:
    pins = Pins(RecordHeader(modem_inputs=0))
    for at, bit in enumerate((0x10, 0x20, 0x40, 0x80, 0x00)):
        pins.levels.modem_inputs(at, bit)
    for at, bit in enumerate((0x01, 0x02, 0x04, 0x08, 0x00), start=10):
        pins.levels.modem_outputs(at, bit)
    pins.levels.close()
    rises = [(at, name) for at, name, level in pins.changes if level]
    assert rises == [
        *((0, "CTS"), (1, "DSR"), (2, "RI"), (3, "DCD")),
        *((10, "DTR"), (11, "RTS"), (12, "OUT1"), (13, "OUT2")),
    ]
    falls = [(at, name) for at, name, level in pins.changes if not level]
    assert falls == [
        *((1, "CTS"), (2, "DSR"), (3, "RI"), (4, "DCD")),
        *((11, "DTR"), (12, "RTS"), (13, "OUT1"), (14, "OUT2")),
    ]


def test_a_format_is_told_when_it_changes_and_not_for_every_frame() -> None:
    other = LineFormat.from_baud(9600)
    pins = Pins()
    for start, line_format in ((0, AT_115200), (FRAME, AT_115200), (2 * FRAME, other), (9 * FRAME, AT_115200)):
        pins.levels.sent(start, b"a", line_format)
    pins.levels.close()
    assert pins.formats == [(0, "TXD", AT_115200), (2 * FRAME, "TXD", other), (9 * FRAME, "TXD", AT_115200)]


def test_the_text_of_an_error_lasts_from_the_sample_to_the_end_of_the_frame() -> None:
    pins = Pins()
    pins.levels.received(5, 0x41, 0x04)  # no format is known yet
    pins.levels.programmed(10, AT_115200)
    pins.levels.received(SAMPLED, 0x41, 0)
    pins.levels.received(FRAME + SAMPLED, 0x41, 0x04)
    pins.levels.close()
    assert pins.texts == [(FRAME + SAMPLED, "RXD", "A PE"), (2 * FRAME, "RXD", "")]


def test_a_frame_that_is_cut_off_loses_its_text_and_its_later_edges_and_the_other_line_keeps_its_own() -> None:
    pins = Pins()
    pins.levels.far_sent(0, b"B", AT_115200)
    pins.levels.sent(0, b"A\x00", AT_115200)
    pins.levels.sent(FRAME + 4 * BIT, b"C", AT_115200)
    pins.levels.close()
    said = {line: [(at, text) for at, name, text in pins.texts if name == line] for line in ("TXD", "RXD")}
    assert said["RXD"] == [(0, "B"), (FRAME, "")]
    assert said["TXD"] == [(0, "A"), (FRAME, "NUL"), (FRAME + 4 * BIT, "C"), (2 * FRAME + 4 * BIT, "")]
    assert pins.characters("RXD") == [(0, 0x42, 0)]


def test_a_frame_that_begins_as_another_ends_cuts_nothing_off() -> None:
    pins = Pins()
    pins.levels.sent(0, b"\x00", AT_115200)
    pins.levels.sent(FRAME, b"\x00", AT_115200)
    pins.levels.close()
    assert pins.edges("TXD") == [(0, 0), (9 * BIT, 1), (10 * BIT, 0), (19 * BIT, 1)]


def test_characters_are_cut_to_the_word_length_on_the_line_and_in_words() -> None:
    seven = LineFormat(BIT, 7)
    pins = Pins()
    pins.levels.sent(0, b"\xc1", seven)
    pins.levels.close()
    assert [text for _, _, text in pins.texts] == ["A", ""]
    assert pins.characters("TXD", seven) == [(0, 0x41, 0)]


def test_no_edges_are_nothing_and_the_last_gives_the_line_back() -> None:
    pins = Pins()
    pins.levels.far_sent(0, b"\x00", AT_115200)
    pins.levels.rxd_edges([])
    pins.levels.rxd_edges([(BIT, 1), (2 * BIT, 0), (3 * BIT, 1), (4 * BIT, 1)])
    pins.levels.close()
    assert pins.edges("RXD") == [(0, 0), (BIT, 1), (2 * BIT, 0), (3 * BIT, 1), (4 * BIT, 0), (9 * BIT, 1)]


def test_without_listeners_for_texts_and_formats_edges_are_told_all_the_same() -> None:
    changes: list[tuple[int, str, int]] = []
    levels = Levels(RecordHeader(), lambda *change: changes.append(change))
    levels.programmed(0, AT_115200)
    levels.sent(0, b"\xff", AT_115200)
    levels.received(0, 1, 0x04)
    levels.close()
    assert changes == [(0, "TXD", 0), (BIT, "TXD", 1)]


def test_what_is_at_the_settled_time_itself_waits() -> None:
    pins = Pins()
    pins.levels.interrupt(100, True)
    pins.levels.settled(100)
    assert pins.changes == []
    pins.levels.settled(101)
    assert pins.changes == [(100, "IRQ", 1)]
    pins.levels.interrupt(NEVER - 1, False)
    pins.levels.close()
    assert pins.changes[-1] == (NEVER - 1, "IRQ", 0)


def test_an_interrupt_level_that_is_told_again_is_no_pulse() -> None:
    pins = Pins()
    for at, level in ((100, False), (200, True), (300, True), (300, True), (400, False), (400, False)):
        pins.levels.interrupt(at, level)
    pins.levels.close()
    assert pins.edges("IRQ") == [(200, 1), (400, 0)]
