"""A console that is asked for where nothing would close it is refused, and no machine stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_a_factory_that_is_called_when_the_test_is_over_says_where_to_call_it(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        from uartsim.console.trio_thread import shared_thread

        @pytest.fixture
        def behind(uartsim_factory):
            yield
            uartsim_factory("talker")

        @pytest.fixture
        def finalizer(uartsim_console_factory, request):
            request.addfinalizer(lambda: uartsim_console_factory("talker"))

        @pytest.fixture(scope="session")
        def session(uartsim_factory):
            yield
            uartsim_factory("talker")

        @pytest.fixture
        def asked(request):
            yield
            request.getfixturevalue("console")

        def test_behind(behind): pass
        def test_finalizer(finalizer): pass
        def test_asked(asked): pass
        def test_session(session): pass

        @pytest.fixture(scope="session", autouse=True)
        def nothing_stays(request):
            from uartsim.pytest_plugin.opened_consoles import open_now

            yield
            assert open_now(request.config) == []
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(passed=4, errors=4)
    words = "uartsim_factory(): the test is over: call it in a test, or in a fixture before its yield"
    assert sum(line == words for line in result.outlines) == 3
    result.stdout.no_fnmatch_line("*AssertionError*nothing_stays*")
    result.stdout.no_fnmatch_line("*hidden*")


def test_consoles_need_no_folder_for_temporary_files(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        def test_it(console): pass
        def test_fails(console): assert 0

        @pytest.mark.uartsim(trace=True)
        def test_trace(console): pass

        @pytest.mark.uartsim(restore=lambda console: None)
        def test_restore(console): pass
        """,
        "--uartsim-guest=talker",
        "-p",
        "no:tmpdir",
    )
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*there is no folder for the test's files: name one with --uartsim-artifacts",
            "test_it.py:9: restore is a function, which needs pytest's folder for temporary files: *",
        ]
    )
