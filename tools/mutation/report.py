"""What a run found: a table by room, what survived as lines of a diff, the same as JSON, and whether it is enough."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .run import Result

#: What part of a room's mutants has to be killed, of those that are not explained; and what part may be explained.
KILLED_AT_LEAST, EXPLAINED_AT_MOST = 0.95, 0.05

EXPLAINED = Path(__file__).with_name("explained.toml")


def explained(file: Path = EXPLAINED) -> dict[tuple[str, str, str], str]:
    """The reason of each mutant that changes nothing anybody could see, by its fingerprint.

    Raises:
        ValueError: an entry lacks a part, has an empty reason or one of several lines, or is there twice.
    """
    reasons: dict[tuple[str, str, str], str] = {}
    for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("mutant", []):
        try:
            key, reason = (entry["file"], entry["function"], entry["change"]), entry["reason"]
        except KeyError as error:
            raise ValueError(f"{file.name}: an entry lacks {error}: {entry}") from None
        if not reason.strip() or "\n" in reason:
            raise ValueError(f"{file.name}: the reason has to be one line: {entry}")
        if key in reasons:
            raise ValueError(f"{file.name}: explained twice: {entry}")
        reasons[key] = reason
    return reasons


@dataclass
class RoomReport:
    """The results of one room."""

    room: str
    results: list[Result]
    reasons: dict[tuple[str, str, str], str] = field(repr=False)

    def by_outcome(self, outcome: str) -> list[Result]:
        """The results with one of ``killed``, ``unreached``, ``survived`` and ``explained``."""
        return [result for result in self.results if self._outcome(result) == outcome]

    def _outcome(self, result: Result) -> str:
        if result.killed:
            return "killed"
        return "explained" if result.mutant.fingerprint in self.reasons else result.outcome

    @property
    def killed(self) -> float:
        """The killed part of the mutants that are not explained; 1.0 where there are none."""
        counted = len(self.results) - len(self.by_outcome("explained"))
        return len(self.by_outcome("killed")) / counted if counted else 1.0

    @property
    def enough(self) -> bool:
        """Whether the room reaches the goal."""
        return self.killed >= KILLED_AT_LEAST and len(self.by_outcome("explained")) <= EXPLAINED_AT_MOST * len(
            self.results
        )


def show(console: Console, reports: Iterable[RoomReport]) -> None:
    """Print the table."""
    table = Table(box=None)
    table.add_column("room")
    for column in ("mutants", "killed", "not reached", "survived", "explained", "of those killed"):
        table.add_column(column, justify="right")
    for report in reports:
        numbers = [len(report.results)]
        numbers += [len(report.by_outcome(outcome)) for outcome in ("killed", "unreached", "survived", "explained")]
        style = "" if report.enough else "bold red"
        table.add_row(report.room, *map(str, numbers), f"{report.killed:.1%}", style=style)
    console.print(table)


def described(result: Result) -> str:
    """The place of a mutant that was not killed, and the change as two lines of a diff."""
    before, after = result.mutant.diff
    tests = f"{result.tests} tests" if result.tests else "no test reaches it"
    if result.left_out:
        tests += f", {result.left_out} slower ones left out"
    return f"{result.mutant.file}:{result.mutant.lines[0]}: {result.mutant.scope} ({tests})\n  - {before}\n  + {after}"


def as_json(seed: str, reports: Iterable[RoomReport]) -> str:
    """The same for a program."""
    return json.dumps(
        {
            "seed": seed,
            "rooms": {
                report.room: {
                    "killed": report.killed,
                    "enough": report.enough,
                    "mutants": [
                        {
                            "file": result.mutant.file,
                            "line": result.mutant.lines[0],
                            "function": result.mutant.scope,
                            "change": result.mutant.fingerprint[2],
                            "outcome": result.outcome,
                            "test": result.test,
                            "tests": result.tests,
                            "left_out": result.left_out,
                            "reason": report.reasons.get(result.mutant.fingerprint),
                        }
                        for result in report.results
                    ],
                }
                for report in reports
            },
        },
        indent=1,
    )
