"""unittest's classes, the switches of pytest itself, and the session's seed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PLUGIN = "uartsim.pytest_plugin"
Run = Callable[..., pytest.RunResult]


def test_classes_of_unittest_have_a_console_by_the_mixin(run_tests: Run) -> None:
    result = run_tests(
        """
        import unittest
        import pytest
        from uartsim.pytest_plugin import ConsoleMixin

        @pytest.mark.uartsim(guest="talker", settings={"word": "class"})
        class TestTalker(ConsoleMixin, unittest.TestCase):
            def setUp(self):
                self.console.expect("class|method")

            def test_one(self):
                TestTalker.first = self.console
                self.console.expect("> ")

            @pytest.mark.uartsim(settings={"word": "method"})
            def test_two(self):
                self.assertIsNot(self.console, TestTalker.first)
                self.assertIn("method", self.console.text)

            def test_z_fails(self):
                self.assertIn("never", self.console.text)
        """
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*- uartsim console: talker -*", "* s  class"])


def test_without_the_plugin_nothing_of_it_is_there(talkers: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    talkers.makepyfile(
        """
        import sys

        def test_it(request):
            assert not request.config.pluginmanager.hasplugin("uartsim")
            assert "uartsim.pytest_plugin" not in sys.modules
        """
    )
    result = talkers.runpytest_subprocess("-p", "no:uartsim")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("uartsim:*")


def test_session_without_a_console_imports_nothing_of_uartsim_but_options_and_fixtures(
    talkers: pytest.Pytester,
) -> None:
    talkers.makepyfile(
        """
        import sys

        def test_it():
            assert "trio" not in sys.modules
            parts = ("", ".plugin_options", ".console_use", ".console_fixtures", ".one_sentence")
            others = {name for name in sys.modules if name.startswith("uartsim.")}
            assert others == {f"uartsim.pytest_plugin{part}" for part in parts}
        """
    )
    talkers.runpytest_subprocess("-p", PLUGIN).assert_outcomes(passed=1)


def test_seed_is_in_the_header_and_goes_to_faults_and_tests(run_tests: Run) -> None:
    tests = """
        import pytest

        @pytest.mark.uartsim(fault=["noise:rate=1e-3", "lost:rate=1e-9,seed=5", "duplicated:rate=1e-9"])
        def test_mark(console, uartsim_seed):
            seeds = [str(fault).partition("seed=")[2].partition(",")[0] for fault in console.line.faults]
            print("seeds", uartsim_seed, *seeds)

        def test_factory(uartsim_factory):
            (fault,) = uartsim_factory(fault="noise:rate=1e-3").line.faults
            print("factory", fault)
    """
    result = run_tests(tests, "--uartsim-guest=talker", "-s")
    result.stdout.fnmatch_lines(
        [
            "uartsim: guest talker, clock real, seed 0 (--uartsim-seed=0 repeats it)",
            "*seeds 0 0 5 0*",
            "*factory *seed=0*",
        ]
    )
    result = run_tests(tests, "--uartsim-guest=talker", "-s", "--uartsim-seed=7")
    result.stdout.fnmatch_lines(
        [
            "uartsim: guest talker, clock real, seed 7 (--uartsim-seed=7 repeats it)",
            "*seeds 7 7 5 7*",
            "*factory *seed=7*",
        ]
    )


def test_random_seed_is_one_for_the_session_and_its_workers(talkers: pytest.Pytester, run_tests: Run) -> None:
    talkers.makeini("[pytest]\nuartsim_seed = random\n")
    result = run_tests(
        """
        import pathlib
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(uartsim_seed, number):
            pathlib.Path(f"seed-{number}").write_text(str(uartsim_seed))
        """,
        "-p",
        "xdist",
        "-n",
        "2",
    )
    result.assert_outcomes(passed=4)
    (header,) = (line for line in result.outlines if line.startswith("uartsim: "))
    seeds = {(talkers.path / f"seed-{number}").read_text() for number in range(4)}
    assert len(seeds) == 1
    assert header.endswith(f"(--uartsim-seed={seeds.pop()} repeats it)")


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "9" * 20])
def test_impossible_seed_is_refused(run_tests: Run, seed: str) -> None:
    result = run_tests("", f"--uartsim-seed={seed}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --uartsim-seed is '{seed}': use a whole number from 0 to 9999999999999999999, or random"]
    )
