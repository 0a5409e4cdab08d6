"""A guest's script that blocks the loop, and the blocking console: no call hangs, and Ctrl-C works."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.console.fakes import write_guest
from tests.patience import patience
from uartsim.console.trio_thread import TrioThread

SLEEPS = """
import time
await tty.write(b"hi\\r\\n")
await tty.drain()
await trio.sleep(0.1)
time.sleep(1e6)
"""

EXPECTS = """
import sys, time
from uartsim import blocking
try:
    with blocking.open_console(sys.argv[1], clock=sys.argv[2]) as console:
        console.expect("hi")
        print("waits", flush=True)
        console.expect("never", timeout=2)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
except KeyboardInterrupt:
    print("interrupted")
"""


def start(tmp_path: Path, clock: str) -> tuple[subprocess.Popen[str], Path]:
    folder = write_guest(tmp_path / "blocks", SLEEPS)
    process = subprocess.Popen(
        [sys.executable, "-c", EXPECTS, str(folder), clock], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    return process, folder


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_call_says_what_blocks(tmp_path: Path, clock: str) -> None:
    process, folder = start(tmp_path, clock)
    out, err = process.communicate(timeout=patience(30))
    assert err == ""
    assert out.startswith(f"UartsimError: the guest's script ({folder}/guest.py:")
    assert "blocks the machine, which has not gone on for 8 s" in out


def test_ctrl_c_ends_a_call_that_waits_for_a_script_that_blocks(tmp_path: Path) -> None:
    process, _ = start(tmp_path, "real")
    time.sleep(0.5)  # the call waits
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=patience(15))
    assert (out, err) == ("interrupted\n", "")


def test_code_that_is_only_slow_is_waited_for() -> None:
    thread = TrioThread()

    async def slow() -> int:
        time.sleep(3)  # noqa: ASYNC251  (it blocks on purpose)
        return 7

    assert thread.call(slow) == 7
