"""Many lines and many machines in one process.

    python -m benchmarks.many [--lines 100] [--seconds 10] [--machines 1000]

- Lines flat out: each guest sends without end at 115200 8N1 into a hub.  Goals: 20 % of a core for 100 lines, 15 % for
  10, and each line's rate within 0.05 % of 11520 characters a second.
- One more line among them, on which a key is typed every now and then: how long its echo takes.
- One line flat out with watchers, each of which reads all of it.  Goal for 100: 30 % of a core.
- Idle machines: script guests that wait for a key.  Goal for 1000: ready within 2 s, under 80 MB, no wake-up in 10 s.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import trio

from benchmarks.rig import GUESTS, median, table
from uartsim.access.hub import Hub
from uartsim.guest.catalogue import find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.line_format import TICKS_PER_SECOND
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


class FlatOut(NamedTuple):
    """What lines that are flat out cost, and how exact they are."""

    cpu_percent: float  #: of a core
    cpu_us: float  #: for each character
    rate_error_percent: float  #: of the worst line
    wakeups: float  #: a second
    behind_ms: float  #: how old the last character is that a hub has, in the median of the lines


@asynccontextmanager
async def busy(lines: int, seconds: float) -> AsyncIterator[list[Hub]]:
    """The hubs of that many lines, which are flat out for so long, and a little more, from now on."""
    async with AsyncExitStack() as stack:
        hubs = [await start(stack, "source", f"line{n}") for n in range(lines)]
        await programmed(hubs)
        for hub in hubs:
            hub.com1.far_send(b"%d\n" % round((seconds + 10) * 11520))
        await trio.sleep(1)
        yield hubs


async def programmed(hubs: list[Hub]) -> None:
    """Wait until all drivers have opened their ports: what comes before is flushed."""
    while not all(hub.com1.uart.ier for hub in hubs):
        await trio.sleep(0.01)


async def flat_out(lines: int, seconds: float) -> FlatOut:
    """What ``lines`` busy lines cost."""
    async with busy(lines, seconds) as hubs:
        ticker = hubs[0].com1.ticker
        begin = [(hub.end, hub.last_output_at or 0) for hub in hubs]
        cpu, wakeups, wall = time.process_time(), ticker.wakeups, time.perf_counter()
        await trio.sleep(seconds)
        wall = time.perf_counter() - wall
        cpu, wakeups = time.process_time() - cpu, ticker.wakeups - wakeups
        errors = []
        characters = 0
        for hub, (end, at) in zip(hubs, begin, strict=True):
            took = ((hub.last_output_at or 0) - at) / TICKS_PER_SECOND
            errors.append(abs((hub.end - end) / took / 11520 - 1) * 100)
            characters += hub.end - end
        behind = [(hub.com1.clock.now() - (hub.last_output_at or 0)) / TICKS_PER_SECOND * 1e3 for hub in hubs]
    return FlatOut(cpu / wall * 100, cpu / characters * 1e6, max(errors), wakeups / wall, median(behind))


async def keys_among(lines: int, keys: int) -> list[float]:
    """How long each of some keys takes to its echo on one more line among busy ones, in seconds."""
    delays = []
    async with AsyncExitStack() as stack:
        hub = await start(stack, "echo", "interactive")
        await programmed([hub])
        await stack.enter_async_context(busy(lines, keys * 0.1))
        with hub.attach("person") as client:
            for number in range(keys):
                await trio.sleep(0.01 + 0.0017 * (number % 13))  # at any time within the others' rounds
                begin = time.perf_counter()
                await client.send(b"k")
                await client.receive()
                delays.append(time.perf_counter() - begin)
    return delays


async def watched(watchers: int, seconds: float) -> float:
    """The CPU, in percent of a core, of one line flat out that so many watchers read.

    Raises:
        SystemExit: one of them has not got all.
    """
    counts = [0] * watchers

    async def watch(number: int) -> None:
        with hub.attach(f"watcher{number}", watch=True) as client:
            while data := await client.receive():
                counts[number] += len(data)

    async with busy(1, seconds) as (hub,), trio.open_nursery() as nursery:
        for number in range(watchers):
            nursery.start_soon(watch, number)
        await trio.sleep(0.2)
        begin, cpu, wall = hub.end, time.process_time(), time.perf_counter()
        before = list(counts)
        await trio.sleep(seconds)
        sent, cpu, wall = hub.end - begin, time.process_time() - cpu, time.perf_counter() - wall
        got = [now - then for now, then in zip(counts, before, strict=True)]
        nursery.cancel_scope.cancel()
    if min(got) < sent * 0.95 or max(got) > sent * 1.05:
        raise SystemExit(f"watchers got {min(got)} to {max(got)} of {sent} characters; the figure means nothing")
    return cpu / wall * 100


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
    rows = []
    for lines in (options.lines, max(1, options.lines // 10)):
        seen = trio.run(flat_out, lines, options.seconds)
        delay_ms = median(trio.run(keys_among, lines, 50)) * 1e3
        rows.append(
            [
                *(str(lines), f"{seen.cpu_percent:.1f}", f"{seen.cpu_us:.3f}", f"{seen.rate_error_percent:.4f}"),
                *(f"{seen.wakeups:.0f}", f"{seen.behind_ms:.1f}", f"{delay_ms:.2f}"),
            ]
        )
    head = [
        "lines",
        "CPU % of a core",
        "us/character",
        "worst rate error %",
        "wake-ups/s",
        "behind ms",
        "a key's echo ms",
    ]
    table(f"flat out for {options.seconds:g} s", head, rows)
    percent = trio.run(watched, 100, options.seconds)
    table("one line flat out", ["watchers", "CPU % of a core"], [["100", f"{percent:.1f}"]])
    head = ["machines", "ready after s", "RSS MB", "kB each", f"wake-ups in {options.seconds:g} s"]
    table("idle machines", head, trio.run(idle, options.machines, options.seconds))


if __name__ == "__main__":
    main()
