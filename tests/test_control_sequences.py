"""What is sent to a terminal, taken apart."""

from __future__ import annotations

from itertools import groupby
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import cut_in_pieces
from uartsim.control_sequences import LONGEST_SEQUENCE, ControlSequenceParser, Kind, Token

#: Tokens of these kinds may be cut anywhere.
CUT = (Kind.TEXT, Kind.STRING, Kind.IGNORED)

streams = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.sampled_from(
            [b"\x1b", b"[", b"]", b"P", b"\\", b"\xc2", b"\x9b", b"\x9d", b"\x9c", b"\x18", b"\x07", b"\n"]
        ),
        st.sampled_from([b"\x1b[1;31m", b"\x1b[?25l", b"\x1b(0", b"\x1b]0;t\x07", b"\x1b]8;;\x1b\\", b"\x1bPq\x1b\\"]),
        st.sampled_from(["\u00e9", "\u26c0", "\U0001f600"]).map(str.encode),
        st.integers(0, 2 * LONGEST_SEQUENCE).map(lambda size: b"1" * size),
    ),
    max_size=30,
).map(b"".join)


def tokens(*pieces: bytes, single_bytes: bool = True) -> list[Token]:
    """The tokens of a stream, with no cut where there need not be one."""
    parser = ControlSequenceParser(single_bytes=single_bytes)
    found = [token for piece in pieces for token in parser.feed(piece)]
    joined: list[Token] = []
    for kind, group in groupby(found, key=lambda token: token.kind):
        several = list(group)
        if kind in CUT:
            joined.append(Token(kind, b"".join(token.data for token in several)))
        else:
            joined += several
    return joined


@pytest.mark.parametrize(
    ("stream", "bodies"),
    [
        (b"a\x1b[1;31mb", [b"a", b"1;31m", b"b"]),
        (b"\x1b[>4;2m\x1b[0 q\x1b[!p\x1b[38:2::1:2:3m", [b">4;2m", b"0 q", b"!p", b"38:2::1:2:3m"]),
        (b"\x1bc\x1b(0\x1b%G\x1b=", [b"c", b"(0", b"%G", b"="]),
        (b"\xc2\x9b5m\x9bK\x84", [b"5m", b"K", b"D"]),
        (b"\x1b]0;t\x07x", [b"]", b"0;t", b"\x07", b"x"]),
        (b"\x1b]0;t\x1b\\x", [b"]", b"0;t", b"\x1b\\", b"x"]),
        (b"\x9d0;\xe2\x9c\x93\x9cx", [b"]", b"0;\xe2\x9c\x93", b"\x9c", b"x"]),
        (b"\x1bPa\x07b\xc2\x9cx", [b"P", b"a\x07b", b"\xc2\x9c", b"x"]),
        (b"\x1bXsos\x1b\\", [b"X", b"sos", b"\x1b\\"]),
        (b"\x1b^pm\x1b\\\x1b_apc\x1b\\", [b"^", b"pm", b"\x1b\\", b"_", b"apc", b"\x1b\\"]),
    ],
)
def test_each_sequence_is_told_from_text(stream: bytes, bodies: list[bytes]) -> None:
    assert [token.body or token.data for token in tokens(stream)] == bodies


def test_a_control_in_a_sequence_does_not_end_it() -> None:
    assert tokens(b"\x1b[3\n1m") == [Token(Kind.CSI, b"\x1b[3\n1m", b"31m")]
    assert tokens(b"\x1b\x00]x") == [Token(Kind.STRING_BEGIN, b"\x1b\x00]", b"]"), Token(Kind.STRING, b"x")]


def test_however_many_controls_there_are_a_sequence_is_seen() -> None:
    for controls in (b"\x00" * 300, b"\n" * 1000):
        assert tokens(b"\x1b" + controls + b"]x")[-2:] == [
            Token(Kind.STRING_BEGIN, ANY, b"]"),
            Token(Kind.STRING, b"x"),
        ]
        assert tokens(b"\x1b[" + controls + b"1m")[-1] == Token(Kind.CSI, ANY, b"1m")


@pytest.mark.parametrize("begun", [b"\x1b", b"\x1b(", b"\x1b[", b"\x1b[3"])
@pytest.mark.parametrize("at_once", [b"\x00", b"\x17", b"\x19", b"\x1c", b"\x1f", b"\x7f"])
def test_every_c0_control_and_del_is_passed_over_wherever_a_sequence_has_got_to(begun: bytes, at_once: bytes) -> None:
    found = tokens(begun + at_once + b"4c")
    assert [(token.kind, token.body) for token in found] == [(t.kind, t.body) for t in tokens(begun + b"4c")]
    assert b"".join(token.data for token in found) == begun + at_once + b"4c"


@pytest.mark.parametrize("control", range(0x80, 0xA0))
def test_a_c1_control_is_its_escape_sequence_and_its_data_are_the_bytes_that_it_came_as(control: int) -> None:
    seven_bit = b"\x1b" + bytes([control - 0x40])
    for came_as in (bytes([control]), bytes([0xC2, control])):
        (found, *rest), (same, *others) = tokens(came_as + b"1mx"), tokens(seven_bit + b"1mx")
        assert (found.kind, found.body) == (same.kind, same.body)
        assert found.data == same.data.replace(seven_bit, came_as)
        assert [token.body or token.data for token in rest] == [token.body or token.data for token in others]


@pytest.mark.parametrize("fill", [b"\x1b[%sm", b"\x1b%sF"])
@pytest.mark.parametrize("length", [LONGEST_SEQUENCE - 1, LONGEST_SEQUENCE, LONGEST_SEQUENCE + 1])
def test_the_longest_sequence_is_taken_and_a_longer_one_is_not(fill: bytes, length: int) -> None:
    stream = fill % ((b"1" if b"[" in fill else b" ") * (length - len(fill) + 2))
    assert len(stream) == length
    kind = Kind.IGNORED if length > LONGEST_SEQUENCE else Kind.CSI if b"[" in fill else Kind.ESCAPE
    assert [token.kind for token in tokens(stream)] == [kind]
    assert tokens(stream + b"x\x1b[1m")[1:] == [Token(Kind.TEXT, b"x"), Token(Kind.CSI, b"\x1b[1m", b"1m")]


def test_what_is_held_back_is_shown_as_pending() -> None:
    parser = ControlSequenceParser()
    for piece, held in (
        (b"\x1b", b"\x1b"),
        (b"[1", b"\x1b[1"),
        (b"m", b""),
        (b"\xe2\x9c", b"\xe2\x9c"),
        (b"\x93", b""),
    ):
        parser.feed(piece)
        assert parser.pending == held


def test_bel_ends_an_osc_and_no_other_string_whatever_came_before() -> None:
    for first, other in ((b"\x1b]", b"\x1bP"), (b"\x1bP", b"\x1b]")):
        found = tokens(first + b"a\x07b\x1b\\" + other + b"c\x07d\x1b\\")
        ends = [token.data for token in found if token.kind is Kind.STRING_END]
        assert ends == ([b"\x07", b"\x1b\\"] if first == b"\x1b]" else [b"\x1b\\", b"\x07"])


@pytest.mark.parametrize("cut", [b"\x18", b"\x1a", b"\x1bc", b"\x9bm", b"\xc2\x84"])
@pytest.mark.parametrize(
    ("begun", "kind"), [(b"\x1b[1;3", Kind.IGNORED), (b"\x1b(", Kind.IGNORED), (b"\x1b]0;x", Kind.STRING_END)]
)
def test_a_sequence_and_a_string_are_cut_off(begun: bytes, kind: Kind, cut: bytes) -> None:
    *before, last = tokens(begun + cut)
    assert before[-1].kind is kind
    assert last == tokens(cut)[0]
    assert kind is Kind.IGNORED or before[-1].data == b""


@pytest.mark.parametrize(
    "stream", [b"\x1b[1?m", b"\x1b[ 1m", b"\x1b[1<2h", b"\x1b[" + b"1;" * 200 + b"m", b"\x1b" + b" " * 300 + b"F"]
)
def test_a_malformed_or_overlong_sequence_is_ignored_as_a_whole(stream: bytes) -> None:
    assert tokens(stream + b"x") == [Token(Kind.IGNORED, stream), Token(Kind.TEXT, b"x")]


@given(st.text().map(lambda text: text.translate(dict.fromkeys([0x1B, *range(0x80, 0xA0)])).encode(errors="ignore")))
def test_characters_are_text_whatever_their_bytes(text: bytes) -> None:
    assert tokens(text) == ([Token(Kind.TEXT, text)] if text else [])


@given(streams.flatmap(lambda stream: st.tuples(st.just(stream), cut_in_pieces(stream))))
def test_it_does_not_matter_how_the_stream_is_cut(case: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = case
    for single_bytes in (True, False):
        whole = tokens(stream, single_bytes=single_bytes)
        assert tokens(*pieces, single_bytes=single_bytes) == whole
        assert tokens(*(stream[at : at + 1] for at in range(len(stream))), single_bytes=single_bytes) == whole


@pytest.mark.parametrize("stream", [b"\x9b5mx", b"\x90", b"\xc3\xa9\x9dx\x9c", b"\xff\x9b"])
def test_a_terminal_that_reads_utf_8_takes_no_single_byte_for_a_control(stream: bytes) -> None:
    assert tokens(stream, single_bytes=False) == [Token(Kind.TEXT, stream)]
    assert tokens(b"\x1b]" + stream + b"\x07", single_bytes=False)[1] == Token(Kind.STRING, stream)
    assert tokens(b"\xc2\x9b5m", single_bytes=False) == [Token(Kind.CSI, b"\xc2\x9b5m", b"5m")]


@given(streams)
def test_nothing_is_lost_and_little_is_held_back(stream: bytes) -> None:
    parser = ControlSequenceParser()
    assert b"".join(token.data for token in parser.feed(stream)) + parser.pending == stream
    assert len(parser.pending) <= LONGEST_SEQUENCE


@given(streams)
def test_the_data_of_the_tokens_says_the_same_as_the_stream(stream: bytes) -> None:
    found = tokens(stream + b"\x18")  # nothing is begun at the end
    again = tokens(*(token.data for token in found))
    assert [token for token in again if token.data] == [token for token in found if token.data]


@pytest.mark.parametrize("byte", [0x80, 0x84, 0x9B, 0x9F])
def test_where_single_bytes_are_no_controls_they_are_text_and_the_utf_8_form_is_one(byte: int) -> None:
    parser = ControlSequenceParser(single_bytes=False)
    found = parser.feed(bytes([byte]) + b"x\x1b]" + bytes([byte]) + b"y\x07" + bytes([0xC2, byte]) + b"m")
    shown = b"".join(token.data for token in found if token.kind is Kind.TEXT)
    assert shown.startswith(bytes([byte]) + b"x")
    assert b"".join(token.data for token in found if token.kind is Kind.STRING).startswith(bytes([byte]) + b"y")
    assert next(token for token in found if token.data.startswith(b"\xc2")).kind is not Kind.TEXT
    assert parser.feed(b"\x18\xa0\xff")[-1] == Token(Kind.TEXT, b"\x18\xa0\xff")


@pytest.mark.parametrize("introducer", [b"\x1b[", b"\x9b", b"\xc2\x9b"])
def test_a_sequence_behind_one_that_was_too_long_is_taken(introducer: bytes) -> None:
    *_, last = tokens(b"\x1b[" + b"1" * (LONGEST_SEQUENCE + 50) + introducer + b"4m")
    assert last == Token(Kind.CSI, introducer + b"4m", b"4m")


@pytest.mark.parametrize("final", [b"@", b"A", b"~"])
def test_every_final_byte_ends_a_sequence_that_came_in_pieces(final: bytes) -> None:
    parser = ControlSequenceParser()
    assert parser.feed(b"\x1b[2") == []
    assert parser.feed(final) == [Token(Kind.CSI, b"\x1b[2" + final, b"2" + final)]
    assert parser.feed(b"\x1b[2?") == []
    assert parser.feed(b"x") != [Token(Kind.TEXT, b"x")]


@pytest.mark.parametrize("intermediate", range(0x20, 0x30))
def test_every_intermediate_byte_wants_another_behind_it(intermediate: int) -> None:
    parser = ControlSequenceParser()
    assert parser.feed(b"\x1b" + bytes([intermediate])) == []
    for final in (0x30, 0x7E):
        begun = b"\x1b" + bytes([intermediate])
        sequence = begun + bytes([final])
        assert tokens(begun, bytes([final])) == [Token(Kind.ESCAPE, sequence, sequence[1:])]
