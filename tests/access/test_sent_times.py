"""When what the hub keeps was sent: stretches, formats and what is forgotten, and a receiver of the past by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from uartsim.access.far_receiver import PORTION, PastReceiver
from uartsim.access.sent_times import STRETCHES, SentTimes, Stretch
from uartsim.line_format import LineFormat

FAST, SLOW, AT_ONCE = LineFormat(), LineFormat.from_baud(9600), LineFormat(0)
FRAME, SAMPLED = FAST.frame_ticks, FAST.sampled_ticks


def sent(times: SentTimes, offset: int, size: int, start: int, line_format: LineFormat = FAST) -> None:
    """So many characters without a gap, the first of which began at ``start``."""
    times.sent(offset, size, start + (size - 1) * line_format.frame_ticks + line_format.sampled_ticks)


def stretches(*runs: tuple[int, int, int]) -> SentTimes:
    times = SentTimes(FAST)
    for run in runs:
        sent(times, *run)
    return times


def test_a_gap_of_a_tick_begins_a_stretch_and_none_continues_one() -> None:
    for gap, offsets in ((0, [0]), (1, [0, 3]), (FRAME, [0, 3])):
        times = stretches((0, 3, 0), (3, 2, 3 * FRAME + gap))
        assert [stretch.offset for stretch in times.between(0, 5)] == offsets


def test_a_stretch_is_cut_at_its_beginning_and_only_what_lies_between_is_given() -> None:
    times = stretches((0, 4, 0), (4, 4, 100 * FRAME), (8, 4, 200 * FRAME))
    assert times.between(0, 12) == [Stretch(0, 0, FAST), Stretch(4, 100 * FRAME, FAST), Stretch(8, 200 * FRAME, FAST)]
    assert times.between(5, 9) == [Stretch(5, 101 * FRAME, FAST), Stretch(8, 200 * FRAME, FAST)]
    assert times.between(4, 8) == [Stretch(4, 100 * FRAME, FAST)]
    assert times.between(5, 6) == [Stretch(5, 101 * FRAME, FAST)]
    assert times.between(11, 12) == [Stretch(11, 203 * FRAME, FAST)]


def test_stretches_before_an_offset_are_forgotten_but_not_the_one_that_it_is_in() -> None:
    for offset, first in ((3, 0), (4, 100 * FRAME), (7, 100 * FRAME), (8, 200 * FRAME), (99, 200 * FRAME)):
        times = stretches((0, 4, 0), (4, 4, 100 * FRAME), (8, 4, 200 * FRAME))
        times.forget(offset)
        assert times.between(0, 12)[0] == Stretch(0, first, FAST)  # all that is left of it is known to have begun there


def test_a_format_holds_from_its_character_on_and_the_last_word_about_one_counts() -> None:
    times = SentTimes(FAST)
    times.set_format(2, AT_ONCE)
    times.set_format(3, AT_ONCE)
    times.set_format(2, SLOW)  # takes back what was said of 2 and of 3
    sent(times, 0, 2, 0)
    sent(times, 2, 2, 2 * FRAME, SLOW)
    sent(times, 4, 1, 2 * FRAME + 2 * SLOW.frame_ticks, SLOW)
    assert [(stretch.offset, stretch.line_format) for stretch in times.between(0, 5)] == [(0, FAST), (2, SLOW)]


def test_at_unlimited_rate_only_a_new_format_begins_a_stretch() -> None:
    times = SentTimes(AT_ONCE)
    for offset in range(5):
        times.sent(offset, 1, 1000 * offset)
    assert [stretch.offset for stretch in times.between(0, 5)] == [0]
    times.set_format(5, FAST)
    sent(times, 5, 1, 10_000)
    assert [stretch.offset for stretch in times.between(0, 6)] == [0, 5]


def test_of_too_many_stretches_the_two_oldest_are_joined_and_a_format_is_not_lost() -> None:
    times = SentTimes(SLOW)
    times.set_format(1, FAST)
    sent(times, 0, 1, 0, SLOW)
    for offset in range(1, STRETCHES):
        sent(times, offset, 1, 100 * offset * SLOW.frame_ticks)
    assert len(times.between(0, STRETCHES)) == STRETCHES
    assert times.between(0, 2)[0].line_format == SLOW
    sent(times, STRETCHES, 1, 100 * STRETCHES * SLOW.frame_ticks)
    found = times.between(0, STRETCHES + 1)
    assert len(found) == STRETCHES
    assert [(stretch.offset, stretch.line_format) for stretch in found[:2]] == [(0, FAST), (2, FAST)]


def ear(data: bytes, own: LineFormat, times: SentTimes) -> PastReceiver:
    hub: Any = SimpleNamespace(
        sent_times=times, read=lambda position, size: (position, data[position : position + size])
    )
    return PastReceiver(hub, own, 0)


def hear_all(past: PastReceiver, end: int) -> list[bytes]:
    heard = []
    while piece := past.hear(end):
        heard.append(piece)
    return heard


@pytest.mark.parametrize("size", [1, PORTION - 1, PORTION, PORTION + 1, 3 * PORTION])
def test_what_is_borne_is_heard_in_portions_as_it_is(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    past = ear(data, FAST, stretches((0, size, 0)))
    pieces = hear_all(past, size)
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces] == [PORTION] * (size // PORTION) + [size % PORTION] * (size % PORTION > 0)
    assert past.position == size
    assert past.hear(size) == b""


@pytest.mark.parametrize("cut", [1, 100, PORTION, 5 * PORTION])
def test_at_another_speed_the_same_is_heard_however_it_is_cut(cut: int) -> None:
    data = b"The quick brown fox. " * 100
    times = stretches((0, len(data) // 2, 0), (len(data) // 2, len(data) - len(data) // 2, 10_000 * FRAME))
    whole = b"".join(hear_all(ear(data, SLOW, times), len(data)))
    assert 50 < len(whole) < len(data) // 4
    past, heard = ear(data, SLOW, times), b""
    for end in [*range(cut, len(data), cut), len(data)]:
        heard += b"".join(hear_all(past, end))
    assert abs(len(heard) - len(whole)) <= len(data) // cut + 1  # a character in which it was cut is complete there


def test_what_was_not_used_is_heard_again() -> None:
    size = 3 * PORTION
    data = bytes(n % 251 for n in range(size))
    for back in (0, 1, PORTION - 1, PORTION, PORTION + 1, size):
        past = ear(data, FAST, stretches((0, size, 0)))
        hear_all(past, size)
        assert past.give_back(back) == size - back
        assert b"".join(hear_all(past, size)) == data[size - back :]
    past = ear(data, FAST, stretches((0, size, 0)))
    hear_all(past, size)
    for _ in range(PORTION):
        past.give_back(1)
    assert past.position == size - PORTION
    assert past.give_back(10 * size) == 0
