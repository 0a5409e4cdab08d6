"""Time plays tricks: the clock is set back, the process is suspended, the guest idles for long."""

from __future__ import annotations

import os
import signal
import time
import zlib
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.access.rig import ECHO, SERVER, numbered, read_until, running, uartsim
from tests.faults.rig import (
    GuestFolder,
    echo_folder,
    exchange,
    noise,
    open_plain,
    open_serial,
    process_folder,
    stop_process,
    wait_echo,
)
from tests.patience import state_of
from uartsim.record import read_transcript

#: The time of day goes back by an hour whenever somebody looks at it.  (Python imports a module of this name first.)
CLOCK_SET_BACK = """
import time
_real, _looks = time.time, 0

def set_back():
    global _looks
    _looks += 1
    return _real() - 3600 * _looks

time.time = set_back
time.time_ns = lambda: int(set_back() * 1e9)
"""


def test_a_clock_that_is_set_back_changes_neither_line_nor_record(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(CLOCK_SET_BACK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    record = tmp_path / "record"
    size = 16_000
    with running(runtime, guest_folder(SERVER), "box", "--record", str(record)) as machine:
        environ = Path(f"/proc/{machine.process.pid}/environ").read_bytes()
        assert str(tmp_path).encode() in environ
        with open_plain(machine) as fd:
            assert read_until(fd, 6) == b"ready\n"
            began = time.monotonic()
            os.write(fd, b"%d\n" % size)
            assert read_until(fd, size) == numbered(size)
            took = time.monotonic() - began
        uartsim(runtime, "break", "box", "--seconds", "0.1")
        up_s = machine.status()["up_s"]
    assert took >= size * 10 / 115200
    assert took <= up_s < 60
    times = [event.seconds for event in read_transcript(str(record)) if event.kind not in "ih"]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] - times[0] >= size * 10 / 115200


@pytest.mark.parametrize("rate", ["line", "unlimited"])
@pytest.mark.parametrize("kind", ["script", "process"])
def test_a_suspended_uartsim_that_goes_on_has_lost_and_doubled_nothing(
    runtime: Path, tmp_path: Path, kind: str, rate: str
) -> None:
    """Stopped again and again in the middle of a stream in both directions."""
    part_size = 5000 if rate == "line" else 100_000
    data = noise(4 * part_size, 9)
    with running(runtime, echo_folder(kind, tmp_path / "g"), "box", "--rate", rate) as machine:
        pid = machine.process.pid
        with open_serial(machine) as client:
            wait_echo(client, kind)
        heard = bytearray()
        stops = 0

        def go_on() -> None:
            nonlocal stops
            if state_of(pid) == "T":
                stops += 1
                os.kill(pid, signal.SIGCONT)

        with open_plain(machine) as fd:
            for begin in range(0, len(data), part_size):
                os.write(fd, data[begin : begin + 1000])
                heard += read_until(fd, 1)  # it is under way
                stop_process(pid)
                have = len(heard)
                heard += exchange(fd, data[begin + 1000 : begin + part_size], begin + part_size - have, go_on)
        assert stops == 4
        assert (len(heard), zlib.crc32(heard)) == (len(data), zlib.crc32(data))
        line = machine.status()["com1"]["line"]
        assert (line["overruns"], line["dropped_by_full_transmitter"], line["queued_in"]) == (0, 0, 0)


def test_a_suspended_uartsim_on_a_strict_line_loses_nothing_that_is_not_counted(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """The far end does not wait for the receiver there; what was overrun is said in its place."""
    data = b"0123456789" * 800
    with running(runtime, guest_folder(ECHO), "box", "--strict-line") as machine, open_plain(machine) as fd:
        os.write(fd, data[:2000])
        heard = bytearray(read_until(fd, 100))
        stop_process(machine.process.pid)
        heard += exchange(fd, data[2000:], len(data) - len(heard), lambda: os.kill(machine.process.pid, signal.SIGCONT))
        assert bytes(heard) == data
        assert machine.status()["com1"]["line"]["overruns"] == 0


def test_a_suspended_uartsim_is_said_not_to_answer(
    runtime: Path, guest_folder: GuestFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        stop_process(machine.process.pid)
        found = uartsim(runtime, "list").stdout
        assert "does not answer" in found
        assert f"its process is {machine.process.pid}, which may be stopped" in found
        os.kill(machine.process.pid, signal.SIGCONT)
        assert "running" in uartsim(runtime, "list").stdout


@pytest.mark.needs(guest="agetty")
def test_guests_that_were_idle_for_half_a_minute_still_answer(runtime: Path, tmp_path: Path) -> None:
    """Trio's worker threads end after ten idle seconds: whatever depended on one would be gone."""
    shell = "stty -echo\nwhile read line; do echo got $line; done\n"
    with ExitStack() as stack:
        start = stack.enter_context
        machines = {
            "script": start(running(runtime, echo_folder("script", tmp_path / "s"), "script")),
            "program": start(running(runtime, process_folder(tmp_path / "p", shell), "program")),
            "agetty": start(running(runtime, "agetty", "agetty")),
        }
        clients = {name: start(open_serial(machine)) for name, machine in machines.items()}
        assert clients["agetty"].read_until(b"login: ").endswith(b"login: ")
        sent = {name: machine.status()["hub"]["bytes_from_guest"] for name, machine in machines.items()}
        time.sleep(30)  # idle for so long is what is tested
        assert {name: machine.status()["hub"]["bytes_from_guest"] for name, machine in machines.items()} == sent
        clients["script"].write(b"hello")
        assert clients["script"].read(5) == b"hello"
        clients["program"].write(b"hello\r")
        assert clients["program"].read_until(b"got hello\r\n").endswith(b"got hello\r\n")
        clients["agetty"].write(b"root\r")
        assert clients["agetty"].read_until(b"Password: ").endswith(b"Password: ")
