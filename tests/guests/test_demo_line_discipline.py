"""The demo guest's N_TTY: canonical input, echo, erasing, signals, flow control, limits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.guests.fake_tty import demo_module

module = demo_module("tty.line_discipline")
COOKED = demo_module("tty.termios_modes").Modes()


class Tty:
    """A line discipline and what it did to its surroundings."""

    def __init__(self, modes: Any = COOKED) -> None:
        self.echoed = bytearray()
        self.signals: list[str] = []
        self.held: list[bool] = []
        self.discarded = 0
        self.discipline = module.LineDiscipline(
            self.echoed.extend, self.signals.append, self.held.append, self._discard
        )
        self.discipline.set_modes(modes)

    def _discard(self) -> None:
        self.discarded += 1

    def type(self, data: bytes) -> bytes:
        """Type; what was echoed."""
        self.echoed.clear()
        self.discipline.receive(data)
        return bytes(self.echoed)

    def read(self, size: int = 4096) -> bytes | None:
        result = self.discipline.read(size)
        assert result is None or isinstance(result, bytes)
        return result


def test_a_line_is_readable_only_when_it_is_finished() -> None:
    tty = Tty()
    assert tty.type(b"ab") == b"ab"
    assert tty.read() is None
    assert tty.type(b"c\r") == b"c\r\n"
    assert tty.read() == b"abc\n"
    assert tty.read() is None


def test_cr_and_lf_both_end_a_line() -> None:
    tty = Tty()
    tty.type(b"one\rtwo\n")
    assert [tty.read(), tty.read()] == [b"one\n", b"two\n"]


def test_without_icrnl_a_cr_is_an_ordinary_character() -> None:
    tty = Tty(COOKED.without("icrnl"))
    assert tty.type(b"a\r") == b"a^M"
    assert tty.read() is None


def test_igncr_drops_cr() -> None:
    tty = Tty(COOKED.having("igncr"))
    tty.type(b"a\rb\n")
    assert tty.read() == b"ab\n"


def test_a_reader_with_a_small_buffer_gets_a_line_in_pieces() -> None:
    tty = Tty()
    tty.type(b"abcdef\r")
    assert [tty.read(4), tty.read(4), tty.read(4)] == [b"abcd", b"ef\n", None]


def test_erase_rubs_out_the_last_character() -> None:
    tty = Tty()
    assert tty.type(b"ab\x7f") == b"ab\b \b"
    assert tty.type(b"\x7f\x7f\x7fX\r") == b"\b \bX\r\n"
    assert tty.read() == b"X\n"


def test_erase_of_a_control_character_rubs_out_both_columns() -> None:
    tty = Tty()
    assert tty.type(b"\x01\x7f") == b"^A\b \b\b \b"


def test_erase_of_a_tab_goes_back_to_where_it_began() -> None:
    tty = Tty()
    tty.type(b"ab\t")
    assert tty.type(b"\x7f") == b"\b" * 6


def test_erase_of_a_tab_knows_the_prompt_in_front() -> None:
    tty = Tty()
    tty.discipline.process_output(b"\r\n123456")
    tty.type(b"\t")
    assert tty.type(b"\x7f") == b"\b\b"


def test_erase_takes_a_whole_utf8_character() -> None:
    tty = Tty()
    tty.type("ä".encode())
    assert tty.type(b"\x7f") == b"\b \b"
    tty.type(b"\r")
    assert tty.read() == b"\n"


def test_kill_rubs_out_the_line() -> None:
    tty = Tty()
    assert tty.type(b"abc\x15") == b"abc" + b"\b \b" * 3
    tty.type(b"x\r")
    assert tty.read() == b"x\n"


def test_kill_without_echoke_starts_a_new_line_on_the_screen() -> None:
    tty = Tty(COOKED.without("echoke"))
    assert tty.type(b"abc\x15") == b"abc^U\r\n"


def test_word_erase_works_where_iexten_is_on() -> None:
    tty = Tty(COOKED.having("iexten"))
    assert tty.type(b"one two.\x17") == b"one two." + b"\b \b" * 4
    tty.type(b"x\r")
    assert tty.read() == b"one x\n"


def test_word_erase_is_an_ordinary_character_without_iexten_as_agetty_leaves_it() -> None:
    assert Tty().type(b"\x17") == b"^W"


def test_literal_next_takes_the_meaning_from_the_next_character() -> None:
    tty = Tty(COOKED.having("iexten"))
    assert tty.type(b"\x16\x03") == b"^\b^C"
    tty.type(b"\r")
    assert tty.read() == b"\x03\n"
    assert tty.signals == []


def test_reprint_shows_the_line_again() -> None:
    assert Tty(COOKED.having("iexten")).type(b"ab\x12") == b"ab^R\r\nab"


def test_eof_on_an_empty_line_is_an_end_of_file() -> None:
    tty = Tty()
    assert tty.type(b"\x04") == b""
    assert tty.read() == b""


def test_eof_behind_text_hands_the_text_over() -> None:
    tty = Tty()
    tty.type(b"ab\x04")
    assert tty.read() == b"ab"


def test_intr_flushes_raises_and_echoes() -> None:
    tty = Tty()
    assert tty.type(b"typed\r\x03") == b"typed\r\n^C"
    assert tty.signals == ["INT"]
    assert tty.discarded == 1
    assert tty.read() is None


@pytest.mark.parametrize(("byte", "signal"), [(b"\x03", "INT"), (b"\x1c", "QUIT"), (b"\x1a", "TSTP")])
def test_each_signal_character_raises_its_signal(byte: bytes, signal: str) -> None:
    tty = Tty()
    tty.type(byte)
    assert tty.signals == [signal]


def test_noflsh_keeps_what_was_typed() -> None:
    tty = Tty(COOKED.having("noflsh"))
    tty.type(b"kept\r\x03")
    assert tty.read() == b"kept\n"


def test_without_isig_a_signal_character_is_data() -> None:
    tty = Tty(COOKED.without("isig"))
    tty.type(b"\x03\r")
    assert tty.read() == b"\x03\n"


def test_xoff_holds_the_output_and_xon_resumes_it_and_neither_is_read() -> None:
    tty = Tty()
    assert tty.type(b"\x13") == b""
    assert tty.held == [True]
    tty.type(b"\x11\r")
    assert tty.held == [True, False]
    assert tty.read() == b"\n"


def test_ixany_lets_any_character_resume() -> None:
    tty = Tty(COOKED.having("ixany"))
    tty.type(b"\x13a")
    assert tty.held == [True, False]


def test_a_signal_resumes_held_output() -> None:
    tty = Tty()
    tty.type(b"\x13\x03")
    assert tty.held == [True, False]


def test_switching_ixon_off_resumes_held_output() -> None:
    tty = Tty()
    tty.type(b"\x13")
    tty.discipline.set_modes(COOKED.without("ixon"))
    assert tty.held == [True, False]


def test_echo_off_shows_nothing_but_the_newline_that_echonl_asks_for() -> None:
    assert Tty(COOKED.without("echo")).type(b"secret\r") == b""
    assert Tty(COOKED.without("echo").having("echonl")).type(b"secret\r") == b"\r\n"


def test_raw_mode_hands_over_every_byte_at_once() -> None:
    tty = Tty(COOKED.without("icanon", "echo", "isig", "ixon", "icrnl"))
    tty.type(b"\x03\x11\r\x7f")
    assert tty.read() == b"\x03\x11\r\x7f"


def test_an_unfinished_line_becomes_readable_when_canonical_mode_ends() -> None:
    tty = Tty()
    tty.type(b"whole\rpart")
    tty.discipline.set_modes(COOKED.without("icanon"))
    assert tty.read() == b"whole\npart"


def test_a_break_is_a_nul_without_brkint() -> None:
    tty = Tty()
    tty.discipline.receive_break()
    assert bytes(tty.echoed) == b"^@"
    tty.type(b"\r")
    assert tty.read() == b"\0\n"


def test_a_break_is_an_interrupt_with_brkint_and_nothing_with_ignbrk() -> None:
    tty = Tty(COOKED.having("brkint"))
    tty.discipline.receive_break()
    assert tty.signals == ["INT"]
    tty.discipline.set_modes(COOKED.having("brkint", "ignbrk"))
    tty.discipline.receive_break()
    assert tty.signals == ["INT"]


def test_parmrk_marks_breaks_and_bad_characters() -> None:
    tty = Tty(COOKED.without("icanon", "echo").having("parmrk", "inpck"))
    tty.discipline.receive_break()
    tty.discipline.receive_error(0x41)
    tty.type(b"\xff")
    assert tty.read() == b"\xff\0\0" + b"\xff\0A" + b"\xff\xff"


def test_a_bad_character_passes_without_inpck() -> None:
    tty = Tty()
    tty.discipline.receive_error(0x41)
    tty.type(b"\r")
    assert tty.read() == b"A\n"


def test_a_canonical_line_holds_4095_characters_and_its_newline() -> None:
    tty = Tty()
    tty.type(b"a" * 5000 + b"\r")
    line = tty.read()
    assert line is not None
    assert len(line) == 4096
    assert line.endswith(b"a\n")


def test_a_full_buffer_throttles_and_loses_nothing() -> None:
    tty = Tty()
    typed = b"".join(b"line %04d\r" % number for number in range(1000))
    tty.type(typed)
    read = b""
    while (line := tty.read()) is not None:
        read += line
    assert read == typed.replace(b"\r", b"\n")


def test_output_gets_a_cr_before_each_newline() -> None:
    assert Tty().discipline.process_output(b"a\nb\r\n") == b"a\r\nb\r\r\n"
    assert Tty(COOKED.without("opost")).discipline.process_output(b"a\n") == b"a\n"


def test_tab3_expands_tabs() -> None:
    tty = Tty(COOKED.having("tab3"))
    assert tty.discipline.process_output(b"ab\tc") == b"ab      c"


@example(bytes(10) + b"\x1a\0", [11])
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_how_the_input_is_cut_into_runs_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Tty(), Tty()
    whole.discipline.receive(data)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in pairwise(places):
        pieces.discipline.receive(data[start:end])
    assert whole.echoed == pieces.echoed
    assert whole.signals == pieces.signals
    while True:
        line = whole.read()
        assert line == pieces.read()
        if line is None:
            break


@given(st.binary(max_size=200))
def test_what_is_read_in_raw_mode_is_what_was_typed(data: bytes) -> None:
    tty = Tty(COOKED.without("icanon", "echo", "isig", "ixon", "icrnl"))
    tty.discipline.receive(data)
    assert (tty.read() or b"") == data
