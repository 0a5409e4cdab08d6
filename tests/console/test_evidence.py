"""What an error says of the guest, word for word: each thing once."""

from __future__ import annotations

import pytest

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, ProblemFound


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
