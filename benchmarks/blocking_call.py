"""What a call on a blocking console costs: the way to its thread and back, and what is done there.

    python -m benchmarks.blocking_call [--calls 2000] [--rounds 5]

Goal: at most 0.3 ms a call.  The guest is silent and what is expected is there already, so that nothing is waited for.
The peer is pexpect on a pty that has the same text: it has no thread to go to, and matches in the caller's.
"""

from __future__ import annotations

import argparse
import os
import time
import tty
from collections.abc import Callable

import trio
from pexpect import fdpexpect

from benchmarks.rig import median, table
from uartsim import blocking

_TEXT = "ready\n"


def seconds_per_call(call: Callable[[], object], calls: int) -> float:
    """How long one of many calls takes."""
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begin) / calls


def ours(calls: int) -> dict[str, float]:
    """Seconds for each call of ours, by what it does."""
    with blocking.open_console("demo", settings={"grub_timeout": -1}) as console:
        console.grub.wait_for_menu()
        received = console._async._session.received

        def fill() -> None:
            data = _TEXT.encode() * calls
            for at in range(0, len(data), 4096):
                received.take(data[at : at + 4096], trio.current_time())

        console._thread.read(fill)
        costs = {"expect_exact()": seconds_per_call(lambda: console.expect_exact("ready"), calls)}
        console._thread.read(fill)
        costs["expect()"] = seconds_per_call(lambda: console.expect(r"re(a)dy\n"), calls)
        costs["unread"] = seconds_per_call(lambda: console.unread, calls)
        costs["line.modem"] = seconds_per_call(lambda: console.line.modem, calls)
        return costs


def pexpects(calls: int) -> float:
    """Seconds for a call of pexpect's ``expect_exact``."""
    master, slave = os.openpty()
    tty.setraw(slave)
    spawned = fdpexpect.fdspawn(slave, timeout=10, maxread=65536)
    try:
        begin = time.perf_counter()
        for _ in range(calls):
            os.write(master, _TEXT.encode())
            spawned.expect_exact(b"ready\n")
        return (time.perf_counter() - begin) / calls
    finally:
        os.close(master)
        spawned.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds = [ours(options.calls) | {"pexpect": pexpects(options.calls)} for _ in range(options.rounds)]
    rows = [[name, *(f"{f([r[name] for r in rounds]) * 1e3:.3f}" for f in (median, min, max))] for name in rounds[0]]
    table("a call on a blocking console, in milliseconds", ["call", "median", "least", "most"], rows)


if __name__ == "__main__":
    main()
