"""Machines in virtual time that nobody can reach: ``uartsim run --clock virtual``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from tests.access.rig import environment, make_guest_folder, uartsim
from tests.machine.rig import FunctionGuest, run_virtual
from tests.patience import patience
from uartsim.access.endpoints import open_endpoints
from uartsim.access.headless import run_headless
from uartsim.access.hub import Hub
from uartsim.access.machine_server import MachineServer
from uartsim.blocking import open_console
from uartsim.errors import UartsimError, UsageError
from uartsim.machine import GuestEnd, Machine, SerialDriver, open_machine
from uartsim.record import LineRecorder, open_recorder, read_transcript

#: A guest that takes half a minute over a few words, and switches itself off.
SLOW = """
    import trio

    async def main(host):
        host.tty.open()
        for word in (b"one ", b"two ", b"three\\n"):
            await trio.sleep(10)
            await host.tty.write(word)
"""
ENDLESS = """
    import trio

    async def main(host):
        host.tty.open()
        while True:
            await host.tty.write(b"tick\\n")
            await trio.sleep(1)
"""
SILENT = """
    import trio

    async def main(host):
        host.tty.open()
        await host.tty.receive()
"""

#: Writes into its transmitter whether or not that has room.
RECKLESS = """
    import trio

    async def main(host):
        host.tty.open()
        for _ in range(100):
            host.tty.com1.write(0, 0x58)
        await host.tty.write(b"\\n")
        await host.tty.drain()
        await trio.sleep(1)
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    return folder


def test_a_run_says_that_characters_are_lost_and_in_the_end_how_many(tmp_path: Path, runtime: Path) -> None:
    guest = make_guest_folder(tmp_path / "reckless", RECKLESS)
    done = uartsim(runtime, "run", str(guest), "--clock", "virtual")
    assert done.stdout == "X" * 17 + "\n"
    first, last, end = done.stderr.splitlines()
    assert first.startswith("uartsim: characters are being lost: the guest wrote while its transmitter was full.")
    assert last == "uartsim: lost in all: 83 characters (the guest wrote while its transmitter was full)"
    assert end == "reckless: powered off"


def test_a_console_has_a_problem_where_the_guest_s_characters_are_lost(tmp_path: Path) -> None:
    guest = make_guest_folder(tmp_path / "reckless", RECKLESS)
    with open_console(str(guest), clock="virtual") as console:
        console.expect("X\n")
        (problem,) = console.problems
    assert problem.id == "line.lost"
    assert problem.cause == "83 characters were lost on the line (the guest wrote while its transmitter was full)"


def test_run_in_virtual_time_prints_and_records_until_the_guest_ends(tmp_path: Path, runtime: Path) -> None:
    record = tmp_path / "record"
    guest = make_guest_folder(tmp_path / "slow", SLOW)
    begin = time.monotonic()
    done = uartsim(runtime, "run", str(guest), "--clock", "virtual", "--record", str(record))
    assert time.monotonic() - begin < 25
    assert done.stdout == "one two three\n"
    assert done.stderr == "slow: powered off\n"
    events = list(read_transcript(str(record)))
    assert b"".join(e.data for e in events if isinstance(e.data, bytes)) == b"one two three\n"
    assert events[-1].seconds == pytest.approx(30, abs=0.01)
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize(("limit", "ticks"), [(("--for", "5.5"), 6), ((), 60)])
def test_run_in_virtual_time_ends_when_its_time_is_over(
    tmp_path: Path, runtime: Path, limit: tuple[str, ...], ticks: int
) -> None:
    guest = make_guest_folder(tmp_path / "endless", ENDLESS)
    done = uartsim(runtime, "run", str(guest), "--clock=virtual", *limit)
    assert done.stdout == "tick\n" * ticks
    assert "s of virtual time are over" in done.stderr


def test_a_guest_that_waits_for_input_ends_when_its_time_is_over(tmp_path: Path, runtime: Path) -> None:
    guest = make_guest_folder(tmp_path / "silent", SILENT)
    done = uartsim(runtime, "run", str(guest), "--clock", "virtual")
    assert done.stderr == "silent: 60 s of virtual time are over\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--clock", "virtual", "--link", "tty"], "--link with --clock virtual: in virtual time there is no pty"),
        (["--for", "3"], "--for without --clock virtual"),
        (["--clock", "virtual", "--for", "-1"], "Invalid value for '--for'"),
        (["--clock", "unreal"], "Invalid value for '--clock'"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, runtime: Path, arguments: list[str], words: str) -> None:
    guest = make_guest_folder(tmp_path / "slow", SLOW)
    assert words in uartsim(runtime, "run", str(guest), *arguments, status=2).stderr


def test_a_process_is_refused_and_leaves_no_record(tmp_path: Path, runtime: Path) -> None:
    guest = tmp_path / "cat"
    guest.mkdir()
    (guest / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "for a test"\n[process]\ncommand = ["/bin/cat"]\n'
    )
    record = tmp_path / "record"
    done = uartsim(runtime, "run", str(guest), "--clock", "virtual", "--record", str(record), status=2)
    assert done.stderr.startswith("uartsim: cat is a guest of kind process and lives in real time")
    assert done.stderr.count("\n") == 1
    assert not record.exists()


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, runtime: Path) -> None:
    guest = make_guest_folder(tmp_path / "endless", ENDLESS)
    command = [sys.executable, "-m", "uartsim", "run", str(guest), "--clock", "virtual", "--for", "1000000"]
    with subprocess.Popen(
        command, env=environment(runtime), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "tick\n"
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(30) == 0


def test_ctrl_c_ends_it(tmp_path: Path, runtime: Path) -> None:
    guest = make_guest_folder(tmp_path / "silent", SILENT.replace("host.tty.open()", "host.tty.open()\n" + WAVE))
    command = [sys.executable, "-m", "uartsim", "run", str(guest), "--clock", "virtual", "--for", "1e12"]
    with subprocess.Popen(
        command, env=environment(runtime), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "hello\n"
        os.kill(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=patience(30))
        assert errors == "silent: stopped\n"
        assert running.returncode == 0


#: Says hello, and is never idle for so long that its time is over at once.
WAVE = """\
        await host.tty.write(b"hello\\n")
        while True:
            await trio.sleep(1)"""


def test_what_the_guest_said_last_is_handed_on() -> None:
    async def main() -> None:
        said: list[bytes] = []

        async def last_words(machine: Machine) -> None:
            driver = SerialDriver(machine.com1)
            driver.open()
            await trio.sleep(1)
            await driver.write(b"x" * 16)

        end = await run_headless(FunctionGuest(last_words), "box", limit_s=10, output=said.append)
        assert end == GuestEnd("poweroff")
        assert b"".join(said) == b"x" * 16
        assert await run_headless(FunctionGuest(), "box", limit_s=10, output=said.append) is None

    run_virtual(main)


def test_clients_from_outside_are_refused_under_a_virtual_clock(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime))
    endpoints = open_endpoints("box")

    async def main() -> None:
        async with open_machine(FunctionGuest(), "box") as machine:
            server = MachineServer(endpoints, Hub(machine.com1))
            with pytest.raises(UsageError, match="box cannot be reached from outside under a virtual clock"):
                await server.run(machine, trio.TASK_STATUS_IGNORED)

    try:
        run_virtual(main)
    finally:
        endpoints.release()


class DeadOnArrival(FunctionGuest):
    """A guest that does not come to life."""

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        raise UartsimError("it does not start: look at it")


def test_a_guest_that_does_not_start_leaves_no_recording(tmp_path: Path) -> None:
    trace, vcd = (str(tmp_path / what) for what in ("trace", "vcd"))

    def records(machine: Machine) -> LineRecorder:
        return open_recorder(str(tmp_path / "record"), machine.name, machine.com1.clock.now())

    async def main() -> None:
        with pytest.raises(UartsimError, match="it does not start"):
            await run_headless(DeadOnArrival(), "box", limit_s=1, output=bytes, record=records, trace=trace, vcd=vcd)

    run_virtual(main)
    assert list(tmp_path.iterdir()) == []
