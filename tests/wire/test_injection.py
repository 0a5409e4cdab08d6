"""Faults at work: what each does, that it is counted, and that its measured rate is the one set."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR, PARITY_ERROR
from uartsim.wire.channel import Channel
from uartsim.wire.faults import Fault, parse_fault
from uartsim.wire.frame import Arrival
from uartsim.wire.line_level import Edge

FORMAT = LineFormat()
EVEN = LineFormat(parity="E")
FRAME, BIT = FORMAT.frame_ticks, FORMAT.bit_ticks
BROKEN = (0, BREAK_INTERRUPT | FRAMING_ERROR)


def new_channel(*faults: str, line_format: LineFormat = FORMAT) -> Channel:
    channel = Channel(line_format, keep_edges=True)
    for text in faults:
        fault = parse_fault(text)
        channel.add_fault(fault, random.Random(fault.seed_of("in")), 0)
    return channel


def transfer(channel: Channel, data: bytes, line_format: LineFormat = FORMAT) -> list[tuple[int, int]]:
    """What arrives of characters without a gap."""
    channel.put_run(channel.horizon, data, line_format)
    arrivals = channel.arrived(channel.busy_until + 100 * line_format.frame_ticks)
    return [(arrival.character, arrival.errors) for arrival in arrivals]


def assert_rate(count: int, of: int, rate: float) -> None:
    """``count`` of ``of`` is what ``rate`` gives, within four standard deviations."""
    assert abs(count - of * rate) <= 4 * math.sqrt(of * rate * (1 - rate)), f"{count} of {of} is not {rate}"


# -- what they do ------------------------------------------------------------------------------------------


def test_noise_inverts_as_many_bits_as_its_rate_says() -> None:
    for rate in (1e-1, 1e-2, 1e-3):
        channel = new_channel(f"noise:rate={rate},seed=7")
        transfer(channel, bytes(20_000))
        counters = channel.fault_counters["noise"]
        assert counters["characters"] == 20_000
        assert counters["bits"] == 200_000
        assert_rate(counters["bits_inverted"], 200_000, rate)


def test_noise_that_is_rare_spoils_as_many_characters_as_it_inverts_bits() -> None:
    data = random.Random(1).randbytes(30_000)
    channel = new_channel("noise:rate=0.0005,seed=3")
    # A pause after each character: one that is spoiled cannot spoil the next.
    for number, character in enumerate(data):
        channel.put_frame(number * 3 * FRAME, character, FORMAT)
    arrivals = channel.arrived(len(data) * 3 * FRAME)
    good = {(arrival.at // (3 * FRAME), arrival.character) for arrival in arrivals if not arrival.errors}
    spoiled = sum((number, character) not in good for number, character in enumerate(data))
    inverted = channel.fault_counters["noise"]["bits_inverted"]
    assert 0.9 * inverted <= spoiled <= inverted


@pytest.mark.parametrize("rate", [0, 1])
def test_noise_of_none_and_of_all(rate: int) -> None:
    channel = new_channel(f"noise:rate={rate}")
    received = transfer(channel, b"AAAA")
    assert channel.fault_counters["noise"]["bits_inverted"] == rate * 40
    assert (received == [(0x41, 0)] * 4) == (rate == 0)


def test_noise_leaves_a_quiet_line_alone() -> None:
    channel = new_channel("noise:rate=0.5")
    assert channel.arrived(TICKS_PER_SECOND) == []
    assert channel.take_edges() == []


@pytest.mark.parametrize("width_ns", [500, 400_000])
def test_glitches_come_at_their_rate_and_have_their_width(width_ns: int) -> None:
    channel = new_channel(f"glitches:rate=1000,width={width_ns},seed=2")
    channel.arrived(20 * TICKS_PER_SECOND)
    edges = channel.take_edges()
    widths = {rise.at - fall.at for fall, rise in zip(edges[::2], edges[1::2], strict=False)}
    assert widths == {width_ns * TICKS_PER_NS}
    pulses = channel.fault_counters["glitches"]["pulses"]
    assert abs(len(edges) // 2 - pulses) <= 1
    assert abs(pulses - 20_000) <= 4 * math.sqrt(20_000)


@pytest.mark.parametrize(("width_bits", "characters_per_pulse"), [(0.05, 0), (0.4, 0), (0.6, 1), (2, 1)])
def test_a_glitch_on_a_quiet_line_is_a_character_if_it_is_longer_than_half_a_bit(
    width_bits: float, characters_per_pulse: int
) -> None:
    width = width_bits * BIT / TICKS_PER_NS
    channel = new_channel(f"glitches:rate=1,width={width},seed=5")
    arrivals = channel.arrived(100 * TICKS_PER_SECOND)
    assert len(arrivals) == characters_per_pulse * channel.fault_counters["glitches"]["pulses"]
    assert {arrival.errors for arrival in arrivals} <= {0}


def test_glitches_spoil_characters_on_the_line() -> None:
    channel = new_channel("glitches:rate=2000,width=8000,seed=5")
    received = transfer(channel, b"U" * 5000)
    assert 0 < sum(item != (0x55, 0) for item in received) < 4000


def test_lost_characters_are_missing_and_counted() -> None:
    channel = new_channel("lost:rate=0.05,seed=11")
    received = transfer(channel, b"U" * 20_000)
    lost = channel.fault_counters["lost"]["characters_lost"]
    assert received == [(0x55, 0)] * (20_000 - lost)
    assert_rate(lost, 20_000, 0.05)


def test_duplicated_characters_come_twice_and_are_counted() -> None:
    channel = new_channel("duplicated:rate=0.05,seed=11")
    data = random.Random(2).randbytes(20_000)
    received = transfer(channel, data)
    again = channel.fault_counters["duplicated"]["characters_duplicated"]
    assert len(received) == len(data) + again
    assert_rate(again, 20_000, 0.05)
    assert transfer(new_channel("duplicated:rate=1"), b"ab") == [(0x61, 0), (0x61, 0), (0x62, 0), (0x62, 0)]


def test_a_parity_storm_gives_parity_errors_and_keeps_the_characters() -> None:
    channel = new_channel("parity:rate=0.1,seed=4", line_format=EVEN)
    data = random.Random(3).randbytes(20_000)
    received = transfer(channel, data, EVEN)
    assert bytes(character for character, _ in received) == data
    inverted = channel.fault_counters["parity"]["parity_bits_inverted"]
    assert sum(errors == PARITY_ERROR for _, errors in received) == inverted
    assert_rate(inverted, 20_000, 0.1)


def test_a_parity_storm_says_that_there_is_no_parity() -> None:
    channel = new_channel("parity:rate=1")
    assert transfer(channel, b"abc") == [(0x61, 0), (0x62, 0), (0x63, 0)]
    assert channel.fault_counters == {
        "parity": {"characters": 3, "parity_bits_inverted": 0, "characters_without_parity": 3}
    }


def test_a_line_stuck_at_space_is_one_break() -> None:
    channel = new_channel("stuck-space")
    assert transfer(channel, b"abc") == [BROKEN]
    assert channel.fault_counters["stuck-space"] == {"characters": 3, "characters_held": 3}
    channel.clear_faults(channel.horizon)
    channel.arrived(channel.horizon + BIT)  # a break ends with mark
    assert transfer(channel, b"def") == [(0x64, 0), (0x65, 0), (0x66, 0)]


@pytest.mark.parametrize("kind", ["stuck-mark", "cut"])
def test_a_line_stuck_at_mark_or_cut_is_silent(kind: str) -> None:
    channel = new_channel(kind)
    assert transfer(channel, b"abc") == []
    assert channel.take_edges() == []
    assert channel.fault_counters[kind]["characters_held"] == 3


def test_a_line_that_sticks_within_a_character_spoils_it() -> None:
    channel = Channel(FORMAT)
    channel.put_frame(0, 0x55, FORMAT)
    channel.add_fault(Fault("stuck-mark"), None, 4 * BIT)
    assert [tuple(arrival)[1:] for arrival in channel.arrived(2 * FRAME)] == [(0xFD, 0)]


def test_a_break_that_never_ends_lets_the_character_on_the_line_finish() -> None:
    channel = Channel(FORMAT)
    channel.put_frame(0, 0x55, FORMAT)
    channel.add_fault(Fault("break"), None, 4 * BIT)
    channel.put_frame(FRAME, 0x55, FORMAT)
    arrivals = channel.arrived(1000 * FRAME)
    assert [tuple(arrival)[1:] for arrival in arrivals] == [(0x55, 0), BROKEN]
    assert channel.fault_counters["break"]["characters_held"] == 1


def test_a_fault_with_a_duration_ends_by_itself() -> None:
    channel = new_channel("stuck-mark:seconds=0.001")
    for number in range(100):
        channel.put_frame(number * 2 * FRAME, 0x61, FORMAT)
    received = channel.arrived(TICKS_PER_SECOND)
    # A millisecond at 115200 baud is 11.52 frames: the frames 0, 2, 4, 6, 8 and 10.
    assert channel.fault_counters["stuck-mark"]["characters_held"] == 6
    assert [arrival.character for arrival in received] == [0x61] * 94


def test_of_two_that_hold_the_line_the_last_one_wins_for_as_long_as_it_lasts() -> None:
    channel = new_channel("stuck-mark", "stuck-space:seconds=0.001")
    millisecond = TICKS_PER_SECOND // 1000
    channel.arrived(2 * millisecond)
    assert channel.take_edges() == [Edge(0, 0), Edge(millisecond, 1)]
    channel.put_frame(2 * millisecond, 0x55, FORMAT)
    assert channel.arrived(3 * millisecond) == []
    channel.clear_faults(3 * millisecond, "stuck-mark")
    channel.put_frame(3 * millisecond, 0x55, FORMAT)
    assert len(channel.arrived(4 * millisecond)) == 1


@pytest.mark.parametrize(("ppm", "good"), [(51_000, True), (53_000, False), (-52_000, True), (-54_000, False)])
def test_a_clock_that_drifts_is_tolerated_up_to_the_limit(ppm: int, good: bool) -> None:
    # 8N1 with pauses: the last data bit bears 9/8.5625 (51095 ppm), the stop bit 9/9.5 (52632 ppm slow).
    channel = new_channel(f"drift:ppm={ppm}")
    chance = random.Random(8)
    data = chance.randbytes(2000)
    for number, character in enumerate(data):
        channel.put_frame(number * 3 * FRAME + chance.randrange(BIT), character, FORMAT)
    received = [(arrival.character, arrival.errors) for arrival in channel.arrived(6001 * FRAME)]
    assert (received == [(character, 0) for character in data]) == good


def test_a_delay_moves_everything_and_changes_nothing() -> None:
    channel = new_channel("delay:seconds=0.25")
    channel.put_frame(0, 0x41, FORMAT)
    channel.hold(0, 2 * FRAME, 4 * FRAME)
    later = TICKS_PER_SECOND // 4
    assert channel.due() == later + FORMAT.sampled_ticks
    assert channel.arrived(TICKS_PER_SECOND) == [
        Arrival(later + FORMAT.sampled_ticks, 0x41, 0),
        Arrival(later + 2 * FRAME + FORMAT.sampled_ticks, *BROKEN),
    ]


# -- together ----------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_errors_and_another_seed_others() -> None:
    data = random.Random(5).randbytes(2000)
    one, same, other = (transfer(new_channel(f"noise:rate=0.01,seed={seed}"), data) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_character_that_is_lost_is_not_doubled_either() -> None:
    for faults in (["lost:rate=1", "duplicated:rate=1"], ["duplicated:rate=1", "lost:rate=1"]):
        assert transfer(new_channel(*faults), b"abc") == []


def test_both_copies_of_a_character_have_their_noise() -> None:
    channel = new_channel("noise:rate=1", "duplicated:rate=1")
    channel.put_frame(0, 0x55, FORMAT)
    channel.arrived(TICKS_PER_SECOND)
    inverted = [Edge(n * BIT, 1 - n % 2) for n in range(1, 20)]  # mark and space in turn, from mark on
    assert channel.take_edges() == [*inverted, Edge(20 * BIT, 1)]
    assert channel.fault_counters["noise"]["bits_inverted"] == 20


def test_a_fault_does_not_change_the_chance_of_another() -> None:
    alone, beside = new_channel("lost:rate=0.1,seed=1"), new_channel("parity:rate=0.5,seed=9", "lost:rate=0.1,seed=1")
    data = random.Random(5).randbytes(1000)
    assert transfer(alone, data) == transfer(beside, data), "8N1 has no parity to spoil"
    assert alone.fault_counters["lost"] == beside.fault_counters["lost"]


def test_a_fault_is_switched_on_and_off_while_characters_flow() -> None:
    channel = Channel(FORMAT)
    received = []
    for number in range(300):
        if number == 100:
            channel.add_fault(Fault("lost", {"rate": 1.0}), random.Random(0), channel.horizon)
            assert [str(fault) for fault in channel.faults] == ["lost:rate=1,seed=0,direction=both"]
        if number == 200:
            channel.clear_faults(channel.horizon)
            assert channel.faults == []
        channel.put_frame(number * FRAME, number & 0x7F, FORMAT)
        received += [arrival.character for arrival in channel.arrived((number + 1) * FRAME)]
    assert received == [number & 0x7F for number in range(300) if not 100 <= number < 200]
    assert channel.fault_counters == {"lost": {"characters": 100, "characters_lost": 100}}


def test_a_second_fault_of_a_kind_replaces_the_first_and_the_count_goes_on() -> None:
    channel = new_channel("lost:rate=1")
    assert transfer(channel, b"abc") == []
    channel.add_fault(Fault("lost", {"rate": 0.0}), random.Random(0), channel.horizon)
    assert transfer(channel, b"abc") == [(0x61, 0), (0x62, 0), (0x63, 0)]
    assert len(channel.faults) == 1
    assert channel.fault_counters == {"lost": {"characters": 6, "characters_lost": 3}}


def test_a_fault_that_is_refused_leaves_the_old_one_at_work() -> None:
    channel = new_channel("lost:rate=1")
    with pytest.raises(ValueError, match="needs a generator"):
        channel.add_fault(Fault("lost", {"rate": 0.0}), None, 0)
    assert transfer(channel, b"abc") == []


def test_glitches_that_are_cleared_leave_no_pulse_behind() -> None:
    channel = new_channel("glitches:rate=1000,width=100000,seed=1")
    channel.arrived(TICKS_PER_SECOND)
    channel.clear_faults(TICKS_PER_SECOND)
    channel.take_edges()
    channel.arrived(2 * TICKS_PER_SECOND)
    assert len(channel.take_edges()) <= 1, "the end of one that was there"


def test_a_speed_is_a_fraction_of_the_receivers() -> None:
    channel = new_channel("drift:ppm=250000")
    channel.put_frame(0, 0x55, FORMAT)
    assert Fraction(channel.busy_until, FRAME) == Fraction(4, 5)
