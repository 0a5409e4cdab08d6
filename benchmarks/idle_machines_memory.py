"""Memory of the Azure service with 100 idle machines with script guests.

    python -m benchmarks.idle_machines_memory [--count N] [--guest NAME]

prints the resident memory of the whole service, which is this process, with no machine and after all guests have come to
their login prompts.  Goal: under 120 MB.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import trio

from uartsim.service.machines.virtual_machine import VirtualMachine
from uartsim.service.serving.loopback_sockets import open_sockets
from uartsim.service.serving.running_service import ServiceOptions, run_service
from uartsim.service.serving.state_folder import StateFolder

SETUP = "tenant.toml"


def resident_mb() -> float:
    """The memory of this process that is in RAM, in MB (10^6 bytes), as proc(5) has it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmRSS in /proc/self/status")


async def prompt_of(machine: VirtualMachine, prompt: bytes) -> None:
    """Wait until a guest has sent its prompt."""
    while machine.hub is None:
        await machine.changed.park()
    while prompt not in machine.hub.history():
        await machine.hub.wait_news()


async def measure(folder: Path, prompt: bytes) -> float:
    """Resident memory in MB of a service with the set-up in a folder."""
    sockets = open_sockets(0)
    with StateFolder(str(folder / "state")) as state:
        async with run_service(state, sockets, ServiceOptions(folder / SETUP, say=print)) as service:
            for resource in list(service.parts.store.list("Microsoft.Compute/virtualMachines")):
                machine = service.parts.machines.get(resource.id)
                assert machine is not None
                await prompt_of(machine, prompt)
            return resident_mb()


def measured(count: int, guest: str, prompt: bytes) -> float:
    """Resident memory in MB of a service with so many machines."""
    machines = "".join(f'[[vm]]\nname = "vm{number}"\nguest = "{guest}"\n' for number in range(count))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, SETUP).write_text('[[resource_group]]\nname = "rg"\n' + machines)
        return trio.run(measure, Path(folder), prompt)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="memory of idle machines")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--guest", default="demo")
    parser.add_argument("--prompt", default="login: ")
    options = parser.parse_args()
    prompt = options.prompt.encode()
    none = measured(0, options.guest, prompt)
    many = measured(options.count, options.guest, prompt)
    print(f"the service: {none:.1f} MB; with {options.count} machines with {options.guest}: {many:.1f} MB")


if __name__ == "__main__":
    main()
