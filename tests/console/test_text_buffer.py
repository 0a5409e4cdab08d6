"""The growing text and views of it, against a plain string; and what is an echo, or a kernel line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.text.buffer import TextBuffer, View
from uartsim.console.text.echo_check import Echo, compare
from uartsim.console.text.kernel_prefix import (
    LONGEST_PREFIX,
    MAX_LINE,
    lift_kernel_lines,
    may_become_prefix,
    without_kernel_lines,
)

SEGMENT = 16_384


# -- the buffer --------------------------------------------------------------------------------------------


def filled(*sizes: int) -> tuple[TextBuffer, str]:
    buffer, text = TextBuffer(), ""
    for size in sizes:
        piece = "".join(chr(0x100 + (len(text) + n) % 50_000) for n in range(size))
        buffer.append(piece)
        text += piece
    return buffer, text


@pytest.mark.parametrize("sizes", [(), (1,), (0, 5, 0), (10_000, 6384, 1), (SEGMENT, 1), (SEGMENT + 1, 3, 20_000, 7)])
def test_any_part_of_what_was_appended_can_be_read(sizes: tuple[int, ...]) -> None:
    buffer, text = filled(*sizes)
    assert (buffer.start, buffer.end) == (0, len(text))
    places = sorted({0, 1, len(text) // 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, max(0, len(text) - 1), len(text), 99_999})
    for start in places:
        for end in places:
            if start <= end:
                assert buffer.slice(start, end) == text[start:end]


def test_whole_segments_are_forgotten_and_no_character_that_is_wanted() -> None:
    sizes = (10_000, 6384, 6000, 20_000, 5)  # segments: 16384, 6000, 20000, 5
    ends = (0, 16_384, 22_384, 42_384)
    for wanted, start in (
        (0, 0),
        (16_383, 0),
        (16_384, ends[1]),
        (22_383, ends[1]),
        (22_384, ends[2]),
        (99_999, ends[3]),
    ):
        buffer, text = filled(*sizes)
        buffer.drop_before(wanted)
        assert buffer.start == start
        assert buffer.end == len(text)
        assert buffer.slice(0, len(text)) == text[start:]
        buffer.append("more")
        assert buffer.slice(start, len(text) + 4) == text[start:] + "more"
    empty = TextBuffer()
    empty.drop_before(5)
    assert (empty.start, empty.end) == (0, 0)


# -- views -------------------------------------------------------------------------------------------------

#: What is sent: pieces that a view keeps or leaves out.
PIECES = st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=40)


def view_of(pieces: list[tuple[bool, int]]) -> tuple[View, list[int], int]:
    """A view, the places in the whole stream of its characters, and the length of the whole stream."""
    view, whole = View(), 0
    places: list[int] = []
    for kept, size in pieces:
        if kept:
            view.append("x" * size)
            places += range(whole, whole + size)
        else:
            view.cut(whole, whole + size)
        whole += size
    return view, places, whole


@given(PIECES)
def test_offsets_of_a_view_and_of_the_whole_stream_lead_to_each_other(pieces: list[tuple[bool, int]]) -> None:
    view, places, whole = view_of(pieces)
    for at, place in enumerate(places):
        assert view.to_whole(at) == place
        assert view.from_whole(place) == at
        begin = next(n for n in range(at, -1, -1) if n == 0 or places[n] != places[n - 1] + 1)
        assert view.run_start(at) == places[begin]
    assert view.from_whole(whole) == len(places)
    for place in range(whole):
        assert view.from_whole(place) == sum(kept < place for kept in places)


@given(PIECES, st.integers(0, 60), st.integers(0, 60))
def test_a_view_knows_where_something_is_left_out(pieces: list[tuple[bool, int]], start: int, length: int) -> None:
    view, places, whole = view_of(pieces)
    # A cut at offset n of the view lies before its character n.
    cuts = {n for n, place in enumerate([*places, whole]) if place != (places[n - 1] + 1 if n else 0)}
    assert view.has_cut(start, start + length) == any(start <= cut <= start + length for cut in cuts)


def test_a_view_that_forgets_still_leads_to_the_right_places() -> None:
    view = View()
    places: list[int] = []
    whole = 0
    for _ in range(400):
        view.append("y" * 200)
        places += range(whole, whole + 200)
        view.cut(whole + 200, whole + 203)
        whole += 203
    view.drop_before(70_000)
    first = view.buffer.start
    assert 0 < first <= 70_000
    for at in range(first, len(places), 7):
        assert view.to_whole(at) == places[at]
        assert view.from_whole(places[at]) == at
    assert view.has_cut(first + 100, first + 400)


# -- kernel lines ------------------------------------------------------------------------------------------

PREFIXES = ["[    0.000000] ", "<6>[   12.345678] ", "[ 1234.567890][    T1] ", "<13>[99999999999.000001][ C12] "]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_beginning_of_a_prefix_may_become_one(prefix: str) -> None:
    assert len(prefix) <= LONGEST_PREFIX
    for size in range(1, len(prefix)):
        if not prefix[:size].endswith("] "):
            assert may_become_prefix("some text" + prefix[:size]) == len("some text")
    for other in ("[x", "<6x", "[1.12x", "[ 1.123456]x", "[1.123456][T1x", "<1234", "[123456789012"):
        assert may_become_prefix("text" + other) == len("text" + other)
    assert may_become_prefix("") == 0


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_kernel_line_is_lifted_out_wherever_it_begins(prefix: str) -> None:
    line = prefix + "random: crng init done\n"
    assert lift_kernel_lines(f"one {line}two {line}{line}three") == "one two three"
    assert without_kernel_lines(f"one{line}two", "") == ("onetwo", len("one" + line + "two"), "")
    assert without_kernel_lines("one" + line[:-1], "") == ("one", 3, "")
    assert without_kernel_lines("one\ntwo" + prefix[:3], "") == ("one\ntwo", 7, prefix[:3])
    assert lift_kernel_lines("one" + prefix[:3]) == "one" + prefix[:3]


def test_a_kernel_line_ends_at_its_longest() -> None:
    prefix = "[    1.000000] "
    for size in (MAX_LINE - 1, MAX_LINE, MAX_LINE + 1):
        text = "a" + prefix + "x" * size
        left = "x" * max(0, size - MAX_LINE)
        assert without_kernel_lines(text, "") == (("a", 1, "") if size < MAX_LINE else ("a" + left, len(text), ""))
    assert lift_kernel_lines("a" + prefix + "x" * (MAX_LINE - 1) + "\nb") == "ab"


def test_a_prefix_that_was_typed_is_not_the_kernels() -> None:
    typed = "echo '[    1.000000] hello'"
    assert without_kernel_lines(typed + "\n", typed) == (typed + "\n", len(typed) + 1, "")
    kernel = "[    2.000000] real\n"
    assert without_kernel_lines(typed[:20] + kernel + typed[20:], typed)[0] == typed


# -- echoes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "typed", "echo", "decided"),
    [
        ("", "ls -l", Echo.NOTHING, 0),
        ("\r\n", "ls -l", Echo.NOTHING, 2),
        ("ls", "ls -l", Echo.BEGUN, 2),
        ("ls -l", "ls -l", Echo.WHOLE, 5),
        ("ls -l\r\n", "ls -l", Echo.WHOLE, 7),
        ("ls -x", "ls -l", Echo.OTHER, 5),
        ("ls -l\r\ntotal", "ls -l", Echo.OTHER, 12),
        ("xls", "ls", Echo.OTHER, 3),
        ("ls -\r-l", "ls --l", Echo.WHOLE, 7),  # wrapped by CR
        ("ls - \r-l", "ls --l", Echo.WHOLE, 8),  # wrapped as readline does
        ("ls -\r-l", "ls -l", Echo.WHOLE, 7),  # wrapped as BusyBox does
        ("ls -\r", "ls -l", Echo.BEGUN, 5),
        ("ls -\r-l", "ls ---l", Echo.OTHER, 7),
        ("ls -\r-\r-l", "ls --l", Echo.OTHER, 9),
        ("ls - ", "ls --l", Echo.BEGUN, 5),  # perhaps the first half of that
        ("ls -  ", "ls --l", Echo.OTHER, 6),
        ("l[    1.000000] x\ns", "ls", Echo.WHOLE, 19),
        ("l[    1.000000] x", "ls", Echo.BEGUN, 1),
        ("[    1.000000] x", "ls", Echo.NOTHING, 0),
        ("a [", "a [", Echo.LIKELY, 3),
        ("a [", "a [ b", Echo.BEGUN, 2),
    ],
)
def test_what_has_come_is_compared_with_what_was_typed(sent: str, typed: str, echo: Echo, decided: int) -> None:
    assert compare(sent, typed) == (echo, decided)
