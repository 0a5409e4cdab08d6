"""Our chip beside QEMU's: the same random program on both, and a rule for every difference that is accepted.

QEMU is the reference for masks, the DLAB window, interrupt identification and its latches, trigger levels, FIFO resets,
the character timeout, overrun and every edge of the interrupt line.  It does not model the line.  The differences that
follow are named in :data:`uartsim.conform.qemu_deviations.RULES`: a rule either keeps a program away from what QEMU cannot do,
or says exactly what our chip must show where QEMU shows something else.  Everything else has to be equal.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from uartsim.chip import Bench
from uartsim.conform.dut import Access, Answer
from uartsim.conform.dut_qemu import QemuDut
from uartsim.conform.qemu_deviations import RULES
from uartsim.conform.random_accesses import TIMED_DIVISORS, RandomAccesses
from uartsim.line_format import NEVER, TICKS_PER_NS, ns_to_ticks
from uartsim.register_bits import MODEM_INPUTS
from uartsim.registers import FCR, LCR, LSR, MCR, MSR, Offset

#: The number of accesses in a program of registers only, and of steps in a mixed program.
REGISTERS_PER_SEED: Final = 4000
MIXED_PER_SEED: Final = 500

#: The lines themselves, without their deltas.
_ADVANCES_NS: Final = (1_000, 86_806, 400_000, 2_000_000, 10_000_000)


class DifferenceError(AssertionError):
    """The chips differ in a way that no rule names."""


class Pair:
    """QEMU's chip and ours, driven alike.

    Args:
        qemu: a running QEMU, just reset.
        seed: of the random program.
    """

    def __init__(self, qemu: QemuDut, seed: int) -> None:
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
        self._source = RandomAccesses(self.random, self.applied)
        self._breaks_without_fifo = 0
        self._check_reset_values()
        divisor = self.random.choice(TIMED_DIVISORS)
        setup = [Access(Offset.LCR, 0x83), Access(Offset.DLL, divisor), Access(Offset.DLM, 0), Access(Offset.LCR, 3)]
        setup += [Access(Offset.MCR, 0), Access(Offset.IER, 0), Access(Offset.FCR, 1), Access(Offset.FCR, 0)]
        setup += [Access(Offset.SCR, 0), Access(Offset.MSR), Access(Offset.LSR)]
        for access in setup:
            self._source.remember(access)
        self._check(setup, self.qemu.run(setup))

    def _check_reset_values(self) -> None:
        """Rule "reset values"."""
        accesses = [Access(Offset.MCR), Access(Offset.LCR, 0x80), Access(Offset.DLL), Access(Offset.DLM)]
        found = [answer.value for answer in self.qemu.run(accesses)]
        self._compare("QEMU's MCR, DLL and DLM after a reset", (8, 12, 0), (found[0], found[2], found[3]))
        self.applied["reset values"] += 1

    # -- profiles ------------------------------------------------------------------------------------------

    def run_registers(self, count: int) -> None:
        """Run a program of register accesses; data comes through the loopback, and QEMU's clock stands still.

        Raises:
            DifferenceError: the chips differ.
        """
        done = 0
        while done < count:
            accesses = [self._source.draw(timed=False) for _ in range(min(400, count - done))]
            self._check(accesses, self.qemu.run(accesses), frozen=True)
            self._compare_sent()
            done += len(accesses)

    def run_mixed(self, count: int) -> None:
        """Run a program of register accesses, received bytes and breaks, and time.

        Raises:
            DifferenceError: the chips differ.
        """
        for n in range(count):
            pick = self.random.random()
            if pick < 0.85:
                access = self._source.draw(timed=True)
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
        if offset == Offset.FCR and (value ^ ours.uart.fcr) & FCR.FIFO_ENABLE:
            self._breaks_without_fifo = 0
        ours.write(offset, value)
        if offset == Offset.THR and not ours.uart.lcr & LCR.DLAB:
            self._let_transmitter_run(value)
        elif offset == Offset.MCR:
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
        self.applied["loopback makes deltas"] += expected != expected & MODEM_INPUTS
        self._compare("MSR after a change of the loopback", int(expected), self.ours.read(Offset.MSR))

    def _room(self) -> int:
        """How many bytes from the line QEMU would take in now."""
        uart = self.ours.uart
        count, trigger = len(uart.receiver.data), uart.receiver.trigger
        if not uart.fcr & FCR.FIFO_ENABLE:
            return 1 - count
        return 0 if count >= 16 else trigger - count if count < trigger else int(count > trigger)

    def _receive(self, count: int) -> None:
        if self._source.mcr & MCR.LOOP:
            self.applied["loopback cuts SIN"] += 1
            return
        room = self._room()
        self.applied["withheld bytes"] += count > room
        word = (1 << (self._source.lcr & 3) + 5) - 1
        data = bytes(self.random.randrange(256) & word for _ in range(min(count, room)))
        if data:
            self._trail.append(f"receive {data!r}")
            self.qemu.inject(data)
            for character in data:
                self.ours.uart.receive(character, 0, self.ours.now_ticks)

    def _receive_break(self) -> None:
        """Rule "break is an error of its character"."""
        uart = self.ours.uart
        if self._source.mcr & MCR.LOOP or uart.receiver.data or uart.receiver.latched:
            return
        fifo = uart.fcr & FCR.FIFO_ENABLE
        if not fifo:
            # QEMU also fills a FIFO that is off, and shows an overrun when that is full.
            self._breaks_without_fifo += 1
            if self._breaks_without_fifo > 15:
                return
        if self._source.lcr & LCR.DLAB:
            return
        self.applied["break is an error of its character"] += 1
        self._trail.append("break")
        self.qemu.receive_break()
        uart.receive(0, uart.transmitter.times.break_errors, self.ours.now_ticks)
        if fifo:
            self.applied["RBR while empty"] += 1
            uart.receiver.last = 0
        self._compare("interrupt line", self.qemu.irq, self.ours.irq)
        self._check([Access(Offset.IIR)], self.qemu.run([Access(Offset.IIR)]))
        wrong_parity = LSR.PE if self._source.lcr & LCR.PEN and not self._source.lcr & LCR.EPS else LSR(0)
        in_fifo = LSR.FIFO_ERROR if fifo else LSR(0)
        theirs, mine = self.qemu.read(Offset.LSR), self.ours.read(Offset.LSR)
        self._compare("LSR after a break", theirs | LSR.FE | wrong_parity | in_fifo, mine)
        theirs, mine = self.qemu.read(Offset.LSR), self.ours.read(Offset.LSR)
        self._compare("LSR again after a break", theirs | in_fifo, mine)
        rest = [Access(Offset.RBR), Access(Offset.LSR)]
        self._check(rest, self.qemu.run(rest))

    def _duration(self) -> int:
        """A random time in ns; while a long timeout runs, up to its end or to shortly before it."""
        left = (self.ours.uart.receiver.timeout_at - self.ours.now_ticks) // TICKS_PER_NS
        if 4_000_000 < left < 40_000_000:
            return left - self.random.choice((0, 2_500_000, 2_500_000))
        return self.random.choice(_ADVANCES_NS)

    def _advance(self, ns: int) -> None:
        deadline, length = self.ours.uart.receiver.timeout_at, self.ours.uart.receiver.timeout_ticks
        before = length // 1000 + ns_to_ticks(5_000)
        after = ns_to_ticks(500_000)  # QEMU may serve a timer late
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
    """What came of random programs against QEMU.

    Attributes:
        registers: accesses made in programs of registers only.
        mixed: steps made in programs with bytes, breaks and time.
        applied: how often each rule was applied.
        differences: the first of each program that no rule explains, a sentence each.
    """

    registers: int = 0
    mixed: int = 0
    applied: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def never_applied(self) -> list[str]:
        """The rules that were never applied: they may excuse a difference that no longer exists."""
        return [name for name in RULES if not self.applied[name]]


def run_programs(
    qemu: QemuDut,
    registers: int,
    mixed: int,
    seed: int,
    tick: Callable[[int], None] | None = None,
    most_differences: int = 10,
) -> Summary:
    """Run random programs on QEMU and our chip.

    Args:
        qemu: a running QEMU.
        registers: how many accesses in programs of registers only.
        mixed: how many steps in programs with bytes, breaks and time.
        seed: of the first program; each further program has the next number.
        tick: called with the number of steps after each program.
        most_differences: the run ends after this many.
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
