"""The console's lines as log records."""

from __future__ import annotations

import logging
import re

import pytest

from uartsim import blocking
from uartsim.console.guest_output import GuestOutput
from uartsim.console.live_log import ECHO_S, LONGEST_LINE
from uartsim.console.shell.shell_line import ShellLine
from uartsim.console.text.drawn_screens import STILL_S

INFO = "--log-cli-level=INFO"


def box() -> GuestOutput:
    return GuestOutput("box", None, [], 0.0, 1.0)


def test_lines_are_logged_as_they_are_finished(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    received = box()
    received.take(b"one\r\ntw", 0.5)
    assert caplog.messages == ["box +0.500 s: one"]
    received.take(b"o\r\n\r\nlogin: ", 2.25)
    assert caplog.messages == ["box +0.500 s: one", "box +0.500 s: two"]
    received.close()
    assert caplog.messages == ["box +0.500 s: one", "box +0.500 s: two", "box +2.250 s: login:"]


def test_a_line_without_end_is_logged_in_pieces_and_shows_no_control(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    received = box()
    received.take(b"x" * (2 * LONGEST_LINE + 1) + "\r\u009b\u202ey".encode(), 1)
    assert [len(message) for message in caplog.messages] == [LONGEST_LINE + len("box +1.000 s: ")] * 2
    received.close()
    assert caplog.messages[2] == "box +1.000 s: x\u240d<9b><202e>y"


def test_nothing_is_kept_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    received = box()
    received.take(b"one\r\ntwo", 0)
    caplog.set_level(logging.INFO, "uartsim.console")
    received.close()
    assert caplog.messages == []


def test_a_screen_is_logged_when_it_stands_still(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    received = box()
    assert received.log_at is None
    received.take(b"boot\r\n\x1b[H\x1b[J\x1b[3;2HMenu\x1b[5;1H9 s left\x1b[1;1H", 1.0)
    assert caplog.messages == ["box +1.000 s: boot"]
    assert received.log_at == 1.0 + STILL_S
    received.log(1.0 + STILL_S)
    assert caplog.messages[1:] == ["box +1.000 s:  Menu", "box +1.000 s: 9 s left"]
    assert received.log_at is None
    received.take(b"\x1b[5;1H8\x1b[1;1H", 2.0)
    received.log(2.0 + STILL_S)
    assert caplog.messages[3:] == ["box +2.000 s: 8 s left"]


def test_what_run_types_is_hidden_even_if_its_echo_comes_in_pieces(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    received = box()
    line = ShellLine("uname", "0a1b2c").lines[-1]
    received.take(b"# ", 1.0)
    received.own_lines.typing(line, "uname")
    received.take(line[:40].encode() + b"[    1.000000] a kernel line\r\n", 1.5)
    assert caplog.messages == []
    received.take(line[40:].encode() + b"\r\nuartsim-0a1b2c-begin\r\nLinux\r\nuartsim-0a1b2c-0-0-end\r\n# ", 2.0)
    assert caplog.messages == ["box +1.000 s: # uname[    1.000000] a kernel line", "box +2.000 s: Linux"]


def test_an_echo_that_does_not_come_holds_nothing_back_for_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console")
    received = box()
    received.own_lines.typing("a line that is not echoed", None)
    received.take(b"one\r\n", 1.0)
    assert caplog.messages == []
    assert received.log_at == 1.0 + ECHO_S
    received.log(1.0 + ECHO_S)
    received.take(b"two\r\n", 3.0)
    assert caplog.messages == ["box +1.000 s: one", "box +3.000 s: two"]


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


def test_pytest_shows_screens_and_commands_and_nothing_of_the_harness(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="demo", settings={"grub_timeout": 2})
        def test_it(console):
            console.login("root", "toor")
            assert console.run("echo $((6 * 7))").output == "42\\n"
        """
    )
    for options in (["-s", "-v"], ["-s", INFO]):
        result = pytester.runpytest_subprocess(*options, "-p", "no:cacheprovider")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                "*demo +* s:                        GNU GRUB  version 2.06*",
                "*demo +* s:  |[*]Debian GNU/Linux * |",
                "*demo +* s:    The highlighted entry will be executed automatically in 2s.",
                "*demo +* s:    The highlighted entry will be executed automatically in 1s.",
                "*demo +* s:   Booting `Debian GNU/Linux'",
                "*demo +* [[]run('echo $((6 [*] 7))')...[]]",
                "*demo +* s: root@demo:~# echo $((6 [*] 7))",
                "*demo +* s: 42",
                "*demo +* [[]run('echo $((6 [*] 7))'): * s[]]",
            ]
        )
        said = [line for line in result.outlines if "demo +" in line]
        assert sum("in 2s." in line for line in said) == 1
        assert sum("|*Debian GNU/Linux  " in line for line in said) == 1
        assert not any("printf" in line or "_u=" in line or "-begin" in line or "-end" in line for line in said)
        assert not any(re.search(r"s:  *[|+][-|+ ]*$", line) for line in said)  # a part of a frame
