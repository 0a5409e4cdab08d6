"""The programs that people use, in a terminal: they attach, type, leave, and the next one comes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from tests.access.rig import environment, running, wait_until

GuestFolder = Callable[[str], Path]

#: Echoes like a person's machine: what is typed comes back in brackets.
TYPEWRITER = """
    async def main(host):
        host.tty.open()
        await host.tty.write(b"welcome\\r\\n")
        while True:
            data = (await host.tty.receive()).data
            await host.tty.write(b"".join(b"<%c>" % c if c >= 32 else b"<%02x>" % c for c in data))
"""


class Terminal:
    """A terminal in tmux with one program in it."""

    def __init__(self, folder: Path, runtime: Path, command: str) -> None:
        self._socket = str(folder / "tmux")
        self._screens = folder / "screen"
        self._screens.mkdir(mode=0o700)
        self._environment = {**environment(runtime), "SCREENDIR": str(self._screens), "HOME": str(folder)}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", command)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments: str) -> str:
        """Run tmux; returns what it prints."""
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """What the person sees."""
        return self.tmux("capture-pane", "-p")

    def expect(self, text: str) -> None:
        """Wait until ``text`` is on the screen."""
        try:
            wait_until(lambda: text in self.screen().replace("\n", ""), text)
        except AssertionError:
            raise AssertionError(f"no {text!r} on the screen:\n{self.screen()}") from None

    def ended(self) -> bool:
        """Whether the program has ended."""
        return self.tmux("list-panes", "-F", "#{pane_dead}").strip() == "1"

    def close(self) -> None:
        """End everything.  GNU screen would live on without its terminal."""
        if any(self._screens.iterdir()):
            subprocess.run(["screen", "-X", "quit"], env=self._environment, capture_output=True, check=False)
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)


CLIENTS = [
    pytest.param("picocom --baud 115200 {link}", ("C-a", "C-x"), marks=pytest.mark.needs("tmux", "picocom"), id="picocom"),
    pytest.param("tio --baudrate 115200 {link}", ("C-t", "q"), marks=pytest.mark.needs("tmux", "tio"), id="tio"),
    pytest.param("screen {link} 115200", ("C-a", "k", "y"), marks=pytest.mark.needs("tmux", "screen"), id="screen"),
    pytest.param(
        "python3 -m serial.tools.miniterm --raw --eol CR {link} 115200",
        ("C-]",),
        marks=pytest.mark.needs("tmux"),
        id="miniterm",
    ),
]


@pytest.fixture
def open_terminal(tmp_path: Path, runtime: Path) -> Iterator[Callable[[str], Terminal]]:
    terminals: list[Terminal] = []

    def make(command: str) -> Terminal:
        folder = tmp_path / f"t{len(terminals)}"
        folder.mkdir()
        terminals.append(Terminal(folder, runtime, command))
        return terminals[-1]

    yield make
    for terminal in terminals:
        terminal.close()


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
        with serial.Serial(str(machine.link), 115200, timeout=20) as client:
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
        with serial.Serial(str(machine.link), 115200, timeout=20) as client:
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
