"""Random programs with our chip as the reference."""

from __future__ import annotations

from typing import Any

import pytest

from uartsim.conform.dut import ALL, Can
from uartsim.conform.dut_ours import OurDut
from uartsim.conform.random_programs import Action, SideBySide, run_programs
from uartsim.line_format import NEVER
from uartsim.registers import VARIANTS


@pytest.mark.parametrize("part", VARIANTS)
def test_our_chip_agrees_with_itself(part: str) -> None:
    result = run_programs(OurDut(part), 4000, seed=3)
    assert result.differences == []
    assert result.actions == 4000


@pytest.mark.parametrize("options", [{"out2_gate": "pin"}, {"thre_delay": False}])
def test_other_choices_where_the_datasheet_leaves_it_open_agree_too(options: dict[str, Any]) -> None:
    assert run_programs(OurDut(**options), 8000, seed=4).differences == []


def test_another_timeout_is_found() -> None:
    found = run_programs(OurDut(timeout_rule="word"), 60_000, seed=5, most=1)
    assert found.differences[0].what in ("read of offset 2", "interrupt line")
    assert "wait" in " ".join(found.differences[0].actions)


class WithoutClock(OurDut):
    """A model without a clock: it sends in no time and has no timeout."""

    def __init__(self) -> None:
        super().__init__()
        self.can = ALL & ~Can.TIME & ~Can.EXACT

    def write(self, offset: int, value: int) -> None:
        super().write(offset, value)
        self.bench.settle()
        self.bench.uart.receiver.timeout_at = NEVER


def test_a_model_without_a_clock_can_be_right() -> None:
    assert run_programs(WithoutClock(), 8000, seed=6).differences == []


class ForgetsScratch(OurDut):
    """SCR keeps seven bits."""

    def write(self, offset: int, value: int) -> None:
        super().write(offset, value & 0x7F if offset == 7 else value)


def test_a_failing_program_is_cut_down_to_what_matters() -> None:
    found = run_programs(ForgetsScratch(), 40_000, seed=7, most=1).differences[0]
    assert found.what == "read of offset 7"
    assert len(found.actions) == 2
    assert found.actions[0].startswith("write 7 ")
    assert found.actions[1] == "read 7"


def test_differences_of_one_kind_are_shown_once_and_counted() -> None:
    result = run_programs(ForgetsScratch(), 40_000, seed=7, most=4)
    assert len(result.differences) == 1
    assert result.repeated == 3


def test_a_seed_gives_the_same_program_again() -> None:
    beside = SideBySide(OurDut())
    assert beside.draw(8) == beside.draw(8) != beside.draw(9)


@pytest.mark.parametrize(
    ("before", "action", "fitting"),
    [
        ([], Action("read", 0), Action("read", 5)),
        ([Action("receive", 0, 0x41)], Action("read", 0), Action("read", 0)),
        ([Action("write", 3, 0x83)], Action("write", 1, 0x55), Action("write", 1, 0)),
        ([Action("write", 1, 2)], Action("write", 1, 3), Action("write", 1, 1)),
        ([Action("write", 4, 0x10)], Action("write", 3, 0x43), Action("write", 3, 0x03)),
        ([Action("write", 3, 0x43)], Action("write", 0, 0x41), None),
        ([Action("write", 3, 0x00)], Action("receive", 0x04, 0xFF), Action("receive", 0, 0x1F)),
    ],
)
def test_programs_keep_away_from_what_is_open(before: list[Action], action: Action, fitting: Action | None) -> None:
    beside = SideBySide(OurDut())
    assert beside.run(before, 0) is None
    assert beside.fit(action) == fitting
