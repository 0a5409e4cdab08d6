"""The line in the hands of pexpect."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pexpect
import pytest

from uartsim import blocking
from uartsim.errors import UsageError

QUICK = {"grub_timeout": 0, "time_scale": 0.0}


@pytest.fixture
def console() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", settings=QUICK) as console:
        yield console


def test_script_for_pexpect_logs_in_and_runs_a_command(console: blocking.Console) -> None:
    log = io.StringIO()
    child = console.spawn(timeout=20, encoding="utf-8", logfile=log)
    child.expect("Linux version")  # what came before the spawn is there too
    child.expect("login: ")
    child.sendline("root")
    child.expect("Password: ")
    child.sendline("toor")
    child.expect(r"root@demo:~# ")
    child.sendline("echo $((6*7))")
    child.expect("\r\n42\r\n")
    child.close()
    assert "Linux version" in log.getvalue()
    assert "42" in console.text


def test_what_the_console_has_read_is_not_there_again(console: blocking.Console) -> None:
    console.login()
    child = console.spawn(timeout=20)
    child.sendline("echo mark''er")
    child.expect(b"marker\r\n")
    assert b"login:" not in (child.before or b"")
    console.expect("^marker$")


def test_end_of_the_guest_is_the_end_of_the_file(console: blocking.Console) -> None:
    console.login()
    child = console.spawn(timeout=20)
    child.sendline("poweroff")
    child.expect(b"Power down")
    child.expect(pexpect.EOF)
    child.close()


def test_time_out_is_pexpects_and_bytes_pass_as_they_are(console: blocking.Console) -> None:
    console.login()
    child = console.spawn(timeout=20)
    with pytest.raises(pexpect.TIMEOUT):
        child.expect("never", timeout=0.1)
    child.sendline("printf 'a\\r\\033[1mb'")
    child.expect_exact(b"\r\na\r\x1b[1mb")


def test_virtual_clock_is_refused() -> None:
    with (
        blocking.open_console("demo", settings=QUICK, clock="virtual") as console,
        pytest.raises(UsageError, match="real time"),
    ):
        console.spawn()


def test_without_pexpect_it_says_what_to_install(console: blocking.Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pexpect", None)
    with pytest.raises(UsageError, match="pip install pexpect"):
        console.spawn()


def test_reboot_that_a_script_asks_for_is_no_problem_and_its_echo_never_matches(console: blocking.Console) -> None:
    console.login()
    child = console.spawn(timeout=20, encoding="utf-8")
    child.sendline("echo fin''ished; sleep 0.3; echo finished")
    assert console.expect("finished").before.count("fin''ished") == 1
    child.sendline("reboot")
    console.expect("Linux version")
    console.expect("login: ")
    assert [problem.id for problem in console.problems if problem.severity != "info"] == []
    child.close()
