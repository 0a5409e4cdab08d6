"""``--uartsim-attach``: the session stops, and a person uses the console at a pty."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

import pexpect
import pytest

from tests.patience import patience

PLUGIN = "uartsim.pytest_plugin"
Run = Callable[..., pytest.RunResult]

TESTS = """
    import pytest

    def test_fails(console):
        console.expect("talker")
        console.expect("never", timeout=0.1)

    def test_stops(console, uartsim_attach):
        console.expect("talker")
        uartsim_attach()
        console.expect("you said BY HAND", timeout=30)
        console.sendline("again")
        console.expect("you said AGAIN")
"""


def matched(person: pexpect.spawn[str]) -> str:
    """The path in what was matched last."""
    assert isinstance(person.match, re.Match)
    return str(person.match[1])


def type_at(path: str, line: bytes, answer: bytes) -> None:
    """Type a line at a pty, and read until an answer has come."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(fd, line)
        heard = b""
        while answer not in heard:
            heard += os.read(fd, 4096)
    finally:
        os.close(fd)


def test_session_stops_at_a_failure_and_at_a_chosen_point(talkers: pytest.Pytester) -> None:
    talkers.makepyfile(test_it=TESTS)
    person = pexpect.spawn(
        sys.executable,
        ["-m", "pytest", "-p", PLUGIN, "--uartsim-guest=talker", "--uartsim-attach"],
        cwd=str(talkers.path),
        timeout=patience(60),
        encoding="utf-8",
        dimensions=(50, 200),
    )
    person.expect(
        r"uartsim: test_it.py:\d+: test_fails has failed: 'never' was expected, and talker did not send it within 0.1 s\r\n"
        r"  talker: picocom --quiet --noinit (/dev/pts/\d+)\r\nPress Enter to go on, or type break, .* or reset: "
    )
    type_at(matched(person), b"after the failure\r", b"you said AFTER THE FAILURE")
    for typed, answer in (
        ("reset", "reset: done"),
        ("break talker", "break talker: done"),
        ("sysrq h", "sysrq h: done"),
        ("sysrq", r"not understood: type one of these, then the name of a machine \(talker\)"),
        ("dance", "not understood: .*"),
        ("reset other", "not understood: .*"),
    ):
        person.sendline(typed)
        person.expect(rf"{answer}\r\n")
    person.sendline()
    person.expect(
        r"uartsim: test_it.py::test_stops has stopped here\r\n"
        r"  talker: picocom --quiet --noinit (/dev/pts/\d+)\r\nPress Enter to go on, or type break, .* or reset: "
    )
    type_at(matched(person), b"by hand\r", b"you said BY HAND")
    person.sendline()
    person.expect("1 failed, 1 passed")
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 1


def test_chosen_point_does_nothing_without_the_option(run_tests: Run) -> None:
    result = run_tests("def test_it(console, uartsim_attach): uartsim_attach()", "--uartsim-guest=talker")
    result.assert_outcomes(passed=1)


def test_workers_cannot_stop(talkers: pytest.Pytester, run_tests: Run) -> None:
    result = run_tests("", "-p", "xdist", "-n", "2", "--uartsim-attach")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --uartsim-attach waits for a person, and workers have no terminal: use it with -n 0"]
    )


def test_console_in_virtual_time_says_why_there_is_no_pty(
    talkers: pytest.Pytester, run_tests: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    result = run_tests(
        "def test_it(console): assert 0", "--uartsim-guest=talker", "--uartsim-clock=virtual", "--uartsim-attach", "-s"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["  talker: this console cannot be attached to: only a blocking one with the real clock can"]
    )
