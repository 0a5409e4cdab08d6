"""The systems that QEMU emulates for a guest: a PC, and the 64-bit Arm machine ``virt``.

A PC has COM1, a 16550A whose registers the port bridge can serve.  The first serial port of ``virt`` is a PL011 (Arm
DDI 0183), which is no 16550A: its guest is always served byte by byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_program


@dataclass(frozen=True, slots=True)
class QemuSystem:
    """A system that QEMU emulates.

    Attributes:
        program: the name of the QEMU program.
        package: the Debian package that has it.
        machine: the default value of QEMU's option ``-machine``.
        uart: the guest's first serial port.
        processor: the arguments that choose a processor, where QEMU's default cannot run the guest.
    """

    program: str
    package: str
    machine: str
    uart: str
    processor: tuple[str, ...] = ()

    @property
    def has_com_ports(self) -> bool:
        """Whether its serial ports are COM1 to COM4, whose registers can be ours."""
        return self.uart == "16550A"

    def find(self) -> Path:
        """The path of the program.

        Raises:
            UsageError: it is missing.
        """
        program = find_program(self.program)
        if program is None:
            raise UsageError(f"the program {self.program} is missing: apt-get install {self.package}")
        return Path(program)

    def command(self, machine: str, memory_mb: int) -> list[str]:
        """QEMU's command line for a machine that has nothing but its board, a processor and memory.

        Args:
            machine: the value of ``-machine``.
            memory_mb: the memory, in MiB.

        Raises:
            UsageError: the program is missing.
        """
        board = ["-machine", machine, "-m", str(memory_mb), "-nodefaults", "-no-user-config", "-display", "none"]
        return [str(self.find()), "-accel", "tcg", *self.processor, *board]


#: The systems by the value of the key ``system``.
SYSTEMS: Final = {
    "x86_64": QemuSystem("qemu-system-x86_64", "qemu-system-x86", "pc", "16550A"),
    "aarch64": QemuSystem("qemu-system-aarch64", "qemu-system-arm", "virt", "PL011", ("-cpu", "cortex-a57")),
}


def system_of(name: str, options: Mapping[str, Any]) -> QemuSystem:
    """The system of a guest, by its table ``[qemu]``.

    Args:
        name: the guest's name, for errors.
        options: the table, checked.

    Raises:
        UsageError: the system has no COM1, and an option needs its registers.
    """
    system = SYSTEMS[options.get("system", "x86_64")]
    if not system.has_com_ports:
        why = f"the serial port of its machine is a {system.uart}, not a 16550A"
        if options.get("registers") == "require":
            raise UsageError(
                f"guest {name!r} cannot be served register by register: {why}; leave the option 'registers' out"
            )
        if "port" in options:
            raise UsageError(f"guest {name!r} has no port {options['port']!r}: {why}; leave the key 'port' out")
    return system
