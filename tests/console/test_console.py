"""The console on a line without a machine, in virtual time."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim.console.console import Console
from uartsim.console.console_errors import ConsoleBusy, ConsoleClosed, ExpectTimeout, GuestEnded
from uartsim.console.guest_output import SETTLE_S
from uartsim.errors import UartsimError, UsageError


def test_match_tells_what_where_and_how_long_it_took() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                await trio.sleep(2)
                client.say(b"Debian 12\r\n\r\ndemo lo")
                await trio.sleep(1)
                client.say(b"gin: ")

            match = await console.expect(["Password: ", r"(\w+) login: "])
        assert (match.index, match.before, match.after) == (1, "Debian 12\n\n", "demo login: ")
        assert match.group(1) == "demo"
        assert match.elapsed == pytest.approx(3)
        assert (console.before, console.after, console.match) == ("Debian 12\n\n", "demo login: ", match)

    run_virtually(scenario)


def test_what_was_sent_before_the_wait_matches_at_once() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"one two")
        assert (await console.expect_exact("one", timeout=0)).elapsed == 0
        assert (await console.expect_exact(" two", timeout=0)).before == ""

    assert run_virtually(scenario) == 0


def test_time_out_consumes_nothing_and_says_what_was_there() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        for i in range(20):
            client.say(b"line \x1b[1m%d\x1b[0m\r\n" % i)
        client.say(b"demo login: ")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("Password: ", timeout=5)
        message = str(caught.value)
        assert "'Password: ' was expected, and fake did not send it within 5 s" in message
        assert message.count("\n  ") == 10
        assert message.endswith("+0.000 s  demo login:")
        assert "\x1b" not in message
        assert console.before.endswith("login: ")
        assert (await console.expect("login: ", timeout=0)).before.startswith("line 0\nline 1\n")

    assert run_virtually(scenario) == pytest.approx(5)


def test_time_out_is_a_timeout_error_and_the_default_is_the_consoles() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(TimeoutError, match="sent nothing"):
            await console.expect("login: ")

    assert run_virtually(scenario, timeout=7, timeout_scale=2) == pytest.approx(14)


def test_without_a_time_out_one_waits_for_ever() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with trio.move_on_after(1e6) as scope:
            await console.expect("login: ", timeout=None)
        assert scope.cancelled_caught
        client.say(b"login: ")
        await console.expect("login: ", timeout=0)

    assert run_virtually(scenario) == pytest.approx(1e6)


def test_cancelled_wait_leaves_everything_for_the_next() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"login: ")
        with trio.CancelScope() as scope:
            scope.cancel()
            await console.expect("login: ")
        assert (await console.expect("login: ", timeout=1)).after == "login: "

    run_virtually(scenario)


def test_outcomes_in_the_list_are_answers_instead_of_errors() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"text")
        match = await console.expect(["x{9}", ExpectTimeout, GuestEnded], timeout=1)
        assert (match.index, match.match, match.before) == (1, None, "text")
        client.end()
        assert (await console.expect(["x{9}", ExpectTimeout, GuestEnded], timeout=1)).index == 2
        assert (await console.expect([GuestEnded])).index == 0

    run_virtually(scenario)


def test_scripts_for_pexpect_find_its_errors_and_its_words() -> None:
    import pexpect

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(pexpect.TIMEOUT):
            await console.expect("login: ", timeout=1)
        assert (await console.expect(["login: ", pexpect.EOF, pexpect.TIMEOUT], timeout=1)).index == 2
        client.end()
        with pytest.raises(pexpect.EOF):
            await console.expect("login: ")

    run_virtually(scenario)


def test_errors_need_no_pexpect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pexpect", raising=False)

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("login: ", timeout=0)
        assert type(caught.value) is ExpectTimeout

    run_virtually(scenario)
    assert "pexpect" not in sys.modules


def test_guest_that_ends_ends_the_wait_at_once_with_its_last_words() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                await trio.sleep(1)
                client.say(b"reboot: Power down\r\n")
                machine.ended = "powered off"
                client.end()

            with pytest.raises(GuestEnded, match=r"'login: ' was expected, but fake powered off") as caught:
                await console.expect("login: ", timeout=60)
        assert "reboot: Power down" in str(caught.value)
        assert isinstance(caught.value, EOFError)
        assert (await console.expect("Power (down|off)")).group(1) == "down"
        with pytest.raises(GuestEnded, match="send"):
            await console.send("x")

    assert run_virtually(scenario) == pytest.approx(1)


def test_open_pattern_is_answered_when_the_guest_pauses() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"# one\r\n# two\r\nroot@demo:~# ")
        match = await console.expect(r"\S+# $")
        assert match.after == "root@demo:~# "
        assert match.elapsed == pytest.approx(SETTLE_S)
        assert (await console.expect(["nothing", r"\Z"], timeout=1)).index == 1

    run_virtually(scenario)


@given(st.lists(st.integers(0, 60), max_size=5))
def test_answer_does_not_depend_on_how_the_output_arrives(cuts: list[int]) -> None:
    data = b"\x1b[1mLinux\x1b[0m version 6.1.0-13 (gcc)\r\n\x1b]0;t\x1b\\demo login: \xc3\xa9"

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        for a, b in itertools.pairwise(places):
            if data[a:b]:
                client.say(data[a:b])
        assert (await console.expect([r"version (\S+)", "gcc"])).group(1) == "6.1.0-13"
        assert (await console.expect(["login: é", "demo login: "])).index == 1

    run_virtually(scenario)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(login", "not a regular expression"),
        ("", "empty"),
        ([], "empty list"),
        (7, "cannot be expected"),
        ("\x1b[0m", "regular"),
    ],
)
def test_impossible_pattern_is_refused_at_once(pattern: object, words: str) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(UsageError, match=words):
            await console.expect(pattern)  # type: ignore[arg-type]

    assert run_virtually(scenario) == 0


def test_fixed_text_taken_for_an_expression_is_pointed_out() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"[sudo] password: ")
        with pytest.raises(ExpectTimeout, match=re.escape("use expect_exact()")):
            await console.expect("[sudo] password: ", timeout=1)
        assert (await console.expect_exact("[sudo] password: ", timeout=0)).after == "[sudo] password: "

    run_virtually(scenario)


def test_second_wait_at_once_is_refused() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(console.expect, "login: ")
            await trio.sleep(1)
            with pytest.raises(ConsoleBusy, match=r"expect\('login: '\) is still waiting"):
                await console.expect("Password: ")
            client.say(b"login: ")
        client.say(b"Password: ")
        await console.expect("Password: ")

    run_virtually(scenario)


def test_closed_console_says_so_and_keeps_what_it_saw() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"\x1b[1mbye\r\n")
        await console.expect("bye")
        console.close()
        console.close()
        assert client.detached
        for call in (console.expect("x"), console.login(), console.send("x"), console.send_break(), console.reset()):
            with pytest.raises(ConsoleClosed, match="is closed; open a new one"):
                await call
        assert (console.text, console.raw) == ("bye\n", b"\x1b[1mbye\r\n")

    run_virtually(scenario)


def test_enter_is_a_carriage_return() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.send("a")
        await console.send(b"\x03")
        await console.sendline("é")
        await console.sendline(b"b")
        await console.sendline()
        assert client.typed == b"a\x03\xc3\xa9\rb\r\r"

    run_virtually(scenario)


def test_sysrq_is_a_break_and_then_the_key() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sysrq("h")
        assert client.events == [0.25, b"h"]
        await console.send_break(1)
        assert client.events[2:] == [1]
        for key in ("", "hh", "é", "\r"):
            with pytest.raises(UsageError, match="not a SysRq key"):
                await console.sysrq(key)
        with pytest.raises(UsageError, match="break"):
            await console.send_break(0)

    assert run_virtually(scenario) == pytest.approx(1.25)


def test_buttons_are_the_machines_and_a_reset_reads_past_what_was_before() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"old login: ")
        await trio.testing.wait_all_tasks_blocked()
        await console.nmi()
        await console.reset()
        assert machine.pressed == ["nmi", "reset"]
        with pytest.raises(ExpectTimeout):
            await console.expect("login: ", timeout=1)
        assert console.text == "old login: \n"
        with pytest.raises(UsageError, match="no machine"):
            await Console(client).nmi()

    run_virtually(scenario)


@pytest.mark.parametrize("timeout", ["soon", float("nan")])
def test_time_out_that_is_none_is_refused(timeout: object) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(UsageError, match="time-out"):
            await console.expect("x", timeout=timeout)  # type: ignore[arg-type]

    run_virtually(scenario)


def test_errors_are_one_family() -> None:
    for kind in (ExpectTimeout, GuestEnded, ConsoleBusy, ConsoleClosed):
        assert issubclass(kind, UartsimError)


def test_arguments_of_a_wrong_kind_are_one_sentence() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        wrong: Any = 5
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: console.send(wrong),
            lambda: console.sendline(wrong),
            lambda: console.type(wrong),
            lambda: console.send_secret(wrong),
            lambda: console.sysrq(wrong),
            lambda: console.run(wrong),
            lambda: console.login(wrong),
            lambda: console.put_file(wrong, "x"),
            lambda: console.send_break(cast(Any, "x")),
            lambda: console.wait_for_quiet(cast(Any, "x")),
            lambda: console.expect("x", timeout=-1),
            lambda: console.expect("x", timeout=cast(Any, "soon")),
        ]
        for call in calls:
            with pytest.raises(UsageError) as caught:
                await call()
            assert "\n" not in str(caught.value)
        assert client.typed == b""

    run_virtually(scenario)


def test_error_of_run_names_the_command_and_not_what_was_typed_for_it() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"# ")
        with pytest.raises(ExpectTimeout, match=r"^the echo of the command 'true' was expected"):
            await console.run("true", timeout=0.5)

    run_virtually(scenario)


def test_after_a_reset_nothing_of_the_old_boot_is_taken_for_the_new_ones() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"\x1b[2J\x1b[5;10HSetup\r\nroot@old:~# \x1b[3")
        await console.wait_for_quiet(0.1)
        await console.send("typed ahead\r")
        await console.reset()
        assert console.screen.text == ""
        assert console.unread == ""
        client.say(b"1mtyped ahead\r\nnew boot\r\n")
        assert (await console.expect("^.*ahead")).before == ""
        assert console.screen.lines[0].rstrip() == "1mtyped ahead"
        assert console.raw.endswith(b"root@old:~# \x1b[31mtyped ahead\r\nnew boot\r\n")

    run_virtually(scenario)


def test_login_after_a_reset_waits_for_the_new_prompt() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"root@old:~# ")
        await console.wait_for_quiet(0.1)
        await console.reset()
        with pytest.raises(ExpectTimeout):
            await console.login(timeout=3)
        assert client.typed.strip(b"\r") == b""

    run_virtually(scenario)
