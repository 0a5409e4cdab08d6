"""The test's end of the line: what it drives, what goes wrong on it, and what it has carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from uartsim.access.hub_client import HubClient
from uartsim.console.session import Session
from uartsim.errors import UsageError
from uartsim.line_format import LineFormat
from uartsim.machine import Com1
from uartsim.machine.port_options import read_fault
from uartsim.printable import quoted
from uartsim.registers import ModemOutput
from uartsim.wire.faults import FAULT_KINDS, Fault

#: The highest speed of this end of the line, in bits a second.
MOST_BAUD: Final = 4_000_000


class ConsoleLine:
    """The line of a console.

    Args:
        com1: the port at its other end.
        client: the console's client of it; None where that is another's, which has no speed of its own.
        check_running: is told the name of a call; raises an error if the console is closed, or the guest has ended.
    """

    def __init__(self, com1: Com1, client: HubClient | None, check_running: Callable[[str], None]) -> None:
        self._com1 = com1
        self._client = client
        self._forwards: Mapping[int, int] = {}
        self._check_running = check_running

    @classmethod
    def of(cls, session: Session) -> ConsoleLine:
        """The line of a console's machine.

        Raises:
            UsageError: there is no machine behind the console.
        """
        com1 = getattr(session.machine, "com1", None)
        if com1 is None:
            raise UsageError("line: there is no machine behind this console, only its line")
        client = session.client if isinstance(session.client, HubClient) else None
        line = cls(com1, client, session.check_running)
        if forwards := getattr(getattr(session.machine, "guest", None), "forwards", None):
            line._forwards = forwards.ports
        return line

    def set_speed(self, baud: int | None, characters: str = "8N1") -> None:
        """Set the speed of this end of the line, and the format of its characters, as ``picocom -b`` does.

        Where the guest uses another one, each end reads what the other's waveform looks like at its own bit times: garbage.

        Args:
            baud: bits a second; None for whatever the guest uses, which is the default.
            characters: word length, parity and stop bits, such as ``"7E1"``; without a speed they are the guest's too.

        Raises:
            UsageError: the speed or the format is impossible, or this console has no end of the line of its own.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        if baud is not None and (isinstance(baud, bool) or not isinstance(baud, int) or not 1 <= baud <= MOST_BAUD):
            raise UsageError(f"line.set_speed({quoted(baud)}): give a speed of 1 to {MOST_BAUD} baud, or None")
        try:
            line_format = LineFormat.from_baud(baud or MOST_BAUD, characters if isinstance(characters, str) else "")
        except ValueError:
            what = f"line.set_speed(characters={quoted(characters)})"
            raise UsageError(f"{what}: give word length, parity and stop bits, such as 8N1, 7E1 or 5N1.5") from None
        self._check_running("line.set_speed()")
        if self._client is None:
            raise UsageError("line.set_speed(): this console shares the line of another program, which sets its speed")
        self._client.be_at_far_end(True, None if baud is None else line_format)

    def add_fault(self, fault: str | Fault) -> None:
        """Start a fault of the line.

        Args:
            fault: such as ``"noise:rate=1e-3,seed=7"`` or ``"dcd-drop:seconds=2"``; :data:`uartsim.wire.faults.FAULT_KINDS`
                lists the kinds.

        Raises:
            UsageError: the fault is unknown, or impossible at this rate; the message lists the faults.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        if isinstance(fault, str):
            fault = read_fault(fault)
        elif not isinstance(fault, Fault):
            raise UsageError(
                f"{quoted(fault)} is not a fault: write it as text, such as 'noise:rate=1e-3,seed=7', or give a "
                "uartsim.wire.faults.Fault"
            )
        self._check_running("line.add_fault()")
        self._com1.add_fault(fault)

    def clear_faults(self, kind: str | None = None) -> int:
        """End the faults of a kind, or all of them; returns how many there were.

        Raises:
            UsageError: the kind is unknown.
        """
        __tracebackhide__ = True
        if kind is not None and (not isinstance(kind, str) or kind not in FAULT_KINDS):
            raise UsageError(
                f"{quoted(kind)} is not a kind of fault: use one of {', '.join(FAULT_KINDS)}, or None for all"
            )
        return self._com1.clear_faults(kind)

    @property
    def faults(self) -> list[Fault]:
        """The faults that are active."""
        return self._com1.faults()

    @property
    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction (``"in"`` to the guest, ``"out"``) and kind."""
        return self._com1.fault_counters()

    def reset_fault_counters(self) -> None:
        """Reset :attr:`fault_counters` to 0."""
        self._com1.reset_fault_counters()

    @property
    def forwards(self) -> dict[int, int]:
        """Beside the serial line: the ports of 127.0.0.1 that lead to the guest, by the guest's ports (option ``forward``)."""
        return dict(self._forwards)

    def set_modem(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR (the guest's DSR and DCD) and RTS (its CTS); None leaves a line as it is.

        Raises:
            UsageError: a value other than True, False or None.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        for name, value in (("dtr", dtr), ("rts", rts)):
            if value not in (True, False, None):
                raise UsageError(
                    f"{name} is {quoted(value)}: use True for active, False for inactive, None to leave it"
                )
        self._check_running("line.set_modem()")
        outputs = self._com1.cable.far_outputs
        for wanted, line in ((dtr, ModemOutput.DTR), (rts, ModemOutput.RTS)):
            if wanted is not None:
                outputs = outputs | line if wanted else outputs & ~line
        self._com1.set_far_outputs(outputs)

    @property
    def modem(self) -> dict[str, bool]:
        """The modem lines at the guest's chip: dtr and rts go out, cts, dsr, dcd and ri come in."""
        found: dict[str, bool] = self.status["modem"]
        return found

    @property
    def status(self) -> dict[str, Any]:
        """Everything about the port, as ``uartsim status NAME --json`` has it under ``com1``."""
        self._com1.advance(self._com1.clock.now())
        return self._com1.status()
