"""``uartsim attach`` at a terminal: what a person types and sees, and what is left of it afterwards."""

from __future__ import annotations

import fcntl
import os
import random
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.access.rig import ECHO, SERVER, SILENT, RunningMachine, environment, read_until, running, wait_until
from tests.access.tmux import TYPEWRITER, Terminal
from uartsim.access.keys import ESCAPE, MENU

GuestFolder = Callable[[str], Path]
Attach = Callable[..., "Attached"]

#: Says what was sent while nobody watched, then echoes.
PAST = """
    async def main(host):
        host.tty.open()
        await host.tty.write(b"old \\x1b[6nnews\\x1b[c\\n")
        while True:
            data = (await host.tty.receive()).data
            await host.tty.write(b"\\x1b[6n" if data == b"?" else data)
"""
#: Sends numbered lines, much at a time.
FLOOD = """
    async def main(host):
        host.tty.open()
        number = 0
        while True:
            await host.tty.write(b"".join(b"%07d\\n" % n for n in range(number, number + 8192)))
            number += 8192
"""
#: A program that fills the screen and never cleans up.
FULL_SCREEN = """
    import trio

    async def main(host):
        host.tty.open()
        await host.tty.write(b"\\x1b[?1049h\\x1b[?25l\\x1b[?2004hfull")
        await trio.sleep_forever()
"""


class Attached:
    """A program on a terminal of its own, whose other end is ours."""

    def __init__(self, runtime: Path, *command: str) -> None:
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", 40, 132, 0, 0))
        settings = termios.tcgetattr(self.slave)
        settings[3] &= ~termios.ECHOCTL  # something that nobody would set by chance
        termios.tcsetattr(self.slave, termios.TCSANOW, settings)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command,
            env=environment(runtime),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.seen = b""
        os.set_blocking(self.master, False)

    def send(self, data: bytes) -> None:
        """Type; what comes to the screen meanwhile is read."""
        view = memoryview(data)
        while view:
            self.read(0)
            try:
                view = view[os.write(self.master, view) :]
            except BlockingIOError:
                select.select([self.master], [self.master], [], 20)

    def read(self, timeout_s: float) -> bool:
        """Read what has come to the screen; whether there was something."""
        if not select.select([self.master], [], [], timeout_s)[0]:
            return False
        self.seen += os.read(self.master, 65536)
        return True

    def expect(self, text: bytes, timeout_s: float = 20) -> None:
        """Wait until ``text`` has come to the screen; forget all up to it."""
        deadline = time.monotonic() + timeout_s
        while text not in self.seen:
            assert self.read(max(0, deadline - time.monotonic())), (text, self.seen[-2000:])
        self.seen = self.seen.partition(text)[2]

    def menu(self, key: bytes) -> None:
        """Press a key of the menu."""
        self.send(ESCAPE)
        self.expect(MENU.encode())
        self.send(key)

    def wait_raw(self) -> None:
        """Wait until it serves the terminal."""
        wait_until(lambda: termios.tcgetattr(self.slave)[3] & termios.ICANON == 0, "raw mode")

    def ended(self) -> int:
        """Wait for its end, whatever it still writes; its exit status."""
        wait_until(lambda: (self.read(0), self.process.poll() is not None)[1], "the end")
        return self.process.returncode

    def assert_as_before(self) -> None:
        """The terminal has its settings back, and whoever has it next finds it blocking."""
        assert termios.tcgetattr(self.slave) == self.before
        assert os.get_blocking(self.slave)

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in {self.master, self.slave} - {-1}:
            os.close(fd)


@pytest.fixture
def attach(runtime: Path) -> Iterator[Attach]:
    """Attaches to a machine."""
    there: list[Attached] = []

    def make(*arguments: str) -> Attached:
        there.append(Attached(runtime, sys.executable, "-m", "uartsim", "attach", *arguments))
        return there[-1]

    yield make
    for attached in there:
        attached.close()


# -- every way out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("quit", 0, b"uartsim: left box\r\n"),
        ("the machine ends", 0, b"uartsim: left box: the machine was stopped"),
        ("the machine is killed", 1, b"uartsim: left box: the machine is gone"),
        ("SIGTERM", 143, b"ended by SIGTERM"),
        ("SIGHUP", 129, b"ended by SIGHUP"),
        ("SIGINT", 130, b"ended by SIGINT"),
        ("SIGQUIT", 131, b"ended by SIGQUIT"),
    ],
)
def test_the_terminal_gets_its_settings_back(
    runtime: Path, guest_folder: GuestFolder, attach: Attach, how: str, status: int, says: bytes
) -> None:
    machine = RunningMachine(runtime, guest_folder(SERVER), "box")
    try:
        machine.wait_ready()
        client = attach("box")
        client.expect(b"ready")
        client.wait_raw()
        assert os.get_blocking(client.slave)
        match how:
            case "quit":
                client.menu(b"q")
            case "the machine ends":
                machine.end()
            case "the machine is killed":
                machine.end(signal.SIGKILL)
            case _:
                client.process.send_signal(getattr(signal, how))
        client.expect(says)
        assert client.ended() == status
        client.assert_as_before()
    finally:
        machine.end()


def test_the_terminal_gets_its_settings_back_after_an_error_of_ours(runtime: Path, guest_folder: GuestFolder) -> None:
    code = """if True:
        import sys
        from uartsim.access.terminal import Terminal
        from uartsim.cli import main

        async def fail(*_):
            raise RuntimeError("as if")

        Terminal._do = fail
        sys.argv = ["uartsim", "attach", "box"]
        main()
    """
    with running(runtime, guest_folder(SERVER)):
        client = Attached(runtime, sys.executable, "-c", code)
        try:
            client.expect(b"ready")
            client.send(b"x")
            client.expect(b"as if")
            assert client.ended() == 1
            client.assert_as_before()
        finally:
            client.close()


def test_a_terminal_that_is_gone_ends_it(runtime: Path, guest_folder: GuestFolder, attach: Attach) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        client = attach("box")
        client.expect(b"ready")
        os.close(client.slave)
        os.close(client.master)
        client.master = client.slave = -1
        client.process.wait(20)
        wait_until(lambda: machine.status()["hub"]["writer"] is None, "the line is free")


def test_a_stop_signal_gives_the_terminal_back_for_as_long_as_it_lasts(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """A shell with job control, as a person has it; Ctrl-Z itself goes to the guest."""
    script = f"set -m; {sys.executable} -m uartsim attach box; echo STOPPED; read x; fg; echo DONE; read x"
    with running(runtime, guest_folder(TYPEWRITER)) as machine:
        shell = Attached(runtime, "bash", "-c", script)
        try:
            shell.expect(b"welcome")
            shell.send(b"\x1a")
            shell.expect(b"<1a>")
            found = re.search(r"process (\d+)", machine.status()["hub"]["writer"])
            assert found is not None
            os.kill(int(found[1]), signal.SIGTSTP)
            shell.expect(b"STOPPED")
            shell.assert_as_before()
            shell.send(b"\n")
            shell.wait_raw()
            shell.send(b"y")
            shell.expect(b"<79>" if b"<79>" in shell.seen else b"<y>")
            shell.menu(b"q")
            shell.expect(b"DONE")
            shell.assert_as_before()
        finally:
            shell.close()


# -- the menu ------------------------------------------------------------------------------------------------

BUTTONS = """
    from uartsim.guest.script import Flag

    async def main(host):
        host.tty.open()
        host.on_nmi = lambda: host.tty.write_nowait(b"NMI\\r\\n")
        await host.tty.write(b"boot\\r\\n")
        while True:
            data, flag = await host.tty.receive()
            await host.tty.write(data if flag is Flag.NORMAL else b"<break>")
"""


@pytest.mark.needs("tmux")
def test_the_menu_does_what_it_says(
    runtime: Path, guest_folder: GuestFolder, open_terminal: Callable[[str], Terminal]
) -> None:
    with running(runtime, guest_folder(BUTTONS)) as machine:
        person = open_terminal(f"{sys.executable} -m uartsim attach")  # the only machine that runs
        person.expect("boot")
        for key, shown in (
            ("b", "<break>"),
            ("n", "NMI"),
            ("x", "[uartsim: 'x' means nothing here"),
            ("d", "115200 8N1 | DTR RTS CTS DSR DCD | "),
            ("d", "breaks 1 in 0 out | held by you, watching: nobody]"),
            ("z", "stty rows 30 cols 100"),
            ("w", "you only watch now"),
        ):
            person.keys("C-]")
            person.expect(MENU)
            person.keys(key)
            person.expect(shown)
            person.keys("Enter")
            person.tmux("clear-history")
        assert machine.status()["hub"]["writer"] is None
        person.keys("C-]", "f")
        wait_until(lambda: machine.status()["hub"]["writer"] is not None, "it holds the line")
        person.keys("C-]", "s")
        person.expect("SysRq key or sequence")
        person.type("hz")
        person.keys("Enter")
        person.expect("<break>h<break>z")
        person.keys("C-]", "C-]")
        wait_until(lambda: machine.ask("history", bytes=1) == "\x1d", "Ctrl-] at the guest")
        person.keys("C-]", "r")
        wait_until(lambda: machine.status()["resets"] == 1, "the reset")
        person.keys("C-]", "q")
        wait_until(person.ended, "the client ends")


def test_behind_another_pty_as_over_ssh_it_works_alike(runtime: Path, guest_folder: GuestFolder) -> None:
    code = f"import pty; pty.spawn([{sys.executable!r}, '-m', 'uartsim', 'attach', 'box'])"
    with running(runtime, guest_folder(TYPEWRITER)):
        outer = Attached(runtime, sys.executable, "-c", code)
        try:
            outer.expect(b"welcome")
            outer.send(b"a\x03\x1a\x11\x13\x7f")
            outer.expect(b"<a><03><1a><11><13><7f>")
            outer.menu(b"q")
            outer.expect(b"left box")
            assert outer.ended() == 0
            outer.assert_as_before()
        finally:
            outer.close()


def test_another_window_size_is_no_business_of_the_line_s_until_it_is_asked_for(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        client = attach("box")
        client.wait_raw()
        fcntl.ioctl(client.slave, termios.TIOCSWINSZ, struct.pack("4H", 50, 111, 0, 0))
        client.process.send_signal(signal.SIGWINCH)
        client.send(b"x")
        client.expect(b"x")
        assert machine.status()["com1"]["line"]["bytes_in"] == 1
        client.menu(b"z")
        client.expect(b"stty rows 50 cols 111\r")


# -- much at once --------------------------------------------------------------------------------------------


def test_a_big_paste_arrives_whole_and_in_order_while_the_screen_and_the_menu_go_on(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    rng = random.Random(7)
    alphabet = bytes(set(range(256)) - {ESCAPE[0], ord("[")})  # without what our own sentence begins with
    paste = bytes(rng.choices(alphabet, k=100_000))
    with running(runtime, guest_folder(ECHO)) as machine:
        client = attach("box")
        client.wait_raw()
        client.expect(b"leaves\r\n")
        client.send(paste)
        wait_until(lambda: (client.read(0), len(client.seen) > 20_000)[1], "a fifth of the echo")
        assert len(client.seen) < 60_000
        client.send(ESCAPE + b"d")
        wait_until(lambda: (client.read(0), b"held by you" in client.seen)[1], "the diagnosis")
        assert len(client.seen) < 90_000
        ours = re.compile(rb"(\r\n)?" + re.escape(MENU.encode()) + rb" \r\n|(\r\n)?\[uartsim: [^]]*\]\r\n")
        wait_until(
            lambda: (client.read(0.1), machine.status()["com1"]["line"]["bytes_out"] == len(paste))[1], "the echo", 60
        )
        while client.read(0.5):
            pass
        parts = [part for part in re.split(ours, client.seen) if part and part != b"\r\n"]
        assert b"".join(parts) == paste
        client.menu(b"q")
        assert client.ended() == 0


def test_whoever_quits_in_the_middle_of_a_paste_is_told_what_was_not_sent(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        client = attach("box")
        client.wait_raw()
        client.send(b"x" * 50_000)
        wait_until(lambda: (client.read(0), machine.status()["com1"]["line"]["bytes_in"] > 5000)[1], "a tenth of it")
        client.menu(b"q")
        client.expect(b"left box: ")
        client.expect(b" bytes of what was typed have not been sent")
        assert client.ended() == 0
        assert machine.status()["com1"]["line"]["bytes_in"] < 40_000
        wait_until(lambda: machine.status()["hub"]["writer"] is None, "the line is free")


def test_what_was_typed_before_ctrl_bracket_q_still_reaches_the_guest(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        for number in range(5):
            client = attach("box", "--history", "0")
            client.wait_raw()
            client.send(b"last%d\r" % number + ESCAPE + b"q")
            assert client.ended() == 0
            wait_until(lambda number=number: machine.ask("history").endswith(f"last{number}\r"), "the last words")  # type: ignore[misc]


def test_a_screen_that_does_not_take_anything_holds_up_nobody_and_can_be_left(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(FLOOD), "box", "--rate", "unlimited") as machine:
        client = attach("box")
        client.wait_raw()
        machine.wait_sent(4_000_000)  # far more than there is room for on the way to the screen
        with open(machine.link, "rb", buffering=0) as other:
            assert len(read_until(other.fileno(), 100_000)) >= 100_000
        os.write(client.master, ESCAPE + b"q")
        assert client.process.wait(20) == 0
        client.assert_as_before()


def test_a_client_that_falls_behind_is_told_how_much_it_missed(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(FLOOD), "box", "--rate", "unlimited") as machine:
        client = attach("box")
        client.wait_raw()
        machine.wait_sent(8_000_000)
        client.expect(b" bytes were not kept until you read them]")
        client.menu(b"q")
        assert client.ended() == 0


# -- the past ------------------------------------------------------------------------------------------------


def test_questions_to_a_terminal_are_not_asked_again_from_the_past(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(PAST)) as machine:
        machine.wait_sent(15)
        client = attach("box")
        client.expect(b"old news\n")
        client.send(b"?")
        client.expect(b"\x1b[6n")
        short = attach("box", "--history", "6")
        short.expect(b"\x1b[c\n" if False else b"[6n")  # the last six bytes, the question among them cut in two


def test_modes_that_the_guest_left_switched_are_undone_on_leaving(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(FULL_SCREEN)):
        client = attach("box")
        client.expect(b"full")
        client.menu(b"q")
        client.expect(b"\x1b[?2004l\x1b[?25h\x1b[?1049l")
        assert client.ended() == 0


# -- several people ------------------------------------------------------------------------------------------


def test_who_holds_the_line_who_watches_and_who_takes_it_are_told(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)):
        first = attach("box")
        first.wait_raw()
        first.send(b"first")
        first.expect(b"first")
        second = attach("box")
        second.expect(b"holds the line: you can only watch")
        second.send(b"x" * 10)
        second.expect(b"cannot send")
        watcher = attach("box", "--watch")
        watcher.expect(b"first")
        third = attach("box", "--force")
        first.expect(b"has taken the line over: you only watch now")
        third.send(b"third")
        for client in (first, second, watcher, third):
            client.expect(b"third")
        third.menu(b"q")
        first.expect(b"[uartsim: the line is free]")
        first.send(b"again")
        for client in (first, second, watcher):
            client.expect(b"again")
        watcher.send(b"me")
        watcher.expect(b"cannot send")


def test_what_a_watcher_s_terminal_answers_by_itself_is_not_complained_about(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        watcher = attach("box", "--watch")
        watcher.wait_raw()
        watcher.send(b"\x1b[24;80R")
        watcher.send(b"\x1b[?62;c\x1b]11;rgb:0/0/0\x1b\\")
        watcher.send(b"typed")
        watcher.expect(b"cannot send")
        assert machine.status()["com1"]["line"]["bytes_in"] == 0


def test_a_terminal_where_a_machine_was_started_yields_and_gets_the_line_back(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    guest = str(guest_folder(ECHO))
    owner = Attached(runtime, sys.executable, "-m", "uartsim", "run", guest, "--name", "box")
    try:
        owner.wait_raw()
        owner.send(b"mine")
        owner.expect(b"mine")
        for _ in range(2):  # the line yields again after it has come back
            guest_client = attach("box", "--history", "0")
            owner.expect(b"has taken the line over")
            guest_client.send(b"ours")
            owner.expect(b"ours")
            guest_client.menu(b"q")
            owner.expect(b"the line is free")
            owner.send(b"back")
            owner.expect(b"back")
        owner.menu(b"q")
        assert owner.ended() == 0
        owner.assert_as_before()
        assert os.listdir(runtime) == []
    finally:
        owner.close()


def test_a_name_may_be_left_out_only_where_one_machine_runs(runtime: Path, guest_folder: GuestFolder) -> None:
    def refused() -> bytes:
        client = Attached(runtime, sys.executable, "-m", "uartsim", "attach")
        try:
            assert client.ended() == 2
            while client.read(0.1):
                pass
            return client.seen
        finally:
            client.close()

    assert b"no machine is running; start one with 'uartsim run'" in refused()
    folder = guest_folder(SILENT)
    with running(runtime, folder, "one"), running(runtime, folder, "two"):
        assert b"several machines are running: one, two; say which" in refused()
