"""Traces, waveforms and records in the folder of a test's artifacts: ``trace=True`` and the options for all tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

Run = Callable[..., pytest.RunResult]
ARTIFACTS = "--uartsim-artifacts=art"
BY_TRUE = """
    import pytest

    @pytest.mark.uartsim(guest="talker", clock="virtual", record=True, trace=True, vcd=True)
    @pytest.mark.parametrize("passes", [True, False])
    def test_it(console, passes):
        console.expect("talker")
        assert passes
"""


def files(folder: Path) -> list[str]:
    """All files of a folder, without the sessions' names."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".uartsim")
    return sorted(re.sub(r"^\d{8}T\d{6}-\d+/", "", name) for name in found)


def properties(suite: pytest.Pytester) -> dict[str, list[tuple[str, str]]]:
    """The properties of each test in out.xml, with the names of files in the place of paths."""
    cases = ElementTree.parse(suite.path / "out.xml").findall(".//testcase")
    return {
        str(case.get("name")): [
            (str(each.get("name")), str(each.get("value")).rpartition("/")[2]) for each in case.iter("property")
        ]
        for case in cases
    }


def test_true_writes_them_for_each_run_and_keeps_them_of_tests_that_pass(
    run_tests: Run, talkers: pytest.Pytester
) -> None:
    run_tests(BY_TRUE, ARTIFACTS).assert_outcomes(passed=1, failed=1)
    result = run_tests(BY_TRUE, ARTIFACTS, "--junitxml=out.xml", "-rP")
    result.assert_outcomes(passed=1, failed=1)
    ours = ["talker.jsonl", "talker.trace", "talker.vcd"]
    kept = [f"test_it.py-test_it-True/{name}" for name in ours]
    failed = [f"test_it.py-test_it-False/{name}" for name in ("failure.html", "talker.cast", *ours, "talker.log")]
    found = [name.replace("-2/", "/") for name in files(talkers.path / "art")]  # both sessions may be of one second
    assert sorted(found) == sorted(2 * (kept + failed))
    for path in (talkers.path / "art").rglob("talker.*"):
        assert path.stat().st_size > 30, path
    named = [("uartsim record", ours[0]), ("uartsim trace", ours[1]), ("uartsim waveform", ours[2])]
    both = [("uartsim console", "talker"), ("uartsim guest", "talker")]
    assert properties(talkers) == {
        "test_it[True]": [*both, *named],
        "test_it[False]": [
            *both,
            ("uartsim log", "talker.log"),
            ("uartsim recording", "talker.cast"),
            *named,
            ("uartsim page", "failure.html"),
        ],
    }
    section = result.stdout.str().partition("uartsim console: talker")[2]
    assert re.findall(r"^(\w+): \S+/", section, re.MULTILINE)[:6] == [
        "Log",
        "Recording",
        "Record",
        "Trace",
        "Waveform",
        "Page",
    ]
    result.stdout.fnmatch_lines(["*- uartsim files: talker -*", "Record: */talker.jsonl"])


@pytest.mark.parametrize(
    ("records", "tests"),
    [("failed", ["failed"]), ("all", ["failed", "passed"]), ("none", [])],
    ids=lambda value: str(value),
)
def test_options_write_them_for_all_tests_and_keep_them_as_the_others(
    run_tests: Run, talkers: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, records: str, tests: list[str]
) -> None:
    monkeypatch.setenv("UARTSIM_VCD", "1")
    talkers.makeini("[pytest]\nuartsim_trace = true\n")
    result = run_tests(
        """
        import os
        import pytest

        @pytest.fixture
        def folder(console, request):
            yield
            trace = console._async._session.machine.com1.recordings().get("trace")
            assert (trace is not None) == (os.environ["RECORDS"] != "none")

        def test_passed(console):
            console.expect("talker")

        def test_failed(console):
            assert False

        @pytest.mark.uartsim(trace=False, rate="unlimited")
        def test_none(console):
            pass
        """,
        "--uartsim-guest=talker",
        "--uartsim-clock=virtual",
        ARTIFACTS,
        f"--uartsim-record={records}",
    )
    result.assert_outcomes(passed=2, failed=1)
    endings = ("trace", "vcd")
    found = [name for name in files(talkers.path / "art") if name.endswith(endings)]
    assert found == [f"test_it.py-test_{name}/talker.{ending}" for name in tests for ending in endings]
    if records == "failed":  # of a test that has passed, nothing is left
        (session,) = (path for path in (talkers.path / "art").iterdir() if path.is_dir())
        assert sorted(path.name for path in session.iterdir()) == [".uartsim", "test_it.py-test_failed"]


@pytest.mark.parametrize("workers", [[], ["-p", "xdist.plugin", "-n", "2"]])
def test_nothing_is_left_of_a_session_that_passes(run_tests: Run, talkers: pytest.Pytester, workers: list[str]) -> None:
    tests = """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(console, number):
            console.expect("talker")
    """
    result = run_tests(tests, "--uartsim-guest=talker", ARTIFACTS, "--uartsim-trace", *workers)
    result.assert_outcomes(passed=6)
    assert [path.name for path in (talkers.path / "art").iterdir()] == [".uartsim"]


def test_each_console_has_its_own_and_a_shared_one_is_kept_if_any_of_its_tests_fails(
    run_tests: Run, talkers: pytest.Pytester
) -> None:
    tests = """
        import pytest

        pytestmark = pytest.mark.uartsim(guest="talker")

        @pytest.fixture(scope="module")
        def board(uartsim_factory):
            return uartsim_factory("other", name="board")

        @pytest.mark.parametrize("number", range(3))
        def test_board(board, number):
            assert number != {wrong}

        def test_two(uartsim_factory):
            for _ in range(2):
                uartsim_factory("talker", vcd=True)
        """
    run_tests(tests.format(wrong=1), ARTIFACTS, "--uartsim-trace").assert_outcomes(passed=3, failed=1)
    two = ["test_it.py-test_two/talker-2.vcd", "test_it.py-test_two/talker.vcd"]
    of_failure = [f"test_it.py-test_board-1/{name}" for name in ("board.cast", "board.log", "failure.html")]
    assert files(talkers.path / "art") == ["test_it.py-board/board.trace", *of_failure, *two]
    run_tests(tests.format(wrong=7), "--uartsim-artifacts=good", "--uartsim-trace").assert_outcomes(passed=4)
    assert files(talkers.path / "good") == two


def test_async_console_has_them_too(run_tests: Run, talkers: pytest.Pytester) -> None:
    tests = """
        import pytest

        @pytest.mark.uartsim(guest="talker", trace=True)
        @pytest.mark.trio
        async def test_it(async_console):
            await async_console.expect("talker")
    """
    run_tests(tests, ARTIFACTS, "--uartsim-vcd", "-p", "pytest_trio.plugin").assert_outcomes(passed=1)
    assert files(talkers.path / "art") == ["test_it.py-test_it/talker.trace"]


def test_machine_that_does_not_start_leaves_no_folder(run_tests: Run, talkers: pytest.Pytester) -> None:
    tests = """
        import pytest

        @pytest.mark.uartsim(guest="talker", trace=True, flow="wrong")
        def test_it(console):
            pass
    """
    result = run_tests(tests, ARTIFACTS)
    result.assert_outcomes(errors=1)
    assert [path.name for path in (talkers.path / "art").iterdir()] == [".uartsim"]


@pytest.mark.parametrize(("option", "what"), [("record", "record"), ("trace", "trace"), ("vcd", "waveform")])
def test_file_that_exists_is_refused_with_the_way_to_have_one_for_each_test(
    run_tests: Run, talkers: pytest.Pytester, option: str, what: str
) -> None:
    tests = f"""
        import pytest

        @pytest.mark.uartsim(guest="talker", {option}="out.file")
        @pytest.mark.parametrize("number", range(2))
        def test_it(console, number):
            pass
    """
    result = run_tests(tests)
    result.assert_outcomes(passed=1, errors=1)
    assert (
        f"test_it.py:3: the {what} out.file exists: remove it, give another file, or write {option}=True, which makes a "
        "new one in the folder of each test's files"
    ) in result.outlines
    assert (talkers.path / "out.file").stat().st_size
