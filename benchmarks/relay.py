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


def flood_beside_socat(size: int) -> float:
    """How many times socat's speed a flood of ``size`` bytes has, with the record on, one after the other."""
    with socat_machine("source") as (link, _), open_raw(link, program=True) as fd:
        flood(fd, 1000)
        theirs = flood(fd, size)
    with tempfile.TemporaryDirectory() as folder:
        options = ("--rate", "unlimited", "--record", f"{folder}/record.jsonl")
        with uartsim_machine("source_process", *options) as (link, _), open_raw(link, program=True) as fd:
            flood(fd, 1000)
            return flood(fd, size) / theirs


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

    names = ("socat", "uartsim", "a script in it")
    speed: dict[str, list[float]] = {name: [] for name in names}
    cost: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            record = f"{folder}/{number}.jsonl"
            floods: dict[str, Machine] = {
                "socat": partial(socat_machine, "source"),
                "uartsim": partial(uartsim_machine, "source_process", "--rate", "unlimited", "--record", record),
                "a script in it": partial(uartsim_machine, "source", "--rate", "unlimited", "--record", f"{record}.2"),
            }
            for name, machine in floods.items():
                with machine() as (link, pid), open_raw(link, program="script" not in name) as fd:
                    flood(fd, 1000)
                    before = cpu_seconds(pid)
                    speed[name].append(flood(fd, size))
                    cost[name].append((cpu_seconds(pid) - before) / size * 1e9)
            os.unlink(record)
            os.unlink(f"{record}.2")
    rows = []
    for name, values in speed.items():
        ratio = median([value / socat for value, socat in zip(values, speed["socat"], strict=True)])
        rows.append([name, f"{median(values):.1f}", f"{ratio:.2f}", f"{median(cost[name]):.2f}"])
    table(f"{options.megabytes:g} MB from the guest", ["peer", "MB/s", "x socat", "CPU ms per MB"], rows)


if __name__ == "__main__":
    main()
