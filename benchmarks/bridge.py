"""Linux from power-on to its login prompt: a stock QEMU beside one whose COM1 registers are ours, in turns.

    python -m benchmarks.bridge [--rounds 7]

Both run the guest ``linux`` at unlimited rate.  The stock QEMU's serial port is a pipe that this process reads; ours
goes through the port bridge, the chip and the wire; the goal is at most 1.15 times.  Then the same at line rate; a prompt
of U-Boot, a login with one answered command on Linux and the firmware guest, together (goal: 25 s); and a logged-in Linux
from a snapshot to an answered command (goal: 1 s).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import trio

from benchmarks.rig import median, table
from uartsim.access.hub import Hub, HubClient
from uartsim.console.open_console import open_console
from uartsim.guest.catalogue import find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.qemu_line import RegisterLine
from uartsim.guest.qemu_system import SYSTEMS
from uartsim.guest.tiny_initramfs import find_kernel, tiny_initramfs
from uartsim.machine import Machine, open_machine
from uartsim.machine.sides import QuietFarEnd

PROMPT: Final = b"login: "


def stock() -> float:
    """Seconds to the prompt in a stock QEMU."""
    definition = find_guest("linux")
    append = definition.options["append"].format(**definition.settings)
    program, memory = SYSTEMS["x86_64"].program, str(definition.settings["memory_mb"])
    command = [program, "-accel", "tcg", "-machine", "pc", "-m", memory, "-nodefaults"]
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
    arrived = trio.Event()
    seen = bytearray()

    class Reader(QuietFarEnd):
        def output(self, data: bytes, at: int) -> None:
            seen.extend(data)
            if PROMPT in seen[-len(PROMPT) - len(data) :]:
                arrived.set()

    def listen(machine: Machine) -> None:
        machine.com1.far_end = Reader()

    guest = make_guest(find_guest("linux").with_registers("require"))
    assert isinstance(guest, QemuGuest)
    started = time.monotonic()
    async with open_machine(guest, unlimited=unlimited, prepare=listen):
        await arrived.wait()
        took = time.monotonic() - started
        assert isinstance(guest._line, RegisterLine)
        return took, guest._line.bridge.status()


async def until(client: HubClient, mark: bytes) -> None:
    """Read until ``mark`` has come."""
    seen = bytearray()
    while mark not in seen:
        seen += await client.receive()


async def three_guests() -> dict[str, float]:
    """Seconds from the start to an answer, at line rate: U-Boot's prompt, a command on Linux, boot code of our own."""
    took = {}
    for name in ("u-boot", "linux", "firmware"):
        started = time.monotonic()
        async with open_console(name, timeout=60) as console:
            if name == "linux":
                await console.login()
                assert (await console.run("echo answered")).output.strip() == "answered"
            else:
                await console.expect({"u-boot": "=> ", "firmware": "> "}[name])
            took[name] = time.monotonic() - started
    return took


async def from_snapshot(rounds: int) -> list[float]:
    """Seconds from the start of QEMU to a command that a logged-in Linux has answered, from a snapshot."""
    definition = find_guest("linux").with_registers("require")
    hubs: list[Hub] = []
    prepare: Callable[[Machine], None] = lambda machine: hubs.append(Hub(machine.com1))  # noqa: E731
    took = []
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved"
        guest = make_guest(definition)
        assert isinstance(guest, QemuGuest)
        async with open_machine(guest, prepare=prepare):
            client = hubs[-1].attach("bench", start=0)
            for mark, keys in ((b"login: ", b"root\r"), (b"Password: ", b"toor\r"), (b"# ", b"")):
                await until(client, mark)
                await client.send(keys)
            await guest.save(saved)
        for _ in range(rounds):
            started = time.monotonic()
            async with open_machine(make_guest(definition, restore=saved), prepare=prepare):
                client = hubs[-1].attach("bench", start=0)
                await client.send(b"echo answ''ered\r")
                await until(client, b"answered")
                took.append(time.monotonic() - started)
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    trio.run(bridged, True)  # what is built at first use is built
    ratios: list[float] = []
    seconds: list[tuple[float, float]] = []
    counted: dict[str, Any] = {}
    for _ in range(rounds):
        theirs = stock()
        ours, counted = trio.run(bridged, True)
        ratios.append(ours / theirs)
        seconds.append((theirs, ours))
    rows = [
        ["stock QEMU", f"{median([theirs for theirs, _ in seconds]):.2f}", "1.00"],
        ["our registers, unlimited", f"{median([ours for _, ours in seconds]):.2f}", f"{median(ratios):.3f}"],
    ]
    print(f"\nunlimited: {counted}")
    ours, counted = trio.run(bridged, False)
    rows.append(["our registers, 115200", f"{ours:.2f}", "-"])
    print(f"115200: {counted}")
    table("Linux to its login prompt", ["", "seconds", "x stock"], rows)
    took = trio.run(three_guests)
    table("to an answer, at line rate", ["guest", "seconds"], [[name, f"{value:.2f}"] for name, value in took.items()])
    print(f"  together {sum(took.values()):.1f} s (goal: 25)")
    restored = trio.run(from_snapshot, rounds)
    print(f"\na logged-in Linux from its snapshot to an answered command: {median(restored):.2f} s (goal: 1)")


if __name__ == "__main__":
    main()
