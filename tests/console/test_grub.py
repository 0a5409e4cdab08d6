"""GRUB's menu on the demo's line, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.errors import ExpectTimeout, GrubFailed
from uartsim.errors import UsageError

KERNEL = "Debian GNU/Linux, with Linux 6.1.0-18-cloud-amd64"


@pytest.fixture
def console() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", clock="virtual") as console:
        yield console


def test_menu_is_read_from_the_screen(console: blocking.Console) -> None:
    assert console.grub.selected is None
    assert console.grub.entries == []
    assert console.grub.wait_for_menu() == ["Debian GNU/Linux", "Advanced options for Debian GNU/Linux"]
    assert console.grub.selected == "Debian GNU/Linux"
    assert console.grub.countdown == 5


def test_countdown_is_stopped_and_stays_so(console: blocking.Console) -> None:
    console.grub.stop_countdown()
    assert console.grub.countdown is None
    assert console.grub.selected == "Debian GNU/Linux"
    with pytest.raises(ExpectTimeout):
        console.expect("Linux version", timeout=60)


def test_entry_of_a_submenu_is_selected_and_boots(console: blocking.Console) -> None:
    assert console.grub.select("^Advanced") == "Advanced options for Debian GNU/Linux"
    assert console.grub.countdown is None
    console.grub.boot()
    assert console.grub.wait_for_menu() == [KERNEL, f"{KERNEL} (recovery mode)"]
    assert console.grub.select("recovery") == f"{KERNEL} (recovery mode)"
    assert console.grub.select("^Debian") == KERNEL
    console.grub.select("recovery")
    console.grub.boot()
    assert "single" in console.expect("Command line: (.*)").after


def test_entry_that_is_not_there_is_told_with_those_that_are(console: blocking.Console) -> None:
    with pytest.raises(GrubFailed, match=r"no entry .* matches 'Windows'; there are 'Debian GNU/Linux', 'Advanced"):
        console.grub.select("Windows")
    with pytest.raises(UsageError, match="no regular expression"):
        console.grub.select("(")


def test_kernel_gets_what_was_added_in_the_editor(console: blocking.Console) -> None:
    console.grub.edit(r"^\s*linux", " init=/bin/sh")
    console.grub.boot()
    assert console.expect("Command line: (.*)").after.endswith(" init=/bin/sh")


def test_line_that_the_entry_does_not_have_is_told(console: blocking.Console) -> None:
    with pytest.raises(GrubFailed, match=r"no line of the entry matches 'multiboot'; there are .*initrd"):
        console.grub.edit("multiboot", " x")
    assert console.grub.wait_for_menu()
    console.grub.select("^Advanced")
    with pytest.raises(GrubFailed, match="opens no editor for 'Advanced"):
        console.grub.edit("linux", " x")
    with pytest.raises(UsageError, match="printable"):
        console.grub.edit("linux", "\n")


def test_command_line_runs_commands(console: blocking.Console) -> None:
    console.grub.command_line()
    assert console.run("echo hello").output == "hello\n"
    result = console.run("nosuch")
    assert "can't find command `nosuch'" in result.output
    assert result.status
    console.grub.command_line()
    assert console.run("echo " + "long " * 30).output.split() == ["long"] * 30


def test_keys_go_out_in_one_piece() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        frame = "+" + "-" * 40 + "+"
        rows = [frame, "|*one" + " " * 36 + "|", "| two" + " " * 36 + "|", frame]
        client.say(b"\x1b[H\x1b[J" + "".join(f"\x1b[{i + 3};2H{row}" for i, row in enumerate(rows)).encode())
        with pytest.raises(GrubFailed):
            await console.grub.select("three")
        assert set(client.events) == {b"\x1b[A", b"\x1b[B"}

    run_virtually(scenario)


def test_no_menu_is_a_time_out() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"Linux version 6.1\r\n")
        with pytest.raises(ExpectTimeout, match="GRUB's menu was expected"):
            await console.grub.wait_for_menu(timeout=3)

    run_virtually(scenario)
