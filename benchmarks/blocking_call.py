"""What a call on a blocking console costs: the way to its thread and back, and what is done there.

    python -m benchmarks.blocking_call [--calls 50] [--pairs 100]

Goal: at most what pexpect takes.  The guest is silent and what is expected is there already, so that nothing is waited
for.  The peer is pexpect on a pty that has the same text: it has no thread to go to, and matches in the caller's.  So
many calls of ours and as many of pexpect's are measured one after the other, in so many pairs: what else the computer does
changes more slowly than that.
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


class Ours:
    """A blocking console whose guest is silent, and what it is asked.

    Args:
        console: the console.
        calls: how many texts are filled in at once.
    """

    def __init__(self, console: blocking.Console, calls: int) -> None:
        self._console, self._calls = console, calls
        self.measured: dict[str, Callable[[], object]] = {
            "expect_exact()": lambda: console.expect_exact("ready"),
            "expect()": lambda: console.expect(r"re(a)dy\n"),
            "unread": lambda: console.unread,
            "line.modem": lambda: console.line.modem,
        }

    def fill(self) -> None:
        """Have the text there that is expected, for all calls of a pair."""
        received = self._console._async._session.received

        def fill() -> None:
            received.matcher.consume_all()
            received.take(_TEXT.encode() * self._calls, trio.current_time())

        self._console._thread.read(fill)


class Pexpects:
    """A pty, and pexpect on it."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._spawned = fdpexpect.fdspawn(slave, timeout=10, maxread=65536)

    def expect_exact(self) -> None:
        """Have the text there, and expect it."""
        os.write(self._master, _TEXT.encode())
        self._spawned.expect_exact(b"ready\n")

    def close(self) -> None:
        """Close the pty."""
        os.close(self._master)
        self._spawned.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=100)
    options = parser.parse_args()
    peer = Pexpects()
    with blocking.open_console("demo", settings={"grub_timeout": -1}) as console:
        console.grub.wait_for_menu()
        ours = Ours(console, options.calls)
        rows = []
        theirs: list[float] = []
        for name, call in ours.measured.items():
            took, ratios = [], []
            for _ in range(options.pairs):
                ours.fill()
                took.append(seconds_per_call(call, options.calls))
                theirs.append(seconds_per_call(peer.expect_exact, options.calls))
                ratios.append(took[-1] / theirs[-1])
            rows.append([name, *_figures(took), f"{median(ratios):.2f}"])
        rows.append(["pexpect's expect_exact()", *_figures(theirs), "1"])
    peer.close()
    table(
        "a call on a blocking console, in milliseconds",
        ["call", "median", "least", "x pexpect's in the same moment"],
        rows,
    )


def _figures(seconds: list[float]) -> list[str]:
    return [f"{figure(seconds) * 1e3:.3f}" for figure in (median, min)]


if __name__ == "__main__":
    main()
