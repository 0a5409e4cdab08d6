"""The 16550's registers: offsets, bits, reset values and the variants of the chip, as data.

The names are those of the PC16550D datasheet (section 8, tables I and II).  Offsets are from the port's base
address (0x3F8 on COM1).  Every difference between the variants is a field of :class:`Variant`; the code of
the chip asks for capabilities, never for a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import Final


class Offset(IntEnum):
    """The offset of each register.  Direction (RBR/THR, IIR/FCR) or LCR.DLAB (DLL, DLM) tells those at one offset apart."""

    RBR = 0  #: receiver buffer, read, DLAB = 0
    THR = 0  #: transmitter holding, write, DLAB = 0
    DLL = 0  #: divisor latch, low byte, DLAB = 1
    IER = 1  #: interrupt enable, DLAB = 0
    DLM = 1  #: divisor latch, high byte, DLAB = 1
    IIR = 2  #: interrupt identification, read
    FCR = 2  #: FIFO control, write
    LCR = 3  #: line control
    MCR = 4  #: modem control
    LSR = 5  #: line status
    MSR = 6  #: modem status
    SCR = 7  #: scratch


class IER(IntFlag):
    """Interrupt enable register."""

    ERBFI = 0x01  #: received data available, and the FIFO's character timeout
    ETBEI = 0x02  #: transmitter holding register empty
    ELSI = 0x04  #: receiver line status
    EDSSI = 0x08  #: modem status


class InterruptId(IntEnum):
    """IIR bits 3:0: none pending, then the interrupts in order of priority."""

    NONE = 0x01
    LINE_STATUS = 0x06
    RECEIVED_DATA = 0x04
    CHARACTER_TIMEOUT = 0x0C
    THR_EMPTY = 0x02
    MODEM_STATUS = 0x00


class FCR(IntFlag):
    """FIFO control register (write only)."""

    FIFO_ENABLE = 0x01
    RCVR_RESET = 0x02  #: self-clearing
    XMIT_RESET = 0x04  #: self-clearing
    DMA_MODE = 0x08
    FIFO_64 = 0x20  #: 16750 only, written while DLAB = 1
    TRIGGER = 0xC0  #: index into Variant.triggers


class LCR(IntFlag):
    """Line control register."""

    WLS = 0x03  #: word length minus 5
    STB = 0x04  #: 2 stop bits (1.5 at 5 data bits)
    PEN = 0x08  #: parity enable
    EPS = 0x10  #: even parity
    STICK = 0x20  #: the parity bit is constant, the opposite of EPS
    BREAK = 0x40  #: SOUT is forced to space
    DLAB = 0x80  #: offsets 0 and 1 are the divisor latch


class MCR(IntFlag):
    """Modem control register."""

    DTR = 0x01
    RTS = 0x02
    OUT1 = 0x04
    OUT2 = 0x08  #: on a PC, gates the interrupt line
    LOOP = 0x10
    AFE = 0x20  #: 16750: automatic flow control


class LSR(IntFlag):
    """Line status register."""

    DR = 0x01  #: data ready
    OE = 0x02  #: overrun
    PE = 0x04  #: parity error
    FE = 0x08  #: framing error
    BI = 0x10  #: break interrupt
    THRE = 0x20  #: transmitter holding register (FIFO) empty
    TEMT = 0x40  #: transmitter and shift register empty
    FIFO_ERROR = 0x80  #: a PE, FE or BI is somewhere in the FIFO


class MSR(IntFlag):
    """Modem status register."""

    DCTS = 0x01
    DDSR = 0x02
    TERI = 0x04  #: trailing edge of RI: active to inactive
    DDCD = 0x08
    CTS = 0x10
    DSR = 0x20
    RI = 0x40
    DCD = 0x80


class LineError(IntFlag):
    """The errors that a receiver found in a character: the bits of LSR that go with it."""

    PE = LSR.PE
    FE = LSR.FE
    BI = LSR.BI


class ModemInput(IntFlag):
    """The modem inputs, at their places in MSR; 1 is active."""

    CTS = MSR.CTS
    DSR = MSR.DSR
    RI = MSR.RI
    DCD = MSR.DCD


class ModemOutput(IntFlag):
    """The modem outputs, at their places in MCR; 1 is active."""

    DTR = MCR.DTR
    RTS = MCR.RTS
    OUT1 = MCR.OUT1
    OUT2 = MCR.OUT2


# These are plain numbers because an operation on an IntFlag costs a microsecond, and drivers write FCR often.
_FIFO_ENABLE: Final = int(FCR.FIFO_ENABLE)
_FIFO_64: Final = int(FCR.FIFO_64)
_FCR_BITS: Final = int(FCR.FIFO_ENABLE | FCR.DMA_MODE | FCR.TRIGGER)


@dataclass(frozen=True, slots=True)
class Variant:
    """The capabilities of one chip of the family.

    Attributes:
        name: the chip's usual name.
        fifo_depth: the depth of each FIFO, in characters; 1 if the chip has none.
        fifo_works: whether enabling the FIFOs has an effect on data (it has none in the first 16550).
        has_fcr: whether FCR exists.
        iir_fifo_bits: IIR bits 7:6 while the FIFOs are enabled, in place.
        has_scratch: whether SCR exists; if not, it reads as 0xFF.
        triggers: the receiver trigger levels by FCR 7:6, in characters.
        deep_fifo: the depth of the FIFOs after FCR.5 was set while DLAB = 1; 0 if the chip lacks this mode.
        deep_triggers: the trigger levels in that mode.
        auto_flow: whether MCR.5 (AFE) exists.
    """

    name: str
    fifo_depth: int = 16
    fifo_works: bool = True
    has_fcr: bool = True
    iir_fifo_bits: int = 0xC0
    has_scratch: bool = True
    triggers: tuple[int, int, int, int] = (1, 4, 8, 14)
    deep_fifo: int = 0
    deep_triggers: tuple[int, int, int, int] = (1, 16, 32, 56)
    auto_flow: bool = False

    @property
    def fcr_bits(self) -> int:
        """The bits of FCR that keep the value written to them."""
        if not self.has_fcr:
            return 0
        return _FCR_BITS | (_FIFO_64 if self.deep_fifo else 0)

    @property
    def mcr_bits(self) -> int:
        """The bits of MCR that can be set."""
        return 0x3F if self.auto_flow else 0x1F

    def fifo_mode(self, fcr: int) -> tuple[bool, int]:
        """Whether this value of FCR makes the FIFOs work, and how deep they are (1 if they do not work)."""
        if not fcr & _FIFO_ENABLE or not self.fifo_works:
            return False, 1
        return True, self.deep_fifo if fcr & _FIFO_64 else self.fifo_depth

    def trigger(self, fcr: int) -> int:
        """The receiver's trigger level for this value of FCR, in characters; 1 without FIFOs."""
        if not fcr & _FIFO_ENABLE or not self.fifo_works:
            return 1
        return (self.deep_triggers if fcr & _FIFO_64 else self.triggers)[fcr >> 6]


#: The variants by name.
VARIANTS: Final = MappingProxyType(
    {
        v.name: v
        for v in (
            Variant("8250", fifo_depth=1, fifo_works=False, has_fcr=False, iir_fifo_bits=0, has_scratch=False),
            Variant("16450", fifo_depth=1, fifo_works=False, has_fcr=False, iir_fifo_bits=0),
            Variant("16550", fifo_depth=1, fifo_works=False, iir_fifo_bits=0x80),
            Variant("16550A"),
            Variant("16750", deep_fifo=64, auto_flow=True),
        )
    }
)

#: The values that master reset gives the registers.  It does not touch RBR, THR, SCR, DLL and DLM.
RESET_VALUES: Final = MappingProxyType({"IER": 0x00, "IIR": 0x01, "FCR": 0x00, "LCR": 0x00, "MCR": 0x00, "LSR": 0x60})

#: The divisor latch at power-on.  The datasheet does not define it; 12 is 9600 baud, as PC firmware expects.
POWER_ON_DIVISOR: Final = 12

#: The effective divisor when the latch holds 0: the baud counter counts its full 16 bits.  The datasheet does not
#: define it.
DIVISOR_OF_ZERO: Final = 0x10000
