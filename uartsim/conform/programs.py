"""Random programs that judge any UART, with our chip beside it as the reference.

A program is a list of random actions.  It is kept away from what the datasheet leaves open, so that whatever differs is
a mistake: :meth:`Beside.fit` looks at the state in which an action would be done, and changes or drops it.  Because of
that any part of a program is a program too, and one that fails is cut down to few actions before it is shown.

Not judged here, but by the sequences: how long the transmitter takes.  After a character is written both sides are
given time until it is out.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from uartsim.conform.judge import Judge
from uartsim.conform.judged import Access, Can, JudgedUart
from uartsim.conform.ours import OurUart
from uartsim.line_format import NEVER, TICKS_PER_NS, ns_to_ticks
from uartsim.registers import FCR, IER, LCR, LSR, MCR, VARIANTS, InterruptId

#: Actions in a program.
LENGTH: Final = 80
#: How often a failing program is tried with fewer actions.
_CUTS: Final = 300
#: Long enough for what is being sent and for a timeout, in frames.
_LONG: Final = 48

_OFFSETS: Final = (0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7)
_FCR_VALUES: Final = (0, 1, 1, 3, 5, 7, 0x41, 0x81, 0xC1, 0xC7, 0x87, 0xF9, 0x06, 0xC2)
_LCR_VALUES: Final = (0x03, 0x03, 0x03, 0x83, 0x1B, 0x07, 0x80, 0x0A, 0x3E, 0x04, 0x43)
_DIVISORS: Final = (1, 3, 12, 96)


class Action(NamedTuple):
    """One thing to do.

    Attributes:
        kind: ``read``, ``write``, ``receive``, ``break``, ``modem`` or ``wait``.
        where: an offset; for ``receive`` the errors.
        value: what is written, received or driven; for ``wait`` bit times.
    """

    kind: str
    where: int = 0
    value: int = 0

    def __str__(self) -> str:
        match self.kind:
            case "read":
                return f"read {self.where}"
            case "write":
                return f"write {self.where} {self.value:02X}"
            case "receive":
                return f"receive {self.value:02X}" + (f" with errors {self.where:02X}" if self.where else "")
            case "modem":
                return f"modem inputs {self.value:02X}"
            case "wait":
                return f"wait {self.value} bits"
            case _:
                return self.kind


@dataclass(frozen=True, slots=True)
class Difference:
    """The judged UART and the reference differ.

    Attributes:
        seed: of the program.
        what: what differs.
        expected: the reference's.
        got: the judged one's.
        actions: what led there, as text, from the prepared start.
    """

    seed: int
    what: str
    expected: str
    got: str
    actions: tuple[str, ...]


class _DiffersError(Exception):
    """What, expected and got."""

    def __init__(self, what: str, expected: str, got: str) -> None:
        super().__init__(what)
        self.what, self.expected, self.got = what, expected, got


class Beside:
    """A judged UART with our chip beside it, both driven alike.

    Args:
        uart: the judged one.
    """

    def __init__(self, uart: JudgedUart) -> None:
        self.uart = uart
        self.ours = OurUart(uart.part)
        self._prepare = Judge(uart).prepare, Judge(self.ours).prepare
        self._with_errors = Can.ERRORS in uart.can
        self._timed = Can.TIME in uart.can
        self._exact = Can.EXACT in uart.can
        self.trail: list[str] = []

    # -- programs ----------------------------------------------------------------------------------------------

    def draw(self, seed: int, count: int = LENGTH) -> list[Action]:
        """A random program."""
        chance = random.Random(seed)
        return [self._draw(chance) for _ in range(count)]

    def _draw(self, chance: random.Random) -> Action:
        pick, choose, anything = chance.random(), chance.choice, chance.randrange(256)
        can = self.uart.can
        if pick < 0.12 and Can.RECEIVE in can:
            error = choose((0, 0, 0, int(LSR.PE), int(LSR.FE))) if self._with_errors else 0
            return Action("receive", error, anything)
        if pick < 0.13 and Can.BREAK in can:
            return Action("break")
        if pick < 0.16 and Can.MODEM in can:
            return Action("modem", 0, anything & 0xF0)
        if pick < 0.20 and self._timed:
            return Action("wait", 0, choose((1, 7, 20, 38, 42, 60)))
        if pick < 0.56:
            return Action("read", choose(_OFFSETS))
        if pick < 0.72:
            return Action("write", 0, anything)
        if pick < 0.80:
            return Action("write", 1, anything)
        if pick < 0.87:
            return Action("write", 2, choose(_FCR_VALUES))
        if pick < 0.92:
            return Action("write", 3, choose(_LCR_VALUES))
        return Action("write", *choose(((4, anything), (4, 0x18 | anything & 0x0F), (4, 0x0B), (7, anything))))

    def fit(self, action: Action) -> Action | None:
        """The action as the datasheet covers it in the present state; None where it leaves it open."""
        uart = self.ours.bench.uart
        kind, where, value = action
        dlab, looped = uart.lcr & LCR.DLAB, uart.modem.control & MCR.LOOP
        if kind == "read" and where == 0 and not dlab and not uart.receiver.data:
            return Action("read", 5)  # RBR while empty
        if kind == "receive":
            if where & LSR.PE and not uart.lcr & LCR.PEN:
                where = 0
            return Action(kind, where, value & uart.line_format.data_mask)
        if kind != "write":
            return action
        if where in (0, 1) and dlab:
            return Action(kind, where, 0 if where else _DIVISORS[value % 4])
        if where == 0 and uart.lcr & LCR.BREAK:
            return None  # would arrive as parts of a break
        if where == 1 and value & uart.ier & IER.ETBEI:
            value &= ~IER.ETBEI  # IER.1 written 1 over 1
        if where == 3 and value & LCR.BREAK and looped:
            value &= ~LCR.BREAK
        if where == 4:
            if value & MCR.LOOP and uart.lcr & LCR.BREAK:
                return None
            value &= 0x1F if VARIANTS[self.uart.part].auto_flow else 0xFF  # without AFE
        return Action(kind, where, int(value))

    def run(self, program: list[Action], seed: int) -> Difference | None:
        """Run a program from the prepared start; what differs first, or None.

        Raises:
            JudgedError: the judged UART cannot go on.
        """
        for prepare in self._prepare:
            prepare()
        self.trail = []
        try:
            for action in program:
                fitting = self.fit(action)
                if fitting is not None:
                    self.trail.append(str(fitting))
                    self._do(fitting)
        except _DiffersError as found:
            return Difference(seed, found.what, found.expected, found.got, tuple(self.trail))
        return None

    def cut_down(self, program: list[Action], difference: Difference) -> Difference:
        """The same difference from as few actions as a bounded search finds."""
        size, tries = len(program) // 2, 0
        while size and tries < _CUTS:
            start = 0
            while start < len(program) and tries < _CUTS:
                shorter = program[:start] + program[start + size :]
                tries += 1
                found = self.run(shorter, difference.seed)
                if found is not None and (found.what, found.expected, found.got) == (
                    difference.what,
                    difference.expected,
                    difference.got,
                ):
                    program, difference = shorter, found
                else:
                    start += size
            size //= 2
        return difference

    # -- one action ----------------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        kind, where, value = action
        both = (self.uart, self.ours)
        match kind:
            case "read":
                self._read(where)
            case "write":
                self._write(where, value)
            case "receive":
                self._pass_frame()
                self._keep_time(self.uart.receive(value, where))
                self.ours.receive(value, where)
            case "break":
                self._pass_frame()
                self._keep_time(self.uart.receive_break())
                self.ours.receive_break()
            case "modem":
                for uart in both:
                    uart.set_modem_inputs(value)
            case "wait":
                self._advance(self._ns(value))
        self._compare_irq()

    def _read(self, offset: int) -> None:
        chip = self.ours.bench.uart
        mask = 0xFF
        receiver = chip.receiver
        if offset == 2 and receiver.timeout and len(receiver.data) >= receiver.trigger:
            if chip.iir == InterruptId.CHARACTER_TIMEOUT:
                mask = 0xF7  # received data and timeout are both true
        elif offset == 5 and receiver.bad == 1 and receiver.errors and receiver.errors[0]:
            mask = 0x7F  # whether LSR.7 goes when the last bad character is seen, or when it is read
        expected, got = self.ours.read(offset) & mask, self.uart.read(offset) & mask
        if expected != got:
            raise _DiffersError(f"read of offset {offset}", f"{expected:02X}", f"{got:02X}")

    def _write(self, offset: int, value: int) -> None:
        chip = self.ours.bench.uart
        dlab = chip.lcr & LCR.DLAB
        frame_before = chip.line_format.frame_ticks
        writes = [Access(offset, value)]
        if offset == 2 and chip.ier & IER.ETBEI and (value & FCR.XMIT_RESET or (value ^ chip.fcr) & FCR.FIFO_ENABLE):
            # Whether emptying an empty FIFO raises THRE: enabling it anew does.
            writes += [Access(1, chip.ier & ~int(IER.ETBEI)), Access(1, chip.ier)] if not dlab else []
        self.uart.run(writes)
        for register, written in writes:
            assert written is not None
            self.ours.write(register, written)
        if (offset == 0 and not dlab) or chip.looping:
            self._settle()
        elif chip.line_format.frame_ticks != frame_before and chip.receiver.data and self._timed:
            # A timeout that runs may keep its length or not.
            self._advance(_LONG * max(frame_before, chip.line_format.frame_ticks) // TICKS_PER_NS)
        if Can.SENT in self.uart.can:
            expected, got = self.ours.take_sent(), self.uart.take_sent()
            if expected != got:
                shown = [data.hex(" ").upper() or "nothing" for data in (expected, got)]
                raise _DiffersError("what was sent", *shown)

    def _compare_irq(self) -> None:
        if Can.IRQ not in self.uart.can:
            return
        control = self.ours.bench.uart.modem.control
        if control & MCR.LOOP and control & MCR.OUT2:
            return  # whether OUT2's bit or its pin lets the interrupt out
        expected, got = self.ours.irq, self.uart.irq
        if expected != got:
            raise _DiffersError("interrupt line", *("active" if on else "inactive" for on in (expected, got)))

    # -- time --------------------------------------------------------------------------------------------------

    def _ns(self, bits: int) -> int:
        return -(-bits * self.ours.bench.line_format.bit_ticks // TICKS_PER_NS)

    def _pass_frame(self) -> None:
        if self._timed:
            self._advance(-(-self.ours.bench.line_format.frame_ticks // TICKS_PER_NS))

    def _keep_time(self, passed_ns: int) -> None:
        if self._timed and passed_ns:
            self.ours.advance(passed_ns)

    def _settle(self) -> None:
        """Both are given time until all is out, and no timeout can be under way."""
        if self._timed:
            self._advance(_LONG * self.ours.bench.line_format.frame_ticks // TICKS_PER_NS)
            return
        # A UART without a clock takes no time to send, and has no timeout.
        self.ours.bench.settle()
        self.ours.bench.uart.receiver.timeout_at = NEVER

    def _advance(self, ns: int) -> None:
        receiver = self.ours.bench.uart.receiver
        while True:
            deadline, now = receiver.timeout_at, self.ours.bench.now_ticks
            if self._exact and now + ns_to_ticks(ns) == deadline:
                ns += 1
            passed = self.uart.advance(ns)
            self.ours.advance(passed)
            if self._exact or deadline == NEVER:
                return
            late = self.ours.bench.now_ticks - deadline
            margin = receiver.timeout_ticks // 1000 + ns_to_ticks(500_000)
            if not -margin <= late <= margin:
                return
            ns = 2 * margin // TICKS_PER_NS  # too close to call


@dataclass(slots=True)
class Programs:
    """What random programs gave.

    Attributes:
        actions: how many were run.
        differences: one of each kind.
        repeated: how many further programs differed in the same ways.
    """

    actions: int = 0
    differences: list[Difference] = field(default_factory=list)
    repeated: int = 0


def run_programs(
    uart: JudgedUart, actions: int, seed: int, tick: Callable[[int], None] | None = None, most: int = 10
) -> Programs:
    """Run random programs on ``uart`` and on our chip.

    Args:
        uart: the judged one.
        actions: how many in all.
        seed: of the first program; the next has the next.
        tick: told of every action that was run.
        most: so many differences end the run.

    Raises:
        JudgedError: the judged UART cannot go on.
    """
    result = Programs()
    beside = Beside(uart)
    known: set[str] = set()
    while result.actions < actions and len(result.differences) + result.repeated < most:
        program = beside.draw(seed, min(LENGTH, actions - result.actions))
        difference = beside.run(program, seed)
        if difference is not None:
            short = beside.cut_down(program, difference)
            if short.what in known:
                result.repeated += 1
            else:
                known.add(short.what)
                result.differences.append(short)
        result.actions += len(program)
        seed += 1
        if tick is not None:
            tick(len(program))
    return result
