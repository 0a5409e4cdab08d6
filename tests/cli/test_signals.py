"""Signals end ``uartsim run`` at any moment with everything put away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import (
    SILENT,
    RunningMachine,
    environment,
    running,
    status_json,
    wait_until,
)
from tests.patience import patience

GuestFolder = Callable[[str], Path]


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
