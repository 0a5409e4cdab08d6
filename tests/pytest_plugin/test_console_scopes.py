"""Consoles of every scope: who shares them, how long they live, and in whose report they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_module_shares_a_machine_and_the_next_module_has_another(talkers: pytest.Pytester, run_tests: Run) -> None:
    talkers.makepyfile(
        test_a="""
        import pytest

        seen = []
        pytestmark = pytest.mark.uartsim(guest="talker", settings={"word": "shared"}, timeout=9)

        def test_one(console_module):
            console_module.expect("shared\\n> ")
            console_module.sendline("kept")
            console_module.expect("you said KEPT")
            assert console_module.timeout == 9
            seen.append(console_module)

        def test_two(console_module, console):
            assert console_module is seen[0]
            assert "you said KEPT" in console_module.text
            assert console is not console_module
            console.expect("shared")
        """
    )
    result = run_tests(
        """
        import test_a
        from uartsim import ConsoleClosed
        import pytest

        def test_other(console_module):
            console_module.expect("talker")
            assert console_module is not test_a.seen[0]
            with pytest.raises(ConsoleClosed):
                test_a.seen[0].send("x")
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(passed=3)


def test_session_shares_a_machine(talkers: pytest.Pytester, run_tests: Run) -> None:
    talkers.makepyfile(
        test_a="""
        def test_one(console_session):
            console_session.expect("talker\\n> ")
            console_session.sendline("kept")
        """
    )
    result = run_tests("def test_two(console_session):\n    console_session.expect('KEPT')", "--uartsim-guest=talker")
    result.assert_outcomes(passed=2)


def test_factory_makes_consoles_that_live_as_long_as_the_fixture_which_makes_them(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest
        from uartsim import ConsoleClosed

        alive = {}

        @pytest.fixture(scope="class")
        def pair(uartsim_factory):
            one, two = (uartsim_factory("talker", settings={"word": word}) for word in ("one", "two"))
            alive["pair"] = one
            yield one, two
            one.sendline("at the end")
            one.expect("you said AT THE END")

        class TestPair:
            def test_first(self, pair):
                pair[0].expect("one")
                pair[1].expect("two")

            def test_second(self, pair, uartsim_factory):
                assert pair[0] is alive["pair"]
                alive["test"] = uartsim_factory("other")
                alive["test"].expect("other")

        def test_they_are_gone():
            for console in alive.values():
                with pytest.raises(ConsoleClosed):
                    console.send("x")

        def test_name_of_an_option(uartsim_factory):
            with pytest.raises(TypeError, match=r"uartsim_factory\\(\\) has no option 'strct_line': did you mean strict_line"):
                uartsim_factory("talker", strct_line=True)
        """
    )
    result.assert_outcomes(passed=4)


def test_console_of_any_scope_is_in_the_report_of_the_tests_that_used_it(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.fixture(scope="module")
        def board(uartsim_factory):
            return uartsim_factory("talker", settings={"word": "of the factory"})

        @pytest.fixture(scope="session")
        def late(uartsim_factory):
            return uartsim_factory("talker", settings={"word": "asked for late"})

        def test_module(console_module): assert 0, "m"
        def test_session(console_session): assert 0, "s"
        def test_factory(board): assert 0, "f"
        def test_late(request): request.getfixturevalue("late").expect("late"); assert 0
        def test_none(): assert 0, "n"
        def test_three(console_module, console_session, board): board.expect("f"); assert 0
        """,
        "--uartsim-guest=other",
    )
    result.assert_outcomes(failed=6)
    counts = [text.count("uartsim console: ") for text in result.stdout.str().split("____ test_")[1:]]
    assert counts == [1, 1, 1, 1, 0, 3]
    result.stdout.fnmatch_lines(["*__ test_factory __*", "*- uartsim console: talker -*", "* s  of the factory"])
    result.stdout.fnmatch_lines(["*__ test_late __*", "*- uartsim console: talker-2 -*", "* s  asked for late"])


def test_console_of_a_module_is_in_the_report_of_an_error_at_its_end(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.fixture(scope="module")
        def board(uartsim_factory):
            console = uartsim_factory("talker")
            yield console
            console.expect("never", timeout=0.1)

        def test_it(board): board.expect("talker")
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_it*", "* s  talker", "*- uartsim console: talker -*"])


def test_mark_that_a_shared_console_does_not_go_by_is_a_mistake(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.mark.uartsim(guest="other")
        def test_module(console_module): pass

        @pytest.mark.uartsim(guest="other")
        def test_session(console_session): pass

        @pytest.mark.uartsim(guest="other")
        def test_both(console_module, console):
            console_module.expect("talker")
            console.expect("other")
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:3: mark uartsim has no effect on console_module, which its module shares, and which goes by the "
            "module's mark alone: write 'pytestmark = pytest.mark.uartsim(...)' at its top, or take the fixture console",
            "test_it.py:6: mark uartsim has no effect on console_session, which the whole session shares, and which goes by "
            "pytest's options alone: open one with uartsim_factory in a fixture of your own, or take the fixture console",
        ]
    )
    result.stdout.no_fnmatch_line("*hidden*")


def test_machine_is_the_one_behind_the_tests_console(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest
        from uartsim import GuestEnded

        def test_state(console, machine):
            assert (machine.name, machine.kind, machine.is_running, machine.ended) == ("talker", "script", True, None)
            assert machine.status()["state"] == "running"
            assert not machine.has_display and not machine.press_power_button()
            console.expect("talker")
            machine.reset()
            console.expect("talker")
            assert machine.status()["resets"] == 1
            with pytest.raises(TimeoutError, match="talker was expected to end, and still runs after 0.01 s"):
                machine.wait_ended(timeout=0.01)
            machine.power_off()
            assert machine.ended.reason == "stopped" and machine.wait_ended().reason == "stopped"
            with pytest.raises(GuestEnded):
                console.expect("never")

        def test_shared(console_module, machine):
            console_module.expect("talker")
            machine.reset()
            console_module.expect("talker")

        def test_alone(machine):
            assert machine.is_running
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(passed=3)


def test_two_fixtures_that_want_one_line_are_told_so(run_tests: Run) -> None:
    result = run_tests(
        """
        import socket
        import pytest

        @pytest.fixture(scope="module", autouse=True)
        def server():
            with socket.socket(socket.AF_UNIX) as server:
                server.bind("line")
                server.listen()
                yield

        def test_two(console, uartsim_factory):
            uartsim_factory("unix:./line")

        def test_fixtures(console_module, console):
            pass
        """,
        "--uartsim-guest=unix:line",
    )
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:14: fixture console wants the line of 'line', which there is once, and fixture console_module has "
            "it: use one of them",
            "test_it.py:11: the test itself wants the line of 'line', which there is once, and fixture console has it: use "
            "one of them",
        ]
    )


def test_machines_that_were_booted_once_serve_consoles_of_wider_scopes_as_well(run_tests: Run) -> None:
    result = run_tests(
        """
        def prepared(console): console.login()

        def test_it(uartsim_factory):
            uartsim_factory("demo", restore=prepared, clock="virtual")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["restore is a function and the clock is virtual: *"])
