"""The procedures of distributions, played on the demo in virtual time: what works there, and what goes wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim import RecoveryFailed, blocking
from uartsim.console.console_errors import ExpectTimeout, GrubFailed, LoginFailed, RunFailed
from uartsim.console.recovery import file_command
from uartsim.errors import UsageError
from uartsim.guest.distribution import Step

HEAD = """\
[guest]
kind = "qemu"
description = "a distribution for a test"
[distribution]
title = "Test"
image = "nowhere"
menu = "MENU"
[[distribution.console]]
versions = "all"
on_by_default = true
[[distribution.recovery]]
name = "it"
title = "a test"
"""
TO_A_SHELL = '{ catch = "menu" }, { replace = "ro", by = "rw init=/bin/bash" }, { boot = "Ctrl-X" }, { shell = "#" }'


@pytest.fixture
def console() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", clock="virtual") as console:
        yield console


def guest(folder: Path, steps: str, menu: str = "any key") -> str:
    (folder / "guest.toml").write_text(HEAD.replace("MENU", menu) + f"steps = [{steps}]\n")
    return str(folder)


@pytest.mark.parametrize("procedure", ["rescue", "single"])
def test_rescue_mode_is_reached_with_roots_password(console: blocking.Console, procedure: str) -> None:
    console.recovery.run("rhel", procedure, root_password="toor")
    wanted = {"rescue": "systemd.unit=rescue.target", "single": "single"}[procedure]
    assert console.run("cat /proc/cmdline").output.split()[-1] == wanted
    assert console.problems == []


@pytest.mark.parametrize("distribution", ["rhel", "ubuntu", "sles", "centos", "oracle-linux"])
def test_bash_in_place_of_init_asks_for_nothing(console: blocking.Console, distribution: str) -> None:
    console.recovery.run(distribution, "init")
    assert "init=/bin/bash" in console.run("cat /proc/cmdline").output
    assert "Debian GNU/Linux 12 demo" not in console.text


def test_each_line_that_matches_is_edited(console: blocking.Console, tmp_path: Path) -> None:
    steps = '{ catch = "menu" }, { append = "one.word", in_line = "linux|Loading", every = true }, { boot = "Ctrl-X" }'
    console.recovery.run(guest(tmp_path, steps), "it")
    console.expect(r"Loading initial ramdisk \.\.\. one\.word")
    assert console.expect("Command line: (.*)").after.split().count("one.word") == 1


def test_a_word_is_removed_and_an_entry_selected(console: blocking.Console, tmp_path: Path) -> None:
    steps = (
        '{ catch = "menu" }, { select = "recovery" }, { remove = "single" }, { boot = "Ctrl-X" }, { expect = "login:" }'
    )
    console.recovery.run(guest(tmp_path, steps), "it")
    assert " ro single" not in console.text.partition("Command line:")[2].partition("\n")[0]


@pytest.mark.parametrize("menu", ["Esc", "hold Esc"])
def test_a_menu_is_caught_with_escape(tmp_path: Path, menu: str) -> None:
    with blocking.open_console("demo", settings={"grub_timeout": 3}, clock="virtual") as console:
        console.recovery.run(guest(tmp_path, TO_A_SHELL, menu), "it")


def test_a_new_password_is_given_and_counts_from_then_on(console: blocking.Console, tmp_path: Path) -> None:
    steps = '{ login = "root" }, { passwd = "root" }, { type = "exit" }, { expect = "logout" }, { login = "root" }'
    console.recovery.run(guest(tmp_path, steps), "it", root_password="toor", new_password="s3cret-words")
    assert console.run("id -un").output.strip() == "root"
    assert "s3cret" not in console.text


# -- what goes wrong ------------------------------------------------------------------------------------------------------


def test_a_menu_that_never_comes_is_told_with_what_came() -> None:
    with (
        blocking.open_console("demo", settings={"grub_timeout": 0}, clock="virtual") as console,
        pytest.raises(
            RecoveryFailed, match=r"step 1 of 4 of 'rescue', catch 'menu': GRUB's menu was expected"
        ) as failure,
    ):
        console.recovery.run("rhel", "rescue", root_password="toor")
    assert failure.value.step == 1
    assert isinstance(failure.value.__cause__, GrubFailed)
    assert "Linux version" in str(failure.value)


def test_a_menu_that_never_comes_is_told_with_escape_held(tmp_path: Path) -> None:
    name = guest(tmp_path, TO_A_SHELL, "hold Esc")
    with (
        blocking.open_console("demo", settings={"grub_timeout": 0}, clock="virtual") as console,
        pytest.raises(RecoveryFailed, match="GRUB's menu was expected"),
    ):
        console.recovery.run(name, "it")


def test_a_wrong_password_is_told(console: blocking.Console) -> None:
    with pytest.raises(
        RecoveryFailed, match=r"step 4 of 4 of 'rescue', login 'root': login as 'root' failed"
    ) as failure:
        console.recovery.run("rhel", "rescue", root_password="wr0ng")
    assert isinstance(failure.value.__cause__, LoginFailed)
    assert "wr0ng" not in str(failure.value)


def test_a_prompt_to_log_in_is_not_a_shell(console: blocking.Console) -> None:
    with pytest.raises(
        RecoveryFailed, match=r"'rd.break', shell '.*': a shell without a password .* 'demo login:' came"
    ):
        console.recovery.run("rhel", "rd.break", new_password="new")


def test_an_entry_without_the_line_is_told(console: blocking.Console) -> None:
    with pytest.raises(RecoveryFailed, match=r"no line of the entry matches 'linux\\\\\$'"):
        console.recovery.run("coreos", "autologin")


def test_a_command_that_fails_is_told(console: blocking.Console, tmp_path: Path) -> None:
    with pytest.raises(
        RecoveryFailed, match=r"step 5 of 5 .*'cat /nothing' ended with status 1: .*No such file"
    ) as failure:
        console.recovery.run(guest(tmp_path, TO_A_SHELL + ', { run = "cat /nothing" }'), "it")
    assert isinstance(failure.value.__cause__, RunFailed)


def test_a_text_that_does_not_come_is_told(console: blocking.Console, tmp_path: Path) -> None:
    with pytest.raises(RecoveryFailed, match="expect 'never': 'never' was expected") as failure:
        console.recovery.run(guest(tmp_path, '{ expect = "never" }'), "it", timeout=5)
    assert isinstance(failure.value.__cause__, ExpectTimeout)


def test_passwords_that_are_needed_are_demanded(console: blocking.Console) -> None:
    with pytest.raises(UsageError, match="'rescue' types a password: give root_password="):
        console.recovery.run("rhel", "rescue")
    with pytest.raises(UsageError, match=r"'rd.break' types a password: give new_password="):
        console.recovery.run("rhel", "rd.break", root_password="toor")
    with pytest.raises(UsageError, match="new_password is not a text"):
        console.recovery.run("rhel", "rd.break", new_password="a\nb")


@pytest.mark.parametrize(
    ("distribution", "procedure", "message"),
    [
        ("rhel", "rd.brake", r"rhel has no procedure 'rd.brake'; did you mean rd.break"),
        ("rhel", "", "rhel has no procedure ''; possible: emergency, init"),
        ("rehl", "rescue", "unknown guest 'rehl'; did you mean rhel"),
        ("demo", "rescue", r"guest 'demo' has no table \[distribution\]"),
        ("sles", "yast", r"'yast' has steps for a person, and cannot be played: 'uartsim guests sles' shows it"),
    ],
)
def test_what_is_not_there_is_told(console: blocking.Console, distribution: str, procedure: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        console.recovery.run(distribution, procedure)


# -- changes of files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "verb", "text", "after"),
    [
        ("A=1\nB=2\n", "set", "A=7", "A=7\nB=2\n"),
        ("B=2\n", "set", 'A="x|y &\\ z"', 'B=2\nA="x|y &\\ z"\n'),
        ("A=1\n", "set", "A=\"x|y &\\ 'z'\"", "A=\"x|y &\\ 'z'\"\n"),
        ("# A=1\nAB=1\n", "set", "A=7", "# A=1\nAB=1\nA=7\n"),
        ("  A=1\nA=2\n", "set", "A=7", "A=7\nA=7\n"),
        ("ttyS0x\n", "ensure", "ttyS0", "ttyS0x\nttyS0\n"),
        ("tty1\nttyS0\n", "ensure", "ttyS0", "tty1\nttyS0\n"),
        ("A=1\nAB=2\n", "comment", "A", "#A=1\nAB=2\n"),
        ("B=1\n", "comment", "A", "B=1\n"),
    ],
)
def test_a_file_is_changed_by_a_shell(tmp_path: Path, before: str, verb: str, text: str, after: str) -> None:
    file = tmp_path / "a file"
    file.write_text(before)
    step = Step(verb, text, file=str(file))
    for _ in range(2):  # a second time changes nothing
        subprocess.run(["sh", "-ec", file_command(step)], check=True)
        assert file.read_text() == after
