"""A blocking console in a process that was forked while it was open."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable

import pytest

from tests.patience import patience
from uartsim import blocking
from uartsim.console.console_errors import ConsoleClosed

QUICK = {"grub_timeout": 0}
BELONGS = "belongs to the process that opened it.*open one here"


def in_child(check: Callable[[], object]) -> None:
    """Run a check in a forked child; fails if it fails, or does not end."""
    if not (child := os.fork()):
        try:
            check()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    deadline = time.monotonic() + patience(20)
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, "the check failed; its error is on standard error"
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child hung")


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_calls_on_an_inherited_console_raise_and_do_no_harm(clock: str) -> None:
    with blocking.open_console("demo", settings=QUICK, clock=clock) as console:
        console.login("root", "toor")
        storm = console.stimuli.printk_storm(every=100)
        line, grub, stimuli = console.line, console.grub, console.stimuli

        def check() -> None:
            calls: list[Callable[[], object]] = [
                lambda: console.run("true"),
                lambda: console.expect("x", timeout=0),
                lambda: console.send("x"),
                lambda: console.screen,
                lambda: console.text,
                lambda: line.status,
                lambda: line.set_modem(dtr=False),
                lambda: grub.entries,
                lambda: stimuli.steal_line(),
                lambda: console.spawn(),
                storm.stop,
                console.close,
            ]
            for call in calls:
                with pytest.raises(ConsoleClosed, match=BELONGS):
                    call()

        in_child(check)
        storm.stop()
        assert console.run("echo still here").output == "still here\n"


def test_end_of_a_block_in_a_child_leaves_the_parents_machine_alone() -> None:
    opened = blocking.open_console("demo", settings=QUICK, clock="virtual")
    console = opened.__enter__()
    in_child(lambda: opened.__exit__(None, None, None))

    def leave_with_an_error() -> None:
        assert not opened.__exit__(KeyError, KeyError("x"), None), "the error goes on"

    def open_another() -> None:
        with blocking.open_console("demo", settings=QUICK, clock="virtual") as own:
            own.login("root", "toor")
            assert own.run("echo child").output == "child\n"

    in_child(leave_with_an_error)
    in_child(open_another)
    console.login("root", "toor")
    assert console.run("echo parent").output == "parent\n"
    opened.__exit__(None, None, None)
