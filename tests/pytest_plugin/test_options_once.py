"""Options are read once, when the session is configured: what a test does to its folder or the environment changes none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pytest_plugin.conftest import PLUGIN

Run = Callable[..., pytest.RunResult]


@pytest.mark.parametrize("workers", [[], ["-p", "xdist.plugin", "-n", "1"]])
def test_a_test_that_has_left_its_folder_has_its_files_where_the_session_began(
    run_tests: Run, talkers: pytest.Pytester, workers: list[str]
) -> None:
    result = run_tests(
        """
        import os

        import pytest

        @pytest.fixture
        def elsewhere(tmp_path, console):
            before = os.getcwd()
            os.chdir(tmp_path)
            yield
            os.chdir(before)

        def test_gone(elsewhere, tmp_path):
            (tmp_path / "d").mkdir()
            os.chdir(tmp_path / "d")
            (tmp_path / "d").rmdir()
            assert 0

        def test_elsewhere(elsewhere, tmp_path):
            assert 0
        """,
        "--uartsim-guest=talker",
        "--uartsim-artifacts=art",
        "--uartsim-keep=kept",
        *workers,
    )
    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    logs = sorted(path.relative_to(talkers.path).parts[2] for path in talkers.path.rglob("talker.log"))
    assert logs == ["test_it.py-test_elsewhere", "test_it.py-test_gone"]


def test_guest_of_a_relative_path_is_found_from_another_folder(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def elsewhere(tmp_path, monkeypatch):
            monkeypatch.chdir(tmp_path)

        def test_it(console):
            console.expect("talker")

        @pytest.mark.uartsim(guest="./other")
        def test_mark(console):
            console.expect("other")
        """,
        "--uartsim-guest=./talker",
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", [[], ["-p", "xdist.plugin", "-n", "1"]])
def test_what_a_test_sets_in_the_environment_changes_no_option(run_tests: Run, workers: list[str]) -> None:
    result = run_tests(
        """
        import os

        def test_one(console):
            for name in ("RECORD", "KEEP", "GUEST", "CLOCK", "TIMEOUT_SCALE", "SEED", "SET", "TRACE", "STRICT", "ATTACH"):
                os.environ[f"UARTSIM_{name}"] = "bogus"
            assert 0

        def test_two(console, uartsim_seed):
            assert uartsim_seed == 3
            assert console.timeout_scale == 2

        def test_end():
            for name in list(os.environ):
                if name.startswith("UARTSIM_") and os.environ[name] == "bogus":
                    del os.environ[name]
        """,
        "--uartsim-guest=talker",
        "--uartsim-seed=3",
        "--uartsim-timeout-scale=2",
        *workers,
    )
    result.assert_outcomes(failed=1, passed=2)


def test_numbers_and_booleans_of_a_native_table(talkers: pytest.Pytester) -> None:
    if pytest.version_tuple < (9, 2):
        pytest.skip("before 9.2, pytest takes one type for a line of a TOML file")
    talkers.makepyprojecttoml(
        """
        [tool.pytest]
        uartsim_seed = 3
        uartsim_strict = true
        uartsim_timeout_scale = 1.5
        uartsim_guest = "talker"
        """
    )
    talkers.makepyfile(
        """
        def test_it(console, uartsim_seed, pytestconfig):
            from uartsim.pytest_plugin.plugin_options import STRICT

            assert (uartsim_seed, console.timeout_scale, STRICT.value(pytestconfig)) == (3, 1.5, True)
        """
    )
    talkers.runpytest_subprocess("-p", PLUGIN).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("UARTSIM_GUEST", "", "is '': name a guest, such as demo"),
        ("UARTSIM_ARTIFACTS_RUNS", "10000", "is '10000': use a whole number from 1 to 9999"),
        ("UARTSIM_ARTIFACTS_RUNS", "9" * 5000, f"is '{'9' * 99}...: use a whole number from 1 to 9999"),
        ("UARTSIM_SEED", "9" * 20, f"is '{'9' * 20}': use a whole number from 0 to {'9' * 19}, or random"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_mistake_in_the_environment_is_one_sentence(
    talkers: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    talkers.makepyfile("def test_it(): pass")
    result = talkers.runpytest_subprocess("-p", PLUGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [f"ERROR: {name} {words}"]
