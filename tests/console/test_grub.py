"""GRUB's menu on the demo's line, in virtual time."""

from __future__ import annotations

import io
import random
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

import uartsim
from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, GrubFailed
from uartsim.errors import UsageError
from uartsim.guest.catalogue import catalogue_folder

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
    with pytest.raises(UsageError, match="not a regular expression"):
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


def test_keys_are_single_characters_so_that_none_is_torn() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        frame = "+" + "-" * 40 + "+"
        rows = [frame, "|*one" + " " * 36 + "|", "| two" + " " * 36 + "|", frame]
        client.say(b"\x1b[H\x1b[J" + "".join(f"\x1b[{i + 3};2H{row}" for i, row in enumerate(rows)).encode())
        with pytest.raises(GrubFailed):
            await console.grub.select("three")
        assert set(client.events) == {b"\x10", b"\x0e"}

    run_virtually(scenario)


def test_no_menu_is_a_time_out() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"SeaBIOS\r\n")
        with pytest.raises(ExpectTimeout, match="GRUB's menu was expected"):
            await console.grub.wait_for_menu(timeout=3)

    assert run_virtually(scenario) == pytest.approx(3)


@pytest.mark.parametrize(
    "text",
    ["Linux version 6.1\r\n", "[    0.000000] Linux version 6.1\r\n", "\r\nDebian 12 vm ttyS0\r\n\r\nvm login: "],
)
def test_guest_that_is_past_its_menu_is_told_at_once(text: str) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(text.encode())
        with pytest.raises(
            GrubFailed, match=r"GRUB's menu was expected, and fake is past it: .*(Linux version|login:)"
        ):
            await console.grub.wait_for_menu(timeout=300)

    assert run_virtually(scenario) < 1


def test_menu_that_is_left_on_the_screen_of_a_kernel_is_none() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        frame = "+" + "-" * 40 + "+"
        rows = [frame, "|*one" + " " * 36 + "|", "|" + " " * 40 + "|", frame]
        client.say(b"\x1b[H\x1b[J" + "".join(f"\x1b[{i + 3};2H{row}" for i, row in enumerate(rows)).encode())
        client.say(b"\x1b[12;1H\r\nLinux version 6.1\r\n")
        with pytest.raises(GrubFailed, match=r"is past it: .Linux version"):
            await console.grub.wait_for_menu()

    run_virtually(scenario)


def test_reboot_that_was_asked_for_may_go_on_for_a_while_before_the_menu(console: blocking.Console) -> None:
    console.expect("Linux version")
    console.wait_for_quiet(5, timeout=120)
    console.login(timeout=120)
    console.sendline("reboot")
    assert console.grub.wait_for_menu(timeout=120)


def test_after_a_reset_the_new_menu_is_waited_for(console: blocking.Console) -> None:
    console.grub.stop_countdown()
    console.reset()
    before = len(console.raw)
    assert console.grub.selected is None
    console.grub.wait_for_menu()
    assert console.grub.countdown == 5
    assert b"GNU GRUB" in console.raw[before:]


def test_edit_and_select_that_fail_leave_all_as_it_was(console: blocking.Console) -> None:
    console.grub.stop_countdown()
    before = console.screen
    with pytest.raises(GrubFailed, match="no line of the entry matches"):
        console.grub.edit("^nosuch", "x")
    with pytest.raises(GrubFailed, match="'nosuch' matches nothing in the line 'linux"):
        console.grub.edit(r"^\s*linux", replace=("nosuch", "x"))
    with pytest.raises(GrubFailed, match="no entry"):
        console.grub.select("nosuch")
    assert console.screen == before
    console.grub.edit(r"^\s*linux", " added")
    shown = console.screen
    with pytest.raises(GrubFailed):
        console.grub.edit("^nosuch", "x")
    with pytest.raises(GrubFailed):
        console.grub.edit(r"^\s*linux", remove="nosuch")
    assert console.screen == shown
    console.grub.boot()
    assert console.expect("Command line: (.*)").after.endswith(" added")


def test_line_that_is_wrapped_is_found_and_changed_in_any_place(console: blocking.Console) -> None:
    console.grub.edit(r"^\s*linux.* console=ttyS0", " " + "long=" + "x" * 90)
    console.grub.edit(
        r"linux.*long=x{90}$", " tail", replace=(r"console=(\S+)", r"console=tty0 console=\1"), remove=r"x{80}"
    )
    console.grub.edit("linux", remove=r" tail$")
    console.grub.boot()
    line = console.expect("Command line: (.*)").after
    assert "console=tty0 console=ttyS0" in line
    assert line.endswith(" long=" + "x" * 10)


def test_keys_that_are_lost_are_pressed_again(console: blocking.Console) -> None:
    console.line.add_fault("lost:rate=0.25,direction=in,seed=5")
    console.grub.select("^Advanced")
    console.grub.boot()
    assert console.grub.select("recovery") == f"{KERNEL} (recovery mode)"
    console.grub.edit(r"^\s*linux", " init=/bin/sh", remove=" single")
    console.grub.boot()
    console.line.clear_faults()
    line = console.expect("Command line: (.*)").after
    assert line.endswith(" init=/bin/sh")
    assert " single" not in line


def test_slow_screen_is_waited_for(console: blocking.Console) -> None:
    console.grub.stop_countdown()
    with console.stimuli.slow_guest(0.03):
        console.grub.edit(r"^\s*linux", " late", remove=r" ro\b")
    console.grub.boot()
    assert console.expect("Command line: (.*)").after.endswith(" late")


def test_command_line_opens_though_keys_are_lost(console: blocking.Console) -> None:
    console.line.add_fault("lost:rate=0.4,direction=in,seed=9")
    console.grub.command_line()
    console.line.clear_faults()
    assert console.run("echo hello").output == "hello\n"


def test_time_out_of_a_key_follows_the_scale() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        frame = "+" + "-" * 40 + "+"
        rows = [frame, "|*one" + " " * 36 + "|", "|" + " " * 40 + "|", frame]
        client.say(
            b"\x1b[H\x1b[J" + "".join(f"\x1b[{i + 3};2H{row}" for i, row in enumerate(rows)).encode() + b"\x1b[4;3H"
        )
        with pytest.raises(GrubFailed, match="does not react"):
            await console.grub.boot()

    assert run_virtually(scenario, timeout_scale=10) == pytest.approx(10 * run_virtually(scenario), rel=0.2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "say what to do"),
        ({"append": "\t"}, "printable"),
        ({"replace": "x"}, "give what to replace and with what"),
        ({"replace": ("(", "x")}, "not a regular expression"),
        ({"replace": ("x", r"\2")}, "cannot replace"),
        ({"remove": "("}, "not a regular expression"),
    ],
)
def test_edit_that_cannot_be_is_refused_before_anything_is_pressed(
    console: blocking.Console, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        console.grub.edit("linux", **options)  # type: ignore[arg-type]
    assert console.counters["bytes_in"] == 0


@pytest.mark.parametrize("addition", [" systemd.unit=rescue.target", " single", " emergency"])
def test_rescue_that_was_asked_for_is_no_problem(console: blocking.Console, addition: str) -> None:
    console.grub.edit(r"^\s*linux", addition)
    console.grub.boot()
    console.expect("Give root password for maintenance", timeout=120)
    console.login(timeout=60)
    assert [problem for problem in console.problems if problem.severity in ("error", "fatal")] == []


def test_entry_of_a_submenu_is_found_by_its_path_or_alone(console: blocking.Console) -> None:
    assert console.grub.select(["^Advanced", "recovery"]) == f"{KERNEL} (recovery mode)"
    console.send("\x1b")
    console.wait_for_quiet(0.3)
    assert console.grub.select("recovery mode") == f"{KERNEL} (recovery mode)"
    console.grub.boot()
    assert "single" in console.expect("Command line: (.*)").after


def test_submenu_in_which_nothing_matches_is_left_again(console: blocking.Console) -> None:
    console.grub.select("^Advanced")
    before = console.screen.text
    for pattern in ("nosuch", ["^Advanced", "nosuch"], ["nosuch", "recovery"]):
        with pytest.raises(GrubFailed, match="no entry of GRUB's menu matches 'nosuch'"):
            console.grub.select(pattern)
        assert console.grub.selected == "Advanced options for Debian GNU/Linux"
        assert console.screen.text == before
    with pytest.raises(UsageError, match="empty list"):
        console.grub.select([])


def test_rescue_that_a_quiet_kernel_was_asked_for_is_no_problem(console: blocking.Console) -> None:
    console.grub.select("^Advanced")
    console.grub.boot()
    console.grub.select("recovery")
    console.grub.edit(r"^\s*linux", " quiet loglevel=0")
    console.grub.boot()
    console.login(timeout=120)
    assert [problem for problem in console.problems if problem.severity in ("error", "fatal")] == []


GRUB_CFG = """
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=30
menuentry "First" {
\tlinux\t/vmlinuz root=UUID=0a1b2c3d-1111-2222-3333-444455556666 ro console=tty0 quiet net.ifnames=0 biosdevname=0
\tinitrd\t/initrd.img
}
submenu "Advanced options" {
\tmenuentry "Normal" { true }
\tmenuentry "Recovery mode" { true }
}
""" + "".join(f'menuentry "Entry {number:02d}" {{\n echo {number}\n}}\n' for number in range(12))


@pytest.fixture
def grub_folder(tmp_path: Path) -> Path:
    """The catalogue's GRUB with a menu of ours on a disk; byte by byte, as SeaBIOS's console shares the port at first."""
    disk = tmp_path / "menu.tar"
    with tarfile.open(disk, "w") as archive:
        entry = tarfile.TarInfo("grub.cfg")
        entry.size = len(GRUB_CFG)
        archive.addfile(entry, io.BytesIO(GRUB_CFG.encode()))
    folder = tmp_path / "grub"
    shutil.copytree(catalogue_folder() / "grub-rescue", folder)
    manifest = (folder / "guest.toml").read_text()
    drive = f'readonly=on", "file={disk},format=raw,if=virtio"]\nregisters = "off"\n'
    (folder / "guest.toml").write_text(manifest.replace('readonly=on"]', drive))
    return folder


@pytest.mark.needs(guest="grub-rescue")
def test_real_grub_is_selected_from_edited_and_left_as_it_was(grub_folder: Path) -> None:
    with blocking.open_console(grub_folder, timeout=120, allow=["fw.*", "grub.*"]) as console:
        console.grub.command_line()
        console.type("configfile (hd0)/grub.cfg")
        console.send("\r")
        assert console.grub.wait_for_menu()[:3] == ["First", "Advanced options", "Entry 00"]
        assert console.grub.select("Entry 11") == console.grub.selected == "Entry 11"
        with pytest.raises(GrubFailed, match=r"there are 'First', .* 'Entry 11'$"):
            console.grub.select(["nosuch", "Recovery"])
        assert console.grub.selected == "Entry 11"
        with pytest.raises(GrubFailed, match=r"there are 'Normal', 'Recovery mode'$"):
            console.grub.select(["Advanced", "nosuch"])
        assert console.grub.selected == "Entry 11"
        console.grub.select("First")
        console.grub.edit(r"linux.*biosdevname", " single", replace=(r"tty0", "ttyS0,115200n8"), remove=" quiet")
        shown = console.screen
        with pytest.raises(GrubFailed, match=r"console=ttyS0,115200n8 net.ifnames=0 biosdevname=0 single'"):
            console.grub.edit("nosuch", " x")
        assert console.screen == shown
        console.send("\x1b")
        assert console.grub.select(["Advanced", "Recovery"]) == "Recovery mode"


def test_keys_that_come_late_do_no_harm() -> None:
    async def main() -> None:
        chance = random.Random(1)
        keys, waiting = trio.open_memory_channel[tuple[float, bytes]](1000)
        async with uartsim.open_console("demo") as console, trio.open_nursery() as nursery:
            send_now = console._session.client.send

            async def send(data: bytes, *, secret: bool = False) -> None:
                await keys.send((trio.current_time() + chance.uniform(0, 1.5), data))

            async def deliver() -> None:
                async for at, data in waiting:
                    await trio.sleep_until(at)
                    await send_now(data)

            nursery.start_soon(deliver)
            console._session.client.send = send  # type: ignore[method-assign]
            await console.grub.select(["Advanced", "recovery"])
            await console.grub.edit(r"^\s*linux", " a=1 b=2", remove=" single")
            await console.grub.boot()
            line = (await console.expect("Command line: (.*)")).after
            assert line.endswith("ttyS0,115200 a=1 b=2")
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
