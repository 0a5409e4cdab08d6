"""The rules: what QEMU gets wrong is what they name, no less and no more."""

from __future__ import annotations

import pytest

from tests.conform.like_qemu import SPOILT
from uartsim.conform.dut_ours import OurDut
from uartsim.conform.player import Finding, Player
from uartsim.conform.qemu_deviations import RULES, explain, not_shown
from uartsim.conform.random_programs import run_programs
from uartsim.conform.steps import Check
from uartsim.conform.suite import SEQUENCES


@pytest.mark.needs("qemu-system-x86_64")
def test_whatever_qemu_fails_is_named_by_a_rule(qemu_findings: list[Finding]) -> None:
    failed = [finding for finding in qemu_findings if not finding.passed]
    assert len(failed) > 40
    assert [finding.key for finding in failed if explain(finding) is None] == []


@pytest.mark.needs("qemu-system-x86_64")
def test_whatever_a_rule_names_qemu_does_fail(qemu_findings: list[Finding]) -> None:
    assert not_shown(qemu_findings) == []


def test_rules_name_nothing_that_our_chip_fails() -> None:
    ours = [finding for played in Player(OurDut()).play_all(SEQUENCES) for finding in played.findings]
    assert len(not_shown(ours)) == sum(len(rule.shown_by) for rule in RULES.values())


def test_a_chip_is_spoilt_for_every_rule() -> None:
    assert SPOILT.keys() == RULES.keys()


@pytest.mark.parametrize("name", RULES)
def test_a_chip_that_does_as_qemu_does_is_found_against_the_datasheet(name: str) -> None:
    spoilt, besides = SPOILT[name]
    failed = [f for played in Player(spoilt()).play_all(SEQUENCES) for f in played.findings if not f.passed]
    shown = {rule.name if (rule := explain(finding)) else finding.key for finding in failed}
    assert name in shown
    assert shown <= {name, *besides}


@pytest.mark.parametrize(
    "name",
    [
        *("word length", "loopback makes deltas", "loopback cuts SIN", "break is an error of its character"),
        *("FCR without FCR0", "1.5 stop bits", "withheld bytes", "OUT2 gates the interrupt"),
    ],
)
def test_random_programs_find_it_too(name: str) -> None:
    found = run_programs(SPOILT[name][0](), 40_000, seed=1, most=1)
    assert found.differences
    assert len(found.differences[0].actions) <= 20


@pytest.mark.parametrize("name", ["RBR while empty", "divisor 0"])
def test_what_the_datasheet_leaves_open_is_no_mistake(name: str) -> None:
    spoilt = SPOILT[name][0]
    played = Player(spoilt()).play_all(SEQUENCES)
    assert [finding for result in played for finding in result.wrong] == []
    assert any(result.other_choices for result in played)
    assert run_programs(spoilt(), 8000, seed=1).differences == []


def test_a_check_that_no_rule_names_is_not_explained() -> None:
    assert explain(Finding("ier-mask", Check("bits 7:4 read 0, bits 3:0 are kept", "8.7"), "0F", "1F", False)) is None
