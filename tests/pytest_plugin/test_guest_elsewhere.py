"""A machine elsewhere that the user has named: what is missing for it is an error, and a pty needs nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.access.rig import running

PLUGIN = "uartsim.pytest_plugin"
#: pyserial, as if it were not installed.
WITHOUT_PYSERIAL = """
    import sys

    sys.modules["serial"] = None
"""
REMEDY = "guest 'ttyUSB77' cannot start here: the Python module serial is missing: pip install 'uartsim[device]'"


@pytest.fixture
def suite(bare_suite: pytest.Pytester) -> pytest.Pytester:
    """A suite where pyserial is missing."""
    bare_suite.makeconftest(WITHOUT_PYSERIAL)
    bare_suite.makepyfile(test_it="def test_it(console):\n    console.login('root', 'toor')\n")
    return bare_suite


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", PLUGIN, "-rs", *arguments)


@pytest.mark.parametrize("place", ["flag", "environment", "ini", "mark", "factory"])
def test_what_is_missing_for_a_named_device_is_an_error_with_its_remedy(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    device = "/dev/ttyUSB77"
    arguments, said = [], REMEDY
    match place:
        case "flag":
            arguments = [f"--uartsim-guest={device}"]
        case "environment":
            monkeypatch.setenv("UARTSIM_GUEST", device)
        case "ini":
            suite.makeini(f"[pytest]\nuartsim_guest = {device}\n")
        case "mark":
            suite.makepyfile(
                test_it=f"""
                import pytest

                @pytest.mark.uartsim(guest="device:{device}")
                def test_it(console): pass
                """
            )
            said = f"test_it.py:3: {REMEDY}"
        case _:
            suite.makepyfile(test_it=f"def test_it(uartsim_factory): uartsim_factory({device!r})")
    result = run(suite, *arguments)
    result.assert_outcomes(**{"failed" if place == "factory" else "errors": 1})
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.outlines.count(said) == 1
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_test_that_says_what_it_requires_still_skips(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.uartsim_requires(guest="/dev/ttyUSB77")
        def test_it(console): pass
        """
    )
    run(suite, "--uartsim-guest=/dev/ttyUSB77").assert_outcomes(skipped=1)


def test_link_of_a_running_machine_and_its_pty_need_no_pyserial(suite: pytest.Pytester) -> None:
    with tempfile.TemporaryDirectory() as runtime, running(Path(runtime), "demo", "box") as machine:
        run(suite, f"--uartsim-guest={machine.link}").assert_outcomes(passed=1)
        suite.makepyfile(test_it="def test_it(console):\n    console.sendline()\n    console.expect('# ')\n")
        run(suite, f"--uartsim-guest={Path(machine.link).resolve()}").assert_outcomes(passed=1)
