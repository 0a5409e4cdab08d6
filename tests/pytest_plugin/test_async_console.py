"""The fixture ``async_console``: a console on the loop of an async test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

TESTS = """
    import pytest
    import trio
    import uartsim

    {mark}
    @pytest.mark.uartsim(guest="talker", settings={{"word": "async"}}, timeout=9)
    async def test_it(async_console):
        assert type(async_console) is uartsim.Console and async_console.timeout == 9
        await async_console.expect("async\\n> ")
        await async_console.sendline("x")
        with trio.fail_after(9):
            await async_console.expect("you said X")

    {mark}
    async def test_fails(async_console):
        await async_console.expect("ready", timeout=0.2)

    {mark}
    async def test_again(async_console):
        await async_console.expect("other")
"""


@pytest.fixture(params=["trio", "anyio"])
def trio_plugin(request: pytest.FixtureRequest, talkers: pytest.Pytester) -> tuple[str, list[str]]:
    """A plugin that runs async tests on trio: the mark of a test for it, and its options."""
    if request.param == "trio":
        return "@pytest.mark.trio", ["-p", "pytest_trio.plugin"]
    talkers.makeconftest("import pytest\n\n@pytest.fixture(scope='session')\ndef anyio_backend():\n    return 'trio'\n")
    return "@pytest.mark.anyio", ["-p", "anyio.pytest_plugin"]


def test_console_is_on_the_tests_own_loop(run_tests: Run, trio_plugin: tuple[str, list[str]]) -> None:
    mark, options = trio_plugin
    result = run_tests(TESTS.format(mark=mark), "--uartsim-guest=other", "--uartsim-clock=virtual", *options)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*ExpectTimeout: 'ready' was expected, and other did not send it within 0.2 s",  # pytest-trio makes a group of it
            "* s  other",
            "*- uartsim console: other -*",
        ]
    )


def test_clock_of_the_loop_is_the_consoles(run_tests: Run) -> None:
    result = run_tests(
        """
        import time
        import pytest

        @pytest.mark.trio
        @pytest.mark.uartsim(guest="demo", timeout=100)
        async def test_it(async_console, autojump_clock):
            begin = time.monotonic()
            await async_console.login()
            with pytest.raises(TimeoutError):
                await async_console.expect("never", timeout=3600)
            assert time.monotonic() - begin < 60

        @pytest.mark.trio
        @pytest.mark.uartsim(clock="virtual")
        async def test_real(async_console): pass
        """,
        "-p",
        "pytest_trio.plugin",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_it.py:14: clock is 'virtual' and trio's is not: *"])


@pytest.mark.parametrize("word", ["def", "async def"])
def test_test_that_no_plugin_runs_on_trio_says_what_to_install(run_tests: Run, word: str) -> None:
    result = run_tests(f"{word} test_it(async_console): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:1: async_console is for async tests that run on trio: pip install pytest-trio and mark the test with "
            "@pytest.mark.trio, or use the fixture console"
        ]
    )
    result.stdout.no_fnmatch_line("*hidden*")


def test_mistakes_of_marks_are_sentences(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        pytestmark = pytest.mark.trio

        @pytest.mark.uartsim(guest="talkr")
        async def test_guest(async_console): pass

        @pytest.mark.uartsim(uart="16551")
        async def test_uart(async_console): pass

        @pytest.mark.uartsim(restore=print)
        async def test_restore(async_console): pass
        """,
        "-p",
        "pytest_trio.plugin",
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "*test_it.py:5: unknown guest 'talkr'*",
            "*test_it.py:8: uart is '16551': use one of *",
            "*test_it.py:11: restore is a function, which is given a blocking console: use the fixture console, or the folder "
            "of a snapshot",
        ]
    )
