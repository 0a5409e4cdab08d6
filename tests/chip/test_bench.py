"""The bench: one chip with a clock, a line and an interrupt pin."""

from __future__ import annotations

import doctest

import pytest

import uartsim.chip.bench
from uartsim.chip import Bench
from uartsim.line_format import ns_to_ticks
from uartsim.registers import LCR, LSR, Offset


def ready(**options: object) -> Bench:
    bench = Bench(**options)  # type: ignore[arg-type]
    for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x01), (4, 0x0B)):
        bench.write(offset, value)
    return bench


def test_its_example_is_true() -> None:
    assert doctest.testmod(uartsim.chip.bench).failed == 0


def test_characters_arrive_back_to_back_and_time_passes_until_the_last_is_in() -> None:
    bench = ready()
    bench.receive(b"abc")
    line_format = bench.line_format
    assert bench.now_ticks == 2 * line_format.frame_ticks + line_format.sampled_ticks
    bench.receive(b"d")
    assert bench.now_ticks == 3 * line_format.frame_ticks + line_format.sampled_ticks
    assert [bench.read(0) for _ in range(4)] == list(b"abcd")


@pytest.mark.parametrize("length", [1, 15, 16, 17, 40])
def test_many_characters_arrive_as_one_by_one(length: int) -> None:
    at_once, singly = ready(), ready()
    data = bytes(range(length))
    at_once.receive(data)
    for n in range(length):
        singly.receive(data[n : n + 1])
    assert at_once.now_ticks == singly.now_ticks
    assert at_once.read(5) == singly.read(5)
    assert [at_once.read(0) for _ in range(17)] == [singly.read(0) for _ in range(17)]


@pytest.mark.parametrize(("error", "bit"), [("P", LSR.PE), ("F", LSR.FE)])
def test_a_character_with_an_error(error: str, bit: LSR) -> None:
    bench = ready()
    bench.receive_error(0x41, error)  # type: ignore[arg-type]
    assert bench.read(5) == 0xE1 | bit
    assert bench.read(0) == 0x41


def test_a_break_is_one_character_and_takes_two_frames() -> None:
    bench = ready()
    before = bench.now_ticks
    bench.receive_break()
    assert bench.now_ticks == before + 2 * bench.line_format.frame_ticks
    assert [bench.read(5), bench.read(0), bench.read(5)] == [0xF9, 0, 0x60]


def test_settle_waits_for_the_transmitter_and_the_loop() -> None:
    bench = ready()
    bench.write(4, 0x1B)
    for character in b"hello":
        bench.write(0, character)
    bench.settle()
    assert bench.read(5) & LSR.TEMT
    assert bytes(bench.read(0) for _ in range(5)) == b"hello"


def test_take_tx_gives_whole_characters_only() -> None:
    bench = ready()
    bench.write(0, 0x61)
    bench.write(0, 0x62)
    bench.advance(86_805)
    assert bench.take_tx() == b""
    bench.advance(1)
    assert bench.take_tx() == b"a"
    bench.settle()
    assert bench.take_tx() == b"b"
    assert bench.take_tx() == b""


def test_take_tx_gives_nothing_that_a_break_touched() -> None:
    bench = ready()
    for character in b"abc":
        bench.write(0, character)
    bench.advance(100_000)  # in b
    bench.write(3, LCR.BREAK | 3)
    bench.advance(1_000)
    bench.write(3, 3)
    bench.settle()
    assert bench.take_tx() == b"ac"


def test_take_tx_gives_nothing_that_went_around_the_loop() -> None:
    bench = ready()
    bench.write(4, 0x1B)
    bench.write(0, 0x61)
    bench.settle()
    assert bench.take_tx() == b""


def test_advance_is_exact() -> None:
    bench = ready()
    bench.advance(1)
    bench.advance(10**12)
    assert bench.now_ticks == ns_to_ticks(10**12 + 1)


def test_reset_forgets_the_line() -> None:
    bench = ready()
    bench.write(0, 0x61)
    bench.reset()
    bench.advance(10**9)
    assert bench.take_tx() == b""
    assert bench.read(Offset.LSR) == 0x60


def test_irq_is_what_the_pc_sees() -> None:
    bench = ready()
    bench.write(1, 0x02)
    assert bench.irq
    bench.write(4, 0x03)
    assert not bench.irq


def test_impossible_requests_are_refused_with_the_value() -> None:
    bench = ready()
    with pytest.raises(ValueError, match="-5"):
        bench.advance(-5)
    with pytest.raises(ValueError, match="'X'"):
        bench.receive_error(0x41, "X")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="256"):
        bench.receive_error(256, "P")
    with pytest.raises(ValueError, match="offset is 9"):
        bench.read(9)
