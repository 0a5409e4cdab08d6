"""Nobody reads what ``uartsim run`` prints: the line goes on, and a signal ends it at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.access.rig import COUNTER, ECHO, environment, open_serial, running, uartsim, wait_until
from tests.faults.rig import GuestFolder, process_folder
from uartsim.access.control import ask
from uartsim.access.log import OF_A_KIND, QUEUE_BYTES, REPEAT_S, Log
from uartsim.errors import UartsimError

#: A program that alternates between speeds that COM1 does not have, and sends something at each.
ALTERNATES = r"""
exec python3 -c '
import fcntl, struct, time
termios2 = struct.Struct("4IB19s2I")
while True:
    for baud in (1000000, 2000000):
        fields = list(termios2.unpack(fcntl.ioctl(1, 0x802C542A, bytes(termios2.size))))
        fields[2] = fields[2] & ~0x100F | 0x1000
        fields[6] = fields[7] = baud
        fcntl.ioctl(1, 0x402C542B, termios2.pack(*fields))
        print("still alive", flush=True)
        time.sleep(0.005)  # so that each is noticed
'
"""


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that has no room left, and stays one that blocks."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def answers(control: Path) -> bool:
    try:
        ask(str(control), "status")
    except UartsimError:
        return False
    return True


def test_a_server_whose_output_is_a_full_pipe_goes_on_and_ends_within_a_second_of_sigterm(
    runtime: Path, tmp_path: Path
) -> None:
    folder = process_folder(tmp_path / "g", ALTERNATES)
    with full_pipe() as (_, writer):
        process = subprocess.Popen(
            [sys.executable, "-m", "uartsim", "run", str(folder), "--name", "box"],
            env=environment(runtime),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: answers(runtime / "box" / "control"), "it runs")
            with open_serial(runtime / "box.tty") as client:
                assert client.read_until(b"still alive\r\n" * 3).endswith(b"still alive\r\n")
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert time.monotonic() - began < 5, "one second on a machine that has nothing else to do"
        finally:
            process.kill()
            process.wait()
        assert os.get_blocking(writer), "O_NONBLOCK belongs to all that have the pipe"
    assert os.listdir(runtime) == []


def test_a_message_that_repeats_is_said_once_and_counted(runtime: Path, tmp_path: Path) -> None:
    with running(runtime, process_folder(tmp_path / "g", ALTERNATES)) as machine:
        machine.wait_sent(1500)
        _, err = machine.end()
    said = [line for line in err.splitlines() if "a speed that COM1 cannot run at" in line]
    plain = [line for line in said if not line.endswith(")")]
    assert len(plain) == len(set(plain)) in (1, 2), err  # which of the two are noticed is a matter of the moment
    counts = said[len(plain) :]
    assert counts, err
    assert all(line.startswith(tuple(plain)) for line in counts)
    assert all(line.endswith(("more times)", "(once more)")) for line in counts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_virtual_time_a_signal_ends_a_write_that_nobody_reads(
    runtime: Path, guest_folder: GuestFolder, number: signal.Signals
) -> None:
    with full_pipe() as (reader, writer):
        process = subprocess.Popen(
            [sys.executable, "-m", "uartsim", "run", str(guest_folder(COUNTER)), "--clock", "virtual", "--for", "9999"],
            env=environment(runtime),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
        )
        try:
            os.read(reader, 65536)  # room for some
            wait_until(lambda: is_writing(process.pid), "it waits for somebody to read")
            process.send_signal(number)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0
    assert err == b"guest: stopped\n"


def is_writing(pid: int) -> bool:
    return "pipe_write" in Path(f"/proc/{pid}/wchan").read_text()


def test_a_record_into_a_fifo_is_refused(runtime: Path, tmp_path: Path, guest_folder: GuestFolder) -> None:
    os.mkfifo(tmp_path / "fifo")
    arguments = ("run", str(guest_folder(ECHO)), "--record", str(tmp_path / "fifo"))
    assert "exists" in uartsim(runtime, *arguments, status=2).stderr


# -- the log -------------------------------------------------------------------------------------------------


def read_now(fd: int) -> bytes:
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 1 << 20)
    except BlockingIOError:
        return b""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_log_counts_repetitions_and_says_the_count_at_the_end(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    for _ in range(13):
        log.say("the same")
    log.say("another")
    log.say("another")
    assert log.close()
    assert read_now(pipe[0]).decode().splitlines() == [
        "uartsim: the same",
        "uartsim: another",
        "uartsim: the same (12 more times)",
        "uartsim: another (once more)",
    ]


def test_a_repetition_after_a_while_brings_the_count(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("uartsim.access.log.time.monotonic", lambda: now)
    log = Log(pipe[1])
    lines = [log.condense("it failed")]
    now += REPEAT_S - 1
    lines.append(log.condense("it failed"))
    now += 2
    lines.append(log.condense("it failed"))
    now += REPEAT_S + 1
    lines.append(log.condense("it failed"))
    assert lines == [["it failed"], [], ["it failed (2 more times)"], []], "and from then on half as often"


def test_messages_that_differ_only_in_numbers_are_one_kind(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    said = [line for number in range(20) for line in log.condense(f"cannot do {number} baud")]
    assert said == [f"cannot do {number} baud" for number in range(OF_A_KIND)]
    assert log.condense("cannot do that") == ["cannot do that"]
    log.close()
    assert b"uartsim: cannot do 19 baud (and 15 more like it)\n" in read_now(pipe[0])


def test_what_a_log_has_no_room_for_is_counted_and_said_when_somebody_reads() -> None:
    with full_pipe() as (reader, writer):
        log = Log(writer)
        for number in range(QUEUE_BYTES // 100 + 10):
            log.write(f"{number:099d}\n")
        assert not log.flush(0.01)
        got = b""
        while b"lines could not be written here: nobody read them\n" not in got:
            got += os.read(reader, 65536)
        assert b"uartsim: 10 lines could not be written" in got or b"uartsim: 11 lines could not be written" in got
