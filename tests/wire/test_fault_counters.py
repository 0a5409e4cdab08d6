"""What faults have done is counted, past the end of a fault and of the channel that it was at work in."""

from __future__ import annotations

import random

import pytest

from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.wire.cable import Cable
from uartsim.wire.channel import Channel, add_counters
from uartsim.wire.faults import Fault, parse_fault
from uartsim.wire.injection import Duplicated, Held, Lost, ParityStorm, inject

FORMAT = LineFormat()
FRAME, BIT = FORMAT.frame_ticks, FORMAT.bit_ticks
LOST = Fault("lost", {"rate": 1.0})


class Drawn:
    """A chance that gives one number again and again."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self) -> float:
        return self.number

    def randrange(self, stop: int, /) -> int:
        return 0


def test_counters_add_up_by_kind_and_name() -> None:
    one = {"lost": {"characters": 3, "characters_lost": 1}, "cut": {"characters": 2}}
    other = {"lost": {"characters": 4, "characters_lost": 2}, "noise": {"bits": 5}}
    both = {"lost": {"characters": 7, "characters_lost": 3}, "cut": {"characters": 2}, "noise": {"bits": 5}}
    assert add_counters(one, other) == add_counters(other, one) == both
    assert add_counters(one, {}) == add_counters({}, one) == one


def test_a_channel_counts_the_frames_that_are_put_on_it() -> None:
    channel = Channel(FORMAT)
    assert channel.characters == 0
    channel.put_run(0, b"abc", FORMAT)
    assert channel.characters == 3
    channel.add_fault(LOST, random.Random(0), channel.horizon)
    channel.put_frame(3 * FRAME, 0, FORMAT)
    assert channel.characters == 4


def test_counters_can_begin_again_while_the_fault_goes_on() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(Fault("cut"), None, 0)
    channel.clear_faults(0)
    channel.add_fault(LOST, random.Random(0), 0)
    channel.put_run(0, b"abc", FORMAT)
    assert channel.fault_counters["lost"] == {"characters": 3, "characters_lost": 3}
    channel.reset_fault_counters()
    assert channel.fault_counters == {"lost": {"characters": 0, "characters_lost": 0}}
    channel.put_frame(3 * FRAME, 0, FORMAT)
    assert channel.fault_counters == {"lost": {"characters": 1, "characters_lost": 1}}


def test_clearing_one_kind_leaves_the_others_at_work() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(LOST, random.Random(0), 0)
    channel.add_fault(Fault("cut"), None, 0)
    channel.clear_faults(0, "cut")
    assert [fault.kind for fault in channel.faults] == ["lost"]
    channel.clear_faults(0, "noise")
    assert [fault.kind for fault in channel.faults] == ["lost"]


def test_a_cable_counts_in_both_directions_and_past_the_end_of_a_fault() -> None:
    cable = Cable(FORMAT)
    assert cable.fault_counters() == {}
    now = 0
    for _ in range(2):
        out = cable.use_channel(now)
        out.add_fault(LOST, random.Random(0), now)
        cable.far.use_channel(True, now)
        assert cable.far.channel is not None
        cable.far.channel.add_fault(LOST, random.Random(0), now)
        cable.carry_run(now, b"abc", FORMAT)
        cable.far.send(b"de", now)
        for step in range(3):
            cable.far.step(now + step * FRAME, True)
        now += 100 * FRAME
        cable.arrived(now)
        cable.hear(now)
        out.clear_faults(now)
        cable.hear(now)
        assert cable.out is None, "the line is quiet and nobody listens"
        cable.far.channel.clear_faults(now)
        cable.far.use_channel(False, now)
        assert cable.far.channel is None
    assert cable.fault_counters() == {
        "in": {"lost": {"characters": 4, "characters_lost": 4}},
        "out": {"lost": {"characters": 6, "characters_lost": 6}},
    }
    cable.reset_fault_counters()
    assert cable.fault_counters() == {}


def test_a_cables_counters_begin_again_while_faults_go_on() -> None:
    cable = Cable(FORMAT)
    cable.use_channel(0).add_fault(LOST, random.Random(0), 0)
    cable.carry_run(0, b"abc", FORMAT)
    assert cable.fault_counters()["out"]["lost"]["characters_lost"] == 3
    cable.reset_fault_counters()
    assert cable.fault_counters() == {"out": {"lost": {"characters": 0, "characters_lost": 0}}}


@pytest.mark.parametrize(("drawn", "rate", "happens"), [(0.0, 0.0, 0), (0.5, 0.5, 0), (0.49, 0.5, 1), (0.999, 1.0, 1)])
def test_chance_is_below_the_rate_or_nothing_happens(drawn: float, rate: float, happens: int) -> None:
    parity = LineFormat(parity="E")
    lost = Lost(Fault("lost", {"rate": rate}), 0, Drawn(drawn))
    assert lost.copies() == 1 - happens
    assert lost.counters == {"characters": 1, "characters_lost": happens}
    doubled = Duplicated(Fault("duplicated", {"rate": rate}), 0, Drawn(drawn))
    assert doubled.copies() == 1 + happens
    assert doubled.counters == {"characters": 1, "characters_duplicated": happens}
    storm = ParityStorm(Fault("parity", {"rate": rate}), 0, Drawn(drawn))
    assert storm.flips(parity) == happens << 9
    assert storm.counters["parity_bits_inverted"] == happens
    assert (lost.flips(parity), doubled.flips(parity), storm.copies()) == (0, 0, 1)


def test_noise_counts_the_good_bits_before_the_next_bad_one() -> None:
    # With a rate of 1/2 a chance of 0 is no good bit at all, and one of 0.9 is three: 0.5 ** 3 > 0.1 > 0.5 ** 4.
    assert inject(Fault("noise", {"rate": 0.5}), 0, Drawn(0.0)).flips(FORMAT) == 0b11_1111_1111
    every_fourth = inject(Fault("noise", {"rate": 0.5}), 0, Drawn(0.9))
    flipped = [every_fourth.flips(FORMAT) for _ in range(2)]
    assert flipped == [0b00_1000_1000, 0b10_0010_0010]
    assert every_fourth.counters == {"characters": 0, "bits": 20, "bits_inverted": 5}


def test_a_pulse_begins_after_the_last_one_and_is_a_nanosecond_at_least() -> None:
    glitches = inject(parse_fault("glitches:rate=1000,width=1"), 1000, Drawn(0.0))
    assert glitches.next == (1001, 1145)  # type: ignore[attr-defined]
    glitches.pass_by()  # type: ignore[attr-defined]
    assert glitches.next == (1146, 1290)  # type: ignore[attr-defined]
    assert glitches.counters["pulses"] == 1


def test_a_character_is_held_from_the_first_tick_to_the_one_before_the_last() -> None:
    held = inject(parse_fault("stuck-mark:seconds=1"), 100, None)
    assert isinstance(held, Held)
    assert held.until == 100 + TICKS_PER_SECOND
    counted = []
    for start in (99, 100, 99 + TICKS_PER_SECOND, 100 + TICKS_PER_SECOND):
        held.sent(start)
        counted.append(held.counters["characters_held"])
    assert counted == [0, 1, 2, 2]


def test_a_sender_that_is_too_fast_has_shorter_bits_but_never_none() -> None:
    drift = inject(parse_fault("drift:ppm=250000"), 0, None)
    assert drift.scale(FORMAT) == LineFormat(BIT * 4 // 5)  # type: ignore[attr-defined]
    assert drift.scale(LineFormat(1)).bit_ticks == 1  # type: ignore[attr-defined]
    slow = inject(parse_fault("drift:ppm=-500000"), 0, None)
    assert slow.scale(LineFormat(7, 5, "E", 3)) == LineFormat(14, 5, "E", 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noise:ber=much", "noise has no 'ber'"),
        ("noise:rate=1,seed=7,seed=8", "seed is given twice"),
        ("noise:=1", "'=1' in 'noise:=1' is not of the form name=value"),
        ("cut:seconds=1000001", r"cut: seconds is 1e\+06: use a number from 0 to 1e\+06 s"),
        ("lost:rate=inf", "lost: rate is inf"),
        ("glitches:rate=1e6,width=501", "fill more than half of the time"),
        ("glitches:rate=1,width=0.5", r"glitches: width is 0.5: use a number from 1 to 1e\+09 ns"),
        ("xoff:direction=up", "'up' is .* direction of xoff"),
    ],
)
def test_the_message_names_the_first_thing_that_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "noise:rate=0,seed=18446744073709551615,direction=in",
        "noise:rate=1,seed=0,direction=out",
        "glitches:rate=1000000,width=500,seed=0,direction=both",
        "glitches:rate=0.5,width=1000000000,seed=0,direction=both",
        "cut:seconds=1000000,direction=both",
        "delay:seconds=3600,direction=both",
        "drift:ppm=-500000,direction=both",
        "drift:ppm=500000,direction=both",
        "lost-cts:seconds=0.25,direction=both",
        "dcd-drop:seconds=0,direction=both",
        "xoff:direction=in",
    ],
)
def test_the_ends_of_every_range_can_be_had(text: str) -> None:
    assert str(parse_fault(text)) == text


def test_who_applies_a_fault_and_where() -> None:
    levels = {kind: Fault(kind).level for kind in ("cut", "stuck-space", "break", "lost-cts", "dcd-drop", "xoff")}
    assert [kind for kind, level in levels.items() if level == "port"] == ["lost-cts", "dcd-drop", "xoff"]
    ways = {
        way: [Fault("cut", direction=way).applies_to(each) for each in ("in", "out")] for way in ("in", "out", "both")
    }
    assert ways == {"in": [True, False], "out": [False, True], "both": [True, True]}
    assert [Fault("noise", {"rate": 1}, 5).seed_of(way) for way in ("in", "out")] == [10, 11]
