"""Kernel lines are lifted out wherever they land, and patterns are found in what they cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.text.kernel_lines import KernelLifter, KernelLine, KernelLog, Plain
from uartsim.console.text.kernel_prefix import lift_kernel_lines, may_become_prefix
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.patterns import Pattern, exact, expression
from uartsim.console.text.search import Found

LINE = "[    1.234567] random: crng init done\n"


def lift(text: str) -> tuple[str, list[KernelLine]]:
    lifter = KernelLifter()
    segments = lifter.feed(text) + lifter.finish()
    return "".join(s.text for s in segments if isinstance(s, Plain)), list(lifter.log.lines)


def fed(text: str) -> Matcher:
    matcher = Matcher()
    matcher.feed(text)
    return matcher


def find(text: str, *patterns: Pattern, paused: bool = False) -> Found | None:
    return fed(text).search(patterns).find(paused=paused)


# -- lifting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("demo lo" + LINE + "gin: ", "demo login: "),
        ("file1\n" + LINE + "file2\n", "file1\nfile2\n"),
        (LINE + LINE.replace("234567", "234568") + "# ", "# "),
        ("a<6>" + LINE + "b", "ab"),
        ("a<x6>" + LINE + "b", "a<x6>b"),
        ("a[    1.234567][    T1] x\nb", "ab"),
        ("a[12345.234567][   C12] x\nb", "ab"),
        ("[[[    1.234567] x\nb", "[[b"),
        ("[    1.23][    1.234567] x\nb", "[    1.23]b"),
        ("[    1.234567][  OK  ] Started\n", "[    1.234567][  OK  ] Started\n"),
        ("[  OK  ] Started\n[root@host ~]# ", "[  OK  ] Started\n[root@host ~]# "),
        ("[    1.2345] short\n[    1.234567]tight\n", "[    1.2345] short\n[    1.234567]tight\n"),
        ("a" + "[    1.234567] " + "x" * 3000 + "\nb", "a" + "x" * (3000 - 2048) + "\nb"),
    ],
)
def test_kernel_lines_are_lifted_and_what_they_cut_is_whole(sent: str, left: str) -> None:
    assert lift(sent)[0] == left


def test_kernel_line_is_read_with_all_its_fields() -> None:
    lifter = KernelLifter()
    lifter.feed("ab<4>[   12.5", at=3.0)
    lifter.feed("00000][  T101] x: y\nc", at=4.0)
    (line,) = lifter.log.lines
    assert line == KernelLine(12.5, "x: y", 4, "T101", 2, 33, 3.0, cuts=True, replayed=False)


PARTS = [
    "[", "]", " ", "    ", "1", "12.34", "5678", ".234567", "[    1.234567", "] ", "[    7.654321] x", "\n", "<6>", "<",
    "[ T1]", "[   C0] ", "login: ", "y" * 2040, LINE, "\r", "aé",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=16).map("".join), st.lists(st.integers(0, 2100), max_size=8))
def test_lifting_does_not_depend_on_how_the_text_was_cut_and_loses_nothing(text: str, cuts: list[int]) -> None:
    lifter = KernelLifter()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    segments = [s for a, b in itertools.pairwise(places) for s in lifter.feed(text[a:b])]
    plain = "".join(s.text for s in segments + lifter.finish() if isinstance(s, Plain))
    assert (plain, list(lifter.log.lines)) == lift(text)
    whole = dict.fromkeys(range(len(text)), ".")
    for line in lifter.log.lines:
        for offset in range(line.start, line.end):
            whole.pop(offset, None)
    assert "".join(text[i] for i in whole) == plain


@given(st.from_regex(r"(<\d{1,3}>)?\[ {0,11}\d{1,11}\.\d{6}\](\[ {0,10}[TC]\d{1,10}\])? x", fullmatch=True))
def test_every_beginning_of_a_prefix_is_held_back_and_what_is_no_beginning_is_not(prefix: str) -> None:
    for length in range(1, len(prefix) - 1):
        assert may_become_prefix(prefix[:length]) == 0
        assert may_become_prefix(prefix[:length] + "?") == length + 1


def test_text_that_may_become_a_kernel_line_is_held_back_no_longer_than_needed() -> None:
    lifter = KernelLifter()
    assert lifter.feed("x[") == [Plain(0, "x")]
    assert lifter.undecided == "["
    assert lifter.feed(" ") == []
    assert lifter.feed("OK") == [Plain(1, "[ OK")]
    assert lifter.undecided == ""


# -- matching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(1, len("demo login: ")))
@pytest.mark.parametrize("splice", [LINE, "\n" + LINE, "<6>" + LINE, LINE + LINE.replace("1.2", "1.3")])
@pytest.mark.parametrize(
    "pattern", [exact("login: "), expression("login: $"), expression("(?i)LOGIN: ?$"), expression(r"\blog[a-z]n: ")]
)
def test_prompt_cut_by_printk_matches(cut: int, splice: str, pattern: Pattern) -> None:
    text = "demo login: "
    found = find(text[:cut] + splice + text[cut:], pattern, paused=True)
    assert found is not None
    assert found.match[0].rstrip() == "login:"


def test_prompt_before_a_kernel_line_is_one_at_which_the_guest_pauses() -> None:
    matcher = fed("root@demo:~# " + LINE)
    found = matcher.search([expression("# $")]).find(paused=True)
    assert found is not None
    assert matcher.consume(found) == ("root@demo:~", "# ")
    assert matcher.unread == LINE


def test_kernel_line_can_be_matched_like_any_other_text() -> None:
    found = find("demo lo" + LINE + "gin: ", expression("crng (.*)"), exact("login: "))
    assert found is not None
    assert found.match[1] == "init done"


def test_expression_across_kernel_and_other_lines_still_matches() -> None:
    assert find(LINE + "init: hello\n", expression(r"crng.*\ninit: (\w+)\n")) is not None


def test_two_lines_around_a_kernel_line_are_not_made_one_for_a_pattern_without_bound() -> None:
    assert find("eth0: down\n" + LINE + "eth1: up\n", expression("eth0: .*up")) is None
    assert find("eth0: going " + LINE + "up\n", expression("eth0: .*up")) is not None


def test_consumed_text_before_a_match_keeps_kernel_lines() -> None:
    matcher = fed("one\n" + LINE + "two lo" + LINE + "gin: rest")
    found = matcher.search([exact("login: ")]).find()
    assert found is not None
    assert matcher.consume(found) == ("one\n" + LINE + "two ", "login: ")
    assert matcher.unread == "rest"
    assert matcher.search([exact("crng")]).find(paused=True) is None


def test_what_was_consumed_in_one_view_is_not_matched_again_in_another() -> None:
    matcher = fed("a: lo" + LINE + "gin: ")
    found = matcher.search([exact("login: ")]).find()
    assert found is not None
    matcher.consume(found)
    matcher.feed("b: login: ")
    again = matcher.search([exact("login: ")]).find()
    assert again is not None
    assert matcher.consume(again) == ("b: ", "login: ")


def test_unfinished_line_is_known_without_kernel_lines() -> None:
    matcher = fed("x\n# l" + LINE + "s -l[    1.5")
    assert matcher.plain_line == "# ls -l[    1.5"
    assert matcher.plain_tail(4) == "   1.5"[-4:]


EXPRESSIONS = [
    "ab",
    "b+",
    "a.*b",
    "^a",
    "a$",
    r"ab\b",
    "a|ab",
    r"b\Z",
    r"b\n",
    r"a\s*b",
    "a(?=b)",
    "(?s)a.*b",
    "^$",
    "x",
]
TEXTS = ["a", "b", "ab", "\n", "[ 1.000000] x\n", "[ 2.000000] ab\n", "[ 1.0", "[", "<6>", " "]


@given(
    text=st.lists(st.sampled_from(TEXTS), max_size=14).map("".join),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    sources=st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=3),
    paused=st.booleans(),
)
def test_match_does_not_depend_on_how_the_text_was_cut(
    text: str, cuts: list[int], sources: list[str], paused: bool
) -> None:
    patterns = [expression(source) for source in sources]

    def found_in(pieces: list[str]) -> tuple[int, int, int, str] | None:
        matcher = Matcher()
        search = matcher.search(patterns)
        found = None
        for piece in pieces:
            matcher.feed(piece)
            found = search.find()
            if found:
                break
        found = found or search.find(paused=paused)
        return (found.index, found.start, found.end, found.match[0]) if found else None

    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    expected = found_in(list(text))
    assert found_in([text[a:b] for a, b in itertools.pairwise(places)]) == expected
    assert found_in([text]) == expected


@given(
    plain=st.text("abc# \n", max_size=40),
    places=st.lists(st.integers(0, 40), max_size=4),
    source=st.sampled_from(["ab", "a b", "abc", "# $", "a.c", "b[ab]c"]),
)
def test_what_matches_without_kernel_lines_matches_with_them(plain: str, places: list[int], source: str) -> None:
    sent = plain
    for n, place in enumerate(sorted(min(p, len(plain)) for p in places)[::-1]):
        sent = f"{sent[:place]}[   {9 - n}.000000] xyz\n{sent[place:]}"
    if find(plain, expression(source), paused=True):
        assert find(sent, expression(source), paused=True)


# -- a command's own kernel lines ------------------------------------------------------------------------------------


def dmesg(first: int, last: int) -> str:
    return "".join(f"[{n:5d}.000000] message {n}\n" for n in range(first, last))


def test_output_of_dmesg_keeps_its_lines_and_loses_those_that_came_meanwhile() -> None:
    matcher = Matcher()
    for n in range(1, 20):
        matcher.feed(dmesg(n, n + 1), at=100.0 + n)
    start = matcher.buffer.end
    matcher.feed("# dmesg\n" + dmesg(1, 20) + "done\nfi" + dmesg(21, 22) + "le\n", at=121.0)
    end = matcher.buffer.end
    assert matcher.between(start, end, kernel="own") == "# dmesg\n" + dmesg(1, 20) + "done\nfile\n"
    assert matcher.between(start, end, kernel="lift") == "# dmesg\ndone\nfile\n"
    assert matcher.between(start, end) == "# dmesg\n" + dmesg(1, 20) + "done\nfi" + dmesg(21, 22) + "le\n"


def test_first_dmesg_of_a_quiet_console_is_output_too() -> None:
    matcher = Matcher()
    matcher.feed(dmesg(0, 300), at=5.0)
    assert matcher.between(0, matcher.buffer.end, kernel="own") == dmesg(0, 300)


def test_end_of_dmesg_on_a_quiet_console_is_output() -> None:
    matcher = Matcher()
    matcher.feed("# dmesg | tail -n 2\n", at=90.0)
    start = matcher.buffer.end
    matcher.feed(dmesg(88, 90), at=90.1)
    assert matcher.between(start, matcher.buffer.end, kernel="own") == dmesg(88, 90)


def test_kernel_line_between_two_lines_of_output_is_lifted_if_it_agrees_with_the_kernels_clock() -> None:
    matcher = Matcher()
    matcher.feed(dmesg(40, 41), at=140.0)
    start = matcher.buffer.end
    matcher.feed("one\n" + dmesg(45, 46) + "two\n" + dmesg(42, 43) + "three\n", at=145.5)
    assert matcher.between(start, matcher.buffer.end, kernel="own") == "one\ntwo\n" + dmesg(42, 43) + "three\n"


def test_line_end_that_the_kernel_parts_is_one_again() -> None:
    matcher = fed("one\r" + LINE + "\ntwo\n")
    assert matcher.between(0, matcher.buffer.end, kernel="lift") == "one\ntwo\n"


def test_log_file_with_kernel_stamps_is_output() -> None:
    text = "".join(f"Nov 22 10:00:00 host kernel: {line}\n" for line in dmesg(0, 20).splitlines())
    matcher = Matcher()
    matcher.feed(text, at=5.0)
    assert matcher.between(0, matcher.buffer.end, kernel="own") == text


def test_kernel_line_that_cuts_output_is_lifted_from_it() -> None:
    matcher = Matcher()
    matcher.feed(dmesg(40, 41), at=140.0)
    start = matcher.buffer.end
    matcher.feed("file1\nfi" + dmesg(45, 46) + "le2\n", at=145.0)
    assert matcher.between(start, matcher.buffer.end, kernel="own") == "file1\nfile2\n"


BOOT = "[    0.000000] Linux version 6.1.0\n" + "".join(f"[    0.{n:06d}] boot {n}\n" for n in range(1, 12))


def boots(*pieces: tuple[str, float]) -> int:
    log = KernelLog()
    lifter = KernelLifter(log)
    for text, at in pieces:
        lifter.feed(text, at)
    return log.boots


def test_second_start_of_a_kernel_is_counted_and_its_log_shown_again_is_not() -> None:
    other = BOOT.replace("0.0000", "0.0007").replace("0.000700]", "0.000000]").replace("boot", "start")
    assert boots((BOOT, 1.0), (dmesg(2, 3), 2.5)) == 1
    assert boots((BOOT, 1.0), (dmesg(2, 3), 2.5), (BOOT + dmesg(2, 3), 9.0)) == 1
    assert boots((BOOT, 1.0), (dmesg(2, 3), 2.5), (other, 9.0), (dmesg(2, 3), 11.0)) == 2


def test_old_log_shown_on_a_console_that_was_opened_late_is_no_start() -> None:
    assert boots((dmesg(300, 310), 1.0), (BOOT + dmesg(2, 310), 4.0)) == 0


def test_line_of_a_clock_that_has_slipped_is_lifted() -> None:
    matcher = Matcher()
    matcher.feed("[    5.000000] ready\n", at=10.0)
    matcher.feed("[    5.100000] set back\n", at=14.1)
    start = matcher.buffer.end
    matcher.feed("[    7.500000] EXT4-fs (vda1): re-mounted.\ndone\n", at=16.5)
    assert matcher.between(start, matcher.buffer.end, kernel="own") == "done\n"


def test_line_right_behind_one_that_cuts_is_lifted_with_it_and_a_log_behind_it_is_not() -> None:
    matcher = Matcher()
    matcher.feed(dmesg(40, 41), at=140.0)
    start = matcher.buffer.end
    matcher.feed("fi" + dmesg(45, 46), at=145.0)
    matcher.feed(dmesg(46, 47) + "le\n", at=150.0)
    assert matcher.between(start, matcher.buffer.end, kernel="own") == "file\n"
    start = matcher.buffer.end
    matcher.feed("fi" + dmesg(151, 152) + dmesg(40, 47) + "le\n", at=251.0)
    assert matcher.between(start, matcher.buffer.end, kernel="own") == "fi" + dmesg(40, 47) + "le\n"


def test_kernel_lines_are_lifted_out_wherever_they_begin() -> None:
    text = (
        "demo lo[    1.234567] usb 1-1: new device\ngin: "
        "[   12.000001][   T1] more\n[  5.1] not one\n[99999.000000] last"
    )
    assert lift_kernel_lines(text) == "demo login: [  5.1] not one\n"
