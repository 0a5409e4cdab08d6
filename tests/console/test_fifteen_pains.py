"""What hurts who tests consoles: each pain with what is usually done about it, which fails here, and with our way.

The list is that of section 2 of our research.  The pains of matching alone (escape noise, slow matching, a failure that
is seen too late) have further tests in test_text.py, test_matcher.py and test_problems.py.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
import trio
from pexpect import fdpexpect

from tests.console.fakes import FakeClient, FakeMachine, run_virtually, write_guest
from tests.console.test_login import Getty
from uartsim import blocking
from uartsim.access.writers import NotTheWriterError
from uartsim.console.console import Console
from uartsim.console.errors import ExpectTimeout

QUICK = {"grub_timeout": 0, "time_scale": 0.0}


@pytest.fixture
def console() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login()
        yield console


def typed_naively(console: blocking.Console, command: str) -> bytes:
    """Send a line, wait for silence, and take what came as it is."""
    start = len(console.raw)
    console.sendline(command)
    console.wait_for_quiet(1)
    return console.raw[start:]


def pexpect_finds(raw: bytes, pattern: str) -> bool:
    """Whether pexpect finds a pattern in what a guest has sent."""
    master, slave = os.openpty()
    tty.setraw(slave)
    child = fdpexpect.fdspawn(slave, timeout=0.2)
    try:
        os.write(master, raw)
        return child.expect([pattern.encode(), pexpect.TIMEOUT]) == 0
    finally:
        os.close(master)
        child.close()


def test_1_kernel_text_lands_in_the_marker(console: blocking.Console) -> None:
    place = typed_naively(console, "echo mark''er").index(b"marker\r\n") + 3
    with console.stimuli.printk_storm(at=[place]):
        raw = typed_naively(console, "echo mark''er")
    assert not pexpect_finds(raw, "marker")
    console.reset()
    console.login()
    with console.stimuli.printk_storm(7, seed=1):
        assert console.run("echo marker").output == "marker\n"


def test_2_typed_characters_are_lost_in_a_slow_guest() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual", strict_line=True) as console:
        console.login()
        with console.stimuli.slow_guest(0.004):
            assert b"brown fox jumps over" not in typed_naively(console, "echo the quick brown fox jumps over the dog")
            console.send("\x03")
            console.wait_for_quiet(1)
            assert console.run("echo the quick brown fox jumps over").output == "the quick brown fox jumps over\n"
        assert console.counters["overruns"] > 0


def test_3_name_is_typed_before_the_getty_reads() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        getty = Getty(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(getty.run, 1.0)
            await trio.sleep(0.5)
            await console.sendline("root")
            await console.expect("login: ")
            with pytest.raises(ExpectTimeout):
                await console.expect("Password: ", timeout=5)
            await console.login()
            assert getty.names == ["root"]
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_4_pattern_matches_what_was_typed(console: blocking.Console) -> None:
    console.sendline("sleep 5; echo finished")
    assert console.expect("finished").elapsed < 1  # the echo, long before the command is
    console.wait_for_quiet(6)
    result = console.run("sleep 5; echo finished")
    assert result.output == "finished\n"
    assert result.elapsed > 5


@pytest.mark.parametrize(
    "noise", [b"\x1b[1m", b"\x1b[?2004h", b"\x1b]0;title\x07", b"\x1b]3008;start=1\x1b\\", b"\x1b(B"]
)
def test_5_escape_sequences_stand_in_the_prompt(noise: bytes) -> None:
    raw = b"\r\ndemo " + noise + b"login: "
    assert not pexpect_finds(raw, "demo login: ")

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(raw)
        await console.expect_exact("demo login: ", timeout=0.2)

    run_virtually(scenario)


def test_6_long_command_is_wrapped_at_80_columns(console: blocking.Console) -> None:
    command = "echo " + "0123456789" * 12
    assert not pexpect_finds(typed_naively(console, command), command)
    console.type(command)
    console.send("\x15")
    assert console.run(command).output == "0123456789" * 12 + "\n"


def test_7_enter_does_nothing(tmp_path: Path) -> None:
    folder = write_guest(tmp_path / "deaf", "com1 = tty.com1\ntty.close()\nawait trio.sleep_forever()")
    with blocking.open_console(folder, clock="virtual") as console:
        console.sendline("x" * 100)
        with pytest.raises(ExpectTimeout) as caught:
            console.login(timeout=12)
        assert re.search(r"It has sent nothing\.\nThe line: .*queued_in \d+", str(caught.value))


def test_8_failure_leaves_no_evidence(console: blocking.Console) -> None:
    console.sendline("echo last words")
    with pytest.raises(ExpectTimeout) as caught:
        console.expect("never", timeout=2)
    message = str(caught.value)
    assert "'never' was expected, and demo did not send it within 2 s" in message
    assert re.search(r"\+ *\d+\.\d{3} s  last words\n", message)


def test_10_output_is_lost_while_nobody_reads() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    held = 0
    with contextlib.suppress(BlockingIOError):
        while held < 1 << 20:
            held += os.write(master, b"x" * 1024)
    assert held < 1 << 17  # then its guest stands still
    os.close(master)
    os.close(slave)
    with blocking.open_console("demo", settings=QUICK, unlimited=True) as console:
        console.login()
        assert "GNU GRUB" in console.text or "Linux version" in console.text
        assert console.run("seq 20000").output == "".join(f"{n}\n" for n in range(1, 20001))
        assert console.counters["missed"] == 0


def test_11_break_does_not_cross_a_pty(console: blocking.Console) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    termios.tcsendbreak(slave, 0)  # says that all is well
    assert not select.select([master], [], [], 0.1)[0]
    os.close(master)
    os.close(slave)
    console.sysrq("h")
    console.expect("sysrq: HELP")


def test_12_two_speeds_on_one_line(tmp_path: Path) -> None:
    body = "from uartsim.line_format import LineFormat\ntty.set_format(LineFormat.from_baud(9600))\n"
    folder = write_guest(
        tmp_path / "slow", body + "await tty.write(b'ready at 9600\\r\\n')\nawait trio.sleep_forever()"
    )
    with blocking.open_console(folder, clock="virtual") as console:
        console.expect_exact("ready at 9600")
        assert console.line.status["format"] == "9600 8N1"


def test_13_arrow_keys_are_lost_in_grub() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.grub.stop_countdown()
        for key in "\x1b[B":  # with gaps, as a slow relay makes them
            console.send(key)
            console.wait_for_quiet(0.3)
        assert console.grub.selected == "Debian GNU/Linux"
        assert console.grub.select("^Advanced") == console.grub.selected


def test_14_somebody_else_has_taken_the_line(console: blocking.Console) -> None:
    with console.stimuli.steal_line(), pytest.raises(NotTheWriterError, match="a client that steals the line holds"):
        console.run("true")
    assert console.run("echo mine").output == "mine\n"
