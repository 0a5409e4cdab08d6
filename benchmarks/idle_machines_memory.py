"""Memory of the service's machines: 100 idle machines with script guests in one process.

    python -m benchmarks.idle_machines_memory [--count N] [--guest NAME]

prints the resident memory before the first machine, and after all guests have come to their login prompts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import trio

from uartsim.service.machines.virtual_machine import Machines
from uartsim.service.store import Resource, ResourceId, Store

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/example"


def resident_mb() -> float:
    """The memory of this process that is in RAM, in MB (10^6 bytes), as proc(5) has it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmRSS in /proc/self/status")


async def measure(count: int, guest: str, prompt: bytes) -> tuple[float, float]:
    """Resident memory in MB before and after."""
    store = Store(None)
    ids = [ResourceId(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm{number}") for number in range(count)]
    for resource_id in ids:
        store.put(Resource(resource_id, {"properties": {}}, {"guest": guest, "power": "running"}))
    before = resident_mb()
    machines = Machines(store, log=lambda text: print(text, file=sys.stderr))
    async with trio.open_nursery() as nursery:
        await nursery.start(machines.run)
        for resource_id in ids:
            machine = machines.get(resource_id)
            assert machine is not None
            while machine.hub is None:
                await machine.changed.park()
            while prompt not in machine.hub.history():
                await machine.hub.wait_news()
        after = resident_mb()
        nursery.cancel_scope.cancel()
    return before, after


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="memory of idle machines")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--guest", default="demo")
    parser.add_argument("--prompt", default="login: ")
    options = parser.parse_args()
    before, after = trio.run(measure, options.count, options.guest, options.prompt.encode())
    print(
        f"{options.count} machines with {options.guest}: {before:.1f} MB before, {after:.1f} MB with all at their prompts"
    )


if __name__ == "__main__":
    main()
