"""The parts of a report beside the failed checks: rules that the run has not met, and sequences left out."""

from __future__ import annotations

from collections import Counter

from uartsim.conform.differential import Summary
from uartsim.conform.dut import ALL, Can
from uartsim.conform.dut_ours import OurDut
from uartsim.conform.player import Player
from uartsim.conform.qemu_deviations import RULES
from uartsim.conform.random_programs import Difference, Programs
from uartsim.conform.report import Verdict
from uartsim.conform.suite import SEQUENCES


def verdict(**options: object) -> Verdict:
    return Verdict("ours", "16550A", Player(OurDut()).play_all(SEQUENCES), seed=1, **options)  # type: ignore[arg-type]


def test_a_rule_whose_checks_pass_is_reported() -> None:
    report = verdict(with_rules=True)
    assert report.passed
    assert len(report.unused_rules) == sum(len(rule.shown_by) for rule in RULES.values())
    assert "  not seen: fcr-needs-fcr0/* passes, and a rule says that it fails" in list(report.lines())
    assert verdict().unused_rules == []


def test_a_rule_that_a_long_run_never_applied_is_reported() -> None:
    applied = Counter({name: 1 for name in RULES if name != "word length"})
    for registers, mixed, reported in ((20_000, 1000, True), (20_000, 0, False), (500, 1000, False)):
        report = verdict(with_rules=True, whole=False, against_qemu=Summary(registers, mixed, applied))
        sentence = "word length: never applied in the random programs"
        assert (report.unused_rules == [sentence]) is reported


def test_differences_of_random_programs_are_wrong_and_shown_with_their_actions() -> None:
    difference = Difference(7, "read of offset 1", "0F", "1F", ("write 1 FF", "read 1"))
    report = verdict(programs=Programs(80, [difference], repeated=2))
    assert not report.passed
    assert report.unexplained == ["read of offset 1: expected 0F, got 1F"]
    lines = list(report.lines())
    at = lines.index("  read of offset 1: expected 0F, got 1F, after")
    assert lines[at + 1] == "    write 1 FF; read 1"
    assert lines[at + 2] == "  and 2 more programs that differ in the same ways"
    assert report.as_json()["random_programs"]["differences"][0]["actions"] == ["write 1 FF", "read 1"]


def test_what_was_left_out_is_counted_with_the_reason() -> None:
    uart = OurDut()
    uart.can = ALL & ~Can.MODEM
    report = Verdict("ours", "16550A", Player(uart).play_all(SEQUENCES), seed=1)
    assert report.left_out()["it cannot do: modem"] == 2
    assert "left out: 2 sequences, it cannot do: modem" in list(report.lines())
    assert report.as_json()["not_judged"]["modem-inputs"] == "it cannot do: modem"
