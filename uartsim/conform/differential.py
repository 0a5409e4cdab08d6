"""Our chip beside QEMU's: the same random program on both, and a rule for every difference that is accepted.

QEMU judges masks, the DLAB window, interrupt identification and its latches, trigger levels, FIFO resets, the
character timeout, overrun and every edge of the interrupt line.  It does not model the line.  What follows from that
is named in :data:`uartsim.conform.rules.RULES`; a rule either keeps a program away from what QEMU cannot do, or says
exactly what our chip must show where QEMU shows something else.  Everything that no rule names has to be equal.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from uartsim.chip import Bench
from uartsim.conform.judged import Access, Answer
from uartsim.conform.qemu_judged import QemuUart
from uartsim.conform.rules import RULES
from uartsim.line_format import NEVER, TICKS_PER_NS, ns_to_ticks
from uartsim.registers import FCR, LCR, LSR, MCR, MSR

#: How many accesses a program with registers only has, and a mixed one, before the next seed.
REGISTERS_PER_SEED: Final = 4000
MIXED_PER_SEED: Final = 500

#: The lines themselves, without their deltas.
_INPUTS: Final = int(MSR.CTS | MSR.DSR | MSR.RI | MSR.DCD)
_OFFSETS: Final = (0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7)
_IER_VALUES: Final = (0, 1, 2, 3, 5, 7, 0xF, 0xFF)
_FCR_VALUES: Final = (0, 0x08, 0xC0, 0x06, 0xC2, 1, 1, 3, 5, 7, 0x41, 0x81, 0xC1, 0xC7, 0x87, 0x31, 0xF9)
_LCR_VALUES: Final = (3, 3, 3, 0x83, 0x1B, 0x07, 0x80, 0x43, 0x0A, 0x3E, 0x04)
_MCR_VALUES: Final = (0x00, 0x08, 0x0B, 0x1B, 0x18, 0x1F, 0x10, 0x0F, 0xFF)
_ADVANCES_NS: Final = (1_000, 86_806, 400_000, 2_000_000, 10_000_000)


class DifferenceError(AssertionError):
    """The chips differ, and no rule says so."""


class Pair:
    """QEMU's chip and ours, driven alike.

    Args:
        qemu: just reset.
        seed: of the random program.
    """

    def __init__(self, qemu: QemuUart, seed: int) -> None:
        self.qemu = qemu
        # QEMU's board does not look at OUT2.
        self.ours = Bench(out2_gate="none")
        self.random = random.Random(seed)
        self.seed = seed
        #: How often each rule was applied.
        self.applied: Counter[str] = Counter()
        self.accesses = 0
        self._trail: list[str] = []
        self._sent = bytearray()
        self._lcr = 0  # as they will be when the accesses drawn so far have been made
        self._mcr = 0
        self._divisor = 12
        self._breaks_without_fifo = 0
        self._check_reset_values()
        divisor = self.random.choice((1, 12, 48, 96))
        setup = [Access(3, 0x83), Access(0, divisor), Access(1, 0), Access(3, 3), Access(4, 0), Access(1, 0)]
        setup += [Access(2, 1), Access(2, 0), Access(7, 0), Access(6), Access(5)]
        for access in setup:
            self._remember(access)
        self._check(setup, self.qemu.run(setup))

    def _check_reset_values(self) -> None:
        """Rule "reset values"."""
        found = [answer.value for answer in self.qemu.run([Access(4), Access(3, 0x80), Access(0), Access(1)])]
        self._compare("QEMU's MCR, DLL and DLM after a reset", (8, 12, 0), (found[0], found[2], found[3]))
        self.applied["reset values"] += 1

    # -- random programs -----------------------------------------------------------------------------------

    def draw(self, *, timed: bool) -> Access:
        """A random access that the rules allow."""
        while True:
            access = self._fit(self._draw(timed), timed)
            if access is not None:
                self._remember(access)
                return access

    def _draw(self, timed: bool) -> Access:
        pick, choose = self.random.random(), self.random.choice
        anything = self.random.randrange(256)
        if pick < 0.46:
            return Access(choose(_OFFSETS))
        if pick < 0.63:
            return Access(0, anything)
        if pick < 0.74:
            return Access(1, choose((*_IER_VALUES, anything)))
        if pick < 0.82:
            return Access(2, choose(_FCR_VALUES))
        if pick < 0.89:
            return Access(3, choose(_LCR_VALUES) if timed else anything)
        if pick < 0.96:
            return Access(4, choose((*_MCR_VALUES, anything)))
        return Access(choose((5, 6, 7, 7)), anything)

    def _fit(self, access: Access, timed: bool) -> Access | None:
        """The access as the rules allow it, or None."""
        offset, value = access
        if value is None:
            return access
        if offset == 0 and not self._lcr & LCR.DLAB:
            word = (1 << (self._lcr & 3) + 5) - 1
            self.applied["word length"] += value != value & word
            return Access(0, value & word)
        if timed and offset in (0, 1) and self._lcr & LCR.DLAB:
            return Access(offset, 0 if offset else self.random.choice((1, 12, 48, 96)))
        if offset in (0, 1) and self._lcr & LCR.DLAB and not self._with_divisor(offset, value):
            self.applied["divisor 0"] += 1
            return None
        if offset == 2 and not value & FCR.FIFO_ENABLE and value & (FCR.RCVR_RESET | FCR.XMIT_RESET):
            self.applied["FCR without FCR0"] += 1
            return None
        if offset == 3:
            if value & LCR.BREAK and self._mcr & MCR.LOOP:
                self.applied["transmit break"] += 1
                value &= ~LCR.BREAK
            if timed and not value & LCR.WLS and value & LCR.STB:
                self.applied["1.5 stop bits"] += 1
                value &= ~LCR.STB
            return Access(3, int(value))
        if offset == 4 and value & MCR.LOOP and self._lcr & LCR.BREAK:
            self.applied["transmit break"] += 1
            return None
        return access

    def _with_divisor(self, offset: int, value: int) -> int:
        return self._divisor & 0xFF | value << 8 if offset else self._divisor & 0xFF00 | value

    def _remember(self, access: Access) -> None:
        offset, value = access
        if value is None:
            return
        if offset in (0, 1) and self._lcr & LCR.DLAB:
            self._divisor = self._with_divisor(offset, value)
        elif offset == 3:
            self._lcr = value
        elif offset == 4:
            self._mcr = value

    # -- profiles ------------------------------------------------------------------------------------------

    def run_registers(self, count: int) -> None:
        """Registers only, pipelined; data comes through the loopback, and QEMU's clock stands still.

        Raises:
            DifferenceError: the chips differ.
        """
        done = 0
        while done < count:
            accesses = [self.draw(timed=False) for _ in range(min(400, count - done))]
            self._check(accesses, self.qemu.run(accesses), frozen=True)
            self._compare_sent()
            done += len(accesses)

    def run_mixed(self, count: int) -> None:
        """Registers, received bytes and breaks, and time.

        Raises:
            DifferenceError: the chips differ.
        """
        for n in range(count):
            pick = self.random.random()
            if pick < 0.85:
                access = self.draw(timed=True)
                self._check([access], self.qemu.run([access]))
            elif pick < 0.94:
                self._receive(self.random.choice((1, 1, 2, 3, 5, 14)))
            elif pick < 0.95:
                self._receive_break()
            else:
                self._advance(self._duration())
            self._compare("interrupt line", self.qemu.irq, self.ours.irq)
            if n % 64 == 0:
                self._compare_sent()
        self._compare_sent()

    # -- one step ------------------------------------------------------------------------------------------

    def _check(self, accesses: list[Access], answers: list[Answer], *, frozen: bool = False) -> None:
        ours = self.ours
        for (offset, value), answer in zip(accesses, answers, strict=True):
            self.accesses += 1
            if value is None:
                self._trail.append(f"read {offset}")
                self._compare(f"read of offset {offset}", answer.value, ours.read(offset))
            else:
                self._trail.append(f"write {offset} {value:#04x}")
                self._write(offset, value)
            if frozen:
                ours.uart.receiver.timeout_at = NEVER
            self._compare("interrupt line", answer.irq, ours.irq)
            self.applied["OUT2 gates the interrupt"] += ours.irq and not ours.uart.modem.control & MCR.OUT2
        del self._trail[:-12]

    def _write(self, offset: int, value: int) -> None:
        ours = self.ours
        before = ours.uart.modem.shown
        if offset == 2 and (value ^ ours.uart.fcr) & FCR.FIFO_ENABLE:
            self._breaks_without_fifo = 0
        ours.write(offset, value)
        if offset == 0 and not ours.uart.lcr & LCR.DLAB:
            self._let_transmitter_run(value)
        elif offset == 4:
            self._read_deltas_away(before, value)

    def _let_transmitter_run(self, value: int) -> None:
        """Rules "transmitting takes time" and "transmit break"."""
        self.applied["transmitting takes time"] += 1
        uart, receiver = self.ours.uart, self.ours.uart.receiver
        left, receiver.timeout_at = receiver.timeout_at - self.ours.now_ticks, NEVER
        armed = left < NEVER // 2
        self.ours.settle()
        if receiver.timeout_at != NEVER:
            receiver.timeout_at = self.ours.now_ticks + receiver.timeout_ticks  # by what came around the loop
        elif armed:
            receiver.timeout_at = self.ours.now_ticks + left
        uart._plan()
        sent = self.ours.take_tx()
        if uart.lcr & LCR.BREAK:
            self.applied["transmit break"] += 1
            self._compare("characters sent under a break", b"", sent)
            sent = bytes((value,))
        self._sent += sent

    def _read_deltas_away(self, before: int, control: int) -> None:
        """Rule "loopback makes deltas"."""
        looped = control & MCR.LOOP
        pairs = ((MCR.RTS, MSR.CTS), (MCR.DTR, MSR.DSR), (MCR.OUT1, MSR.RI), (MCR.OUT2, MSR.DCD))
        after = sum(int(there) for here, there in pairs if control & here) if looped else self.ours.uart.modem.pins
        expected = after
        for line, delta in ((MSR.CTS, MSR.DCTS), (MSR.DSR, MSR.DDSR), (MSR.DCD, MSR.DDCD)):
            if (before ^ after) & line:
                expected |= delta
        if before & MSR.RI and not after & MSR.RI:
            expected |= MSR.TERI
        self.applied["loopback makes deltas"] += expected != expected & _INPUTS
        self._compare("MSR after a change of the loopback", int(expected), self.ours.read(6))

    def _room(self) -> int:
        """How many bytes QEMU takes in now."""
        uart = self.ours.uart
        count, trigger = len(uart.receiver.data), uart.receiver.trigger
        if not uart.fcr & FCR.FIFO_ENABLE:
            return 1 - count
        return 0 if count >= 16 else trigger - count if count < trigger else int(count > trigger)

    def _receive(self, count: int) -> None:
        if self._mcr & MCR.LOOP:
            self.applied["loopback cuts SIN"] += 1
            return
        room = self._room()
        self.applied["withheld bytes"] += count > room
        word = (1 << (self._lcr & 3) + 5) - 1
        data = bytes(self.random.randrange(256) & word for _ in range(min(count, room)))
        if data:
            self._trail.append(f"receive {data!r}")
            self.qemu.inject(data)
            for character in data:
                self.ours.uart.receive(character, 0, self.ours.now_ticks)

    def _receive_break(self) -> None:
        """Rule "break is an error of its character"."""
        uart = self.ours.uart
        if self._mcr & MCR.LOOP or uart.receiver.data or uart.receiver.latched:
            return
        fifo = uart.fcr & FCR.FIFO_ENABLE
        if not fifo:
            # QEMU also fills a FIFO that is off, and shows an overrun when that is full.
            self._breaks_without_fifo += 1
            if self._breaks_without_fifo > 15:
                return
        if self._lcr & LCR.DLAB:
            return
        self.applied["break is an error of its character"] += 1
        self._trail.append("break")
        self.qemu.receive_break()
        uart.receive(0, uart.transmitter.times.break_errors, self.ours.now_ticks)
        if fifo:
            self.applied["RBR while empty"] += 1
            uart.receiver.last = 0
        self._compare("interrupt line", self.qemu.irq, self.ours.irq)
        self._check([Access(2)], self.qemu.run([Access(2)]))
        wrong_parity = LSR.PE if self._lcr & LCR.PEN and not self._lcr & LCR.EPS else LSR(0)
        in_fifo = LSR.FIFO_ERROR if fifo else LSR(0)
        theirs, mine = self.qemu.read(5), self.ours.read(5)
        self._compare("LSR after a break", theirs | LSR.FE | wrong_parity | in_fifo, mine)
        theirs, mine = self.qemu.read(5), self.ours.read(5)
        self._compare("LSR again after a break", theirs | in_fifo, mine)
        rest = [Access(0), Access(5)]
        self._check(rest, self.qemu.run(rest))

    def _duration(self) -> int:
        """Any time; or, where a timeout runs that is long for QEMU's clock, to shortly before it or to its end."""
        left = (self.ours.uart.receiver.timeout_at - self.ours.now_ticks) // TICKS_PER_NS
        if 4_000_000 < left < 40_000_000:
            return left - self.random.choice((0, 2_500_000, 2_500_000))
        return self.random.choice(_ADVANCES_NS)

    def _advance(self, ns: int) -> None:
        deadline, length = self.ours.uart.receiver.timeout_at, self.ours.uart.receiver.timeout_ticks
        before = length // 1000 + ns_to_ticks(5_000)
        after = ns_to_ticks(500_000)  # a timer of QEMU's may be served late
        while True:
            passed = self.qemu.advance(ns)
            self._trail.append(f"advance {passed}")
            self.ours.advance(passed)
            late = self.ours.now_ticks - deadline
            if deadline == NEVER or not -before <= late <= after:
                return
            ns = (before + after) // TICKS_PER_NS  # too close to call

    # -- comparison ----------------------------------------------------------------------------------------

    def _compare_sent(self) -> None:
        self._compare("characters sent", self.qemu.take_sent(), bytes(self._sent))
        self._sent.clear()

    def _compare(self, what: str, theirs: object, ours: object) -> None:
        if theirs != ours:
            shown = ", ".join(self._trail[-12:])
            values = " and ".join(hex(v) if type(v) is int else repr(v) for v in (theirs, ours))
            raise DifferenceError(
                f"seed {self.seed}, access {self.accesses}: {what} is to be and is: {values}; after {shown}"
            )


@dataclass(slots=True)
class Summary:
    """What random programs against QEMU gave.

    Attributes:
        registers: accesses made in programs of registers only.
        mixed: steps made in programs with bytes, breaks and time.
        applied: how often each rule was.
        differences: what no rule explains, a sentence each; the first of each seed.
    """

    registers: int = 0
    mixed: int = 0
    applied: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def never_applied(self) -> list[str]:
        """Rules that never were: they may excuse what is not there."""
        return [name for name in RULES if not self.applied[name]]


def run_programs(
    qemu: QemuUart,
    registers: int,
    mixed: int,
    seed: int,
    tick: Callable[[int], None] | None = None,
    most_differences: int = 10,
) -> Summary:
    """Run random programs on QEMU and our chip.

    Args:
        qemu: a running one.
        registers: how many accesses in programs of registers only.
        mixed: how many steps in programs with bytes, breaks and time.
        seed: of the first program; the next has the next.
        tick: told of every step that was made.
        most_differences: ends the run.
    """
    summary = Summary()
    for kind, total, per_seed in (("registers", registers, REGISTERS_PER_SEED), ("mixed", mixed, MIXED_PER_SEED)):
        done = 0
        while done < total and len(summary.differences) < most_differences:
            count = min(per_seed, total - done)
            qemu.reset()
            pair = Pair(qemu, seed)
            try:
                pair.run_registers(count) if kind == "registers" else pair.run_mixed(count)
            except DifferenceError as difference:
                summary.differences.append(str(difference))
            summary.applied += pair.applied
            done += count
            seed += 1
            if tick is not None:
                tick(count)
        if kind == "registers":
            summary.registers = done
        else:
            summary.mixed = done
    return summary
