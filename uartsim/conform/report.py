"""The report of a conformance run: as text for people, as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from uartsim.conform.differential import Summary
from uartsim.conform.dut import a_part
from uartsim.conform.player import Finding, SequenceResult
from uartsim.conform.qemu_deviations import RULES, Rule, explain, not_shown
from uartsim.conform.random_programs import Difference, Programs

#: In a run of this many random register accesses every rule is applied.
_LONG_RUN = 20_000


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


@dataclass(slots=True)
class Verdict:
    """What came of a run on one device.

    Attributes:
        name: of the device under test.
        part: the part that it was tested as.
        results: of the sequences, in the order in which they were played.
        seed: of the random programs.
        whole: whether all sequences were played.
        with_rules: whether the known differences of QEMU are accepted.
        against_qemu: the outcome of random programs on QEMU and our chip; None if there were none.
        programs: the outcome of random programs on any other device and our chip; None if there were none.
    """

    name: str
    part: str
    results: list[SequenceResult]
    seed: int
    whole: bool = True
    with_rules: bool = False
    against_qemu: Summary | None = None
    programs: Programs | None = None

    @property
    def findings(self) -> list[Finding]:
        """Every check that was made."""
        return [finding for result in self.results for finding in result.findings]

    @property
    def wrong(self) -> list[Finding]:
        """Every check that failed, apart from those where the datasheet is silent."""
        return [finding for result in self.results for finding in result.wrong]

    @property
    def other_choices(self) -> list[Finding]:
        """Every check that failed where the datasheet is silent."""
        return [finding for result in self.results for finding in result.other_choices]

    def rule_of(self, finding: Finding) -> Rule | None:
        """The rule that accepts a failed check, or None."""
        return explain(finding) if self.with_rules else None

    @property
    def unexplained(self) -> list[str]:
        """What is wrong and accepted by no rule, a sentence each."""
        sentences = [f"{f.key}: expected {f.expected}, got {f.got}" for f in self.wrong if self.rule_of(f) is None]
        if self.against_qemu is not None:
            sentences += self.against_qemu.differences
        if self.programs is not None:
            sentences += [f"{d.what}: expected {d.expected}, got {d.got}" for d in self.programs.differences]
        return sentences

    @property
    def checked_nothing(self) -> bool:
        """Whether no check was made and no random program run."""
        run = self.against_qemu
        return not self.findings and self.programs is None and (run is None or not run.registers + run.mixed)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong but what the rules accept."""
        return not self.unexplained

    @property
    def unused_rules(self) -> list[str]:
        """What the rules claim and the run did not show, a sentence each."""
        if not self.with_rules:
            return []
        unused = [
            f"{pattern} passes, and a rule says that it fails" for pattern in not_shown(self.findings) if self.whole
        ]
        run = self.against_qemu
        if run is not None and run.registers >= _LONG_RUN and run.mixed:
            unused += [f"{name}: never applied in the random programs" for name in run.never_applied]
        return unused

    def left_out(self) -> Counter[str]:
        """How many sequences were not played, by the reason."""
        return Counter(result.left_out for result in self.results if result.left_out)

    @property
    def _played(self) -> int:
        """How many sequences were played."""
        return sum(not result.left_out for result in self.results)

    # -- text ------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """The report, line by line."""
        yield (
            f"{self.name}, tested as {a_part(self.part)}: {_count(self._played, 'sequence')}, "
            f"{_count(len(self.findings), 'check')}, {len(self.wrong)} wrong"
        )
        yield from self._wrong_lines()
        if self.other_choices:
            yield ""
            yield "chosen otherwise where the datasheet leaves it open (not wrong)"
            for finding in self.other_choices:
                yield f"  {finding.sequence}: {finding.check.what}: ours {finding.expected}, here {finding.got}"
        if self.left_out():
            yield ""
            for why, count in sorted(self.left_out().items()):
                yield f"left out: {_count(count, 'sequence')}, {why}"
        if self.with_rules:
            yield from self._rule_lines()
        yield from self._program_lines()
        yield ""
        if self.checked_nothing:
            yield "nothing was tested"
        elif self.passed:
            yield "nothing is wrong" if not self.wrong else "nothing is wrong but what the rules name"
        else:
            yield f"{len(self.unexplained)} wrong"

    def _wrong_lines(self) -> Iterator[str]:
        topic = ""
        for result in self.results:
            if not result.wrong:
                continue
            if result.sequence.topic != topic:
                topic = result.sequence.topic
                yield ""
                yield topic
            yield f"  {result.sequence.name}: {result.sequence.title}"
            for finding in result.wrong:
                rule = self.rule_of(finding)
                yield (
                    f"    {finding.check.what}: expected {finding.expected}, got {finding.got} "
                    f"(datasheet {finding.check.section}){f' [{rule.name}]' if rule else ''}"
                )

    def _rule_lines(self) -> Iterator[str]:
        shown = Counter(rule.name for finding in self.findings if not finding.passed and (rule := explain(finding)))
        applied = self.against_qemu.applied if self.against_qemu is not None else Counter()
        # Of a few sequences, only the rules that they show are of interest.
        rules = [rule for rule in RULES.values() if self.whole or shown[rule.name] or applied[rule.name]]
        if rules:
            yield ""
            yield "rules: what is known, with the failed checks that show it and how often random programs met it"
        for rule in rules:
            met = f"{_count(shown[rule.name], 'check')}, {_count(applied[rule.name], 'time')}"
            yield f"  {rule.name} ({rule.section}): {met}"
            yield f"    {rule.reason}"
        for sentence in self.unused_rules:
            yield f"  not seen: {sentence}"

    def _program_lines(self) -> Iterator[str]:
        if self.against_qemu is not None:
            run = self.against_qemu
            yield ""
            yield (
                f"random programs from seed {self.seed}: {run.registers} register accesses, {run.mixed} mixed steps, "
                f"{_count(len(run.differences), 'unexplained difference')}"
            )
            yield from (f"  {sentence}" for sentence in run.differences)
        if self.programs is not None:
            yield ""
            kinds = _count(len(self.programs.differences), "kind of difference", "kinds of difference")
            yield f"random programs from seed {self.seed}: {self.programs.actions} actions, {kinds}"
            for difference in self.programs.differences:
                yield f"  {difference.what}: expected {difference.expected}, got {difference.got}, after"
                yield f"    {'; '.join(difference.actions)}"
            if self.programs.repeated:
                more = _count(self.programs.repeated, "more program that differs", "more programs that differ")
                yield f"  and {more} in the same ways"

    # -- JSON ------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""

        result: dict[str, Any] = {
            "name": self.name,
            "part": self.part,
            "passed": self.passed,
            "sequences": self._played,
            "checks": len(self.findings),
            "wrong": [self._finding_json(finding) for finding in self.wrong],
            "other_choices": [self._finding_json(finding) for finding in self.other_choices],
            "not_judged": {each.sequence.name: each.left_out for each in self.results if each.left_out},
            "unexplained": self.unexplained,
            "seed": self.seed,
        }
        if self.with_rules:
            result["rules_not_seen"] = self.unused_rules
        if self.against_qemu is not None:
            run = self.against_qemu
            result["random_programs"] = {
                "register_accesses": run.registers,
                "mixed_steps": run.mixed,
                "rules_applied": {name: run.applied[name] for name in RULES},
                "differences": run.differences,
            }
        elif self.programs is not None:
            result["random_programs"] = {
                "actions": self.programs.actions,
                "differences": [_difference_json(difference) for difference in self.programs.differences],
                "repeated": self.programs.repeated,
            }
        return result

    def _finding_json(self, finding: Finding) -> dict[str, Any]:
        rule = self.rule_of(finding)
        return {
            "sequence": finding.sequence,
            "check": finding.check.what,
            "section": finding.check.section,
            "expected": finding.expected,
            "got": finding.got,
            "rule": rule.name if rule else None,
        }


def _difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "seed": difference.seed,
        "what": difference.what,
        "expected": difference.expected,
        "got": difference.got,
        "actions": list(difference.actions),
    }
