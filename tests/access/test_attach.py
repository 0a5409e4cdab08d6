"""``uartsim attach`` at a terminal: what a person types and sees, and what is left of it afterwards."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.access.rig import ECHO, SERVER, RunningMachine, read_until, running, wait_until
from tests.access.tmux import TYPEWRITER, Terminal
from uartsim.access.keys import ESCAPE, MENU

GuestFolder = Callable[[str], Path]
Attach = Callable[..., Attached]

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
        from uartsim.access.attach_client import AttachClient
        from uartsim.cli import main

        async def fail(*_):
            raise RuntimeError("as if")

        AttachClient._do = fail
        sys.argv = ["uartsim", "attach", "box"]
        main()
    """
    with running(runtime, guest_folder(SERVER)):
        client = Attached(runtime, sys.executable, "-c", code)
        try:
            client.expect(b"ready")
            client.send(b"x")
            client.expect(b"as if")
            assert client.ended() == 70
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
            shell.expect(b"<y>")
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
            ("y", "[uartsim: 'y' means nothing here"),
            ("d", "115200 8N1 | DTR RTS CTS DSR DCD | "),
            ("d", "breaks 1 in 0 out | held by you, watching: nobody"),
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
            outer.expect(b"<a><03><1a><11><13><\x7f>")
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
        client.send(b"%")
        client.expect(b"%")
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
        other = os.open(machine.link, os.O_RDONLY | os.O_NOCTTY)
        try:
            assert len(read_until(other, 100_000)) >= 100_000
        finally:
            os.close(other)
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


def test_modes_that_the_guest_left_switched_are_undone_on_leaving(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(FULL_SCREEN)):
        client = attach("box")
        client.expect(b"full")
        client.menu(b"q")
        client.expect(b"\x1b[?2004l\x1b[?25h\x1b[?1049l")
        assert client.ended() == 0
