"""docs/azure.md is true: its rows are all there, and each row's tests exist, carry its id, and run wherever CI runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.service.rules.rule_scenes import BREACHES
from uartsim.service.rules.console_rules import ALL_RULES
from uartsim.service.rules.profiles import ConsolePolicy
from uartsim.service.rules.service_faults import Faults
from uartsim.service.tenant.setup_file import read_setup

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "azure.md").read_text()
#: How many statements of each document there are.
ROWS_OF = {"A": 131, "P": 68}
#: Where a test that names a rule runs with the rule on and off.
OFF_AND_ON = ROOT / "tests" / "service" / "rules"
#: Marks with which CI would leave a test out, or not mind that it fails.
LEFT_OUT = {"images", "skip", "skipif", "xfail"}


@dataclass(frozen=True)
class Row:
    """A row of the page."""

    id: str
    says: str
    where: str
    shown_by: str

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`(test_\w+)`", self.shown_by)

    @property
    def rule(self) -> str | None:
        found = re.search(r"rule `([\w-]+)`", self.where)
        return found.group(1) if found else None


@dataclass(frozen=True)
class MarkedTest:
    """A test that carries the mark ``azure``."""

    name: str
    rows: frozenset[str]
    rule: str | None
    marks: frozenset[str]


def rows() -> list[Row]:
    found = re.findall(r"^\| ([AP]-\d{3}) \| (.+) \| (.*) \| (.+) \|$", PAGE, re.MULTILINE)
    return [Row(*cells) for cells in found]


def marked_tests(source: str) -> Iterator[MarkedTest]:
    tree = ast.parse(source)
    for_all = {name for node in tree.body if isinstance(node, ast.Assign) for name in mark_names(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        calls = [call for call in node.decorator_list if isinstance(call, ast.Call) and mark_of(call.func) == "azure"]
        if not calls:
            continue
        ids = {ast.literal_eval(argument) for call in calls for argument in call.args}
        rule = next((ast.literal_eval(one.value) for call in calls for one in call.keywords if one.arg == "rule"), None)
        marks = {mark_of(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list} | for_all
        yield MarkedTest(node.name, frozenset(ids), rule, frozenset(marks))


def mark_of(node: ast.expr) -> str:
    """``images`` of ``pytest.mark.images``; empty for anything else."""
    text = ast.unparse(node)
    return text.removeprefix("pytest.mark.") if text.startswith("pytest.mark.") else ""


def mark_names(assignment: ast.Assign) -> set[str]:
    if ast.unparse(assignment.targets[0]) != "pytestmark":
        return set()
    return {mark_of(node) for node in ast.walk(assignment.value) if isinstance(node, ast.Attribute)} - {""}


def all_marked_tests() -> list[MarkedTest]:
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path != Path(__file__) and "mark.azure" in (source := path.read_text()):
            tests = list(marked_tests(source))
            assert path.parent == OFF_AND_ON or all(test.rule is None for test in tests), path
            found += tests
    return found


TESTS = {test.name: test for test in all_marked_tests()}
ROWS = {row.id: row for row in rows()}


@pytest.mark.parametrize("document", sorted(ROWS_OF))
def test_the_rows_of_a_document_are_all_there_in_their_order(document: str) -> None:
    expected = [f"{document}-{number:03}" for number in range(1, ROWS_OF[document] + 1)]
    assert [row.id for row in rows() if row.id.startswith(document)] == expected


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_row_is_shown_or_says_why_not(row: Row) -> None:
    if not row.tests:
        assert row.shown_by.startswith("nothing to run: "), row.shown_by
    for name in row.tests:
        assert name in TESTS, f"{name} is not a test with the mark azure"
        assert row.id in TESTS[name].rows, f"{name} does not carry {row.id}"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_place_of_a_row_is_there(row: Row) -> None:
    for path in re.findall(r"(?<!rule )`([\w./-]+)`", row.where):
        assert any((ROOT / base / path).exists() for base in ("", "uartsim")), path


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS.keys())
def test_a_marked_test_is_on_the_page_and_runs_in_ci(test: MarkedTest) -> None:
    assert not test.marks & LEFT_OUT
    for row_id in test.rows:
        assert row_id in ROWS, f"{row_id} is not a row"
        assert test.name in ROWS[row_id].tests, f"row {row_id} does not name {test.name}"


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.rule], ids=lambda row: row.id)
def test_a_rules_row_has_a_test_that_also_runs_without_the_rule(row: Row) -> None:
    """The conftest.py of :data:`OFF_AND_ON` runs each test that names a rule twice; elsewhere nobody does."""
    assert row.rule in ALL_RULES.ids
    of_rule = [TESTS[name] for name in row.tests if name in TESTS and TESTS[name].rule == row.rule]
    assert of_rule, f"none of {row.tests} names the rule {row.rule}"


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_are_set_up_files(text: str, tmp_path: Path) -> None:
    setup = read_setup(text, "azure.md", tmp_path)
    ConsolePolicy.from_table(setup.console)
    Faults().change(setup.faults)


def test_every_rule_has_a_row_or_a_test_of_its_own() -> None:
    # Each breach runs with its rule and without it (tests/service/rules/test_console_rules.py).
    tested = {test.rule for test in TESTS.values()} | {breach.rule for breach in BREACHES}
    assert set(ALL_RULES.ids) - {"found"} <= tested


def test_every_rule_is_in_the_table_of_rules() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", PAGE.partition("## Rules")[2].partition("## Faults")[0], re.MULTILINE)
    assert listed == [rule.id for rule in ALL_RULES]


def test_a_mark_for_a_whole_file_counts() -> None:
    source = "pytestmark = pytest.mark.images\n@pytest.mark.azure('A-001')\ndef test_it(): pass\n"
    (found,) = marked_tests(source)
    assert found.marks == {"azure", "images"}
