"""Only what the guest echoes is recorded as text: a password never is, whoever types it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.line_format import TICKS_PER_SECOND
from uartsim.record.echo_witness import LONGEST, MOST_WAITING, PATIENCE, EchoWitness, Typed

MS = TICKS_PER_SECOND // 1000


class Line:
    """A line on which things are typed and heard, a millisecond apart."""

    def __init__(self) -> None:
        self.witness = EchoWitness()
        self.now = 0
        self.seen: list[Typed] = []

    def typed(self, data: bytes, **how: bool) -> Line:
        self.now += MS
        self.seen += self.witness.typed(data, self.now, **how)
        return self

    def heard(self, data: bytes) -> Line:
        self.now += MS
        self.seen += self.witness.heard(data, self.now)
        return self

    def later(self, ticks: int) -> Line:
        self.now += ticks
        self.seen += self.witness.overdue(self.now)
        return self

    def recorded(self) -> str:
        """All that was typed, hidden characters as asterisks."""
        self.seen += self.witness.finish()
        assert not self.witness.undecided
        return "".join("*" * typed.hidden or typed.data.decode("latin-1") for typed in self.seen)


def key_by_key(line: Line, text: bytes, *, echo: bool = True) -> Line:
    for key in text:
        line.typed(bytes([key]))
        if echo:
            line.heard(bytes([key]) if key != 13 else b"\r\n")
    return line


def test_a_line_that_is_echoed_is_recorded() -> None:
    assert Line().typed(b"ls -l\r").heard(b"ls -l\r\nfile\r\n# ").recorded() == "ls -l\r"
    assert key_by_key(Line(), b"ls -l\r").recorded() == "ls -l\r"


def test_a_password_is_a_number() -> None:
    line = key_by_key(Line(), b"root\r").heard(b"Password: ")
    key_by_key(line, b"hunter2\r", echo=False).heard(b"\r\nLast login: root\r\n# ")
    assert line.recorded() == "root\r*******\r"
    line = Line().typed(b"hunter2\r").heard(b"\r\nhunter2 is wrong\r\n")
    assert line.typed(b"hunter2\r").heard(b"\r\nhunter2 is wrong\r\n").recorded() == "*******\r*******\r"


def test_a_password_that_the_guest_answers_with_asterisks_is_a_number() -> None:
    line = Line()
    for key in b"secret":
        line.typed(bytes([key])).heard(b"*")
    assert line.typed(b"\r").heard(b"\r\n").recorded() == "******\r"


@pytest.mark.parametrize("noise", [b"\r\n[   12.345678] usb 1-1: new device\r\n", b"x", b"h\r\n"])
def test_what_comes_between_does_not_reveal_a_password(noise: bytes) -> None:
    line = Line().typed(b"h").heard(noise)
    key_by_key(line, b"unter2", echo=False)
    assert "".join(set(line.typed(b"\r").heard(b"\r\n").recorded())) in ("*\r", "\r*")


def test_one_wrong_character_hides_the_line_and_not_the_next() -> None:
    line = Line().typed(b"abc\r").heard(b"abX\r\n")
    assert line.typed(b"ls\r").heard(b"ls\r\n").recorded() == "***\rls\r"


def test_lines_that_are_pasted_together_are_echoed_one_after_another() -> None:
    assert Line().typed(b"one\rtwo\rthree\r").heard(b"one\r\ntwo\r\nthree\r\n").recorded() == "one\rtwo\rthree\r"
    assert (
        Line().typed(b"one\rtwo\r").heard(b"on").heard(b"e\r").heard(b"\ntw").heard(b"o\r\n").recorded() == "one\rtwo\r"
    )


def test_keys_and_control_characters_are_recorded_without_echo() -> None:
    assert Line().typed(b"\x1b[A\x1bOP\x03\t\r").recorded() == "\x1b[A\x1bOP\x03\t\r"


def test_corrections_of_a_line_are_recorded() -> None:
    line = key_by_key(Line(), b"lx")
    line.typed(b"\x7f").heard(b"\b \b")
    assert key_by_key(line, b"s\r").recorded() == "lx\x7fs\r"


def test_colours_and_a_wrapped_line_do_not_hide_an_echo() -> None:
    assert Line().typed(b"echo long\r").heard(b"\x1b[1mecho\x1b[0m lo \rng\r\n").recorded() == "echo long\r"


def test_a_space_at_the_end_of_a_line_is_echoed_in_any_pieces() -> None:
    assert Line().typed(b"ls \r").heard(b"ls \r").heard(b"\n").recorded() == "ls \r"
    assert Line().typed(b"ls \r").heard(b"ls \r").recorded() == "ls \r"
    assert Line().typed(b"long\r").heard(b"lo \r").later(MS).heard(b"ng\r\n").recorded() == "long\r"
    assert Line().typed(b"ls ").heard(b"ls \r").later(PATIENCE + MS).recorded() == "ls "


def test_a_secret_is_hidden_even_if_it_is_echoed() -> None:
    assert Line().typed(b"abc", secret=True).heard(b"abc").typed(b"\r").recorded() == "***\r"


def test_what_is_plain_is_recorded_without_echo() -> None:
    assert Line().typed(b"h", plain=True).recorded() == "h"


def test_a_stretch_waits_for_its_echo_for_so_long_and_no_longer() -> None:
    assert Line().typed(b"ab").later(PATIENCE - MS).heard(b"ab").typed(b"\r").recorded() == "ab\r"
    assert Line().typed(b"ab").later(PATIENCE + MS).heard(b"ab").typed(b"\r").recorded() == "**\r"


def test_who_types_slowly_is_recorded_too() -> None:
    line = Line()
    for key in b"ls\r":
        line.typed(bytes([key])).heard(bytes([key])).later(2 * PATIENCE)
    assert line.recorded() == "ls\r"


def test_slow_typing_of_a_password_is_hidden_as_a_whole() -> None:
    line = Line()
    for key in b"abc":
        line.typed(bytes([key])).later(2 * PATIENCE)
    assert line.heard(b"c").typed(b"\r").recorded() == "***\r"


def test_times_are_those_of_typing() -> None:
    line = Line().typed(b"ab")
    at = line.now
    line.later(MS).heard(b"ab").typed(b"\r")
    assert line.seen == [Typed(at, b"ab"), Typed(line.now, b"\r")]


def test_a_very_long_line_is_several() -> None:
    text = b"x" * (3 * LONGEST)
    line = Line()
    for at in range(0, len(text), 1000):
        line.typed(text[at : at + 1000]).heard(text[at : at + 1000])
    assert line.recorded() == text.decode()


@given(
    secret=st.binary(min_size=1, max_size=12).filter(lambda text: min(text) >= 0x20 and 0x7F not in text),
    noise=st.lists(st.sampled_from([b"", b"\r\n", b"[    1.0] k\r\n", b"# "]), max_size=12),
)
def test_without_an_echo_nothing_of_it_is_recorded(secret: bytes, noise: list[bytes]) -> None:
    """But for a noise that is by chance all of what was typed until then."""
    line = Line()
    rest = iter(noise)
    for key in secret:
        line.typed(bytes([key])).heard(next(rest, b"") if bytes([key]) not in (b"\r", b"[", b"#") else b"")
    assert set(line.typed(b"\r").heard(b"\r\n").recorded()) == {"*", "\r"}


@given(
    lines=st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1), max_size=5),
    cuts=st.lists(st.integers(1, 9), max_size=30),
)
def test_an_echo_in_any_pieces_is_recorded(lines: list[str], cuts: list[int]) -> None:
    typed = "".join(f"{text}\r" for text in lines).encode()
    echo = typed.replace(b"\r", b"\r\n")
    line = Line().typed(typed)
    for cut in [*cuts, len(echo)]:
        piece, echo = echo[:cut], echo[cut:]
        line.heard(piece)
    recorded = line.recorded()
    assert recorded.encode() == typed


def test_a_flood_is_counted_and_does_not_wait() -> None:
    witness = EchoWitness()
    data = bytes(range(1, 256)) * 4000
    decided: list[Typed] = []
    for at in range(0, len(data), 4096):
        decided += witness.typed(data[at : at + 4096], at)
        assert len(witness._waiting) <= MOST_WAITING
    decided += witness.overdue(PATIENCE * 2)
    decided += witness.finish()
    assert sum(len(each.data) + each.hidden for each in decided) == len(data)
    assert all(min(each.data) < 0x20 or each.data == b"\x7f" for each in decided if each.data)
