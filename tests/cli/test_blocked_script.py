"""A guest's script that blocks the loop, or refuses to be cancelled, does not make the machine impossible to end."""

from __future__ import annotations

import json
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.access.rig import RunningMachine, environment, make_guest_folder, uartsim, wait_until
from tests.patience import patience

SLEEPS = """
    import time, trio

    async def main(host):
        host.tty.open()
        await host.tty.write(b"hi\\r\\n")
        await host.tty.drain()
        await trio.sleep(0.1)  # clients get it
        time.sleep(1e6)
"""
SPINS = SLEEPS.replace("time.sleep(1e6)", "while True: pass")
BLOCKS_AT_ITS_END = """
    import time, trio

    async def main(host):
        host.tty.open()
        await host.tty.write(b"hi\\r\\n")
        try:
            await trio.sleep_forever()
        finally:
            time.sleep(1e6)
"""


def start(runtime: Path, folder: Path, *options: str) -> RunningMachine:
    """A machine whose guest has said ``hi``, and soon blocks."""
    record = folder / "record"
    machine = RunningMachine(runtime, folder, "blk", "--no-attach", "--record", str(record), *options)
    wait_until(lambda: (runtime / "blk" / "attach").exists(), "the machine")
    wait_until(lambda: record.exists() or machine.process.poll() is not None, "the record")
    time.sleep(0.5)  # the script blocks by now, or is still ended in the usual way, which is right as well
    return machine


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMachine]:
    """A machine whose script blocks."""
    runtime = tmp_path_factory.mktemp("run")
    runtime.chmod(0o700)
    machine = start(runtime, make_guest_folder(tmp_path_factory.mktemp("guest"), SLEEPS))
    yield machine
    machine.process.kill()
    machine.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("source", [SLEEPS, SPINS, BLOCKS_AT_ITS_END], ids=["sleeps", "spins", "at its end"])
def test_a_signal_ends_a_machine_whose_script_blocks(
    runtime: Path, tmp_path: Path, source: str, number: signal.Signals
) -> None:
    folder = make_guest_folder(tmp_path / "guest", source)
    machine = start(runtime, folder, "--trace", str(tmp_path / "trace"))
    _, err = machine.end(number)
    line = 1 + max(n for n, text in enumerate((folder / "guest.py").read_text().splitlines()) if text.strip())
    assert f"blk was ended by force: the guest's script ({folder}/guest.py:{line}) blocks the machine" in err
    assert machine.process.returncode == 1
    machine.assert_nothing_is_left()
    events = [json.loads(text) for text in (folder / "record").read_text().splitlines()]
    assert any("hi" in str(event) for event in events)
    assert "port" in uartsim(runtime, "trace", "summary", str(tmp_path / "trace")).stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_script_that_blocks_in_virtual_time(
    runtime: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = make_guest_folder(tmp_path / "guest", SLEEPS)
    record, trace = tmp_path / "record", tmp_path / "trace"
    machine = RunningMachine(
        runtime, folder, "blk", "--clock", "virtual", "--record", str(record), "--trace", str(trace)
    )
    assert machine.process.stdout is not None
    assert machine.process.stdout.readline() == "hi\n"
    time.sleep(0.2)
    _, err = machine.end(number)
    assert f"({folder}/guest.py:9) blocks the machine" in err
    assert machine.process.returncode == 1
    assert "hi" in record.read_text()
    assert "port" in uartsim(runtime, "trace", "summary", str(trace)).stdout


def test_an_attached_terminal_is_restored(runtime: Path, tmp_path: Path) -> None:
    folder = make_guest_folder(tmp_path / "guest", SLEEPS)
    child = pexpect.spawn(
        sys.executable,
        ["-m", "uartsim", "run", str(folder), "--name", "blk"],
        env=environment(runtime),
        timeout=patience(30),
        encoding="utf-8",
    )
    before = termios.tcgetattr(child.child_fd)[3]
    child.expect("hi\r\n")
    time.sleep(0.2)
    child.kill(signal.SIGTERM)
    child.expect("blocks the machine")
    assert termios.tcgetattr(child.child_fd)[3] == before
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


@pytest.mark.parametrize(
    "arguments", [["status"], ["stop"], ["break"], ["reset"], ["history"], ["sysrq", "h"], ["save", "x"]], ids=" ".join
)
def test_a_command_says_that_the_machine_does_not_answer(blocked: RunningMachine, arguments: list[str]) -> None:
    began = time.monotonic()
    done = uartsim(blocked.runtime, *arguments, status=1)
    assert time.monotonic() - began < patience(10)
    pid = blocked.process.pid
    assert done.stderr.startswith(f"uartsim: machine blk does not answer within 5 s: its process is {pid}")
    assert f"'kill -9 {pid}'" in done.stderr


def test_attach_and_list_say_so_too(blocked: RunningMachine) -> None:
    assert "does not answer" in uartsim(blocked.runtime, "list").stdout
    child = pexpect.spawn(
        sys.executable, ["-m", "uartsim", "attach"], env=environment(blocked.runtime), timeout=patience(30)
    )
    child.expect("machine blk does not answer")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
