"""Several machines in one test: the name of each is in its section, its files, the page, JUnit XML and the live log."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

PLUGIN = "uartsim.pytest_plugin"
Run = Callable[..., pytest.RunResult]

PAIR = """
    def test_pair(uartsim_factory):
        master = uartsim_factory("talker", name="master", clock="virtual")
        slave = uartsim_factory("talker", name="slave", clock="virtual")
        third = uartsim_factory("talker", name="master", clock="virtual")
        for console in (master, slave, third):
            console.expect("talker")
        slave.expect("never", timeout=1)
"""


def sections(result: pytest.RunResult) -> list[str]:
    """The headings of the consoles' sections."""
    return re.findall(r"^-+ (uartsim (?!page).*?) -+$", result.stdout.str(), re.MULTILINE)


def test_machines_of_one_guest_are_told_apart_by_their_names_everywhere(
    run_tests: Run, talkers: pytest.Pytester
) -> None:
    result = run_tests(PAIR, "-s", "-v", "--uartsim-artifacts=art", "--junitxml=out.xml")
    result.assert_outcomes(failed=1)
    assert sections(result) == [f"uartsim console: {name}" for name in ("master", "slave", "master-2")]
    result.stdout.fnmatch_lines(["E *'never' was expected, and slave did not send it within 1 s"])
    live = {line.partition(" ")[0] for line in result.outlines if re.match(r"\S+ \+\d", line)}
    assert live == {"master", "slave", "master-2"}
    (page,) = (talkers.path / "art").rglob("failure.html")
    files = sorted(path.name for path in page.parent.iterdir() if path.name != ".uartsim")
    assert files == sorted(
        ["failure.html", *(f"{name}.{end}" for name in ("master", "slave", "master-2") for end in ("log", "cast"))]
    )
    text = page.read_text()
    assert re.findall("<h2>(.*?)</h2>", text)[:3] == [f"Console of {name}" for name in ("master", "slave", "master-2")]
    assert text.count("Its guest is talker.") == 3
    (case,) = ElementTree.parse(talkers.path / "out.xml").findall(".//testcase")
    properties = [(each.get("name"), each.get("value")) for each in case.iter("property")]
    named = [value for name, value in properties if name == "uartsim console"]
    assert named == ["master", "slave", "master-2"]
    assert [value for name, value in properties if name == "uartsim guest"] == ["talker"] * 3
    logs = [Path(value or "").name for name, value in properties if name == "uartsim log"]
    assert logs == ["master.log", "slave.log", "master-2.log"]
    output = "".join(each.text or "" for each in case.findall("system-out"))
    assert re.findall("^uartsim console: (.*)$", output, re.MULTILINE) == named


def test_names_that_would_be_one_file_are_numbered_too_and_the_next_test_begins_anew(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.fixture(scope="module")
        def board(uartsim_factory):
            return uartsim_factory("talker", name="a b")

        def test_one(board, uartsim_factory):
            uartsim_factory("talker", name="a/b")
            assert False

        @pytest.mark.uartsim(guest="talker", name="a-b")
        def test_two(console, board):
            assert False

        @pytest.mark.uartsim(guest="talker", name="a b")
        def test_three(console):  # board runs, and is none of this test's
            assert False
        """
    )
    result.assert_outcomes(failed=3)
    assert sections(result) == [
        "uartsim console: a b",
        "uartsim console: a/b-2",
        "uartsim console: a b",
        "uartsim console: a-b-2",
        "uartsim console: a b",
    ]


def test_async_console_has_the_name_of_its_mark(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.mark.uartsim(guest="talker", name="board")
        @pytest.mark.trio
        async def test_it(async_console, uartsim_factory):
            await async_console.expect("talker")
            uartsim_factory("talker", name="board")
            assert False
        """,
        "-p",
        "pytest_trio.plugin",
    )
    result.assert_outcomes(failed=1)
    assert sections(result) == ["uartsim console: board", "uartsim console: board-2"]


def test_a_test_that_runs_again_has_only_its_own_consoles(talkers: pytest.Pytester) -> None:
    talkers.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.uartsim(guest="talker")
        def test_it(console):
            assert False
        """
    )
    result = talkers.runpytest_subprocess(
        "-p", PLUGIN, "-p", "pytest_rerunfailures", "--reruns=1", "--uartsim-artifacts=art"
    )
    result.stdout.fnmatch_lines(["*1 failed, 1 rerun*"])
    assert sections(result) == ["uartsim console: talker"]
    folders = sorted(path.parent.name for path in (talkers.path / "art").rglob("talker.log"))
    assert folders == ["test_it.py-test_it", "test_it.py-test_it-2"]
