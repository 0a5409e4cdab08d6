"""After a broken boot, the other tests of that guest are skipped with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

FIXTURES = """
    import pytest

    @pytest.fixture
    def at_prompt(console):
        console.login(timeout=0.3)
        return console

    @pytest.fixture(scope="module")
    def board(uartsim_factory):
        console = uartsim_factory("silent", uart="8250", timeout=0.3)
        console.expect("login:")
        return console

    @pytest.fixture
    def service(console):
        console.expect("> ")
        console.sendline("start")
        console.expect("started", timeout=0.2)
        return console
"""


def test_guest_that_panics_is_booted_once(run_tests: Run) -> None:
    result = run_tests(
        FIXTURES
        + """
    pytestmark = pytest.mark.uartsim(guest="broken")

    def test_one(at_prompt): pass
    def test_two(at_prompt): pass
    def test_plain(console): pass

    @pytest.mark.uartsim(timeout=7)
    def test_looks_otherwise(at_prompt): pass

    @pytest.mark.uartsim(uart="8250")
    def test_other_options(console): console.expect("Booting")

    @pytest.mark.uartsim(guest="talker")
    def test_other_guest(console): console.expect("talker")

    def test_needs_none(): pass
    """,
        "-rs",
    )
    result.assert_outcomes(errors=1, skipped=3, passed=3)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED*: guest 'broken' has not booted in the set-up of test_it.py::test_one, and its other tests are skipped: "
            "ProblemFound: *panic*",
        ]
    )


def test_silence_at_boot_is_waited_for_once(run_tests: Run) -> None:
    result = run_tests(
        FIXTURES
        + """
    pytestmark = pytest.mark.uartsim(guest="silent")

    @pytest.mark.parametrize("number", range(5))
    def test_login(at_prompt, number): pass

    @pytest.mark.parametrize("number", range(5))
    def test_board(board, number): pass
    """,
        "-rs",
    )
    result.assert_outcomes(errors=2, skipped=8)
    for test, error in (
        ("login", "login"),
        ("board", "'login:' was expected, and silent did not send it within 0.3 s"),
    ):
        result.stdout.fnmatch_lines(
            [
                f"SKIPPED*: guest 'silent' has not booted in the set-up of test_it.py::test_{test}[[]0[]], and its other tests "
                f"are skipped: ExpectTimeout: *{error}*"
            ]
        )


def test_fixture_that_fails_later_is_its_own_affair(run_tests: Run) -> None:
    result = run_tests(
        FIXTURES
        + """
    def test_one(service): pass
    def test_two(service): pass
    def test_plain(console): console.expect("talker")
    """,
        "--uartsim-guest=talker",
        "-rs",
    )
    result.assert_outcomes(errors=1, skipped=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED*: fixture service has failed on guest 'talker' in the set-up of test_it.py::test_one, and its other "
            "tests are skipped: ExpectTimeout: 'started' was expected, and talker did not send it within 0.2 s*"
        ]
    )


def test_failure_of_a_test_itself_matters_to_no_other(run_tests: Run) -> None:
    result = run_tests(
        """
        def test_one(console): console.expect("never", timeout=0.1)
        def test_two(console): console.expect("talker")
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(failed=1, passed=1)


def test_strict_makes_errors_of_the_skips(run_tests: Run) -> None:
    result = run_tests(
        FIXTURES
        + """
    def test_one(at_prompt): pass
    def test_two(at_prompt): pass
    """,
        "--uartsim-guest=broken",
        "--uartsim-strict",
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["guest 'broken' has not booted in * (--uartsim-strict is on)"])


def test_boot_that_fails_is_tried_again_where_the_test_is(talkers: pytest.Pytester, run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        tries = []

        @pytest.fixture
        def at_prompt(console):
            tries.append(1)
            console.expect("talker" if len(tries) > 1 else "never", timeout=0.2)
            return console

        def test_one(at_prompt): pass
        def test_two(at_prompt): pass
        """,
        "-p",
        "pytest_rerunfailures",
        "--reruns=1",
        "--uartsim-guest=talker",
    )
    result.stdout.fnmatch_lines(["*2 passed*1 rerun*"])
