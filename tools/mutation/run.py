"""A room's mutants: drawn, each given its tests, and run."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

import click

from .coverage_map import CoverageMap, coverage_map
from .mutants import Mutant, mutants_of
from .rooms import rooms, tests_of
from .worker import Worker

#: A test's time limit: so much, in seconds, and so many times what it took without a mutant.
_LIMIT_S, _LIMIT_FACTOR = 3.0, 10.0


@dataclass(frozen=True)
class Result:
    """What became of a mutant.

    Attributes:
        outcome: ``killed``, ``timeout`` (which counts as killed), ``survived`` or ``unreached``.
        test: the test that noticed it.
        tests: how many tests it was given.
        left_out: how many more reach it, but would have taken longer than the limit allows.
    """

    mutant: Mutant
    outcome: str
    test: str = ""
    tests: int = 0
    left_out: int = 0

    @property
    def killed(self) -> bool:
        """Whether the tests noticed it."""
        return self.outcome in ("killed", "timeout")


def draw(checkout: Path, room: str, seed: str, count: int) -> list[Mutant]:
    """The mutants of a room that a seed draws, in the order of files and lines; all of them where there are fewer."""
    every = [
        mutant for file in rooms(checkout)[room] for mutant in mutants_of(str(file), (checkout / file).read_bytes())
    ]
    order = random.Random(f"{seed}:{room}").sample(range(len(every)), len(every))
    chosen = islice((number for number in order if _compiles(every[number])), count)
    return [every[number] for number in sorted(chosen)]


def _compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.changed, mutant.file, "exec", dont_inherit=True)
    except (SyntaxError, SyntaxWarning):
        return False
    return True


def run_room(
    checkout: Path,
    room: str,
    mutants: Iterable[Mutant],
    *,
    jobs: int,
    limit_s: float,
    on_result: Callable[[Result], None],
) -> list[Result]:
    """Run a room's mutants.

    Args:
        checkout: the root of the checkout, which is only read.
        room: the room's name.
        mutants: its mutants.
        jobs: how many run at a time.
        limit_s: how long the tests of one mutant may take together, in seconds as they were measured; the fastest come
            first, and what would take longer is left out.
        on_result: is told each result as it comes.
    """
    files = tests_of(checkout, room)
    with ExitStack() as stack:
        workers: SimpleQueue[Worker] = SimpleQueue()
        for _ in range(jobs):
            workers.put(stack.enter_context(Worker(checkout, files)))
        first = workers.get()
        reached = coverage_map(first.tree, files)
        workers.put(first)
        if reached.unusable:
            click.echo(f"{room}: {len(reached.unusable)} tests that are skipped or fail here are not used", err=True)
        users = _Users(checkout, files)

        def run(mutant: Mutant) -> Result:
            at_import = mutant.function is None or reached.runs_at_import(mutant.file, _lines(mutant))
            chosen, left_out = _within(_tests(mutant, at_import, reached, users), reached.seconds, limit_s)
            if not chosen:
                result = Result(mutant, "unreached", left_out=left_out)
            else:
                worker = workers.get()
                try:
                    limits = {test: _LIMIT_S + _LIMIT_FACTOR * reached.seconds[test] for test in chosen}
                    reply = worker.run(mutant, at_import, limits)
                finally:
                    workers.put(worker)
                result = Result(mutant, reply.outcome, reply.test, len(chosen), left_out)
            on_result(result)
            return result

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(run, mutants))


def _lines(mutant: Mutant) -> range:
    return range(mutant.lines[0], mutant.lines[1] + 1)


def _tests(mutant: Mutant, at_import: bool, reached: CoverageMap, users: _Users) -> list[set[str]]:
    """The tests that reach a mutant, in groups of which the first ones are more likely to notice it."""
    tests = reached.reaching(mutant.file, _lines(mutant))
    if not tests:
        tests = reached.reaching(mutant.file, range(mutant.header[0], mutant.header[1] + 1))
    if not at_import:
        return [tests]
    # What takes effect at import is reached by whatever uses its name, and less surely by whatever uses the module.
    near = {test for file, lines in users.of(mutant.names) for test in reached.reaching(file, lines)}
    by_name = {test for file in users.tests_with(mutant.names) for test in reached.in_tests(file)}
    importers = {test for file in users.importing(mutant.file) for test in reached.of_file(file)}
    return [near | tests | reached.of_no_line, by_name, reached.of_file(mutant.file), importers]


def _within(groups: list[set[str]], seconds: Mapping[str, float], limit_s: float) -> tuple[list[str], int]:
    """The tests in their order, the fastest of a group first, up to the limit; and how many are left out."""
    chosen: dict[str, None] = {}
    left_out: set[str] = set()
    total = 0.0
    for group in groups:
        for test in sorted(group, key=lambda test: (seconds[test], test)):
            if test in chosen:
                continue
            if chosen and total + seconds[test] > limit_s:
                left_out.add(test)
            else:
                chosen[test] = None
                total += seconds[test]
    return list(chosen), len(left_out)


class _Users:
    """Where names are used in ``uartsim/`` and in the tests, and which module imports which."""

    def __init__(self, checkout: Path, test_files: Iterable[Path]) -> None:
        self._tests = {str(file): set(re.findall(r"\w+", (checkout / file).read_text())) for file in test_files}
        self._lines: dict[str, dict[str, set[int]]] = {}
        self._importing: dict[str, set[str]] = {}
        for file in sorted((checkout / "uartsim").rglob("*.py")):
            name = str(file.relative_to(checkout))
            for node in ast.walk(ast.parse(file.read_bytes())):
                match node:
                    case ast.Name(id=used, ctx=ast.Load()) | ast.Attribute(attr=used):
                        self._lines.setdefault(used, {}).setdefault(name, set()).add(node.lineno)
                    case ast.ImportFrom(module=module, names=names):
                        for part in {*(module or "").split("."), *(alias.name for alias in names)}:
                            self._importing.setdefault(part, set()).add(name)

    def of(self, names: Iterable[str]) -> list[tuple[str, set[int]]]:
        """The files and lines that use one of these names."""
        return [place for name in names for place in self._lines.get(name, {}).items()]

    def tests_with(self, names: Iterable[str]) -> list[str]:
        """The files of tests in which one of these names stands."""
        return [file for file, words in self._tests.items() if not words.isdisjoint(names)]

    def importing(self, file: str) -> set[str]:
        """The modules that import this one, by its last name."""
        path = Path(file)
        return self._importing.get(path.parent.name if path.stem == "__init__" else path.stem, set()) - {file}
