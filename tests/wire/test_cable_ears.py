"""What an ear at the far end hears of the chip's frames and breaks, bit by bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.cable import Cable, Ear
from uartsim.wire.frame import Arrival

FORMAT, SLOWER = LineFormat(), LineFormat.from_baud(9600)
FRAME, SAMPLED, BIT = FORMAT.frame_ticks, FORMAT.sampled_ticks, FORMAT.bit_ticks
LATER = 1000 * FRAME


def listen(cable: Cable, now: int = 0, line_format: LineFormat | None = None) -> tuple[Ear, list[Arrival]]:
    """An ear, and what it has heard."""
    heard: list[Arrival] = []
    return cable.listen(line_format, heard.append, now), heard


def is_open(cable: Cable) -> bool:
    """Whether the line is gone over bit by bit."""
    return cable.out is not None


def characters(heard: list[Arrival]) -> list[tuple[int, int]]:
    return [(arrival.character, arrival.errors) for arrival in heard]


@pytest.mark.parametrize("listens_at", [0, 5 * FRAME], ids=["before it began", "while it lasts"])
def test_a_break_of_the_guest_s_is_heard_as_one(listens_at: int) -> None:
    cable = Cable(FORMAT)
    begin = 2 * FRAME
    heard: list[Arrival] = []
    if listens_at < begin:
        _, heard = listen(cable, listens_at)
    cable.carry_breaks([(begin, True)])
    if listens_at > begin:
        _, heard = listen(cable, listens_at)
    cable.carry_breaks([(begin + 30 * FRAME, False)])
    cable.carry_run(begin + 31 * FRAME, b"a", FORMAT)
    cable.hear(LATER)
    assert characters(heard) == [(0, BREAK_INTERRUPT | FRAMING_ERROR), (0x61, 0)]


@given(
    st.lists(st.tuples(st.integers(0, 3 * FRAME), st.booleans(), st.integers(1, 3 * FRAME)), max_size=8),
    st.integers(0, 20 * FRAME),
)
def test_an_ear_that_comes_late_hears_what_is_still_on_the_line_as_one_that_was_there(
    sent: list[tuple[int, bool, int]], late: int
) -> None:
    def heard_by(listens_at: int) -> list[Arrival]:
        cable, now, listening = Cable(FORMAT), 0, False
        heard: list[Arrival] = []
        changes: list[tuple[int, int]] = []
        for pause, is_break, length in sent:
            now += pause
            if is_break:
                changes += [(now, 1), (now + length, 0)]
                now += length
            else:
                changes.append((now, 2))
                now += FRAME
        for at, what in changes:
            if not listening and at >= listens_at:
                listening = True
                _, heard = listen(cable, listens_at)
            if what == 2:
                cable.carry_run(at, b"U", FORMAT)
            else:
                cable.carry_breaks([(at, bool(what))])
        if not listening:
            _, heard = listen(cable, max(listens_at, now))
        cable.hear(LATER)
        return heard

    # Nothing has been taken off the line meanwhile: from its first frame on, or where there is none from now on, it is heard.
    if sent and not sent[0][1]:
        assert heard_by(late) == heard_by(0)


def test_a_break_that_is_over_before_anybody_listens_is_heard_where_frames_before_it_are() -> None:
    cable = Cable(FORMAT)
    cable.carry_run(0, b"ab", FORMAT)
    cable.carry_breaks([(2 * FRAME, True), (5 * FRAME, False)])
    cable.carry_run(6 * FRAME, b"c", FORMAT)
    _, heard = listen(cable, 8 * FRAME)
    cable.hear(LATER)
    assert characters(heard) == [(0x61, 0), (0x62, 0), (0, BREAK_INTERRUPT | FRAMING_ERROR), (0x63, 0)]


@pytest.mark.parametrize("own", [None, FORMAT], ids=["follows the guest", "of its own"])
def test_what_was_sent_before_the_guest_s_format_changed_is_heard_in_the_old_one(own: LineFormat | None) -> None:
    cable = Cable(FORMAT)
    _, heard = listen(cable, line_format=own)
    cable.carry_run(0, b"old", FORMAT)
    changed = 3 * FRAME
    cable.set_format(SLOWER, changed)
    if own is None:
        cable.carry_run(changed + FRAME, b"new", SLOWER)
    cable.hear(LATER)
    assert characters(heard) == [(character, 0) for character in (b"oldnew" if own is None else b"old")]


def test_an_ear_with_a_format_of_its_own_keeps_it_when_the_guest_changes_its_own() -> None:
    cable = Cable(FORMAT)
    _, heard = listen(cable, line_format=FORMAT)
    _, follows = listen(cable)
    cable.set_format(SLOWER, 0)
    cable.carry_run(FRAME, b"UUU", SLOWER)
    cable.hear(LATER)
    assert characters(follows) == [(0x55, 0)] * 3
    assert len(heard) > 3  # each bit at 9600 is a character to it, or a break


def test_what_was_sent_before_an_ear_is_retuned_is_heard_in_the_old_format() -> None:
    cable = Cable(FORMAT)
    ear, heard = listen(cable)
    cable.carry_run(0, b"old", FORMAT)
    cable.retune(ear, SLOWER, 3 * FRAME)
    assert characters(heard) == [(character, 0) for character in b"old"]
    cable.carry_run(4 * FRAME, b"new", SLOWER)
    cable.hear(LATER)
    assert characters(heard) == [(character, 0) for character in b"oldnew"]


def test_what_is_counted_as_wrong_is_what_a_receiver_in_the_guest_s_format_has_wrong() -> None:
    cable = Cable(FORMAT)
    listen(cable)
    cable.carry_run(0, b"old", FORMAT)
    cable.set_format(SLOWER, 3 * FRAME)
    cable.carry_run(4 * FRAME, b"new", SLOWER)
    assert cable.hear(LATER) == 0
    cable.carry_breaks([(LATER, True), (LATER + 200 * FRAME, False)])
    assert cable.hear(2 * LATER) == 1
    assert cable.hear(3 * LATER) == 0


def test_the_last_arrival_is_the_last_run_s_and_the_first_the_first_s() -> None:
    cable = Cable(FORMAT)
    assert (cable.first_at, cable.last_arrival()) == (NEVER, NEVER)
    cable.carry_run(0, b"ab", FORMAT)
    cable.carry_run(10 * FRAME, b"cde", FORMAT)
    assert (cable.first_at, cable.last_arrival()) == (SAMPLED, 12 * FRAME + SAMPLED)
    cable.arrived(11 * FRAME)
    assert (cable.first_at, cable.last_arrival()) == (11 * FRAME + SAMPLED, 12 * FRAME + SAMPLED)


def test_a_released_ear_hears_the_character_that_is_on_its_way_and_goes() -> None:
    cable = Cable(FORMAT)
    ear, heard = listen(cable)
    gone: list[bool] = []
    ear.on_end = lambda: gone.append(True)
    cable.carry_run(0, b"a", FORMAT)
    cable.release(ear, FRAME // 2)
    cable.hear(FRAME // 2)
    assert not gone
    cable.arrived(2 * FRAME)
    cable.hear(2 * FRAME)
    assert (characters(heard), gone, is_open(cable)) == ([(0x61, 0)], [True], False)


def test_a_released_ear_stays_while_something_is_still_to_come() -> None:
    cable = Cable(FORMAT)
    ear, heard = listen(cable)
    cable.carry_run(5 * FRAME, b"a", FORMAT)
    cable.release(ear, FRAME)
    cable.hear(2 * FRAME)
    assert is_open(cable)
    cable.arrived(LATER)
    cable.hear(LATER)
    assert (characters(heard), is_open(cable)) == ([(0x61, 0)], False)


def test_a_released_ear_stays_until_its_own_receiver_has_its_character() -> None:
    cable = Cable(FORMAT)
    ear, heard = listen(cable, line_format=SLOWER)
    cable.carry_run(0, b"\0", FORMAT)
    cable.release(ear, BIT)
    cable.arrived(2 * FRAME)
    cable.hear(2 * FRAME)  # to a receiver at 9600 baud that was not yet the first bit
    assert is_open(cable)
    cable.hear(LATER)
    assert (len(heard), is_open(cable)) == (1, False)
