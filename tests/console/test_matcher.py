"""The matcher against a reader who takes in one character at a time."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uartsim.console.text.buffer import TextBuffer
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.patterns import MAX_MATCH, Pattern, exact, expression
from uartsim.console.text.search import Found, Search
from uartsim.errors import UsageError


def find_by_single_characters(text: str, patterns: list[Pattern], paused_at_end: bool) -> tuple[int, int, int] | None:
    """The definition at the head of ``matcher.py``, word by word, with no thought of speed."""
    for n in range(1, len(text) + 1):
        at_line_end = text[n - 1] == "\n"
        found = []
        for i, p in enumerate(patterns):
            if p.shape.closed and (m := p.regex.search(text, 0, n)):
                found.append((m.start(), i, m.end()))
        one_is_there = bool(found)
        for i, p in enumerate(patterns):
            if p.shape.closed or p.shape.pause_only:
                continue
            if at_line_end:
                if m := p.regex.search(text, 0, n - 1):
                    found.append((m.start(), i, m.end()))
            elif one_is_there and p.shape.steady and (m := p.regex.search(text, 0, n)) and m.end() < n:
                found.append((m.start(), i, m.end()))
        if found:
            start, i, end = min(found)
            return i, start, end
    if paused_at_end:
        at_pause = [
            (m.start(), i, m.end())
            for i, p in enumerate(patterns)
            if not p.shape.closed and (m := p.regex.search(text, 0, len(text)))
        ]
        if at_pause:
            start, i, end = min(at_pause)
            return i, start, end
    return None


def find_in_pieces(text: str, cuts: list[int], patterns: list[Pattern], paused_at_end: bool) -> Found | None:
    matcher = Matcher()
    search = matcher.search(patterns)
    places = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    for a, b in itertools.pairwise(places):
        matcher.feed(text[a:b])
        if found := search.find():
            return found
    return search.find(paused=paused_at_end)


EXPRESSIONS = [
    "a", "ab", "b+", "a.*b", "a.*?b", "a(?s:.*)b", "^a", "a$", "^a*$", r"\bab\b", r"ab\b", r"a\B", "a|ab", "ab|a",
    "(?:ab|b)+a", r"b\Z", r"b\n", r"\n", r"a\s*b", r"\s+", "[^a]b", "(?<=a)b", "(?<!a)b", "a(?=b)", "b(?!a)",
    "(?>a|ab)b", "a*+b", "x*", r"(a)\1", r"a$\nb", r"a\n?", r"b\s*$", "(a)?(?(1)b|\n)", "^$", r"\Aa", "(?i)AB",
    "a{2,3}", "a{2}?b?",
]  # fmt: skip


@given(
    text=st.text("ab \n", max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=6),
    sources=st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=4),
    literals=st.lists(st.sampled_from(["ab", "b", "a\n", "aa", " a"]), max_size=2),
    paused=st.booleans(),
)
def test_result_is_that_of_a_reader_of_single_characters_however_the_text_is_cut(
    text: str, cuts: list[int], sources: list[str], literals: list[str], paused: bool
) -> None:
    patterns = [*map(expression, sources), *map(exact, literals)]
    expected = find_by_single_characters(text, patterns, paused)
    found = find_in_pieces(text, cuts, patterns, paused)
    assert (found and (found.index, found.start, found.end)) == expected


@settings(deadline=None)
@given(
    lines=st.lists(st.sampled_from(["-" * 5000, "+" * 20_000, "a", "b", "a b", "\n", "end\n"]), max_size=10),
    size=st.integers(100, 40_000),
    source=st.sampled_from(["a.*b", "a(?s:.*)b", "a[^b]*b", "a.*d$", r"b\s*\n", "end", "-{3}a", r"(?s)b.*\+"]),
)
def test_windows_of_a_long_text_do_not_depend_on_how_it_is_cut(lines: list[str], size: int, source: str) -> None:
    text = "".join(lines)
    patterns = [expression(source)]
    assert find_spans(text, list(range(0, len(text), size)), patterns) == find_spans(text, [], patterns)


def find_spans(text: str, cuts: list[int], patterns: list[Pattern]) -> tuple[int, int] | None:
    found = find_in_pieces(text, cuts, patterns, paused_at_end=True)
    return (found.start, found.end) if found else None


def test_every_expression_of_the_property_test_is_understood() -> None:
    closed = {source for source in EXPRESSIONS if expression(source).shape.closed}
    assert closed == {
        "a", "ab", "a.*b", "a.*?b", "a(?s:.*)b", "^a", "(?:ab|b)+a", r"b\n", r"\n", r"a\s*b", "[^a]b",
        "(?<=a)b", "(?<!a)b", r"a$\nb", r"\Aa", "(?i)AB",
    }  # fmt: skip


def test_match_of_the_greatest_length_is_found_across_the_grid() -> None:
    for offset in (0, 1, MAX_MATCH - 2, MAX_MATCH - 1, MAX_MATCH, 3 * MAX_MATCH // 2):
        text = "-" * offset + "a" + "x\n" * ((MAX_MATCH - 2) // 2) + "b"
        found = find_in_pieces(text, list(range(0, len(text), 700)), [expression("(?s)a.*b")], False)
        assert found is not None
        assert (found.start, found.end) == (offset, len(text))


def test_word_at_the_end_of_an_expression_is_whole_though_its_characters_come_singly() -> None:
    matcher = Matcher()
    search = matcher.search([expression(r"version (\S+)")])
    for character in "Linux version 6.1.0-13":
        matcher.feed(character)
        assert search.find() is None
    matcher.feed(" (gcc)\n")
    found = search.find()
    assert found is not None
    assert found.match[1] == "6.1.0-13"


def test_prompt_with_a_dollar_is_the_one_at_which_the_guest_pauses() -> None:
    matcher = Matcher()
    search = matcher.search([expression("# $")])
    matcher.feed("# comment\n## Heading # and more\nroot@demo:~# ")
    assert search.find() is None
    found = search.find(paused=True)
    assert found is not None
    assert matcher.consume(found) == ("# comment\n## Heading # and more\nroot@demo:~", "# ")


def test_nothing_is_consumed_by_a_search_that_finds_nothing() -> None:
    matcher = Matcher()
    matcher.feed("login: ")
    assert matcher.search([exact("Password: ")]).find(paused=True) is None
    assert matcher.unread == "login: "
    assert matcher.search([exact("login: ")]).find() is not None


def test_rest_after_a_match_stays_for_the_next() -> None:
    matcher = Matcher()
    matcher.feed("one two three")
    assert consume(matcher, exact("two")) == ("one ", "two")
    assert consume(matcher, exact("three")) == (" ", "three")
    assert matcher.unread == ""


def test_start_of_line_is_that_of_the_guest_not_of_what_is_unread() -> None:
    matcher = Matcher()
    matcher.feed("login: root\nroot\n")
    consume(matcher, exact("login: "))
    assert consume(matcher, expression("^root")) == ("root\n", "root")


def test_pattern_complete_first_wins_and_the_list_decides_a_draw() -> None:
    matcher = Matcher()
    matcher.feed("demo login: ")
    late_and_early = matcher.search([exact("login: "), exact("login")])
    assert index_of(late_and_early) == 1
    assert index_of(matcher.search([expression("login"), exact("login")])) == 0


def test_more_unread_text_than_is_kept_is_read_past_and_counted() -> None:
    matcher = Matcher(max_unread=4 * MAX_MATCH)
    for _ in range(100):
        matcher.feed("x" * MAX_MATCH)
    matcher.feed("end")
    assert matcher.dropped == 96 * MAX_MATCH + 3
    assert len(matcher.unread) == 4 * MAX_MATCH
    assert matcher.buffer.end - matcher.buffer.start < 7 * MAX_MATCH
    assert consume(matcher, exact("end"))[1] == "end"


def test_unfinished_line_is_known_though_it_was_consumed() -> None:
    matcher = Matcher()
    matcher.feed("Last login: never\nroot@demo:~# ")
    consume(matcher, exact("# "))
    assert matcher.plain_line == "root@demo:~# "


@given(st.lists(st.text("abc\n", max_size=9000), max_size=8), st.integers(0, 30_000), st.integers(0, 30_000))
def test_buffer_slices_like_the_whole_text(pieces: list[str], start: int, end: int) -> None:
    buffer = TextBuffer()
    for piece in pieces:
        buffer.append(piece)
    whole = "".join(pieces)
    assert buffer.slice(start, end) == whole[start:end]
    buffer.drop_before(start)
    assert buffer.slice(max(start, buffer.start), end) == whole[max(start, buffer.start) : end]


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("(unclosed", "regular expression"),
        ("", "empty"),
        (r"\x1b\[0m", "cleaned text"),
        ("(?:\x1b|\033)K", "cleaned text"),
    ],
)
def test_expression_that_cannot_work_is_refused_in_one_sentence(source: str, word: str) -> None:
    with pytest.raises(UsageError, match=word) as caught:
        expression(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", [3, None, object()])
def test_what_is_no_pattern_is_refused(pattern: object) -> None:
    with pytest.raises(UsageError, match="expect"):
        expression(pattern)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expect"):
        exact(pattern)  # type: ignore[arg-type]


def test_windows_line_end_in_a_pattern_means_the_normalised_one() -> None:
    for pattern in (exact("a\r\nb"), expression("a\r\nb"), expression(r"a\r\nb"), expression(re.compile(rb"a\r\nb"))):
        matcher = Matcher()
        matcher.feed("a\nb")
        assert consume(matcher, pattern)[1] == "a\nb"


@pytest.mark.parametrize(
    "pattern",
    [exact("login: "), expression("login: $"), expression("user .*id [0-9]+!"), expression(r"(?s)BEGIN.*END")],
)
def test_time_is_linear_in_the_length_of_the_stream(pattern: Pattern) -> None:
    def cpu_seconds(megabytes: int) -> float:
        line = "[    1.234567] device eth0: link becomes ready, carrier detected 12345\n"
        chunk = (line * 60)[:4096]
        matcher = Matcher()
        search = matcher.search([pattern])
        begin = time.thread_time()
        for _ in range(megabytes * 256):
            matcher.feed(chunk)
            assert search.find() is None
        return time.thread_time() - begin

    small, large = (min(cpu_seconds(megabytes) for _ in range(3)) for megabytes in (1, 8))
    assert large < 8 * small * 3 + 0.05


def consume(matcher: Matcher, pattern: Pattern) -> tuple[str, str]:
    found = matcher.search([pattern]).find()
    assert found is not None
    return matcher.consume(found)


def index_of(search: Search) -> int:
    found = search.find()
    assert found is not None
    return found.index
