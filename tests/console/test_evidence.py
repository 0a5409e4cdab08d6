"""What an error says of the guest, word for word: each thing once."""

from __future__ import annotations

import pytest
import trio

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, GuestEnded, ProblemFound
from uartsim.machine.machine import GuestEnd


def test_a_time_out_says_what_how_long_and_the_last_lines_with_times() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"\x1b[1mone\x1b[0m\r\n> ")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("ready", timeout=2)
        assert str(caught.value) == (
            "'ready' was expected, and fake did not send it within 2 s\n"
            "The last lines it sent:\n"
            "     +0.000 s  one\n"
            "     +0.000 s  >"
        )

    run_virtually(scenario)


def test_a_screen_is_shown_only_if_it_shows_something_else() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"\x1b[2J\x1b[1;1HSetup   Utility\r\nBoot order")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        assert "The screen:" not in str(caught.value)
        client.say(b"\x1b[1;1HAdvanced")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        assert str(caught.value) == (
            "'never' was expected, and fake did not send it within 1 s\n"
            "The last lines it sent:\n"
            "     +0.000 s  Setup   Utility\n"
            "     +0.000 s  Boot orderAdvanced\n"
            "The screen:\n"
            "  AdvancedUtility\n"
            "  Boot order"
        )

    run_virtually(scenario)


def test_lines_that_are_only_wrapped_on_the_screen_are_said_once() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        lines = [b"%02d %s %s\r\n" % (number, b"x" * 76, b"y" * number) for number in range(30)]
        client.say(b"\x1b[H\x1b[J" + b"".join(lines) + b"> ")  # the 80th character of each is a blank
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        told = str(caught.value).splitlines()
        assert [line.partition(" s  ")[2][:2] for line in told[2:]] == [*(str(number) for number in range(21, 30)), ">"]

    run_virtually(scenario)


def test_a_row_that_the_screen_shows_is_no_last_line_too() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"GRUB loading.\r\n\x1b[H\x1b[J\x1b[2;3HGNU GRUB\x1b[3;1H+---+\x1b[4;1H| *|\x1b[6;1Hin 5s\x1b[4;2H")
        await trio.sleep(1)
        client.say(b"\x1b[6;1Hin 4s\x1b[4;2H")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        assert str(caught.value) == (
            "'never' was expected, and fake did not send it within 1 s\n"
            "The last lines it sent:\n"
            "     +0.000 s  GRUB loading.\n"
            "     +0.000 s  in 5s\n"
            "The screen:\n"
            "  \n"
            "    GNU GRUB\n"
            "  +---+\n"
            "  | *|\n"
            "  \n"
            "  in 4s"
        )

    run_virtually(scenario)


def test_how_a_guest_ended_is_said_without_its_last_lines() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"line 1\r\nno \x1b[31msuch\x1b[0m file\r\n")
        machine.ended = GuestEnd("failed", 3, "a core was dumped\nline 1\nno \x1b[31msuch\x1b[0m file")
        client.end()
        with pytest.raises(GuestEnded) as caught:
            await console.expect("login: ", timeout=1)
        assert str(caught.value) == (
            "'login: ' was expected, but fake failed with status 3: a core was dumped\n"
            "The last lines it sent:\n"
            "     +0.000 s  line 1\n"
            "     +0.000 s  no such file"
        )
        machine.ended = GuestEnd("exited", 0, "line 1")
        with pytest.raises(GuestEnded, match=r"\A'x' was expected, but fake exited with status 0\n"):
            await console.expect("x")

    run_virtually(scenario)


def test_one_character_that_was_lost_is_one() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.missed = 1
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        assert str(caught.value) == (
            "'never' was expected, and fake did not send it within 1 s\n"
            "It has sent nothing.\n"
            "(1 character was lost, unread, because too many waited)\n"
            "What went wrong:\n"
            "     +1.000 s  1 character was lost on the line (this console was too slow) (line.lost)"
        )

    run_virtually(scenario)


def test_a_time_out_says_the_time_that_was_given() -> None:
    with blocking.open_console("demo", clock="virtual", timeout_scale=2) as console:
        console.login()
        with pytest.raises(
            ExpectTimeout, match=r"^the end of 'sleep 100' was expected, and demo did not send it within 6 s"
        ):
            console.run("sleep 100", timeout=3)
        console.send("\x03")
        with pytest.raises(
            ExpectTimeout, match=r"^a silence of 5 s was expected, and demo was not silent for so long within 4 s"
        ):
            console.wait_for_quiet(5, timeout=2)


def test_a_problem_that_the_first_line_names_is_not_named_again() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(
            b"[    1.000000] EXT4-fs error (device vda1): ext4_lookup:1855: inode #2: comm ls: deleted inode\r\n"
        )
        client.say(b"[    2.000000] Kernel panic - not syncing: out of luck\r\n")
        with pytest.raises(ProblemFound) as caught:
            await console.expect("login: ", timeout=20)
        text = str(caught.value)
        assert text.startswith(
            "kernel panic: out of luck; expect('login: ') ends here, unless allow=['linux.panic'] is given."
        )
        assert text.count("out of luck") == 2  # what it means, and the line
        assert text.count("linux.panic") == 1
        assert text.endswith(
            "What went wrong:\n"
            "     +0.000 s  a file system is damaged: EXT4-fs error (device vda1): ext4_lookup:1855: inode #2: comm ls: "
            "deleted inode (linux.fs)"
        )

    run_virtually(scenario)


def test_the_line_of_a_problem_is_shown_where_the_last_lines_do_not_have_it() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"[    2.000000] Kernel panic - not syncing: out of luck\r\n")
        client.say(b"".join(b"[    2.0%05d] frame %d\r\n" % (n, n) for n in range(20)))
        with pytest.raises(ProblemFound) as caught:
            await console.expect("login: ", timeout=20)
        assert str(caught.value).endswith(
            "frame 19\nWhat went wrong:\n     +0.000 s  Kernel panic - not syncing: out of luck (linux.panic)"
        )

    run_virtually(scenario)


def test_only_counters_that_are_not_zero_are_told() -> None:
    with blocking.open_console("demo", clock="virtual", fault="lost:rate=0.5,seed=1") as console:
        with pytest.raises(ExpectTimeout) as caught:
            console.expect("never", timeout=30)
        told = [line for line in str(caught.value).splitlines() if line.startswith("The line: ")]
    assert len(told) == 1
    assert "characters_lost_out" in told[0]
    assert " 0" not in told[0]
    assert "bytes" not in told[0]


def test_what_run_has_typed_is_not_shown() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.login()
        console.run("echo hello")
        with pytest.raises(ExpectTimeout) as caught:
            console.run("sleep 100", timeout=5)
        shown = [line.partition(" s  ")[2] for line in str(caught.value).splitlines()[2:]]
    assert shown[-3:] == ["root@demo:~# echo hello", "hello", "root@demo:~# sleep 100"]
    assert "uartsim-" not in str(caught.value)
