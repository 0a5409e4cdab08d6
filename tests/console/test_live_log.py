"""The console's lines as log records."""

from __future__ import annotations

import logging
import re

import pytest

from uartsim import blocking
from uartsim.console.live_log import LONGEST_LINE, LiveLog


def test_lines_are_logged_as_they_are_finished(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    log = LiveLog("box")
    log.feed("one\ntw", 0.5)
    assert caplog.messages == ["box +0.500 s: one"]
    log.feed("o\n\nlogin: ", 2.25)
    assert caplog.messages == ["box +0.500 s: one", "box +2.250 s: two"]
    log.finish()
    assert caplog.messages == ["box +0.500 s: one", "box +2.250 s: two", "box +2.250 s: login:"]


def test_a_line_without_end_is_logged_in_pieces_and_shows_no_control(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    log = LiveLog("box")
    log.feed("x" * (2 * LONGEST_LINE + 1) + "\x1b\r\x9b\u202e", 1)
    assert [len(message) for message in caplog.messages] == [LONGEST_LINE + len("box +1.000 s: ")] * 2
    log.finish()
    assert caplog.messages[2] == "box +1.000 s: x\u241b\u240d<9b><202e>"


def test_nothing_is_kept_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    log = LiveLog("box")
    log.feed("one\ntwo", 0)
    caplog.set_level(logging.INFO, "uartsim.console")
    log.finish()
    assert caplog.messages == []


def test_a_console_logs_its_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    with blocking.open_console("demo", clock="virtual") as console:
        console.expect_exact("login: ")
    assert any(re.fullmatch(r"demo \+\d+\.\d{3} s: Debian GNU/Linux 12 demo ttyS0", said) for said in caplog.messages)
    assert re.fullmatch(r"demo \+\d+\.\d{3} s: demo login:", caplog.messages[-1])


def test_pytest_shows_them_live(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(clock="virtual")
        def test_it(console):
            console.expect_exact("login: ")
        """
    )
    result = pytester.runpytest_subprocess("-s", "--log-cli-level=INFO", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*INFO*demo +* s: Debian GNU/Linux 12 demo ttyS0*", "*1 passed*"])
