"""COM-PORT-OPTION, by which a telnet client sets and watches the serial port of its server: RFC 2217.

The server is told the speed and format, and asked to report breaks, errors and modem lines.  It says where in its output a
break lies, but not to which character an error belongs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from uartsim.line_format import LineFormat
from uartsim.machine import Flag, Received
from uartsim.registers import LSR, MSR, ModemOutput

#: The option's number.
COM_PORT: Final = 44

_SET_BAUDRATE, _SET_DATASIZE, _SET_PARITY, _SET_STOPSIZE, _SET_CONTROL = 1, 2, 3, 4, 5
_SET_LINESTATE_MASK, _SET_MODEMSTATE_MASK = 10, 11
# What the server sends has the client's number and 100.
_BAUDRATE_IS, _LINESTATE, _MODEMSTATE, _SUSPEND, _RESUME = 101, 106, 107, 108, 109
_BREAK_ON, _BREAK_OFF, _DTR_ON, _DTR_OFF, _RTS_ON, _RTS_OFF = 5, 6, 8, 9, 11, 12
_PARITIES: Final = {"N": 1, "O": 2, "E": 3, "M": 4, "S": 5}
_STOP_HALVES: Final = {2: 1, 4: 2, 3: 3}
_ERRORS: Final = ((LSR.OE, Flag.OVERRUN), (LSR.PE, Flag.PARITY), (LSR.FE, Flag.FRAMING))
_WATCHED_ERRORS: Final = LSR.OE | LSR.PE | LSR.FE | LSR.BI
_WATCHED_LINES: Final = MSR.CTS | MSR.DSR | MSR.RI | MSR.DCD


class ComPortOption:
    """The client's side of the option, once both sides have agreed on it.

    Args:
        line_format: the format to set.
        send: sends a subnegotiation.

    Attributes:
        inputs: the modem lines as the server has reported them last, or None.
        suspended: the server wants us to wait.
        baud: the speed that the server has set, or None as long as it has not said.
        on_change: called when any of these has changed.
    """

    def __init__(self, line_format: LineFormat, send: Callable[[bytes], None]) -> None:
        self._format = line_format
        self._send = send
        self.inputs: MSR | None = None
        self.suspended = False
        self.baud: int | None = None
        self.on_change: Callable[[], object] = _ignore

    def begin(self) -> None:
        """Set speed and format, drive DTR and RTS, and ask for reports."""
        own = self._format
        self._tell(_SET_BAUDRATE, struct.pack(">I", round(own.baud)))
        self._tell(_SET_DATASIZE, bytes((own.data_bits,)))
        self._tell(_SET_PARITY, bytes((_PARITIES[own.parity],)))
        self._tell(_SET_STOPSIZE, bytes((_STOP_HALVES[own.stop_halves],)))
        self._tell(_SET_LINESTATE_MASK, bytes((int(_WATCHED_ERRORS),)))
        self._tell(_SET_MODEMSTATE_MASK, b"\xff")  # with the delta bits, without which some servers miss that all fell
        self.drive(ModemOutput.DTR | ModemOutput.RTS)

    def _tell(self, command: int, value: bytes) -> None:
        self._send(bytes((COM_PORT, command)) + value)

    def drive(self, outputs: ModemOutput) -> None:
        """Have the server drive DTR and RTS."""
        self._tell(_SET_CONTROL, bytes((_DTR_ON if outputs & ModemOutput.DTR else _DTR_OFF,)))
        self._tell(_SET_CONTROL, bytes((_RTS_ON if outputs & ModemOutput.RTS else _RTS_OFF,)))

    def hold_break(self, on: bool) -> None:
        """Have the server begin or end a break."""
        self._tell(_SET_CONTROL, bytes((_BREAK_ON if on else _BREAK_OFF,)))

    def notified(self, content: bytes) -> list[Received]:
        """The server has said something; returns the breaks and errors that it reports."""
        command, value = content[0] if content else 0, content[1:]
        found: list[Received] = []
        if command in (_SUSPEND, _RESUME):
            self.suspended = command == _SUSPEND
        elif command == _BAUDRATE_IS and len(value) == 4:
            self.baud = struct.unpack(">I", value)[0]
        elif command == _MODEMSTATE and value:
            self.inputs = MSR(value[0]) & _WATCHED_LINES
        elif command == _LINESTATE and value and value[0] & LSR.BI:
            found = [Received(b"\0", Flag.BREAK)]
        elif command == _LINESTATE and value:
            found = [Received(b"", flag) for bit, flag in _ERRORS if value[0] & bit]
        self.on_change()
        return found


def _ignore() -> None:
    """Nobody wants to be told."""
