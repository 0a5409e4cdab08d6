"""Many lines and many machines in one process.

    python -m benchmarks.many [--lines 100] [--seconds 10] [--machines 1000]

- Lines flat out: each guest sends without end at 115200 8N1 into a hub.  Goal for 100: at most 50 % of a core, and each
  line's rate within 0.05 % of 11520 characters a second.
- Idle machines: script guests that wait for a key.  Goal for 1000: ready within 2 s, under 80 MB, no wake-up in 10 s.
"""

from __future__ import annotations

import argparse
import resource
import time
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from benchmarks.rig import GUESTS, median, table
from uartsim.access.hub import Hub
from uartsim.guest.build import make_guest
from uartsim.guest.catalogue import find_guest
from uartsim.machine import Machine, open_machine


def memory_mb() -> float:
    """What this process holds now, in MB."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def switches() -> int:
    """How often this process has slept and been woken."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


async def start(stack: AsyncExitStack, guest: str, name: str) -> Hub:
    """A running machine with a hub."""
    hubs: list[Hub] = []

    def prepare(machine: Machine) -> None:
        hubs.append(Hub(machine.com1, scrollback_bytes=65536))

    definition = find_guest(str(GUESTS / guest))
    await stack.enter_async_context(open_machine(make_guest(definition), name, prepare=prepare))
    return hubs[0]


async def flat_out(lines: int, seconds: float) -> list[list[str]]:
    """The table's row for ``lines`` busy lines."""
    async with AsyncExitStack() as stack:
        hubs = [await start(stack, "source", f"line{n}") for n in range(lines)]
        while not all(hub.com1.uart.ier for hub in hubs):
            await trio.sleep(0.01)  # what comes before a driver has opened its port is flushed
        for hub in hubs:
            hub.com1.far_send(b"%d\n" % round((seconds + 10) * 11520))
        await trio.sleep(1)
        ticker = hubs[0].com1.ticker
        begin = [(hub.end, hub.last_output_at or 0) for hub in hubs]
        cpu, wakeups, wall = time.process_time(), ticker.wakeups, time.perf_counter()
        await trio.sleep(seconds)
        wall = time.perf_counter() - wall
        cpu, wakeups = time.process_time() - cpu, ticker.wakeups - wakeups
        errors = []
        for hub, (end, at) in zip(hubs, begin, strict=True):
            took = ((hub.last_output_at or 0) - at) / 144e9
            errors.append(abs((hub.end - end) / took / 11520 - 1) * 100)
        behind = [(hub.com1.clock.now() - (hub.last_output_at or 0)) / 144e6 for hub in hubs]
    return [
        [
            str(lines),
            f"{cpu / wall * 100:.1f}",
            f"{max(errors):.4f}",
            f"{wakeups / wall:.0f}",
            f"{median(behind):.1f}",
        ]
    ]


async def idle(machines: int, seconds: float) -> list[list[str]]:
    """The table's row for ``machines`` idle machines."""
    before = memory_mb()
    begin = time.perf_counter()
    async with AsyncExitStack() as stack:
        for n in range(machines):
            await start(stack, "echo", f"idle{n}")
        ready = time.perf_counter() - begin
        held = memory_mb()
        await trio.sleep(0.5)
        woken = switches()
        await trio.sleep(seconds)
        woken = switches() - woken
    row = [str(machines), f"{ready:.2f}", f"{held:.1f}", f"{(held - before) / machines * 1024:.1f}", str(woken - 1)]
    return [row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--machines", type=int, default=1000)
    options = parser.parse_args()
    head = ["lines", "CPU % of a core", "worst rate error %", "wake-ups/s", "behind ms (median)"]
    table(f"flat out for {options.seconds:g} s", head, trio.run(flat_out, options.lines, options.seconds))
    head = ["machines", "ready after s", "RSS MB", "kB each", f"wake-ups in {options.seconds:g} s"]
    table("idle machines", head, trio.run(idle, options.machines, options.seconds))


if __name__ == "__main__":
    main()
