"""The sequences: our chip answers each one as the datasheet says, as every part."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from uartsim.conform.dut import ALL, Can
from uartsim.conform.dut_ours import OurDut
from uartsim.conform.notation import parse
from uartsim.conform.player import Player
from uartsim.conform.steps import ALL_PARTS, Sequence
from uartsim.conform.suite import SEQUENCES
from uartsim.registers import VARIANTS

DRIVERS = ("Linux", "SeaBIOS", "GRUB", "FreeBSD", "memtest86+", "Xen", "OVMF", "U-Boot")


def applicable() -> Iterator[tuple[str, Sequence]]:
    for sequence in SEQUENCES:
        for part in sequence.parts:
            yield part, sequence


@pytest.mark.parametrize(
    ("part", "sequence"), list(applicable()), ids=lambda value: value.name if isinstance(value, Sequence) else value
)
def test_our_chip_answers_as_the_datasheet_says(part: str, sequence: Sequence) -> None:
    played = Player(OurDut(part)).play(sequence)
    assert played.left_out == ""
    assert len(played.findings) == len(list(sequence.checks()))
    assert [finding for finding in played.findings if not finding.passed] == []


def test_every_part_and_every_driver_is_there() -> None:
    assert set(ALL_PARTS) == set(VARIANTS)
    assert {sequence.topic for sequence in SEQUENCES} >= set(DRIVERS)
    for part in ALL_PARTS:
        topics = {sequence.topic for sequence in SEQUENCES if part in sequence.parts}
        assert topics >= set(DRIVERS), part


def test_names_tell_sequences_and_checks_apart() -> None:
    names = [sequence.name for sequence in SEQUENCES]
    assert len(set(names)) == len(names)
    for sequence in SEQUENCES:
        checks = [check.what for check in sequence.checks()]
        assert checks, sequence.name
        assert len(set(checks)) == len(checks), sequence.name
        assert set(sequence.parts) <= set(ALL_PARTS)


def test_every_check_names_its_section() -> None:
    one = r"(8\.\d\d?|6, pin [A-Z0-9 ]+|table (I|II|IV)|TL16C750|8250|16450|IBM PC)"
    for sequence in SEQUENCES:
        for check in sequence.checks():
            assert re.fullmatch(rf"{one}([,;] {one})*", check.section), (sequence.name, check)


def test_a_wrong_answer_is_found_with_what_was_expected_and_what_came() -> None:
    (wrong,) = parse(
        """
topic receiver
sequence wrong "an expectation that is wrong"
    LSR -> DR | THRE | TEMT  "LSR" [8.4]
    LCR -> BITS_8            "LCR" [8.1]
"""
    )
    played = Player(OurDut()).play(wrong)
    assert [(f.key, f.expected, f.got, f.passed) for f in played.findings] == [
        ("wrong/LSR", "61", "60", False),
        ("wrong/LCR", "03", "03", True),
    ]
    assert played.wrong == played.findings[:1]


def test_what_a_uart_cannot_do_is_not_asked_of_it() -> None:
    class Mute(OurDut):
        def __init__(self) -> None:
            super().__init__()
            self.can = Can(0)

        def advance(self, ns: int) -> int:
            raise AssertionError("it has no clock")

        receive = receive_break = set_modem_inputs = take_sent = reset = advance  # type: ignore[assignment]

    played = Player(Mute()).play_all(SEQUENCES)
    assert any(result.findings for result in played)
    assert {result.left_out for result in played} >= {"it cannot do: receive", "it cannot do: time", "not for a 16550A"}


class Overslept(OurDut):
    """A clock that lets too much time pass on its first few uses."""

    def __init__(self, extra_ns: int, times: int) -> None:
        super().__init__()
        self.can = ALL & ~Can.EXACT
        self.extra_ns, self.times = extra_ns, times

    def advance(self, ns: int) -> int:
        extra = self.extra_ns if self.times > 0 else 0
        self.times -= 1
        return super().advance(ns + extra)


(SLOW_SEQUENCE,) = parse(
    """
topic interrupts
sequence slow "a wait that must not be long"
    FCR <- FIFO_ENABLE | TRIGGER_14
    IER <- ERBFI
    SIN <- 'a'
    wait 30 bits
    IIR -> FIFOS | NONE      "no timeout yet" [8.1]
"""
)


def test_a_sequence_is_begun_again_when_the_clock_overslept() -> None:
    played = Player(Overslept(200_000, 8)).play(SLOW_SEQUENCE)
    assert [finding.passed for finding in played.findings] == [True]


def test_a_clock_that_is_never_exact_enough_is_said_to_be_so() -> None:
    played = Player(Overslept(200_000, 1 << 30)).play(SLOW_SEQUENCE)
    assert played.findings == []
    assert played.left_out == "its clock is not exact enough"


@pytest.mark.parametrize("part", ALL_PARTS)
def test_a_uart_without_a_reset_is_brought_to_the_same_start(part: str) -> None:
    uart = OurDut(part)
    uart.can = ALL & ~Can.RESET
    played = Player(uart).play_all([*reversed(SEQUENCES), *SEQUENCES])
    assert [finding.key for result in played for finding in result.wrong] == []
