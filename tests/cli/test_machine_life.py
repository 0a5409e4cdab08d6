"""A machine's life by the command line, from the first byte to its end: every test runs the program."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import click.testing
import pytest
import serial

import uartsim as uartsim_package
from tests.access.rig import (
    ECHO,
    SERVER,
    SILENT,
    RunningMachine,
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
