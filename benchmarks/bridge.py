"""Linux from power-on to its login prompt: a stock QEMU beside one whose COM1 registers are ours, in turns.

    python -m benchmarks.bridge [ROUNDS]

Both run the guest ``linux`` at unlimited rate.  The stock QEMU's serial port is a socket that this process reads; ours
goes through the port bridge, the chip and the wire.  Then the same at line rate, and what the bridge has counted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any, Final

import trio

from uartsim.guest.catalogue import find_guest
from uartsim.guest.images import find_kernel, tiny_initramfs
from uartsim.guest.qemu import QEMU, QemuGuest
from uartsim.guest.qemu_line import RegisterLine
from uartsim.machine import Machine, open_machine

PROMPT: Final = b"login: "


def stock() -> float:
    """Seconds to the prompt in a stock QEMU."""
    definition = find_guest("linux")
    append = definition.options["append"].format(**definition.settings)
    command = [QEMU, "-accel", "tcg", "-machine", "pc", "-m", str(definition.settings["memory_mb"]), "-nodefaults"]
    command += ["-no-user-config", "-display", "none", "-serial", "stdio", "-append", append]
    command += ["-kernel", str(find_kernel("debian-cloud", definition.folder)), "-initrd", str(tiny_initramfs())]
    started = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as qemu:
        assert qemu.stdout is not None
        seen = b""
        while PROMPT not in seen:
            seen = seen[-len(PROMPT) :] + qemu.stdout.read(65536)
        took = time.monotonic() - started
        qemu.kill()
    return took


async def bridged(unlimited: bool) -> tuple[float, dict[str, Any]]:
    """Seconds to the prompt with our registers, from the start of QEMU, and what the bridge has counted."""
    from uartsim.guest.build import make_guest

    arrived = trio.Event()
    seen = bytearray()

    def take(data: bytes, at: int) -> None:
        seen.extend(data)
        if PROMPT in seen[-len(PROMPT) - len(data) :]:
            arrived.set()

    def listen(machine: Machine) -> None:
        machine.com1.on_output = take

    guest = make_guest(find_guest("linux").with_registers("require"))
    assert isinstance(guest, QemuGuest)
    started = time.monotonic()
    async with open_machine(guest, unlimited=unlimited, prepare=listen):
        await arrived.wait()
        took = time.monotonic() - started
        assert isinstance(guest._line, RegisterLine)
        return took, guest._line.bridge.status()


def main(rounds: int) -> None:
    """Measure and print."""
    trio.run(bridged, True)  # what is built at first use is built
    ratios = []
    for number in range(rounds):
        theirs = stock()
        ours, counted = trio.run(bridged, True)
        ratios.append(ours / theirs)
        print(f"{number + 1}: stock {theirs:.2f} s, registers {ours:.2f} s, x{ratios[-1]:.3f}; {counted}", flush=True)
    print(f"median x{statistics.median(ratios):.3f} (at most 1.15)")
    ours, counted = trio.run(bridged, False)
    print(f"at 115200: {ours:.2f} s; {counted}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
