"""Which test reaches which line: measured for a file of tests at a time, and kept in the user's cache.

What was measured of a file of tests is used again while that file, the helpers that it imports and every module that its
tests reached are the same: a new test, or a change in one module, has only the files measured again that it concerns.
"""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import platformdirs

from .worker import Tree

#: Part of every key: another number where what is measured, or how, has changed.
_VERSION = 4
#: What of the checkout tests import, beside what they test.
_OWN = ("tests", "tools", "benchmarks")


class CoverageMap:
    """The tests that reach a line.

    Attributes:
        seconds: how long each test took, with coverage on.
        unusable: the tests that failed or were skipped; they are not run against mutants.
        of_no_line: the tests that reach no line of any function: they look at constants and tables.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.unusable: dict[str, str] = {}
        self.of_no_line: set[str] = set()
        self._tests: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._imported: dict[str, set[int]] = defaultdict(set)

    def add(self, measured: Mapping[str, object], root: Path) -> None:
        """Take in what was measured of one file of tests (see :func:`_part`)."""
        outcomes, seconds, lines = measured["outcomes"], measured["seconds"], measured["lines"]
        assert isinstance(outcomes, dict)
        assert isinstance(seconds, dict)
        assert isinstance(lines, dict)
        for test, outcome in outcomes.items():
            if outcome == "passed":
                self.seconds[test] = seconds[test]
            else:
                self.unusable[test] = outcome
        sources = measured["sources"]
        assert isinstance(sources, dict)
        current = {file for file, digest in sources.items() if _digest(root / file) == digest}
        self.of_no_line.update(test for test, outcome in outcomes.items() if outcome == "passed" and test not in lines)
        for test, files in lines.items():
            for file, numbers in files.items():
                if not test:
                    if file in current:
                        self._imported[file].update(numbers)
                elif test in self.seconds:
                    for number in numbers:
                        self._tests[file][number].add(test)

    def reaching(self, file: str, lines: Iterable[int]) -> set[str]:
        """The tests that reach any of these lines of a module."""
        of_file = self._tests.get(file, {})
        return {test for line in lines for test in of_file.get(line, ())}

    def of_file(self, file: str) -> set[str]:
        """The tests that reach any line of a module."""
        return {test for tests in self._tests.get(file, {}).values() for test in tests}

    def in_tests(self, test_file: str) -> set[str]:
        """The tests of a file of tests."""
        return {test for test in self.seconds if test.partition("::")[0] == test_file}

    def runs_at_import(self, file: str, lines: Iterable[int]) -> bool:
        """Whether one of these lines runs when modules or tests are loaded."""
        return not self._imported.get(file, set()).isdisjoint(lines)


def coverage_map(tree: Tree, test_files: Iterable[Path]) -> CoverageMap:
    """The map for files of tests; what the cache does not hold is measured.

    Args:
        tree: the copy of the checkout to measure in.
        test_files: the files, relative to its root.
    """
    folder = Path(platformdirs.user_cache_dir("uartsim-mutation"))
    folder.mkdir(parents=True, exist_ok=True)
    entries = {file: folder / f"{hashlib.sha256(str(file).encode()).hexdigest()[:24]}.json" for file in test_files}
    kept = {file: _kept(entry, tree.root, file) for file, entry in entries.items()}
    if missing := [file for file in entries if kept.get(file) is None]:
        for file, measured in _measure(tree, missing).items():
            measured |= {"version": _VERSION, "tests": _tests(tree.root, file)}
            entries[file].write_text(json.dumps(measured), encoding="utf-8")
            kept[file] = measured
    merged = CoverageMap()
    for entry in kept.values():
        assert entry is not None
        merged.add(entry, tree.root)
    return merged


def _measure(tree: Tree, test_files: list[Path]) -> dict[Path, dict[str, object]]:
    temporary = tree.new_folder()
    result = temporary / "result.json"
    with (temporary / "log").open("wb") as log:
        ended = subprocess.run(
            [sys.executable, "-m", "tools.mutation.measure", str(result), str(temporary), *map(str, test_files)],
            cwd=tree.root,
            env=tree.environment(measured=True),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    if ended.returncode:
        raise RuntimeError(f"the tests cannot be measured:\n{(temporary / 'log').read_text()[-5000:]}")
    everything = json.loads(result.read_text(encoding="utf-8"))
    return {file: _part(everything, file, tree.root) for file in test_files}


def _part(everything: dict[str, dict[str, dict[str, object]]], file: Path, root: Path) -> dict[str, object]:
    """What was measured of one file of tests, and of what was imported."""

    def is_of_file(test: str) -> bool:
        return test.partition("::")[0] == str(file)

    lines = {test: files for test, files in everything["lines"].items() if not test or is_of_file(test)}
    touched = {module for files in lines.values() for module in files}
    return {
        "seconds": {test: value for test, value in everything["seconds"].items() if is_of_file(test)},
        "outcomes": {test: value for test, value in everything["outcomes"].items() if is_of_file(test)},
        "lines": lines,
        "sources": {module: _digest(root / module) for module in sorted(touched)},
    }


def _kept(entry: Path, root: Path, file: Path) -> dict[str, object] | None:
    """What the cache holds for a file of tests, if it is still true."""
    try:
        measured: dict[str, object] = json.loads(entry.read_text(encoding="utf-8"))
        lines, sources = measured["lines"], measured["sources"]
    except (OSError, ValueError, KeyError):
        return None
    assert isinstance(lines, dict)
    assert isinstance(sources, dict)
    wanted = {"version": _VERSION, "tests": _tests(root, file)}
    if any(measured.get(key) != value for key, value in wanted.items()):
        return None
    reached = {module for test, files in lines.items() if test for module in files}
    return measured if all(_digest(root / module) == sources[module] for module in reached) else None


def _tests(root: Path, file: Path) -> str:
    """A hash of a file of tests, the modules of ``tests`` and ``tools`` that it imports, and the conftest.py above it."""
    found, waiting = (
        set(),
        [file, *(folder / "conftest.py" for folder in file.parents if folder.parts[:1] == ("tests",))],
    )
    while waiting:
        module = waiting.pop()
        if module not in found and (root / module).is_file():
            found.add(module)
            waiting += _imported(ast.parse((root / module).read_bytes()))
    return hashlib.sha256("".join(f"{name}{_digest(root / name)}" for name in sorted(found)).encode()).hexdigest()


def _imported(module: ast.Module) -> Iterator[Path]:
    """The files that may be what a module imports from the checkout."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                dotted = [alias.name for alias in names]
            case ast.ImportFrom(module=str() as name, names=names):
                dotted = [name, *(f"{name}.{alias.name}" for alias in names)]
            case _:
                continue
        yield from (Path(*name.split(".")).with_suffix(".py") for name in dotted if name.split(".")[0] in _OWN)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
