"""The command line, as a person and as a script meet it: every test runs the program."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import click.testing
import pexpect
import pytest
import serial

import uartsim as uartsim_package
from tests.access.rig import (
    ECHO,
    SERVER,
    SILENT,
    RunningMachine,
    environment,
    make_guest_folder,
    running,
    status_json,
    uartsim,
    wait_until,
)
from tests.patience import patience

GuestFolder = Callable[[str], Path]


BUTTONS = """
    import trio

    async def main(host):
        host.tty.open()
        host.on_nmi = lambda: host.tty.write_nowait(b"NMI\\n")
        await host.tty.write(b"boot\\n")
        while True:
            data, flag = await host.tty.receive()
            await host.tty.write(b"<%s>\\n" % flag.value.encode() + data.strip(b"\\0"))
"""

# -- a machine's life ----------------------------------------------------------------------------------------


def test_everything_about_a_machine_from_another_shell(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(BUTTONS)) as machine:

        def heard() -> str:
            return uartsim(runtime, "history", "box").stdout

        machine.wait_sent(5)
        line = uartsim(runtime, "list").stdout.splitlines()[0].split()
        assert line == ["box", "script", machine.pty, "running"]
        (listed,) = json.loads(uartsim(runtime, "list", "--json").stdout)
        assert (listed["name"], listed["pid"]) == ("box", machine.process.pid)
        assert heard() == "boot\n"

        text = uartsim(runtime, "status", "box").stdout
        assert "115200 8N1" in text
        assert str(machine.link) in text
        assert "withheld 0; lost: nothing\n" in text
        assert status_json(runtime, "box")["state"] == "running"

        uartsim(runtime, "break", "box")
        wait_until(lambda: heard().endswith("<break>\n"), "the break")
        assert uartsim(runtime, "sysrq", "h", "box").stdout == "<break>\n<normal>\nh\n"
        uartsim(runtime, "nmi", "box")
        wait_until(lambda: heard().endswith("NMI\n"), "the NMI")
        uartsim(runtime, "reset", "box")
        wait_until(lambda: heard().endswith("boot\n"), "the second boot")
        assert uartsim(runtime, "history", "box", "--bytes", "5").stdout == "boot\n"
        found = status_json(runtime, "box")
        assert (found["nmis"], found["resets"]) == (1, 1)

        assert uartsim(runtime, "stop", "box").stdout == ""
        assert machine.process.wait(20) == 0
        assert "box: stopped" in machine.process.communicate()[1]
    assert "no machine is running" in uartsim(runtime, "list").stdout
    assert json.loads(uartsim(runtime, "list", "--json").stdout) == []


def test_the_version_is_known_without_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    from uartsim.cli.command_group import commands

    said = click.testing.CliRunner().invoke(commands, ["--version"])
    assert (said.exit_code, uartsim_package.__version__ in said.output) == (0, True)


def test_stop_returns_when_the_name_is_free_again(runtime: Path, guest_folder: GuestFolder) -> None:
    folder = guest_folder(SILENT)
    for _ in range(3):
        with running(runtime, folder):
            uartsim(runtime, "stop", "box")
            assert os.listdir(runtime) == []


def test_run_says_how_to_attach_and_how_to_stop(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        pty = machine.pty
        out, _ = machine.end()
    assert f"pty      {pty}\n" in out
    assert f"link     {runtime}/box.tty\n" in out
    assert f"picocom -b 115200 {runtime}/box.tty" in out
    assert "uartsim stop box" in out


def test_a_guest_that_powers_off_ends_the_program(runtime: Path, guest_folder: GuestFolder) -> None:
    done = uartsim(runtime, "run", str(guest_folder("async def main(host):\n    pass\n")), "--name", "box")
    assert "box: powered off" in done.stderr
    assert os.listdir(runtime) == []


def test_a_guest_that_fails_ends_the_program_with_1_and_says_where(runtime: Path, guest_folder: GuestFolder) -> None:
    folder = guest_folder("async def main(host):\n    1 / 0\n")
    done = uartsim(runtime, "run", str(folder), status=1)
    assert "failed: ZeroDivisionError: division by zero (guest.py:2)" in done.stderr
    assert os.listdir(runtime) == []


def test_a_guest_s_settings_can_be_set(runtime: Path, tmp_path: Path) -> None:
    folder = make_guest_folder(tmp_path / "g", "async def main(host):\n    raise ValueError(host.settings['n'] + 1)\n")
    (folder / "guest.toml").write_text((folder / "guest.toml").read_text() + "[settings]\nn = 1\n")
    assert "ValueError: 42" in uartsim(runtime, "run", str(folder), "--set", "n=41", status=1).stderr


def test_the_link_can_be_anywhere(runtime: Path, tmp_path: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO), "box", "--link", str(tmp_path / "com1")):
        with serial.Serial(str(tmp_path / "com1"), 115200, timeout=patience(20)) as client:
            client.write(b"x")
            assert client.read(1) == b"x"
        assert not (runtime / "box.tty").exists()
    assert not os.path.lexists(tmp_path / "com1")


def test_a_client_may_open_the_link_before_the_guest_runs_and_loses_nothing(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    machine = RunningMachine(runtime, guest_folder(SERVER), "box")
    try:
        wait_until(lambda: (runtime / "box.tty").is_symlink(), "the link")
        with serial.Serial(str(runtime / "box.tty"), 115200, timeout=patience(20)) as client:
            client.write(b"16\n")
            assert client.read(22) == b"ready\n0000000\n0000001\n"
    finally:
        machine.end()
    assert os.listdir(runtime) == []


# -- the demo ------------------------------------------------------------------------------------------------


@pytest.fixture
def demo(runtime: Path) -> Iterator[RunningMachine]:
    """The default guest, booting at once."""
    with running(runtime, "demo", "demo", "--set", "grub_timeout=0", "--set", "time_scale=0") as machine:
        yield machine


def test_the_demo_speaks_through_the_registers(demo: RunningMachine, runtime: Path) -> None:
    wait_until(lambda: "login: " in uartsim(runtime, "history", "demo").stdout, "the login prompt")
    wait_until(
        lambda: (found := status_json(runtime, "demo")["com1"])["thr_writes"] == found["line"]["bytes_out"],
        "everything on the line",
    )
    found = status_json(runtime, "demo")
    assert found["com1"]["line"]["bytes_out"] == found["hub"]["bytes_from_guest"] > 1000
    assert found["com1"]["line"]["dropped_by_full_transmitter"] == 0


def test_sysrq_help_of_the_demo_is_printed(demo: RunningMachine, runtime: Path) -> None:
    wait_until(lambda: "login: " in uartsim(runtime, "history", "demo").stdout, "the login prompt")
    assert "sysrq: HELP" in uartsim(runtime, "sysrq", "h", "demo").stdout


# -- mistakes ------------------------------------------------------------------------------------------------

MISTAKES = [
    (["run", "dem"], r"unknown guest 'dem'.*demo"),
    (["run", "/nowhere"], r"/nowhere is no folder of a guest: there is no such folder"),
    (["run", "demo", "--set", "grub_timeout=soon"], r"'grub_timeout' is a whole number"),
    (["run", "demo", "--set", "grub_timeou=1"], r"no setting 'grub_timeou'.*grub_timeout"),
    (["run", "demo", "--set", "x"], r"write it as KEY=VALUE"),
    (["run", "demo", "--name", "a b"], r"'a b' cannot be a machine's name"),
    (["run", "demo", "--link", "/nowhere/com1"], r"/nowhere/com1 cannot be made"),
    (["run", "demo", "extra"], r"unexpected extra argument"),
    (["run", "--no-such-option"], r"No such option.*--no-such-option"),
    (["dance"], r"No such command 'dance'"),
    (["status", "box"], r"no machine named box is running; none is running; start one with 'uartsim run'"),
    (["status"], r"no machine is running; start one with 'uartsim run'"),
    (["sysrq"], r"which KEY"),
    (["break", "box", "--seconds", "x"], r"'x' is not a valid float"),
    (["sysrq", "h", "box"], r"no machine named box"),
    (["stop", "box"], r"no machine named box"),
    (["attach", "box"], r"attach needs a terminal"),
]


@pytest.mark.parametrize(
    ("arguments", "why"), MISTAKES, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_one_sentence_and_status_2(runtime: Path, arguments: list[str], why: str) -> None:
    done = uartsim(runtime, *arguments, status=2)
    assert re.search(why, " ".join(done.stderr.split())), done.stderr
    assert done.stdout == ""
    assert os.listdir(runtime) == []


def test_mistakes_about_a_running_machine_leave_it_running(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(SILENT)
    (tmp_path / "file").write_text("mine")
    with running(runtime, folder) as machine:
        assert (
            f"already running (process {machine.process.pid})"
            in uartsim(runtime, "run", str(folder), "--name", "box", status=2).stderr
        )
        assert "no machine named bux is running; running: box" in uartsim(runtime, "status", "bux", status=2).stderr
        assert "give more than 0" in uartsim(runtime, "break", "box", "--seconds", "0", status=2).stderr
        assert "give more than 0" in uartsim(runtime, "break", "box", "--seconds", "nan", status=2).stderr
        assert "is no SysRq key" in uartsim(runtime, "sysrq", "", "box", status=2).stderr
        assert "give 0 or more" in uartsim(runtime, "history", "box", "--bytes", "-1", status=2).stderr
        taken = uartsim(runtime, "run", str(folder), "--name", "two", "--link", str(tmp_path / "file"), status=2)
        assert "exists and is not a link of ours" in taken.stderr
        assert machine.status()["state"] == "running"
    assert (tmp_path / "file").read_text() == "mine"


def test_guests_are_listed_with_what_they_need(runtime: Path) -> None:
    found = {guest["name"]: guest for guest in json.loads(uartsim(runtime, "guests", "--json").stdout)}
    assert found["demo"]["kind"] == "script"
    assert found["demo"]["missing"] == []
    assert {"agetty", "linux"} <= set(found)
    assert "demo" in uartsim(runtime, "guests").stdout


def test_a_broken_manifest_is_named_with_its_line(runtime: Path, guest_folder: GuestFolder) -> None:
    folder = guest_folder(SILENT)
    (folder / "guest.toml").write_text('[guest]\nkind = "scrpt"\n')
    assert f"{folder}/guest.toml:2" in uartsim(runtime, "run", str(folder), status=2).stderr
    assert os.listdir(runtime) == []


# -- signals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_running_machine_with_everything_put_away(
    runtime: Path, guest_folder: GuestFolder, number: signal.Signals
) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        _, err = machine.end(number)
        assert err == "box: stopped\n"
        machine.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_moment_of_the_start_leaves_nothing(
    runtime: Path, guest_folder: GuestFolder, number: signal.Signals
) -> None:
    folder = guest_folder(SILENT)
    began = time.monotonic()
    with running(runtime, folder):
        whole = time.monotonic() - began
    steps = 24
    for step in range(steps):
        machine = RunningMachine(runtime, folder, "box")
        time.sleep(whole * 1.2 * step / steps)  # the moment is what is tested; no outcome depends on it
        machine.end(number)
        machine.assert_nothing_is_left()


def test_a_signal_in_the_very_moment_in_which_things_are_made_leaves_nothing(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """The folder, the lock, the link, the sockets: one moment after the other, as they appear."""
    folder = guest_folder(SILENT)
    for path in ("box", "box/lock", "box/link", "box.tty", "box/control", "box/attach"):
        for _ in range(3):
            machine = RunningMachine(runtime, folder, "box")
            while not os.path.lexists(runtime / path):
                assert machine.process.poll() is None
            machine.end(signal.SIGTERM)
            machine.assert_nothing_is_left()


def test_many_signals_at_once_leave_nothing(runtime: Path, guest_folder: GuestFolder) -> None:
    folder = guest_folder(SILENT)
    for _ in range(3):
        machine = RunningMachine(runtime, folder, "box")
        machine.wait_ready()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) * 5:
            machine.process.send_signal(number)
        machine.end()
        machine.assert_nothing_is_left()


def test_sigterm_works_where_ctrl_c_is_ignored(runtime: Path, guest_folder: GuestFolder) -> None:
    """A shell script's background job has SIGINT ignored."""
    folder = guest_folder(SILENT)
    shell = subprocess.Popen(
        ["sh", "-c", f"{sys.executable} -m uartsim run {folder} --name box & echo $!; wait"],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert shell.stdout is not None
    pid = int(shell.stdout.readline())
    wait_until(lambda: (runtime / "box" / "control").exists(), "the machine")
    status_json(runtime, "box")
    os.kill(pid, signal.SIGTERM)
    shell.communicate(timeout=patience(20))
    assert os.listdir(runtime) == []


# -- at a terminal -------------------------------------------------------------------------------------------


def spawn(runtime: Path, *arguments: str) -> pexpect.spawn[bytes]:
    return pexpect.spawn(
        sys.executable,
        ["-m", "uartsim", *arguments],
        env=environment(runtime),
        timeout=patience(20),
        dimensions=(30, 100),
    )


def matched(child: pexpect.spawn[Any]) -> bytes:
    """The first group of what was expected."""
    assert isinstance(child.match, re.Match)
    found: bytes = child.match[1]
    return found


def test_run_on_a_terminal_attaches_at_once_and_ctrl_bracket_q_leaves(runtime: Path, guest_folder: GuestFolder) -> None:
    child = spawn(runtime, "run", str(guest_folder(SERVER)), "--name", "box")
    before = termios.tcgetattr(child.child_fd)
    child.expect_exact("ready")
    child.send(b"16\n")
    child.expect_exact("0000000\n0000001\n")
    assert termios.tcgetattr(child.child_fd) != before
    child.send(b"\x1dq")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert os.listdir(runtime) == []


@pytest.mark.parametrize("how", ["quit", "SIGTERM", "SIGINT", "stop", "power off"])
def test_however_it_ends_the_terminal_gets_its_settings_back(
    runtime: Path, guest_folder: GuestFolder, how: str
) -> None:
    """A shell holds the terminal, so that its settings can be looked at afterwards."""
    folder = guest_folder(SERVER)
    command = f"stty -g; {sys.executable} -m uartsim run {folder} --name box; echo STATUS=$?; stty -g; echo END"
    child = pexpect.spawn("sh", ["-c", command], env=environment(runtime), timeout=patience(20), dimensions=(30, 100))
    child.expect(rb"([0-9a-f:]{40,})\r\n")
    before = matched(child)
    child.expect_exact("ready")
    if how == "quit":
        child.send(b"\x1dq")
    elif how == "stop":
        uartsim(runtime, "stop", "box")
    elif how == "power off":
        child.send(b"off 3\n")
        child.expect_exact("xxxbye")
    else:
        os.kill(status_json(runtime, "box")["pid"], getattr(signal, how))
    child.expect(rb"STATUS=(\d+)\r\n")
    assert matched(child) == b"0"
    child.expect(rb"([0-9a-f:]{40,})\r\n")
    assert matched(child) == before
    child.expect_exact("END")
    child.expect(pexpect.EOF)
    child.close()
    assert os.listdir(runtime) == []


def test_ctrl_c_at_an_attached_terminal_goes_to_the_guest(runtime: Path, guest_folder: GuestFolder) -> None:
    child = spawn(runtime, "run", str(guest_folder(SERVER)), "--name", "box")
    child.expect_exact("ready")
    child.send(b"\x03")
    wait_until(lambda: status_json(runtime, "box")["com1"]["line"]["bytes_in"] == 1, "Ctrl-C on the line")
    assert status_json(runtime, "box")["state"] == "running"
    child.send(b"\x1dq")
    child.expect(pexpect.EOF)
    child.close()


def test_a_terminal_that_goes_away_leaves_nothing(runtime: Path, guest_folder: GuestFolder) -> None:
    child = spawn(runtime, "run", str(guest_folder(SERVER)), "--name", "box")
    child.expect_exact("ready")
    os.close(child.child_fd)  # the window is closed: SIGHUP
    child.closed = True
    assert child.pid is not None
    os.waitpid(child.pid, 0)
    assert os.listdir(runtime) == []


def test_attach_from_another_terminal_watches_types_and_leaves_the_machine_running(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        child = spawn(runtime, "attach", "box")
        child.expect_exact("ready")
        child.send(b"8\n")
        child.expect_exact("0000000\n")
        child.send(b"\x1dq")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
        assert machine.status()["state"] == "running"
        wait_until(lambda: len(machine.status()["hub"]["clients"]) == 1, "only the pty is left")
