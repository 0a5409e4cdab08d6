"""What chip, line and hub know about a machine's console at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from uartsim.access.hub import Hub
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.machine import Machine
from uartsim.registers import IER, LCR, MCR


@dataclass(frozen=True, slots=True)
class LineFacts:
    """The state of a machine's serial line.

    Attributes:
        up_s: how long the machine has been on, in seconds.
        silent_s: how long ago the guest's last character came, in seconds; None if it has sent none.
        sent: how many bytes it has sent since it was switched on.
        waiting: how many characters wait in its chip to be read.
        queued: how many characters wait at the far end for room in the chip, or for flow control.
        is_full: whether the chip has room for no more.
        is_programmed: whether the guest has programmed the chip's line control at all.
        by_bytes: the guest in QEMU is served byte by byte: its own programming of the chip cannot be seen.
        stands_still: QEMU has stopped the guest, because its disk cannot be written.
        is_paused: the guest's processor is stopped, for that reason or by a person; known of a guest in QEMU.
        ier, lcr, mcr: these registers.
        line_format: the format that the guest has set.
        rts, cts: whether these modem lines are active; RTS is the guest's, CTS is what it sees.
        flow_control: whether the far end honours RTS.
        xoff_s: how long ago an XOFF was sent to the guest, and no XON since, in seconds; None if that is not so.
        faults: the faults of the line that are on.
        garbled: which clients listen in another format than the guest sends in, each in words.
        errors: how many characters came with parity or framing errors, to the guest and from it.
    """

    up_s: float
    silent_s: float | None
    sent: int
    waiting: int
    queued: int
    is_full: bool
    is_programmed: bool
    by_bytes: bool
    stands_still: bool
    is_paused: bool
    ier: IER
    lcr: LCR
    mcr: MCR
    line_format: str
    rts: bool
    cts: bool
    flow_control: bool
    xoff_s: float | None
    faults: tuple[str, ...]
    garbled: tuple[str, ...]
    errors: int


def line_facts(machine: Machine, hub: Hub) -> LineFacts:
    """The facts of a running machine now.

    Args:
        machine: the machine.
        hub: its line.
    """
    status = machine.status()
    guest: dict[str, Any] = status["guest"]
    com1, counts, registers = machine.com1, status["com1"]["line"], status["com1"]["registers"]
    now, receiver, xoff_at = com1.clock.now(), com1.uart.receiver, com1.cable.far.xoff_at
    return LineFacts(
        up_s=status["up_s"],
        silent_s=None if hub.last_output_at is None else max(0, now - hub.last_output_at) / TICKS_PER_SECOND,
        sent=hub.end,
        waiting=len(receiver.data),
        queued=counts["queued_in"],
        is_full=len(receiver.data) >= receiver.depth,
        is_programmed=status["com1"]["accesses"]["write"]["LCR"] > 0,
        by_bytes=guest.get("served") == "bytes",
        stands_still=guest.get("stands_still", False),
        is_paused=not guest.get("running", True),
        ier=IER(registers["IER"]),
        lcr=LCR(registers["LCR"]),
        mcr=MCR(registers["MCR"]),
        line_format=status["com1"]["format"],
        rts=status["com1"]["modem"]["rts"],
        cts=status["com1"]["modem"]["cts"],
        flow_control=com1.flow_control,
        xoff_s=None if xoff_at is None else (now - xoff_at) / TICKS_PER_SECOND,
        faults=tuple(status["com1"]["faults"]),
        garbled=tuple(hub.status()["formats_garble"]),
        errors=counts["errors_in"] + counts["errors_out"],
    )


def seconds_in_words(seconds: float) -> str:
    """A time as a sentence has it, such as ``12 s`` or ``0.4 s``."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
