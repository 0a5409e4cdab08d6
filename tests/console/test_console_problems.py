"""Problems in the hands of a test: a wait ends at once with the cause, unless the test asked for it."""

from __future__ import annotations

import pytest
import trio

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, ProblemFound
from uartsim.errors import UsageError

PANIC = b"[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"


def test_wait_ends_at_once_with_the_cause_of_a_panic() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"booting\r\n" + PANIC)
        with pytest.raises(
            ProblemFound, match=r"kernel panic: VFS: Unable to mount root fs; expect\('login: '\)"
        ) as caught:
            await console.expect("login: ")
        assert caught.value.problem.id == "linux.panic"
        assert "allow=['linux.panic']" in str(caught.value)
        assert "booting" in str(caught.value)
        assert console.unread.startswith("booting")
        with pytest.raises(ExpectTimeout):
            await console.expect("login: ", timeout=1)

    assert run_virtually(scenario) == pytest.approx(2.0, abs=0.1)


def test_wait_ends_when_the_call_trace_is_there_and_names_it() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                say_later, client, 0.3, b"[    1.300000] Call Trace:\r\n[    1.310000]  mount_root+0x1/2\r\n"
            )
            nursery.start_soon(say_later, client, 0.6, b"[    1.400000] ---[ end Kernel panic - not syncing ]---\r\n")
            client.say(PANIC)
            with pytest.raises(ProblemFound, match=r"mount_root\+0x1"):
                await console.expect("login: ")

    assert run_virtually(scenario) == pytest.approx(0.6, abs=0.1)


def test_end_of_the_report_before_a_panic_is_not_that_of_the_panic() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"[    1.000000] ---[ end trace 0123456789abcdef ]---\r\n" + PANIC)
        with pytest.raises(ProblemFound):
            await console.expect("login: ")

    assert run_virtually(scenario) == pytest.approx(1.0, abs=0.1)


def test_guest_that_talks_for_ever_after_a_panic_ends_the_wait_all_the_same() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(chatter, client)
            client.say(PANIC)
            with pytest.raises(ProblemFound, match="kernel panic"):
                await console.expect("login: ")
            nursery.cancel_scope.cancel()

    assert run_virtually(scenario) == pytest.approx(5.0, abs=0.3)


def test_quiet_that_shows_the_evidence_is_there_scales_with_the_time_outs() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(PANIC)
        with pytest.raises(ProblemFound):
            await console.expect("login: ")

    assert run_virtually(scenario, timeout_scale=3) == pytest.approx(3.0, abs=0.1)


def test_time_out_before_the_evidence_is_there_still_names_the_panic() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(PANIC)
        with pytest.raises(ProblemFound, match="kernel panic"):
            await console.expect("login: ", timeout=0.2)

    assert run_virtually(scenario) == pytest.approx(0.2, abs=0.1)


def test_prompt_behind_a_panic_is_not_returned_while_the_evidence_comes() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(PANIC + b"login: ")
        with pytest.raises(ProblemFound):
            await console.expect_exact("login: ")

    run_virtually(scenario)


def test_guest_that_ends_after_a_panic_ends_the_wait_at_once() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(PANIC)
        client.end()
        with pytest.raises(ProblemFound, match="kernel panic"):
            await console.expect("login: ")

    assert run_virtually(scenario) < 0.2


def test_panic_that_was_asked_for_still_stands_in_a_time_outs_message() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sysrq("c")
        client.say(PANIC)
        with pytest.raises(
            ExpectTimeout, match=r"Allowed or asked for: Kernel panic - not syncing: VFS: .*\(linux.panic\)"
        ):
            await console.expect("login: ", timeout=2)
        assert console.problems == []

    run_virtually(scenario)


async def say_later(client: FakeClient, seconds: float, data: bytes) -> None:
    await trio.sleep(seconds)
    client.say(data)


async def chatter(client: FakeClient) -> None:
    for _ in range(200):
        client.say(b"tick\r\n")
        await trio.sleep(0.1)


def test_rescue_prompt_ends_a_wait_for_anything_else() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"error: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> ")
        with pytest.raises(ProblemFound, match="rescue shell"):
            await console.expect_exact("login: ")
        assert [problem.id for problem in console.problems] == ["grub.error", "grub.rescue"]
        await console.expect_exact("grub rescue> ")

    assert run_virtually(scenario) < 0.2


def test_who_expects_a_panic_gets_it() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(PANIC)
        match = await console.expect("Kernel panic - not syncing: (.*)")
        assert match.group(1) == "VFS: Unable to mount root fs"
        client.say(b"after\r\n")
        await console.expect("after")

    run_virtually(scenario)


def test_what_is_typed_is_no_problem_when_it_comes_back() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sendline("grep 'Kernel panic - not syncing' log")
        client.say(b"# grep 'Kernel panic - not syncing' log\r\n# ")
        await console.expect("# $")
        await console.expect("never", timeout=1)

    with pytest.raises(ExpectTimeout):
        run_virtually(scenario)


def test_kernel_lines_are_a_stream_of_their_own() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"demo lo[    2.500000] usb 1-1: new device\r\ngin: ")
        await console.expect("login: $")
        assert [(line.time_s, line.text) for line in console.kernel_lines] == [(2.5, "usb 1-1: new device")]

    run_virtually(scenario)


def test_reset_is_no_unexpected_start_and_one_of_the_guests_own_is() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        boot = b"SeaBIOS (version 1.16.2)\r\nBooting\r\nWelcome to GRUB!\r\n"
        client.say(boot + b"\r\ndemo login: \r\n")
        await console.expect("login: ")
        await console.reset()
        client.say(boot)
        await console.expect("GRUB")
        assert console.problems == []
        client.say(b"\r\ndemo login: \r\n" + boot)
        with pytest.raises(ProblemFound, match="was not asked to"):
            await console.expect("root@")

    run_virtually(scenario)


def test_panic_of_the_demo_guest_that_was_asked_for_ends_no_wait() -> None:
    with blocking.open_console("demo", settings={"grub_timeout": 0, "sysrq": 1}, clock="virtual") as console:
        console.login()
        console.sysrq("c")
        console.expect("Kernel panic - not syncing: (.*)")
        assert "linux.panic" not in {problem.id for problem in console.problems}


def test_allowed_and_own_problems_are_given_when_a_console_is_opened() -> None:
    mine = {"id": "demo.up", "severity": "fatal", "match": ["GNU GRUB"], "cause": "it lives", "advice": "look"}
    with (
        blocking.open_console("demo", problems=mine, allow=["linux.*"], clock="virtual") as console,
        pytest.raises(ProblemFound, match="it lives") as caught,
    ):
        console.expect("login: ")
    assert caught.value.problem.id == "demo.up"
    with (
        pytest.raises(UsageError, match=r"no problem 'linux.panik'"),
        blocking.open_console("demo", allow=["linux.panik"]),
    ):
        pass
