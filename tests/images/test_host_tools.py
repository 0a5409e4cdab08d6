"""The host's tools end with the process that wants them, and Ctrl-C at its terminal is not for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from tests.access.rig import wait_until
from tests.images.small_disk import small_disk
from tests.machine.rig import real_time
from uartsim.errors import UartsimError
from uartsim.images.host_tools import run_tool

_TOOL = "import sys; from uartsim.images.host_tools import run_tool; run_tool({command}, '', timeout_s=100)"
#: A qemu-nbd that is never asked anything: the process stops between its start and the handshake.
_SERVER = """
import time
from uartsim.images import nbd_client
nbd_client.Disk._shake_hands = lambda disk: time.sleep(100)
with nbd_client.open_disk({path!r}, "raw"):
    pass
"""


def _running(*words: str) -> list[int]:
    """The processes whose command lines have all of these words, apart from this one, and from Python."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "python" not in arguments[0] and all(word in arguments for word in words):
            found.append(int(folder.name))
    return found


def _end(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_tool_ends_with_the_process_that_wants_it(number: signal.Signals) -> None:
    seconds = f"77.{os.getpid()}{int(number)}"
    with subprocess.Popen([sys.executable, "-c", _TOOL.format(command=["sleep", seconds])]) as process:
        wait_until(lambda: _name(_running(seconds)) == "sleep", "the tool runs")
        process.send_signal(number)
    try:
        wait_until(lambda: not _running(seconds), "the tool has ended")
    finally:
        _end(_running(seconds))


@pytest.mark.needs("qemu-img")
def test_qemu_nbd_whose_client_ends_before_the_handshake_ends_too(tmp_path: Path) -> None:
    path = str(small_disk(tmp_path / "disk"))
    with subprocess.Popen([sys.executable, "-c", _SERVER.format(path=path)]) as process:
        wait_until(lambda: _name(_running("--read-only", path)) == "qemu-nbd", "qemu-nbd runs")
        time.sleep(0.5)  # it has accepted the connection; no outcome depends on it
        process.kill()
    try:
        wait_until(lambda: not _running("--read-only", path), "qemu-nbd has ended")
    finally:
        _end(_running("--read-only", path))


def _name(pids: list[int]) -> str:
    try:
        return Path(f"/proc/{pids[0]}/comm").read_text().strip()
    except (OSError, IndexError):
        return ""


def test_tool_is_in_a_session_of_its_own() -> None:
    done = run_tool(["sh", "-c", "cut -d' ' -f6 /proc/$$/stat"], "", timeout_s=10)
    assert done.status == 0
    assert int(done.output) != os.getsid(0)


@real_time
async def test_tool_of_a_cancelled_thread_is_ended_and_no_error() -> None:
    began = time.monotonic()
    with trio.move_on_after(0.3) as scope:
        await trio.to_thread.run_sync(lambda: run_tool(["sleep", "60"], "", timeout_s=100))
    assert scope.cancelled_caught
    assert time.monotonic() - began < 30


def test_what_is_given_and_what_comes_back_are_whole_however_long_it_takes() -> None:
    given = os.urandom(1 << 20)
    done = run_tool(["sh", "-c", "sleep 0.4; cat; echo done >&2; exit 3"], "", timeout_s=30, given=given)
    assert (done.status, done.output, done.complaints) == (3, given, "done")


def test_tool_that_takes_too_long_is_a_sentence() -> None:
    with pytest.raises(UartsimError, match=r"sleep did not end within 0\.3 s"):
        run_tool(["sleep", "60"], "", timeout_s=0.3)
