"""docs/scenarios.md, the tests and the transcripts agree with the scenarios."""

from __future__ import annotations

import re
from pathlib import Path

from tests.scenarios.conftest import IN_CI
from tools.scenarios_doc import AZURE, MORE_TESTS, PAGE, SHOWN_BY, TRANSCRIPTS, document_rows, page_with, seconds_of
from uartsim.scenarios import GROUPS, list_scenarios

HERE = Path(__file__).parent
MARKED = re.compile(r'@pytest\.mark\.scenario\("([a-z0-9-]+)".*\)\n(?:@.*\n)*def (test_\w+)\(')
BY_NAME = {scenario.name: scenario for scenario in list_scenarios()}


def marked_tests() -> set[tuple[str, str]]:
    return {found for file in HERE.glob("test_*.py") for found in MARKED.findall(file.read_text())}


def test_page_has_the_scenarios_as_they_are() -> None:
    page = PAGE.read_text()
    assert page == page_with(page), "run: python tools/scenarios_doc.py --write"


def test_every_scenario_has_the_test_that_it_names() -> None:
    named = {(name, each.test) for name, each in BY_NAME.items() if not each.not_run}
    assert named <= marked_tests()
    assert {test for tests in MORE_TESTS.values() for test in tests} <= {test for _, test in marked_tests()}
    assert {name for name, _ in marked_tests()} == {name for name, _ in named}


def test_transcripts_are_of_scenarios_that_run() -> None:
    with_transcript = {path.stem for path in TRANSCRIPTS.glob("*.txt")}
    assert with_transcript <= {name for name, each in BY_NAME.items() if not each.not_run}
    assert all(seconds_of(name) is not None for name in with_transcript)


def test_ci_runs_one_of_each_group() -> None:
    assert {BY_NAME[name].group for name, _ in IN_CI} == set(GROUPS)


def test_every_row_of_the_documents_tables_has_a_test() -> None:
    rows = {row: tests for row, _, tests in document_rows()}
    page = AZURE.read_text()
    assert len(rows) == sum(
        len(re.findall(r"^\| [AP]-\d", part, re.MULTILINE))
        for part in page.split("\n#")
        if part.startswith(("## Common scenarios", "## Known issues"))
    )
    assert set(SHOWN_BY) <= set(rows)
    for row, tests in rows.items():
        names = SHOWN_BY.get(row, ())
        assert set(names) <= set(BY_NAME), row
        assert names or "`test_" in tests or "nothing to run" in tests, row
