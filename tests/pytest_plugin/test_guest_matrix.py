"""Tests that run once for each of several guests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

TESTS = """
    import pytest

    def test_option(console, guest):
        console.expect(guest)

    def test_shared(console_session, guest):
        console_session.expect(guest)

    @pytest.mark.uartsim(guest=["other", "talker"])
    def test_mark(console, guest):
        console.expect(guest)

    @pytest.mark.uartsim(guest="other")
    def test_one(console, guest):
        assert guest == "other"
        console.expect("other")

    @pytest.mark.parametrize("guest", ["talker", "other"])
    def test_parametrised_by_hand(console, guest):
        console.expect(guest)

    def test_none():
        pass
"""


@pytest.mark.parametrize(
    "options", [["--uartsim-guest=talker,other"], ["--uartsim-guest=talker", "--uartsim-guest=other"]]
)
def test_each_test_with_a_console_runs_once_for_each_guest(run_tests: Run, options: list[str]) -> None:
    result = run_tests(TESTS, *options, "-v")
    result.assert_outcomes(passed=10)
    ran = sorted(line.split()[0].partition("::")[2] for line in result.outlines if "PASSED" in line)
    assert ran == [
        "test_mark[other]",
        "test_mark[talker]",
        "test_none",
        "test_one",
        "test_option[other]",
        "test_option[talker]",
        "test_parametrised_by_hand[other]",
        "test_parametrised_by_hand[talker]",
        "test_shared[other]",
        "test_shared[talker]",
    ]


def test_one_guest_changes_no_names(run_tests: Run) -> None:
    result = run_tests("def test_it(console, guest): assert guest == 'talker'", "--uartsim-guest=talker", "-v")
    result.stdout.fnmatch_lines(["test_it.py::test_it PASSED*"])


def test_guests_come_from_the_ini_file_and_the_environment_too(
    talkers: pytest.Pytester, run_tests: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = "def test_it(console, guest): console.expect(guest)"
    talkers.makeini("[pytest]\nuartsim_guest =\n    talker\n    other\n")
    run_tests(tests).assert_outcomes(passed=2)
    monkeypatch.setenv("UARTSIM_GUEST", "other")
    run_tests(tests).assert_outcomes(passed=1)


def test_fixture_guest_of_the_users_own_decides(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.fixture
        def guest():
            return "other"

        def test_it(console): console.expect("other")
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(passed=1)


def test_no_guest_at_all_is_refused(run_tests: Run) -> None:
    result = run_tests("", "--uartsim-guest=,")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --uartsim-guest is ',': name a guest, such as demo"])
