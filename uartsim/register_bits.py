"""The registers' offsets and bits as plain ``int`` constants, for code that runs on every register access.

An operation on an ``IntFlag`` costs about a microsecond; on an ``int`` it costs next to nothing.  The names are those
of :mod:`uartsim.registers`, which says what they mean.
"""

from __future__ import annotations

from typing import Final

from uartsim import registers

RBR: Final = int(registers.Offset.RBR)
THR: Final = int(registers.Offset.THR)
IER: Final = int(registers.Offset.IER)
IIR: Final = int(registers.Offset.IIR)
MCR: Final = int(registers.Offset.MCR)
LSR: Final = int(registers.Offset.LSR)
MSR: Final = int(registers.Offset.MSR)

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

#: The bits of LCR that set the character format.
FORMAT: Final = 0x3F
BREAK: Final = int(registers.LCR.BREAK)
DLAB: Final = int(registers.LCR.DLAB)

RTS: Final = int(registers.MCR.RTS)
OUT2: Final = int(registers.MCR.OUT2)
LOOP: Final = int(registers.MCR.LOOP)
AFE: Final = int(registers.MCR.AFE)
MODEM_OUTPUTS: Final = int(registers.MCR.DTR | registers.MCR.RTS | registers.MCR.OUT1 | registers.MCR.OUT2)

DR: Final = int(registers.LSR.DR)
OVERRUN: Final = int(registers.LSR.OE)
THRE: Final = int(registers.LSR.THRE)
TEMT: Final = int(registers.LSR.TEMT)
FIFO_ERROR: Final = int(registers.LSR.FIFO_ERROR)
PARITY_ERROR: Final = int(registers.LSR.PE)
FRAMING_ERROR: Final = int(registers.LSR.FE)
BREAK_INTERRUPT: Final = int(registers.LSR.BI)
#: The errors that belong to a character, and all errors that LSR can show (with the overrun).
CHARACTER_ERRORS: Final = int(registers.LSR.PE | registers.LSR.FE | registers.LSR.BI)
ALL_ERRORS: Final = CHARACTER_ERRORS | OVERRUN

DCTS: Final = int(registers.MSR.DCTS)
TERI: Final = int(registers.MSR.TERI)
CTS: Final = int(registers.MSR.CTS)
RI: Final = int(registers.MSR.RI)
MODEM_INPUTS: Final = int(registers.MSR.CTS | registers.MSR.DSR | registers.MSR.RI | registers.MSR.DCD)
DELTAS: Final = int(registers.MSR.DCTS | registers.MSR.DDSR | registers.MSR.TERI | registers.MSR.DDCD)

#: MSR's high nibble in loopback, indexed by MCR's low nibble: RTS shows as CTS, DTR as DSR, OUT1 as RI, OUT2 as DCD.
LOOPED_INPUTS: Final = tuple((m & 0x0C) << 4 | (m & 0x02) << 3 | (m & 0x01) << 5 for m in range(16))


def driven_outputs(control: int, rts_dropped: bool) -> int:
    """The outputs DTR, RTS, OUT1 and OUT2 as MCR's bits, before loopback disconnects the pins.

    Args:
        control: the value of MCR.
        rts_dropped: whether automatic flow control holds RTS inactive.
    """
    return control & (0x0F & ~RTS if rts_dropped else 0x0F)


def shown_inputs(control: int, pins: int, rts_dropped: bool) -> int:
    """MSR's high nibble: the input pins, or in loopback the outputs.

    Args:
        control: the value of MCR.
        pins: the input pins at their places in MSR.
        rts_dropped: whether automatic flow control holds RTS inactive.
    """
    return LOOPED_INPUTS[driven_outputs(control, rts_dropped)] if control & LOOP else pins
