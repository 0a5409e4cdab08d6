"""Echo and throughput through uartsim's pty, next to socat in the same rounds.

    python -m benchmarks.relay [--rounds 7] [--keys 300] [--megabytes 16]

- Echo: a byte to the guest and back, median of the keys of a round.  On a paced line two characters of 86.8 us are
  physics; the goal is wire time plus at most 4 times socat's echo.  At unlimited rate: at most 1.7 times socat's.
- Throughput: a byte guest floods at unlimited rate, with the record on.  The goal is at least 1.0 times socat's.

``uartsim`` and ``socat`` have the guest at the same place: the same program, in a process and on a tty of its own.  As a
script in our process, where most tests have it, the guest costs no switch to another process; those rows say so.  socat
has the block size at which it is fastest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from benchmarks.rig import cpu_seconds, median, open_raw, socat_machine, table, uartsim_machine

Machine = Callable[[], AbstractContextManager[tuple[str, int]]]
WIRE_US = 2 * 10 / 115200 * 1e6


def echo_us(fd: int, keys: int) -> float:
    """The median time of a byte to the guest and back, in microseconds."""
    times = []
    for _ in range(keys):
        start = time.perf_counter()
        os.write(fd, b"k")
        os.read(fd, 16)
        times.append(time.perf_counter() - start)
    return median(times) * 1e6


def settle(fd: int) -> None:
    """See that both ends are up."""
    for _ in range(20):
        os.write(fd, b"k")
        os.read(fd, 16)


def flood(fd: int, size: int) -> float:
    """MB/s of ``size`` bytes from the guest."""
    os.write(fd, b"%d\n" % size)
    left = size
    start = time.perf_counter()
    while left:
        left -= len(os.read(fd, 65536))
    return size / (time.perf_counter() - start) / 1e6


class Flood(NamedTuple):
    """A flood from a guest."""

    mb_per_s: float
    cpu_ms_per_mb: float  #: of the process that relays it


def measure_flood(machine: Machine, size: int, *, program: bool) -> Flood:
    """A flood of ``size`` bytes from a machine's guest, which is a program of its own or not."""
    with machine() as (link, pid), open_raw(link, program=program) as fd:
        flood(fd, 1000)
        before = cpu_seconds(pid)
        return Flood(flood(fd, size), (cpu_seconds(pid) - before) / size * 1e9)


def measure_floods(size: int) -> dict[str, Flood]:
    """The same flood through socat and through uartsim at unlimited rate, with the record on, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--rate", "unlimited", "--record")
        return {
            "socat": measure_flood(partial(socat_machine, "source"), size, program=True),
            "uartsim": measure_flood(
                partial(uartsim_machine, "source_process", *options, f"{folder}/1.jsonl"), size, program=True
            ),
            "a script in it": measure_flood(
                partial(uartsim_machine, "source", *options, f"{folder}/2.jsonl"), size, program=False
            ),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--megabytes", type=float, default=16)
    options = parser.parse_args()
    size = round(options.megabytes * 1e6)

    machines: dict[str, Machine] = {
        "socat": partial(socat_machine, "echo"),
        "uartsim, unlimited": partial(uartsim_machine, "echo_process", "--rate", "unlimited"),
        "uartsim, 115200": partial(uartsim_machine, "echo_process"),
        "a script in it, unlimited": partial(uartsim_machine, "echo", "--rate", "unlimited"),
        "a script in it, 115200": partial(uartsim_machine, "echo"),
    }
    echo: dict[str, list[float]] = {name: [] for name in machines}
    for _ in range(options.rounds):
        for name, machine in machines.items():
            with machine() as (link, _), open_raw(link, program="script" not in name) as fd:
                settle(fd)
                echo[name].append(echo_us(fd, options.keys))
    rows = []
    for name, values in echo.items():
        wire = WIRE_US if "115200" in name else 0.0
        ratios = [(value - wire) / socat for value, socat in zip(values, echo["socat"], strict=True)]
        rows.append([name, f"{median(values):.0f}", f"{wire:.0f}", f"{median(ratios):.2f}"])
    table("echo p50", ["peer", "us", "of it wire", "the rest, x socat"], rows)

    rounds = [measure_floods(size) for _ in range(options.rounds)]
    rows = []
    for name in rounds[0]:
        speed = median([found[name].mb_per_s for found in rounds])
        ratio = median([found[name].mb_per_s / found["socat"].mb_per_s for found in rounds])
        cost = median([found[name].cpu_ms_per_mb for found in rounds])
        rows.append([name, f"{speed:.1f}", f"{ratio:.2f}", f"{cost:.2f}"])
    table(f"{options.megabytes:g} MB from the guest", ["peer", "MB/s", "x socat", "CPU ms per MB"], rows)


if __name__ == "__main__":
    main()
