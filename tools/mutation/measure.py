"""Run tests with coverage.py, and note which of them reached which line: a program, run in a copy of the tree.

``python -m tools.mutation.measure RESULT TEMPORARY TEST_FILE...``

Processes that tests start are measured too: ``tools/mutation/hook/sitecustomize.py`` starts coverage in them, under the
name of the test that the environment holds.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import coverage
import pytest

#: The name of the running test, for the processes that it starts.
CONTEXT_VARIABLE = "UARTSIM_MUTATION_CONTEXT"

_CONFIGURATION = """\
[run]
data_file = {data_file}
parallel = true
sigterm = true
patch = _exit
source = {source}
context = ${{UARTSIM_MUTATION_CONTEXT-}}
disable_warnings = no-data-collected,module-not-imported,module-not-measured
"""


class _Contexts:
    """Names the running test to coverage.py, and notes how each test ended and how long it took."""

    def __init__(self, cover: coverage.Coverage) -> None:
        self._cover = cover
        self.seconds: dict[str, float] = defaultdict(float)
        self.outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        from tools.mutation.bounded import bound_property_tests

        bound_property_tests(items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._cover.switch_context(item.nodeid)
        os.environ[CONTEXT_VARIABLE] = item.nodeid
        try:
            return (yield)
        finally:
            self._cover.switch_context("")
            os.environ[CONTEXT_VARIABLE] = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.outcome != "passed" or report.nodeid not in self.outcomes:
            self.outcomes[report.nodeid] = report.outcome


def _lines_by_test(folder: Path, root: Path) -> dict[str, dict[str, list[int]]]:
    """For each test, the lines it reached in each file; under the empty name, the lines that imports ran."""
    reached: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for data_file in folder.glob("coverage*"):
        if data_file.suffix == ".ini":
            continue
        data = coverage.CoverageData(str(data_file))
        try:
            data.read()
        except coverage.CoverageException:
            continue  # of a process that was killed while it wrote it
        for name in data.measured_files():
            file = str(Path(name).relative_to(root))
            for line, contexts in data.contexts_by_lineno(name).items():
                for context in contexts:
                    reached[context][file].add(line)
    return {test: {file: sorted(lines) for file, lines in files.items()} for test, files in reached.items()}


def main(result: str, temporary: str, *test_files: str) -> None:
    """Run the tests, and write the result as JSON."""
    folder, root = Path(temporary), Path.cwd()
    configuration = folder / "coverage.ini"
    configuration.write_text(_CONFIGURATION.format(data_file=folder / "coverage", source=root / "uartsim"))
    cover = coverage.Coverage(config_file=str(configuration), context="")
    os.environ["COVERAGE_PROCESS_START"] = str(configuration)
    cover.start()
    contexts = _Contexts(cover)
    from tools.mutation.bounded import pytest_arguments

    pytest.main([*pytest_arguments(folder / "tests"), *test_files], plugins=[contexts])
    cover.stop()
    cover.save()
    del os.environ["COVERAGE_PROCESS_START"]
    reached = _lines_by_test(folder, root)
    Path(result).write_text(
        json.dumps({"seconds": contexts.seconds, "outcomes": contexts.outcomes, "lines": reached}), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
