"""What a console can be made to suffer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.access.line_policy import NotTheWriterError
from uartsim.console.console import Console
from uartsim.console.console_errors import ConsoleClosed
from uartsim.errors import UsageError

QUICK = {"grub_timeout": 0, "time_scale": 0.0}


@pytest.fixture
def console() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login()
        yield console


def echoed(console: blocking.Console, text: bytes) -> bytes:
    """What comes back of a text, on a line that is empty before and after."""
    start = len(console.raw)
    console.send(text)
    console.wait_for_quiet(0.2)
    raw = console.raw[start:]
    console.send("\x15")
    console.wait_for_quiet(0.2)
    return raw


def test_kernel_lines_land_behind_the_bytes_that_were_named(console: blocking.Console) -> None:
    with console.stimuli.printk_storm(at=[0, 2, 5], text="oops") as storm:
        raw = echoed(console, b"abcdefg")
    assert re.fullmatch(rb"\[ .*?\] oops\r\nab\[ .*?\] oops\r\ncde\[ .*?\] oops\r\nfg", raw)
    assert storm.lines == 3
    assert echoed(console, b"xyz") == b"xyz"


def test_storm_goes_on_until_it_is_stopped_with_times_that_grow(console: blocking.Console) -> None:
    storm = console.stimuli.printk_storm(2)
    raw = echoed(console, b"abcdefgh")
    assert storm.lines > 4  # the kill has an echo, too
    storm.stop()
    storm.stop()
    times = [float(time) for time in re.findall(rb"\[ *(\d+\.\d{6})\]", raw)]
    assert len(times) == 4
    assert times == sorted(set(times))
    last = re.findall(r"\[ *(\d+\.\d{6})\]", console.run("dmesg").output)[-1]
    assert times[0] > float(last)
    assert echoed(console, b"ij") == b"ij"


def test_seed_decides_where_they_land(console: blocking.Console) -> None:
    def places(seed: int) -> list[int]:
        with console.stimuli.printk_storm(4, seed=seed):
            raw = echoed(console, b"x" * 60)
        return [len(part) for part in re.split(rb"\[ [^\n]*\n", raw)]

    assert places(1) == places(1) != places(2)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"every": 0},
        {"every": 3, "at": [1]},
        {"at": [-1]},
        {"every": 5.5},
        {"every": True},
        {"every": "x"},
        {"at": [1.5]},
        {"at": ["x"]},
        {"at": 5},
        {"every": 5, "seed": 1.5},
        {"every": 5, "text": None},
        {"every": 5, "text": "\udc80"},
    ],
)
def test_storm_without_a_place_is_refused(console: blocking.Console, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="printk_storm"):
        console.stimuli.printk_storm(**wrong)  # type: ignore[arg-type]


def test_stolen_line_is_told_and_comes_back(console: blocking.Console) -> None:
    with console.stimuli.steal_line():
        with pytest.raises(NotTheWriterError, match="a client that steals the line holds the line"):
            console.send("x")
        with pytest.raises(NotTheWriterError):
            console.run("true")
    assert console.run("echo back").output == "back\n"


def test_slow_guest_on_a_strict_line_loses_what_a_console_types_and_run_does_not() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual", strict_line=True) as console:
        console.login()
        with console.stimuli.slow_guest(0.004):
            text = "echo the quick brown fox jumps over the lazy dog and then some more of them"
            assert text.encode() not in echoed(console, text.encode())
            assert console.counters["overruns"] > 0
            assert console.run("echo heard").output == "heard\n"
        assert b"the lazy dog" in echoed(console, b"the lazy dog")
        with pytest.raises(UsageError, match="above 0"):
            console.stimuli.slow_guest(0)


def test_slow_guests_end_in_any_order_and_leave_the_guest_as_it_was(console: blocking.Console) -> None:
    com1 = console._async._session.machine.com1  # type: ignore[union-attr]
    before = (com1.guest, com1.interrupt_interceptors.active)
    first, second = console.stimuli.slow_guest(0.2), console.stimuli.slow_guest(0.3)
    first.stop()
    assert console.run("echo slow").elapsed > 0.3
    second.stop()
    assert (com1.guest, com1.interrupt_interceptors.active) == before
    assert console.run("echo fast").elapsed < 0.2


def test_guest_that_starts_again_is_still_slow(console: blocking.Console) -> None:
    fast = console.run("echo fast").elapsed
    with console.stimuli.slow_guest(0.03):
        console.reset()
        console.login()
        assert console.run("echo slow").elapsed > 3 * fast
    assert console.run("echo fast").elapsed < 2 * fast


def test_storms_end_in_any_order(console: blocking.Console) -> None:
    first = console.stimuli.printk_storm(3, text="one")
    second = console.stimuli.printk_storm(3, text="two")
    slow = console.stimuli.slow_guest(0.01)
    first.stop()
    raw = echoed(console, b"abcdef")
    assert b"two" in raw
    assert b"one" not in raw
    second.stop()
    assert echoed(console, b"ghi") == b"ghi"
    slow.stop()
    assert console.run("echo back").output == "back\n"


def test_line_that_was_stolen_twice_comes_back_when_the_last_thief_lets_go(console: blocking.Console) -> None:
    first, second = console.stimuli.steal_line(), console.stimuli.steal_line()
    first.stop()
    with pytest.raises(NotTheWriterError):
        console.send("x")
    second.stop()
    assert console.run("echo back").output == "back\n"
    first, second = console.stimuli.steal_line(), console.stimuli.steal_line()
    second.stop()
    with pytest.raises(NotTheWriterError):
        console.send("x")
    first.stop()
    assert console.run("echo back").output == "back\n"


@pytest.mark.parametrize("wrong", [None, "x", True, 1e30, float("nan"), 0])
def test_guest_is_slow_for_a_time_that_there_is(console: blocking.Console, wrong: Any) -> None:
    with pytest.raises(UsageError, match="slow_guest"):
        console.stimuli.slow_guest(wrong)
    assert console.run("echo on").output == "on\n"


def test_what_fails_in_the_line_ends_the_machine_and_every_call_says_so() -> None:
    opened = blocking.open_console("demo", settings=QUICK, clock="virtual")
    console = opened.__enter__()
    console.login("root", "toor")

    def fails(data: bytes, at: int) -> bytes:
        raise KeyError("a defect of the stimulus")

    console._thread.read(console.line._async._com1.output_interceptors.add, fails)
    for call in (lambda: console.run("true"), lambda: console.run("true"), lambda: console.send("x")):
        with pytest.raises(ConsoleClosed, match="has failed: KeyError: 'a defect of the stimulus'"):
            call()
    with pytest.raises(KeyError, match="a defect"):
        opened.__exit__(None, None, None)


def test_stand_in_for_a_line_cannot_suffer() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        stimuli = console.stimuli
        with pytest.raises(UsageError, match="behind this console"):
            stimuli.printk_storm(3)
        with pytest.raises(UsageError, match="behind this console"):
            stimuli.steal_line()
        with pytest.raises(UsageError, match="behind this console"):
            stimuli.slow_guest(1)

    run_virtually(scenario)
