"""Characters, errors and breaks as a tty marks them (PARMRK in termios(3))."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.guest.parity_marks import MarkDecoder
from uartsim.machine import Flag, Received

RECEIVED = st.one_of(
    st.binary(min_size=1, max_size=5).map(lambda data: Received(data, Flag.NORMAL)),
    st.just(Received(b"\0", Flag.BREAK)),
    st.integers(1, 255).map(lambda byte: Received(bytes((byte,)), Flag.PARITY)),
)


def as_marked(received: Received) -> bytes:
    if received.flag is Flag.NORMAL:
        return received.data.replace(b"\xff", b"\xff\xff")
    return b"\xff\0" + received.data


def joined(found: list[Received]) -> list[Received]:
    whole: list[Received] = []
    for received in found:
        if whole and received.flag is whole[-1].flag is Flag.NORMAL:
            whole[-1] = Received(whole[-1].data + received.data, Flag.NORMAL)
        else:
            whole.append(received)
    return whole


@given(st.lists(RECEIVED, max_size=12), st.lists(st.integers(0, 60), max_size=6))
def test_every_mark_is_decoded_in_whatever_pieces_it_comes(sent: list[Received], cuts: list[int]) -> None:
    data = b"".join(map(as_marked, sent))
    decoder = MarkDecoder(Flag.PARITY)
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    found = [part for start, end in itertools.pairwise(places) for part in decoder.feed(data[start:end])]
    assert joined(found) == joined(sent)


def test_a_damaged_character_has_the_flag_of_the_format() -> None:
    assert MarkDecoder().feed(b"a\xff\0xb") == [
        Received(b"a", Flag.NORMAL),
        Received(b"x", Flag.FRAMING),
        Received(b"b", Flag.NORMAL),
    ]


def test_nothing_is_empty() -> None:
    assert MarkDecoder().feed(b"") == []
    assert MarkDecoder().feed(b"\xff") == []


@pytest.mark.parametrize("data", [b"\xffab", b"\xff\xfe"])
def test_a_tty_that_does_not_mark_loses_nothing(data: bytes) -> None:
    assert MarkDecoder().feed(data) == [Received(data, Flag.NORMAL)]
