"""The registers' bits as plain numbers, for the paths that every access takes.

An ``IntFlag`` costs a microsecond where an ``int`` costs nothing.  The names are those of
:mod:`uartsim.chip.registers`, which says what they mean.
"""

from __future__ import annotations

from typing import Final

from uartsim.chip import registers

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

#: The bits of LCR that make the format.
FORMAT: Final = 0x3F
BREAK: Final = int(registers.LCR.BREAK)
DLAB: Final = int(registers.LCR.DLAB)

OUT2: Final = int(registers.MCR.OUT2)
LOOP: Final = int(registers.MCR.LOOP)
AFE: Final = int(registers.MCR.AFE)

DR: Final = int(registers.LSR.DR)
THRE: Final = int(registers.LSR.THRE)
TEMT: Final = int(registers.LSR.TEMT)
FIFO_ERROR: Final = int(registers.LSR.FIFO_ERROR)

DCTS: Final = int(registers.MSR.DCTS)
CTS: Final = int(registers.MSR.CTS)
DELTAS: Final = int(registers.MSR.DCTS | registers.MSR.DDSR | registers.MSR.TERI | registers.MSR.DDCD)
