"""Guests that flood, die, or stand still: the machine stays in hand, and says what became of them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.access.rig import COUNTER, RunningMachine, read_until, running, uartsim, wait_until
from tests.faults.rig import (
    GuestFolder,
    connect,
    echo_folder,
    exchange,
    noise,
    open_plain,
    open_serial,
    process_folder,
    resident_bytes,
    stop_process,
    wait_echo,
)
from tests.guests.line import left_after, name_of
from tests.patience import patience
from uartsim.guest.process import AT_ONCE_S
from uartsim.guest.reaper import descendants

QEMU = pytest.param("qemu", marks=pytest.mark.needs("qemu-system-x86_64"))


def child_named(machine: RunningMachine, name: str) -> int:
    """The process of that name below a machine."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for pid in descendants(machine.process.pid) if name_of(pid).startswith(name)]
        return bool(found)

    wait_until(look, f"{name} runs")
    return found[0]


@pytest.mark.parametrize("kind", ["script", "process"])
@pytest.mark.parametrize("rate", ["line", "unlimited"])
def test_a_guest_that_floods_can_still_be_asked_read_and_ended(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder, kind: str, rate: str
) -> None:
    yes = process_folder(tmp_path / "p", "stty raw\nexec yes 0123456\n")
    folder = guest_folder(COUNTER) if kind == "script" else yes
    with running(runtime, folder, "box", "--rate", rate) as machine:
        machine.wait_sent(20_000 if rate == "line" else 100_000)
        with open_plain(machine) as fd:
            lines = read_until(fd, 4096)[800:].split(b"\n")[1:-1]
            assert all(len(line) == 7 and line.isdigit() for line in lines)
        machine.ask("break", seconds=0.01)
        assert machine.status()["com1"]["line"]["breaks_in"] == 1
        assert resident_bytes(machine.process.pid) < 150 << 20
        machine.ask("stop")
        assert machine.process.wait(10) == 0
    assert os.listdir(runtime) == []


@pytest.mark.parametrize(("kind", "name"), [("process", "cat"), pytest.param("qemu", "qemu", marks=QEMU.marks)])
def test_a_guest_that_is_killed_ends_the_machine_with_a_sentence(
    runtime: Path, tmp_path: Path, kind: str, name: str
) -> None:
    machine = RunningMachine(runtime, echo_folder(kind, tmp_path / "g"), "box")
    machine.wait_ready()
    with open_serial(machine) as client:
        wait_echo(client, kind)
        wait_until(lambda: machine.status()["up_s"] > AT_ONCE_S + 0.5, "it has not died at once")
        os.kill(child_named(machine, name), signal.SIGKILL)
        _, err = machine.process.communicate(timeout=patience(20))
    assert "Traceback" not in err
    assert "status 137" in err
    assert machine.process.returncode == 1, err
    machine.assert_nothing_is_left()


def test_the_last_words_of_a_program_that_is_killed_reach_whoever_is_attached(runtime: Path, tmp_path: Path) -> None:
    folder = process_folder(tmp_path / "g", "stty raw -echo\necho ready\nread x\nseq -f %07g 0 2999\nkill -9 $$\n")
    machine = RunningMachine(runtime, folder, "box")
    machine.wait_ready()
    with open_plain(machine) as fd:
        assert read_until(fd, 6) == b"ready\n"
        os.write(fd, b"go\n")
        assert read_until(fd, 24_000) == b"".join(b"%07d\n" % n for n in range(3000))
    machine.end()
    machine.assert_nothing_is_left()


@pytest.mark.parametrize(("kind", "name"), [("process", "cat"), pytest.param("qemu", "qemu", marks=QEMU.marks)])
def test_a_guest_that_stands_still_and_goes_on_has_lost_nothing(
    runtime: Path, tmp_path: Path, kind: str, name: str
) -> None:
    """Stopped by SIGSTOP in the middle of a stream: the line waits, everybody else is served."""
    size = 2000 if kind == "qemu" else 8000  # the emulated processor polls for every byte
    data = noise(3 * size, 8)
    with running(runtime, echo_folder(kind, tmp_path / "g"), "box", "--rate", "unlimited") as machine:
        with open_serial(machine) as client:
            wait_echo(client, kind)
        pid = child_named(machine, name)
        stops = 0

        def go_on() -> None:
            nonlocal stops
            assert machine.status()["state"] == "running"
            os.kill(pid, signal.SIGCONT)
            stops += 1

        with open_plain(machine) as fd:
            heard = bytearray()
            for begin in range(0, len(data), size):
                part = data[begin : begin + size]
                stop_process(pid)
                heard += exchange(fd, part, len(part), go_on)
        assert bytes(heard) == data
        assert stops >= 3
        assert machine.status()["com1"]["line"]["overruns"] == 0


@pytest.mark.parametrize(("kind", "name"), [("process", "cat"), pytest.param("qemu", "qemu", marks=QEMU.marks)])
def test_a_machine_whose_guest_stands_still_can_be_ended(runtime: Path, tmp_path: Path, kind: str, name: str) -> None:
    machine = RunningMachine(runtime, echo_folder(kind, tmp_path / "g"), "box")
    machine.wait_ready()
    with open_serial(machine) as client:
        wait_echo(client, kind)
    pid = child_named(machine, name)
    stop_process(pid)
    started = set(descendants(machine.process.pid))
    with connect(runtime / "box" / "control") as waiting:
        if kind == "qemu":
            waiting.sendall(b'{"do": "reset"}\n')  # QMP does not answer; nobody else waits for it
        uartsim(runtime, "stop", "box")
    assert machine.process.wait(10) == 0
    assert left_after(started) == set()
    machine.end()
    machine.assert_nothing_is_left()
