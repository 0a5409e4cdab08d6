"""Typing with the echo read back, at guests that lose, wrap, mask or cut what they echo; in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from tests.console.fakes import FakeClient, FakeMachine, run_virtually, write_guest
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ConsoleClosed, ExpectTimeout, TypingFailed
from uartsim.errors import UsageError
from uartsim.record import open_recorder

PROMPT = "demo# "


class Editor:
    """A guest that edits one line: echo, Ctrl-U and Enter.

    Args:
        client: the line.
        hears: told how many characters were typed in one piece so far and the character; whether the guest gets it.
    """

    def __init__(self, client: FakeClient, hears: Callable[[int, str], bool] = lambda count, key: True) -> None:
        self.client, self.hears = client, hears
        self.line = ""
        self.entered: list[str] = []
        self.echo: Callable[[str], str] = lambda key: key
        self.killed: Callable[[str], str] = lambda line: "\b \b" * len(line)

    async def run(self) -> None:
        self.client.say(PROMPT.encode())
        read = burst = 0
        while True:
            if len(self.client.typed) == read:
                burst = 0
                await self.client.wait_typed(read + 1)
            key = self.client.typed[read : read + 1].decode("latin-1")
            read += 1
            burst += 1
            if not self.hears(burst, key):
                continue
            if key == "\x15":
                self.client.say(self.killed(self.line).encode())
                self.line = ""
            elif key == "\r":
                self.entered.append(self.line)
                self.line = ""
                self.client.say(b"\r\n" + PROMPT.encode())
            else:
                self.line += key
                if echo := self.echo(key):
                    self.client.say(echo.encode())


def type_at(prepare: Callable[[FakeClient], Editor], text: str) -> tuple[Editor, float]:
    """Type a text; returns the guest, and the seconds that it took."""
    editors: list[Editor] = []

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        editors.append(prepare(client))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(editors[0].run)
            await console.expect_exact(PROMPT)
            try:
                await console.type(text)
            finally:
                nursery.cancel_scope.cancel()

    try:
        seconds = run_virtually(scenario)
        return editors[0], seconds
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


TEXT = "cat /proc/cpuinfo | grep 'model name'"


def test_text_that_comes_back_is_typed_once_and_at_once() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            editor = Editor(client)
            nursery.start_soon(editor.run)
            await console.type(TEXT)  # the prompt is on its way
            assert client.typed.decode() == editor.line == TEXT
            await console.sendline()
            await console.expect_exact("\n" + PROMPT)
            assert editor.entered == [TEXT]
            nursery.cancel_scope.cancel()

    assert run_virtually(scenario) < 0.2


def test_text_that_an_editor_wraps_is_entered_as_soon_as_all_of_it_is_there() -> None:
    wraps: dict[str, Callable[[str], str]] = {
        "readline": lambda key: key + " \r",
        "BusyBox": lambda key: f"{key}\r{key}",
        "others": lambda key: key + "\r\n",
    }

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            editor = Editor(client)
            nursery.start_soon(editor.run)
            await console.expect_exact(PROMPT)
            await console.wait_for_quiet()
            for wrap in wraps.values():
                editor.echo = lambda key, wrap=wrap: wrap(key) if len(editor.line) % 20 == 0 else key  # type: ignore[misc]
                begin = trio.current_time()
                await console.type(TEXT)
                assert trio.current_time() == begin
                await console.sendline()
                await console.wait_for_quiet()
            assert editor.entered == [TEXT] * len(wraps)
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


@pytest.mark.parametrize("fifo", [1, 8, 16])
def test_guest_that_loses_what_comes_too_fast_gets_it_in_small_pieces(fifo: int) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            editor = Editor(client, lambda count, key: count <= fifo)
            nursery.start_soon(editor.run)
            await console.type(TEXT)
            assert editor.line == TEXT
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_naive_typing_at_such_a_guest_enters_something_else() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            editor = Editor(client, lambda count, key: count <= 16 or key == "\r")
            nursery.start_soon(editor.run)
            await console.sendline(TEXT)
            await console.expect("(?s)# .*# $")
            assert editor.entered == [TEXT[:16]]
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_lost_space_is_seen() -> None:
    lost: list[str] = []

    def hears(count: int, key: str) -> bool:
        if key == " " and not lost:
            lost.append(key)
            return False
        return True

    editor, _ = type_at(lambda client: Editor(client, hears), "rm -r /tmp/x")
    assert (lost, editor.line) == ([" "], "rm -r /tmp/x")


def test_guest_that_never_hears_a_character_is_given_up_with_what_came() -> None:
    with pytest.raises(TypingFailed, match="'a=b' does not come back as it is typed, however slowly") as caught:
        type_at(lambda client: Editor(client, lambda count, key: key != "="), "a=b")
    assert "The last lines it sent" in str(caught.value)


def test_guest_that_echoes_nothing_is_told_apart() -> None:
    def silent(client: FakeClient) -> Editor:
        editor = Editor(client)
        editor.echo = lambda key: ""
        return editor

    with pytest.raises(TypingFailed, match=r"echoed nothing; send\(\) types without"):
        type_at(silent, "a=b")


def test_masked_echo_is_no_echo() -> None:
    def masked(client: FakeClient) -> Editor:
        editor = Editor(client)
        editor.echo = lambda key: "*"
        return editor

    with pytest.raises(TypingFailed, match="does not come back"):
        type_at(masked, "a=b")


def test_kernel_line_in_the_echo_does_not_matter() -> None:
    def noisy(client: FakeClient) -> Editor:
        editor = Editor(client)
        editor.echo = lambda key: key + "[   12.345678] usb 1-1: new device\r\n" * (key == "p")
        return editor

    editor, seconds = type_at(noisy, TEXT)
    assert (editor.line, editor.client.typed.decode()) == (TEXT, TEXT)
    assert seconds < 0.5


def test_prompt_that_is_printed_again_behind_other_text_does_not_matter() -> None:
    """A shell reports the end of a job while a line is typed, and then goes on with its prompt wherever the cursor is."""

    def prepare(client: FakeClient) -> Editor:
        editor = Editor(client)

        def echo(key: str) -> str:
            if editor.line == TEXT[:2]:
                return key + "\r\n[1]+  Done                    ( sleep 1 )\r\n"
            if len(editor.line) == 1 and key != TEXT[0]:  # the line has been killed
                editor.echo = lambda key: key
                return key + PROMPT + key
            return key

        editor.echo = echo
        editor.killed = lambda line: ("\r" if line == TEXT else "\b" * len(line)) + "\x1b[K"  # as readline does
        return editor

    editor, _ = type_at(prepare, TEXT)
    assert editor.line == TEXT


def test_control_characters_cannot_be_verified() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(UsageError, match=r"'\\t' has no echo"):
            await console.type("ls\t")
        await console.type("ls\t", verify=False)
        assert client.typed == b"ls\t"
        console.close()
        with pytest.raises(ConsoleClosed):
            await console.type("x")

    run_virtually(scenario)


def test_secret_is_sent_masked_when_the_guest_has_fallen_silent() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"Password: ")
        await console.expect("Password: ")
        await console.send_secret("tøor")
        assert (client.typed, client.secrets) == ("tøor\r".encode(), ["tøor".encode()])
        await console.send_secret("x", enter=False)
        assert client.typed.endswith(b"\rx")

    assert 0.04 < run_virtually(scenario) < 0.2


def test_real_line_that_loses_characters_is_typed_at_in_the_end() -> None:
    settings = {"grub_timeout": 0, "time_scale": 0.0}
    with blocking.open_console("demo", settings=settings, clock="virtual") as console:
        console.login()
        console.line.add_fault("lost:rate=0.02,seed=5,direction=in")
        console.type("echo the quick brown fox jumps over the lazy dog", timeout=60)
        console.line.clear_faults()
        console.sendline()
        console.expect_exact("\nthe quick brown fox jumps over the lazy dog\n", timeout=5)
        assert console.counters["characters_lost_in"] > 0


def test_password_is_not_in_the_record_of_the_line(tmp_path: Path) -> None:
    with blocking.open_console("demo", settings={"grub_timeout": 0, "time_scale": 0.0}, clock="virtual") as console:
        hub = console._async._session.client.hub  # type: ignore[attr-defined]
        hub.record = record = open_recorder(tmp_path / "record", "demo", 0)
        console.login("root", "toor")
        console.sendline("passwd")
        console.expect("assword: ")
        console.send_secret("Geheimnis")
        console.wait_for_quiet(1)
        hub.record = None
        record.close()
    written = (tmp_path / "record").read_text()
    assert "toor" not in written.replace("password toor", "")  # which the greeting of the demo says
    assert "Geheimnis" not in written
    assert '"h",4]' in written
    assert '"h",9]' in written


CHATTER = """
typed = b""
number = 0

async def kernel():
    nonlocal number
    while True:
        await trio.sleep(host.settings["every_ms"] / 1000)
        number += 1
        await tty.write(b"[%12.6f] chatter %d\\r\\n" % (number * 0.005, number))

async with trio.open_nursery() as nursery:
    await tty.write(b"\\r\\nroot@box:~# ")
    nursery.start_soon(kernel)
    while True:
        received = await tty.receive()
        await trio.sleep(host.settings["lag_ms"] / 1000)
        for character in bytes(received.data):
            if character == 0x0D:
                await tty.write(b"\\r\\n<" + typed + b">\\r\\nroot@box:~# ")
                typed = b""
            elif character == 0x15:
                typed = b""
                await tty.write(b"\\r\\x1b[Kroot@box:~# ")
            else:
                typed += bytes((character,))
                await tty.write(bytes((character,)))
"""


@pytest.mark.parametrize(("every_ms", "lag_ms", "faults"), [
    (5, 0, ()), (30, 0, ()), (5, 3, ()), (5, 200, ()),
    (5, 0, ("lost:rate=0.01,seed=3,direction=in",)),
    (5, 0, ("lost:rate=0.01,seed=4,direction=in", "lost:rate=0.002,seed=5,direction=out")),
])  # fmt: skip
def test_lines_are_typed_under_a_kernel_that_never_falls_silent(
    tmp_path: Path, every_ms: int, lag_ms: int, faults: tuple[str, ...]
) -> None:
    guest = write_guest(tmp_path / "chatty", CHATTER, f"every_ms = {every_ms}\nlag_ms = {lag_ms}")
    with blocking.open_console(str(guest), clock="virtual") as console:
        for number in range(5 if faults else 20):
            for fault in faults:
                console.line.add_fault(fault)
            text = f"echo {number} 'a world of noise'"
            console.type(text)
            console.line.clear_faults()
            console.sendline()
            assert console.expect(r"<[^>]*>", timeout=5).after == f"<{text}>"


def test_error_says_how_long_was_waited_and_the_line_is_clean() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            editor = Editor(client, lambda count, key: key != "=")
            nursery.start_soon(editor.run)
            with pytest.raises(ExpectTimeout, match="within 2 s"):
                await console.type("echo 'a=b", timeout=2)
            assert editor.line == ""
            nursery.cancel_scope.cancel()

    run_virtually(scenario)
