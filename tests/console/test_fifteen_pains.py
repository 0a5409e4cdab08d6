"""What hurts who tests consoles: each pain with what is usually done about it, which fails here, and with our way.

The list is that of section 2 of our research.  The pains of matching alone (escape noise, slow matching, a failure that
is seen too late) have further tests in test_cleaned_text.py, test_matcher.py and test_problem_watch.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pexpect
import pytest
import trio
from pexpect import fdpexpect

from tests.console.fakes import FakeClient, FakeMachine, run_virtually, write_guest
from tests.console.test_login import Getty
from tests.patience import is_running
from uartsim import blocking
from uartsim.access.line_policy import NotTheWriterError
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, ProblemFound
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.patterns import expression
from uartsim.guest.catalogue import GuestDefinition
from uartsim.line_format import LineFormat
from uartsim.wire.frame import Arrival

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
    assert not pexpect_finds(raw, "\nmarker")
    console.reset()
    console.login()
    assert pexpect_finds(typed_naively(console, "echo mark''er"), "\nmarker")  # without a storm it does
    lines = len(console.kernel_lines)
    with console.stimuli.printk_storm(7, seed=1):
        assert console.run("echo marker").output == "marker\n"
    assert len(console.kernel_lines) > lines


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
    start = len(console.raw)
    console.sendline("sleep 5; echo finished")
    console.wait_for_quiet(1)
    assert pexpect_finds(console.raw[start:], "finished")  # the echo, long before the command is
    assert console.expect("finished").elapsed > 3
    console.expect("# $")
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


def complaint_of_pexpect(said: bytes) -> str:
    """What pexpect says when what is expected does not come."""
    master, slave = os.openpty()
    tty.setraw(slave)
    child = fdpexpect.fdspawn(slave, timeout=0.2)
    try:
        child.sendline("")
        os.write(master, said)
        with pytest.raises(pexpect.TIMEOUT) as caught:
            child.expect("login: ")
        return str(caught.value)
    finally:
        os.close(master)
        child.close()


def test_7_enter_does_nothing(tmp_path: Path) -> None:
    assert not re.search("nothing|queued|not read", complaint_of_pexpect(b""))
    folder = write_guest(tmp_path / "deaf", "com1 = tty.com1\ntty.close()\nawait trio.sleep_forever()")
    with blocking.open_console(folder, clock="virtual") as console:
        console.sendline("x" * 100)
        with pytest.raises(ExpectTimeout) as caught:
            console.login(timeout=12)
        assert re.search(r"It has sent nothing\.\nThe line: .*queued_in \d+", str(caught.value))


def test_8_failure_leaves_no_evidence(console: blocking.Console) -> None:
    assert not re.search(r"\d s  last words", complaint_of_pexpect(b"last words\r\n"))
    console.sendline("echo last words")
    with pytest.raises(ExpectTimeout) as caught:
        console.expect("never", timeout=2)
    message = str(caught.value)
    assert "'never' was expected, and demo did not send it within 2 s" in message
    assert re.search(r"\+ *\d+\.\d{3} s  last words\n", message)


def test_9_failure_is_seen_only_after_the_whole_time_out() -> None:
    raw = b"booting\r\n[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"
    begin = time.monotonic()
    assert not pexpect_finds(raw, "login: ")
    assert time.monotonic() - begin >= 0.2  # all the time that it was given
    alarm = re.compile(b"Kernel panic")
    typed = b"# grep 'Kernel panic' log\r\n# "
    assert alarm.search(typed)  # what a reader that searches for words takes for a failure

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sendline("grep 'Kernel panic' log")
        client.say(typed)
        await console.expect("# $")
        assert console.problems == []
        client.say(raw)
        begin = trio.current_time()
        with pytest.raises(ProblemFound, match="kernel panic: VFS: Unable to mount root fs"):
            await console.expect("login: ", timeout=3600)
        assert trio.current_time() - begin < 1.1  # a second for the call trace behind it

    async def allowed(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(raw)
        with pytest.raises(ExpectTimeout):
            await console.expect("login: ", timeout=5)

    run_virtually(scenario)
    run_virtually(allowed, allow=["linux.panic"])


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
    body += "await tty.receive()\nawait tty.write(b'ready at 9600\\r\\n')\nawait trio.sleep_forever()"
    heard: list[Arrival] = []
    with blocking.open_console(write_guest(tmp_path / "slow", body), clock="virtual") as console:
        com1: Any = console._async._session.machine.com1  # type: ignore[union-attr]
        console._thread.read(lambda: com1.listen(LineFormat.from_baud(115200), heard.append))
        console.send("x")
        console.expect_exact("ready at 9600")
        console.wait_for_quiet(1)
        naive = bytes(arrival.character for arrival in heard)
        assert naive
        assert not pexpect_finds(naive, "ready")
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
    master, slave = os.openpty()
    tty.setraw(slave)
    other = os.open(os.ttyname(slave), os.O_RDWR | os.O_NOCTTY)
    for mine, theirs in zip(b"reboot", b"cat me", strict=True):  # both are told that all is well
        assert os.write(slave, bytes([mine])) == os.write(other, bytes([theirs])) == 1
    came = b""
    while len(came) < 12:
        came += os.read(master, 12)
    assert came == b"rceabto omte"
    for descriptor in (master, slave, other):
        os.close(descriptor)
    with console.stimuli.steal_line(), pytest.raises(NotTheWriterError, match="a client that steals the line holds"):
        console.run("true")
    assert console.run("echo mine").output == "mine\n"


class Counting:
    """An expression that counts the characters that it is given to search."""

    def __init__(self, source: Any) -> None:
        self.regex = re.compile(source, re.MULTILINE)
        self.characters = 0

    def search(self, text: Any, start: int = 0, end: int | None = None) -> Any:
        end = len(text) if end is None else end
        self.characters += max(0, end - start)
        return self.regex.search(text, start, end)


def searched_by_pexpect(data: bytes) -> int:
    """How many characters pexpect searches until it has found what stands at the end."""
    counting = Counting(rb"user \w+ login: $")

    class Searcher(pexpect.expect.searcher_re):  # type: ignore[type-arg]
        def __init__(self) -> None:
            super().__init__([])
            self._searches = [(0, counting)]

    master, slave = os.openpty()
    tty.setraw(slave)
    child = fdpexpect.fdspawn(slave, timeout=10, maxread=1024)
    try:
        pexpect.expect.Expecter(child, Searcher()).existing_data()
        expecter = pexpect.expect.Expecter(child, Searcher())
        for at in range(0, len(data), 1024):
            expecter.new_data(data[at : at + 1024])
        return counting.characters
    finally:
        os.close(master)
        child.close()


def searched_by_us(text: str) -> int:
    """How many characters our matcher searches for the same."""
    counting = Counting(r"user \w+ login: $")
    pattern = dataclasses.replace(expression(r"user \w+ login: $"), regex=cast(Any, counting))
    matcher = Matcher()
    search = matcher.search([pattern])
    for at in range(0, len(text), 1024):
        matcher.feed(text[at : at + 1024])
        search.find()
    assert search.find(paused=True) is not None
    return counting.characters


def test_15_matching_is_slow_and_what_a_border_cuts_is_missed() -> None:
    short, long = ("nothing to see here, it goes on\n" * lines + "user root login: " for lines in (2_000, 8_000))
    assert searched_by_pexpect(long.encode()) > 12 * searched_by_pexpect(short.encode())
    assert searched_by_us(long) < 5 * searched_by_us(short)
    pieces = ["demo lo", "gin: "]
    assert not any("login: " in piece for piece in pieces)  # a reader that looks at what a read has brought
    matcher = Matcher()
    search = matcher.search([expression("login: ")])
    assert [matcher.feed(piece) and search.find() is not None for piece in pieces] == [False, True]


def test_15_guest_outlives_the_test_that_failed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os, time; print('pid', os.getpid(), flush=True); time.sleep(1000)"]
    left: list[subprocess.Popen[bytes]] = []

    def naive() -> None:
        left.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        naive()
    assert left[0].poll() is None
    left[0].kill()
    left[0].wait()
    definition = GuestDefinition("hung", "process", "", tmp_path, (), {"baud": 115200}, {"command": command})
    processes: list[int] = []

    def ours() -> None:
        with blocking.open_console(definition) as console:
            processes.append(int(console.expect(r"pid (\d+)\n").group(1) or 0))
            assert is_running(processes[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ours()
    assert not is_running(processes[0])
