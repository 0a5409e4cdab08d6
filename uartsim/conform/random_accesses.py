"""Random register accesses for our chip and QEMU, kept away from what QEMU cannot do."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

from uartsim.conform.dut import Access
from uartsim.registers import FCR, LCR, MCR, POWER_ON_DIVISOR, Offset

#: Offsets that are the divisor latch while LCR.DLAB is set.
_DIVISOR_LATCH: Final = (Offset.DLL, Offset.DLM)
#: Divisors whose character timeouts suit QEMU's clock.
TIMED_DIVISORS: Final = (1, 12, 48, 96)

#: Offsets that are read, each as often as it stands here.
_OFFSETS: Final = (0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7)
_IER_VALUES: Final = (0, 1, 2, 3, 5, 7, 0xF, 0xFF)
_FCR_VALUES: Final = (0, 0x08, 0xC0, 0x06, 0xC2, 1, 1, 3, 5, 7, 0x41, 0x81, 0xC1, 0xC7, 0x87, 0x31, 0xF9)
_LCR_VALUES: Final = (3, 3, 3, 0x83, 0x1B, 0x07, 0x80, 0x43, 0x0A, 0x3E, 0x04)
_MCR_VALUES: Final = (0x00, 0x08, 0x0B, 0x1B, 0x18, 0x1F, 0x10, 0x0F, 0xFF)


class RandomAccesses:
    """Draws random register accesses that the rules allow.

    Args:
        chance: the source of chance.
        applied: counts how often each rule has changed or dropped an access.

    Attributes:
        lcr: LCR as it will be when all accesses drawn so far have been made.
        mcr: MCR likewise.
    """

    def __init__(self, chance: random.Random, applied: Counter[str]) -> None:
        self._random = chance
        self._applied = applied
        self.lcr = 0
        self.mcr = 0
        self._divisor = POWER_ON_DIVISOR

    def draw(self, *, timed: bool) -> Access:
        """Draw a random access that the rules allow.

        Args:
            timed: for a mixed program, in which time passes: only speeds and formats whose timeouts suit QEMU's clock.
        """
        while True:
            access = self._fit(self._draw(timed), timed)
            if access is not None:
                self.remember(access)
                return access

    def _draw(self, timed: bool) -> Access:
        pick, choose = self._random.random(), self._random.choice
        anything = self._random.randrange(256)
        if pick < 0.46:
            return Access(choose(_OFFSETS))
        if pick < 0.63:
            return Access(Offset.THR, anything)
        if pick < 0.74:
            return Access(Offset.IER, choose((*_IER_VALUES, anything)))
        if pick < 0.82:
            return Access(Offset.FCR, choose(_FCR_VALUES))
        if pick < 0.89:
            return Access(Offset.LCR, choose(_LCR_VALUES) if timed else anything)
        if pick < 0.96:
            return Access(Offset.MCR, choose((*_MCR_VALUES, anything)))
        return Access(choose((Offset.LSR, Offset.MSR, Offset.SCR, Offset.SCR)), anything)

    def _fit(self, access: Access, timed: bool) -> Access | None:
        """The access changed to what the rules allow, or None where they allow none."""
        offset, value = access
        if value is None:
            return access
        if offset == Offset.THR and not self.lcr & LCR.DLAB:
            word = (1 << (self.lcr & 3) + 5) - 1
            self._applied["word length"] += value != value & word
            return Access(Offset.THR, value & word)
        if timed and offset in _DIVISOR_LATCH and self.lcr & LCR.DLAB:
            return Access(offset, 0 if offset else self._random.choice(TIMED_DIVISORS))
        if offset in _DIVISOR_LATCH and self.lcr & LCR.DLAB and not self._with_divisor(offset, value):
            self._applied["divisor 0"] += 1
            return None
        if offset == Offset.FCR and not value & FCR.FIFO_ENABLE and value & (FCR.RCVR_RESET | FCR.XMIT_RESET):
            self._applied["FCR without FCR0"] += 1
            return None
        if offset == Offset.LCR:
            if value & LCR.BREAK and self.mcr & MCR.LOOP:
                self._applied["transmit break"] += 1
                value &= ~LCR.BREAK
            if timed and not value & LCR.WLS and value & LCR.STB:
                self._applied["1.5 stop bits"] += 1
                value &= ~LCR.STB
            return Access(Offset.LCR, int(value))
        if offset == Offset.MCR and value & MCR.LOOP and self.lcr & LCR.BREAK:
            self._applied["transmit break"] += 1
            return None
        return access

    def _with_divisor(self, offset: int, value: int) -> int:
        return self._divisor & 0xFF | value << 8 if offset else self._divisor & 0xFF00 | value

    def remember(self, access: Access) -> None:
        """Take note of an access that is made without being drawn."""
        offset, value = access
        if value is None:
            return
        if offset in _DIVISOR_LATCH and self.lcr & LCR.DLAB:
            self._divisor = self._with_divisor(offset, value)
        elif offset == Offset.LCR:
            self.lcr = value
        elif offset == Offset.MCR:
            self.mcr = value
