"""The programs that people use, in a terminal: they attach, type, leave, and the next one comes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from tests.access.rig import running, wait_until
from tests.access.tmux import TYPEWRITER, Terminal
from tests.patience import patience

GuestFolder = Callable[[str], Path]

CLIENTS = [
    pytest.param(
        "picocom --baud 115200 {link}", ("C-a", "C-x"), marks=pytest.mark.needs("tmux", "picocom"), id="picocom"
    ),
    pytest.param("tio --baudrate 115200 {link}", ("C-t", "q"), marks=pytest.mark.needs("tmux", "tio"), id="tio"),
    pytest.param("screen {link} 115200", ("C-a", "k", "y"), marks=pytest.mark.needs("tmux", "screen"), id="screen"),
    pytest.param(
        f"{sys.executable} -m serial.tools.miniterm --raw --eol CR {{link}} 115200",
        ("C-]",),
        marks=pytest.mark.needs("tmux"),
        id="miniterm",
    ),
]


@pytest.mark.parametrize(("command", "leave"), CLIENTS)
def test_a_person_attaches_types_leaves_and_the_next_finds_a_clean_line(
    runtime: Path,
    guest_folder: GuestFolder,
    open_terminal: Callable[[str], Terminal],
    request: pytest.FixtureRequest,
    command: str,
    leave: tuple[str, ...],
) -> None:
    name = f"box-{request.node.callspec.id}"  # programs make lock files from the link's name
    with running(runtime, guest_folder(TYPEWRITER), name) as machine:
        machine.wait_sent(9)
        terminal = open_terminal(command.format(link=machine.link))
        terminal.expect("welcome")
        terminal.type("hi")
        terminal.keys("Enter", "C-c", "C-d", "Tab")
        terminal.expect("<h><i><0d><03><04><09>")
        terminal.keys(*leave)
        wait_until(terminal.ended, "the program ends")
        machine.wait_opened(0)
        assert machine.status()["hub"]["writer"] is None
        with serial.Serial(str(machine.link), 115200, timeout=patience(20)) as client:
            client.write(b"\x13\x11\r\n")
            assert client.read(16) == b"<13><11><0d><0a>"


@pytest.mark.parametrize(("command", "leave"), CLIENTS)
def test_a_client_that_is_killed_leaves_a_line_that_works(
    runtime: Path,
    guest_folder: GuestFolder,
    open_terminal: Callable[[str], Terminal],
    request: pytest.FixtureRequest,
    command: str,
    leave: tuple[str, ...],
) -> None:
    name = f"gone-{request.node.callspec.id}"
    with running(runtime, guest_folder(TYPEWRITER), name) as machine:
        terminal = open_terminal(command.format(link=machine.link))
        terminal.expect("welcome")
        terminal.type("x")
        terminal.expect("<x>")
        terminal.close()
        machine.wait_opened(0)
        with serial.Serial(str(machine.link), 115200, timeout=patience(20)) as client:
            client.write(b"y")
            assert client.read(3) == b"<y>"


@pytest.mark.needs("tmux", "picocom")
def test_a_person_at_the_pty_is_told_when_somebody_else_holds_the_line(
    runtime: Path, guest_folder: GuestFolder, open_terminal: Callable[[str], Terminal]
) -> None:
    with running(runtime, guest_folder(TYPEWRITER), "held") as machine:
        first = open_terminal("python3 -m uartsim attach held")
        first.expect("welcome")
        second = open_terminal(f"picocom --baud 115200 {machine.link}")
        second.expect("welcome")
        second.type("z")
        second.expect("uartsim: not sent: attach")
        first.type("a")
        first.expect("<a>")
        second.expect("<a>")
        first.keys("C-]", "q")
        wait_until(first.ended, "attach ends")
        second.type("b")
        second.expect("<b>")
