"""A key's echo through the service, the gateway and an unlimited line, next to the same line's pty.

    python -m benchmarks.gateway_echo [--rounds 7] [--keys 300]

The guest is the same script in all rows, and sends back what it gets.  ``pty`` is ``uartsim run``.  The goal for
``gateway``, without TLS, is at most 2 times that; ``with TLS`` stands beside it.  ``binary`` is the same with the frames that
a page asks for: it should cost no more.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.gateway_peers import BINARY, peer
from benchmarks.rig import cpu_seconds, median, open_raw, table, uartsim_machine


class Echo(NamedTuple):
    """A key and back, in microseconds: the median, the 99th percentile, and the processor time of the server."""

    p50_us: float
    p99_us: float
    cpu_us: float


def echo(key: Callable[[], object], pid: int, keys: int) -> Echo:
    """Send keys one by one; the first ones are not counted."""
    for _ in range(20):
        key()
    times, before = [], cpu_seconds(pid)
    for _ in range(keys):
        start = time.perf_counter()
        key()
        times.append((time.perf_counter() - start) * 1e6)
    cost = (cpu_seconds(pid) - before) / keys * 1e6
    return Echo(median(times), sorted(times)[int(len(times) * 0.99)], cost)


def through_pty(keys: int) -> Echo:
    with uartsim_machine("echo", "--rate", "unlimited") as (link, pid), open_raw(link) as fd:

        def key() -> None:
            os.write(fd, b"k")
            os.read(fd, 16)

        return echo(key, pid, keys)


def through_gateway(keys: int, *options: str, query: str = "") -> Echo:
    with peer("service", "echo", *options, query=query) as (client, running):

        def key() -> None:
            client.send(b"k")
            client.receive()

        return echo(key, running.pid, keys)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keys", type=int, default=300)
    options = parser.parse_args()
    rounds = [
        {
            "pty": through_pty(options.keys),
            "gateway": through_gateway(options.keys),
            "binary frames": through_gateway(options.keys, query=BINARY),
            "with TLS": through_gateway(options.keys, "tls"),
            "binary, TLS": through_gateway(options.keys, "tls", query=BINARY),
        }
        for _ in range(options.rounds)
    ]
    rows = []
    for name in rounds[0]:
        p50, p99, cost = (median([one[name][field] for one in rounds]) for field in range(3))
        ratio = median([one[name].p50_us / one["pty"].p50_us for one in rounds])
        cpu_ratio = median([one[name].cpu_us / one["pty"].cpu_us for one in rounds])
        rows.append([name, f"{p50:.0f}", f"{ratio:.2f}", f"{p99:.0f}", f"{cost:.0f}", f"{cpu_ratio:.2f}"])
    head = ["way", "p50 us", "x pty", "p99 us", "CPU us", "CPU x pty"]
    table("a key's echo at unlimited rate", head, rows)


if __name__ == "__main__":
    main()
