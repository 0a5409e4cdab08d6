"""``uartsim run`` and ``uartsim attach`` at a person's terminal."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.access.rig import (
    SERVER,
    environment,
    running,
    status_json,
    uartsim,
    wait_until,
)
from tests.patience import patience

GuestFolder = Callable[[str], Path]


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
