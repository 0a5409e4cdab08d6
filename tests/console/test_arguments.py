"""What a console's calls say about arguments that they cannot take: UsageError, with the argument, at the call."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console as AsyncConsole
from uartsim.console.console_errors import ConsoleClosed, GuestEnded
from uartsim.errors import UartsimError, UsageError

QUICK = {"grub_timeout": 0}
DEEP = "(?:" * 2000
TIMES = [0, -1, 1e30, 10**30, 10**400, 10**5000, math.nan, math.inf, True, "1", None, []]
#: Values of every kind, of which each argument takes a few.
ODD = [
    None,
    True,
    5,
    -1,
    1.5,
    10**30,
    10**5000,
    math.nan,
    math.inf,
    b"x",
    "\udc80",
    [],
    {},
    object(),
    DEEP,
    [None],
    lambda: 0,
]


@pytest.fixture(scope="module")
def console() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login("root", "toor")
        yield console


def check(says: str, call: Callable[..., object], *arguments: Any, **named: Any) -> None:
    """The call raises UsageError at once, and says so in a message that is short."""
    with pytest.raises(UsageError, match=says) as caught:
        call(*arguments, **named)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("time", TIMES, ids=[f"time{number}" for number in range(len(TIMES))])
def test_times_have_a_largest(console: blocking.Console, time: Any) -> None:
    check("a break of .*at most 60 seconds", console.send_break, time)
    check(r"wait_for_quiet\(.*a time above 0", console.wait_for_quiet, time)
    check(r"slow_guest\(.*a time above 0", console.stimuli.slow_guest, time)
    if time is not None and (time != time or isinstance(time, (bool, str, list)) or time < 0):
        check("the time-out is", console.expect, "x", timeout=time)
    assert console.run("echo on").output == "on\n"


@pytest.mark.parametrize(
    "timeout", [10**30, 1e30, 10**5000, math.inf, None], ids=["int", "float", "long", "inf", "none"]
)
def test_time_out_beyond_all_time_is_for_ever(timeout: float | None) -> None:
    async def scenario(console: AsyncConsole, client: FakeClient, machine: FakeMachine) -> None:
        assert console._session.seconds(timeout) == math.inf
        client.say(b"here\r\n")
        assert (await console.expect("here", timeout)).after == "here"

    run_virtually(scenario)


def test_time_out_beyond_all_time_ends_with_the_guest() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login("root", "toor")
        console.sendline("poweroff")
        with pytest.raises(GuestEnded):
            console.expect("zzz", timeout=10**30)


def test_expressions_and_names_that_are_none(console: blocking.Console) -> None:
    screen, grub = console.screen, console.grub
    wrong: Any
    for wrong in (None, 5, b"x", [], "(", DEEP, re.compile(b"x")):
        check(r"screen\.find\(\): .* is not a regular expression", screen.find, wrong)
        if wrong != []:
            check(r"grub\.select\(\): .* is not a regular expr", grub.select, wrong)
        check(r"grub\.select\(\): .* is not a regular expression", grub.select, [wrong])
        check(r"grub\.edit\(\): line: .* is not a regular expr", grub.edit, wrong, "x")
        if wrong is not None:
            check(r"grub\.edit\(\): remove: .* is not a", grub.edit, "x", remove=wrong)
        check(r"grub\.edit\(\): replace: .* is not a", grub.edit, "x", replace=(wrong, ""))
    check("is not a regular expression", console.expect, DEEP)
    kind: Any
    for kind in ([], {}, 5):
        check("is not a kind of fault", console.line.clear_faults, kind)
        check("shell is", console.run, "true", shell=kind)
        check("new_password is", console.login, "root", "toor", new_password=kind)


def odd_calls(console: blocking.Console) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each public function of a console, with a value of every kind for each of its arguments."""
    fitting: dict[str, Any] = {
        "pattern": "zzz", "patterns": ["zzz"], "data": "", "line": "x", "text": "x", "secret": "", "user": "root",
        "command": "true", "rows": 24, "columns": 80, "source": b"", "path": "/tmp/x",
        "duration_s": 0.1, "key": "h", "fault": "noise:rate=0",
        "latency_s": 0.1, "baud": 115200,
    }  # fmt: skip
    for owner in (console, console.line, console.grub, console.stimuli, console.screen):
        for name, function in inspect.getmembers(type(owner), inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)[1:]
            if name.startswith("_") or name in ("close", "spawn", "reset", "nmi", "boot"):
                continue
            for parameter in parameters:
                given = {each: fitting[each] for each in parameters if each in fitting}
                if "timeout" in parameters:
                    given["timeout"] = 0.2
                for value in ODD:
                    if parameter == "timeout" and value in (None, math.inf, 10**30, 10**5000, 5):
                        continue  # these wait
                    if name in ("add_fault", "sendline", "send", "type") and isinstance(value, (str, bytes)):
                        continue  # these may be taken, and stay
                    arguments = given | {parameter: value}
                    label = f"{name}({parameter}={type(value).__name__})"
                    yield label, partial(getattr(owner, name), **arguments)


def test_no_value_of_any_kind_gives_an_error_that_is_not_the_packages(console: blocking.Console) -> None:
    wrong = []
    for label, call in odd_calls(console):
        try:
            started = call()
        except UartsimError as error:
            if "NEVER" in str(error):
                wrong.append(f"{label}: {error}")
        except Exception as error:
            if "progress=function" not in label:  # what a caller's function raises is the caller's
                wrong.append(f"{label}: {type(error).__name__}: {error}")
        else:
            if hasattr(started, "stop"):
                started.stop()
    assert not wrong, "\n".join(wrong)
    console.line.clear_faults()
    console.line.set_speed(None)
    console.send("\x15")
    assert console.run("echo on", shell="sh").output == "on\n"


def changes(console: blocking.Console) -> list[tuple[str, Callable[[], object]]]:
    """The calls that change the machine from outside."""
    line, stimuli = console.line, console.stimuli
    return [
        ("line.set_modem", lambda: line.set_modem(dtr=False)),
        ("line.add_fault", lambda: line.add_fault("noise:rate=1e-3")),
        ("steal_line", stimuli.steal_line),
        ("printk_storm", lambda: stimuli.printk_storm(every=5)),
        ("slow_guest", lambda: stimuli.slow_guest(0.1)),
        ("send_break", console.send_break),
        ("sysrq", lambda: console.sysrq("h")),
    ]


def test_changes_need_an_open_console_and_a_guest() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login("root", "toor")
        console.sendline("poweroff")
        console.expect(GuestEnded)
        for name, call in changes(console):
            with pytest.raises(GuestEnded, match=re.escape(name)):
                call()
        assert console.line.clear_faults() == 0
    for name, call in changes(console):
        with pytest.raises(ConsoleClosed, match=re.escape(name)):
            call()


def test_wait_that_is_under_way_ends_when_its_console_is_closed() -> None:
    async def scenario(console: AsyncConsole, client: FakeClient, machine: FakeMachine) -> None:
        import trio

        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(ConsoleClosed):
                    await console.expect("zzz", timeout=None)

            nursery.start_soon(wait)
            await trio.sleep(1)
            console.close()

    run_virtually(scenario)
