"""The cleaner on the noise of real terminals, whole and in pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.text.cleaned_text import MAX_STRING, TextCleaner, Transcript

NOISE = {
    "bash with bracketed paste": (b"\x1b[?2004hroot@demo:~# ls\r\n\x1b[?2004l\rfile\r\n", "root@demo:~# ls\nfile\n"),
    "colours": (b"\x1b[0;1;31mFAILED\x1b[0m Failed to start\r\n", "FAILED Failed to start\n"),
    "GRUB's cursor": (b"\x1b[H\x1b[J\x1b[1;1H\x1b[7m*Debian\x1b[m\x1b[?25h", "*Debian"),
    "OSC ended by BEL": (b"\x1b]0;root@demo: ~\x07root@demo:~# ", "root@demo:~# "),
    "OSC 3008 ended by ST": (b"\x1b]3008;start=0a1b;user=root\x1b\\# ", "# "),
    "DCS": (b"\x1bP+q544e\x1b\\ok", "ok"),
    "size question": (b"\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8# ", "# "),
    "character sets": (b"\x1b(B\x1b)0\x0elqk\x0f text", "lqk text"),
    "keypad modes": (b"\x1b=\x1b>\x1bM\x1bcx", "x"),
    "agetty's line end": (b"bob\r\r\nPassword: ", "bob\nPassword: "),
    "progress bar": (b"10%\r20%\r\r100%\r\n", "10%\r20%\r100%\n"),
    "return across a sequence": (b"a\r\x1b[K\nb", "a\nb"),
    "break as NUL, and BEL": (b"\x00login\x07: ", "login: "),
    "UTF-8": ("Größe → 3\r\n".encode(), "Größe → 3\n"),
    "no UTF-8": (b"\xff\xfe ok \xc3", "\ufffd\ufffd ok "),
    "CSI broken off": (b"\x1b[31\nnext", "\nnext"),
    "CSI with a parameter behind an intermediate byte, as Plymouth sends it": (b"a\x1b[1;-1fb", "ab"),
    "OSC broken off by a line's end": (b"\x1b]0;title\r\nnext", "\nnext"),
    "OSC broken off by an escape": (b"\x1b]0;ti\x1b[1mtext", "text"),
    "escape twice": (b"\x1b\x1b[1mx", "x"),
    "ESC before a line's end": (b"a\x1b\r\nb", "a\nb"),
}


@pytest.mark.parametrize(("data", "text"), NOISE.values(), ids=NOISE)
def test_noise_of_terminals_is_removed(data: bytes, text: str) -> None:
    assert TextCleaner().feed(data) == text


@pytest.mark.parametrize(("data", "text"), NOISE.values(), ids=NOISE)
def test_noise_is_removed_byte_by_byte(data: bytes, text: str) -> None:
    cleaner = TextCleaner()
    assert "".join(cleaner.feed(bytes([byte])) for byte in data) == text


PARTS = [
    b"\x1b", b"[", b"]", b"\\", b"P", b"(", b"B", b"m", b"0;1", b"?25h", b"\x07", b"\r", b"\n", b"\x18", b"\0", b"x",
    b" ", b"\xc3\xa9", b"\xe2\x82", b"\xff", b"\x1b[0m", b"\x1b]0;", b"\x1b\\", b"y" * (MAX_STRING - 3), b"zzzz",
    b"8" * 63,
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=30).map(b"".join), st.lists(st.integers(0, 9000), max_size=8))
def test_text_does_not_depend_on_how_the_bytes_were_cut(data: bytes, cuts: list[int]) -> None:
    cleaner = TextCleaner()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [cleaner.feed(data[a:b]) for a, b in itertools.pairwise(places)]
    assert "".join(pieces) == TextCleaner().feed(data)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_text_of_any_bytes_does_not_depend_on_a_cut_and_holds_no_escape(data: bytes, cut: int) -> None:
    cleaner = TextCleaner()
    text = cleaner.feed(data[:cut]) + cleaner.feed(data[cut:])
    assert text == TextCleaner().feed(data)
    assert not set(text) & {chr(c) for c in range(32) if c not in (9, 10, 13)}


def test_string_longer_than_any_real_one_is_shown_rather_than_swallowed() -> None:
    assert TextCleaner().feed(b"\x1b]" + b"k" * (MAX_STRING + 1) + b"\r\nlog in") == "k" * (MAX_STRING + 1) + "\nlog in"


def test_nothing_but_an_unfinished_sequence_is_held_back() -> None:
    cleaner = TextCleaner()
    assert cleaner.feed(b"login: \x1b[") == "login: "
    assert cleaner.feed(b"0m") == ""


def test_raw_bytes_are_found_from_the_text() -> None:
    transcript = Transcript()
    for i, byte in enumerate(b"\x1b[1mlogin\x1b[0m: \x1b[Kroot\r\nPass"):
        transcript.feed(bytes([byte]), float(i))
    assert transcript.text == "login: root\nPass"
    start = transcript.text.index("gin")
    assert transcript.raw_between(start, start + 5) == b"gin\x1b[0m: "
    assert transcript.raw_between(transcript.text.index("oot"), transcript.text_end) == b"oot\r\nPass"
    assert transcript.raw_between(3, 3) == b""


@given(
    st.lists(st.tuples(st.text("aé\n", min_size=1, max_size=3), st.sampled_from(["", "\x1b[1m"])), min_size=1),
    st.integers(1, 400),
)
def test_each_character_is_found_among_the_raw_bytes(parts: list[tuple[str, str]], size: int) -> None:
    raw = "".join(text + sequence for text, sequence in parts).encode()
    transcript = Transcript()
    for at in range(0, len(raw), size):
        transcript.feed(raw[at : at + size], at)
    for offset, character in enumerate(transcript.text):
        assert transcript.raw_between(offset, offset + 1).decode() == character


def test_transcript_keeps_the_end_and_forgets_the_start() -> None:
    transcript = Transcript(kept_bytes=10_000)
    for i in range(5000):
        transcript.feed(b"line %06d\r\n" % i, float(i))
    assert 10_000 <= len(transcript.raw) < 13_000
    assert transcript.text.endswith("line 004999\n")
    assert transcript.raw_end == 5000 * 13
    assert transcript.raw_between(transcript.text_end - 3, transcript.text_end - 1) == b"99"


def test_a_character_that_is_cut_in_a_control_string_does_not_end_the_string() -> None:
    cleaner = TextCleaner()
    data = b"\x1b]0;z\xc3\xa9\x07x"
    assert "".join(cleaner.feed(data[at : at + 1]) for at in range(len(data))) == "x"


def test_pieces_are_all_that_has_come_with_its_times() -> None:
    transcript = Transcript()
    assert transcript.pieces() == []
    transcript.feed(b"a\r\n", 1.0)
    transcript.feed(b"b\r\n", 2.0)
    assert transcript.pieces() == [(1.0, b"a\r\n"), (2.0, b"b\r\n")]
