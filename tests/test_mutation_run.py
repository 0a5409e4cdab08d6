"""tools/mutation at work, on a small checkout: what becomes of mutants of every sort."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

ROOM = '''\
"""A room."""

from __future__ import annotations

LIMIT = 3


def clamp(value: int, *, lowest: int = 0) -> int:
    if value < lowest:
        return lowest
    return min(value, LIMIT)


def count_down(value: int) -> int:
    steps = 0
    while value > 0:
        value -= 1
        steps += 1
    return steps


def never_called() -> int:
    return LIMIT + 1
'''
TESTS = """\
import subprocess, sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.room import LIMIT, clamp, count_down


def test_limit():
    assert LIMIT == 3


@given(st.integers(-5, 5))
def test_clamp(value):
    assert clamp(value) == sorted((0, value, 3))[1]


def test_count_down():
    assert count_down(4) == 4


def test_in_a_process():
    program = "import uartsim.room as r; print(r.clamp(-7, lowest=-5))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert said.stdout == b"-5\\n"


def test_that_fails():
    assert clamp(1) == 2


@pytest.mark.skip
def test_that_is_skipped():
    assert clamp(1) == 1
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    checkout = tmp_path_factory.mktemp("checkout")
    for folder in ("uartsim", "tests", "tools"):
        (checkout / folder).mkdir()
    (checkout / "uartsim" / "__init__.py").write_text('"""A package."""\n')
    (checkout / "uartsim" / "room.py").write_text(ROOM)
    (checkout / "tests" / "test_room.py").write_text(TESTS)
    shutil.copytree(ROOT / "tools" / "mutation", checkout / "tools" / "mutation")
    (checkout / "tools" / "mutation" / "rooms.py").write_text(
        (ROOT / "tools" / "mutation" / "rooms.py").read_text() + "\n\nTESTS_ELSEWHERE.clear()\n"
    )
    (checkout / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\n')
    before = {file: file.read_bytes() for file in checkout.rglob("*.py")}
    environment = {**os.environ, "XDG_CACHE_HOME": str(checkout / "cache"), "PYTHONPATH": ""}
    ran = subprocess.run(
        [sys.executable, "-m", "tools.mutation", "--rooms", "room", "--json", "result.json", "--sample", "1000"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ran.returncode == 1, ran.stderr
    assert "2 tests that are skipped or fail here are not used" in ran.stderr
    assert {file: file.read_bytes() for file in before} == before, "a mutant was put into the checkout itself"
    found = json.loads((checkout / "result.json").read_text())["rooms"]["room"]
    assert f"{found['killed']:.1%}" in ran.stdout
    assert "uartsim/room.py:23: never_called (no test reaches it)\n  - return LIMIT + 1\n" in ran.stdout
    return {mutant["change"]: mutant for mutant in found["mutants"]}


def test_a_change_in_a_function_is_noticed_by_the_tests_of_its_line(outcome: dict[str, Any]) -> None:
    found = outcome["if value < lowest: -> if (value >= lowest):"]
    assert found["outcome"] == "killed"
    assert found["test"] in ("tests/test_room.py::test_clamp", "tests/test_room.py::test_in_a_process")
    assert found["tests"] == 2


def test_a_change_that_takes_effect_at_import_is_noticed(outcome: dict[str, Any]) -> None:
    assert outcome["LIMIT = 3 -> LIMIT = 4"]["outcome"] == "killed"
    assert outcome["LIMIT = 3 -> LIMIT = 4"]["test"] == "tests/test_room.py::test_limit"
    # The default value is what test_clamp relies on.
    default = "def clamp(value: int, *, lowest: int = 0) -> int: -> def clamp(value: int, *, lowest: int = 1) -> int:"
    assert outcome[default]["outcome"] == "killed"


def test_a_loop_without_end_counts_as_noticed(outcome: dict[str, Any]) -> None:
    assert outcome["value -= 1 -> pass"]["outcome"] == "timeout"


def test_a_change_that_makes_no_difference_survives(outcome: dict[str, Any]) -> None:
    assert outcome["if value < lowest: -> if (value <= lowest):"]["outcome"] == "survived"


def test_what_only_a_process_reaches_is_reached(outcome: dict[str, Any]) -> None:
    assert outcome["return lowest -> return None"]["outcome"] == "killed"


def test_what_no_test_runs_is_not_reached(outcome: dict[str, Any]) -> None:
    assert outcome["return LIMIT + 1 -> return (LIMIT - 1)"]["outcome"] == "unreached"


def test_tests_that_fail_without_a_mutant_notice_nothing(outcome: dict[str, Any]) -> None:
    assert "tests/test_room.py::test_that_fails" not in {mutant["test"] for mutant in outcome.values()}
