"""The registers' bits as plain numbers, for the paths that every access takes.

An ``IntFlag`` costs a microsecond where an ``int`` costs nothing.  The names are those of
:mod:`uartsim.registers`, which says what they mean.
"""

from __future__ import annotations

from typing import Final

from uartsim import registers

ERBFI: Final = int(registers.IER.ERBFI)
ETBEI: Final = int(registers.IER.ETBEI)
ELSI: Final = int(registers.IER.ELSI)
EDSSI: Final = int(registers.IER.EDSSI)

NO_INTERRUPT: Final = int(registers.InterruptId.NONE)
LINE_STATUS: Final = int(registers.InterruptId.LINE_STATUS)
RECEIVED_DATA: Final = int(registers.InterruptId.RECEIVED_DATA)
CHARACTER_TIMEOUT: Final = int(registers.InterruptId.CHARACTER_TIMEOUT)
THR_EMPTY: Final = int(registers.InterruptId.THR_EMPTY)
MODEM_STATUS: Final = int(registers.InterruptId.MODEM_STATUS)

FIFO_ENABLE: Final = int(registers.FCR.FIFO_ENABLE)
RCVR_RESET: Final = int(registers.FCR.RCVR_RESET)
XMIT_RESET: Final = int(registers.FCR.XMIT_RESET)
FIFO_64: Final = int(registers.FCR.FIFO_64)

#: The bits of LCR that make the format.
FORMAT: Final = 0x3F
BREAK: Final = int(registers.LCR.BREAK)
DLAB: Final = int(registers.LCR.DLAB)

RTS: Final = int(registers.MCR.RTS)
OUT2: Final = int(registers.MCR.OUT2)
LOOP: Final = int(registers.MCR.LOOP)
AFE: Final = int(registers.MCR.AFE)

DR: Final = int(registers.LSR.DR)
THRE: Final = int(registers.LSR.THRE)
TEMT: Final = int(registers.LSR.TEMT)
FIFO_ERROR: Final = int(registers.LSR.FIFO_ERROR)
PARITY_ERROR: Final = int(registers.LSR.PE)
FRAMING_ERROR: Final = int(registers.LSR.FE)
BREAK_INTERRUPT: Final = int(registers.LSR.BI)
#: What a character can bring with it, and it may show besides.
CHARACTER_ERRORS: Final = int(registers.LSR.PE | registers.LSR.FE | registers.LSR.BI)
ALL_ERRORS: Final = CHARACTER_ERRORS | int(registers.LSR.OE)

DCTS: Final = int(registers.MSR.DCTS)
CTS: Final = int(registers.MSR.CTS)
MODEM_INPUTS: Final = int(registers.MSR.CTS | registers.MSR.DSR | registers.MSR.RI | registers.MSR.DCD)
DELTAS: Final = int(registers.MSR.DCTS | registers.MSR.DDSR | registers.MSR.TERI | registers.MSR.DDCD)

#: MSR's high nibble that MCR's low nibble makes in loopback: RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD.
LOOPED_INPUTS: Final = tuple((m & 0x0C) << 4 | (m & 0x02) << 3 | (m & 0x01) << 5 for m in range(16))


def driven_outputs(control: int, rts_dropped: bool) -> int:
    """DTR, RTS, OUT1 and OUT2 as the chip drives them, before the loop cuts the pins off; ``control`` is MCR."""
    return control & (0x0F & ~RTS if rts_dropped else 0x0F)


def shown_inputs(control: int, pins: int, rts_dropped: bool) -> int:
    """MSR's high nibble: the pins, or in loopback the outputs."""
    return LOOPED_INPUTS[driven_outputs(control, rts_dropped)] if control & LOOP else pins
