"""The steps of a console: what a test has called, and what of it is shown."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout
from uartsim.console.console_steps import KEPT


def shown(console: Any) -> list[tuple[str, str]]:
    steps = console._session.steps.shown()
    return [(step.what, step.outcome) for step in steps]


def test_each_verb_is_a_step_with_its_time_and_its_outcome() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"login: ")
        await trio.sleep(1)
        await console.expect_exact("login: ")
        await console.wait_for_quiet(2)
        with pytest.raises(ExpectTimeout):
            await console.expect("never", timeout=3)
        await console.send_break(0.5)
        steps = console._session.steps.shown()
        assert [str(step) for step in steps] == [
            "   +1.000 s    0.000 s  expect('login: ')",
            "   +1.000 s    1.000 s  wait_for_quiet(2)",
            "   +2.000 s    3.000 s  expect('never')  ExpectTimeout",
            "   +5.000 s    0.500 s  send_break()",
        ]

    run_virtually(scenario)


def test_a_step_that_is_under_way_is_shown_without_its_seconds() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(console.expect, "never")
            await trio.sleep(1)
            assert [str(step) for step in console._session.steps.shown()] == ["   +0.000 s          -  expect('never')"]
            nursery.cancel_scope.cancel()
        assert shown(console) == [("expect('never')", "Cancelled")]

    run_virtually(scenario)


def test_what_was_sent_is_shown_only_if_the_guest_echoed_it() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sendline("root")
        client.say(b"root\r\nPassword: ")
        await trio.sleep(1)
        await console.sendline("tiger")
        client.say(b"\r\nWelcome\r\n# ")
        await trio.sleep(1)
        await console.send_secret("tiger")
        await console.send("\x03")
        await console.send(b"\x1b[A\x1bOB\r")
        await console.send("ls -l\n")
        client.say(b"ls -l\r\n")
        await trio.sleep(1)
        await console.send("x")
        assert [what for what, _ in shown(console)] == [
            "sendline('root')",
            "sendline(5 characters without an echo)",
            "send_secret()",
            "send('\\x03')",
            "send(b'\\x1b[A\\x1bOB\\r')",
            "send('ls -l\\n')",
            "send(1 character without an echo)",
        ]

    run_virtually(scenario)


def test_a_verb_that_calls_others_is_one_step_and_the_list_is_bounded() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.login("root", "toor")
        console.run("true")
        assert shown(console._async) == [("login('root')", ""), ("run('true')", "")]
        for _ in range(KEPT):
            console.send("")
        assert len(shown(console._async)) == KEPT
        assert console._async._session.steps.count == KEPT + 2


def test_steps_are_logged_when_they_begin_and_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uartsim.console.steps")

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"login: ")
        await console.expect("login: ")
        await console.sendline("secret")
        with pytest.raises(ExpectTimeout):
            await console.expect("#", timeout=1)

    run_virtually(scenario)
    assert caplog.messages == [
        "fake +0.000 s [expect('login: ')...]",
        "fake +0.000 s [expect('login: '): 0.000 s]",
        "fake +0.000 s [sendline(6 characters without an echo): 0.000 s]",
        "fake +0.000 s [expect('#')...]",
        "fake +1.000 s [expect('#'): ExpectTimeout after 1.000 s]",
    ]
    assert {record.__dict__["machine"] for record in caplog.records} == {"fake"}
