"""Random programs that test any UART, with our chip beside it as the reference.

A program is a list of random actions.  It is kept away from what the datasheet leaves open, so that every difference is a
mistake: :meth:`SideBySide.fit` looks at the state in which an action would be done, and changes or drops it.  Any part of
a program is therefore a program too, and a program that fails is cut down to a few actions before it is shown.

How long the transmitter takes is tested by the sequences, not here: after a character is written, both sides are given
time until it is out.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from uartsim.conform.dut import Access, Can, DeviceUnderTest
from uartsim.conform.dut_ours import OurDut
from uartsim.conform.player import Player
from uartsim.line_format import NEVER, TICKS_PER_NS, ns_to_ticks
from uartsim.registers import FCR, IER, LCR, LSR, MCR, VARIANTS, InterruptId, Offset

#: Actions in a program.
LENGTH: Final = 80
#: A failing program is tried with fewer actions at most this many times.
_CUTS: Final = 300
#: Long enough for what is being sent and for a character timeout, in frames.
_LONG: Final = 48

#: Offsets that are the divisor latch while LCR.DLAB is set.
_DIVISOR_LATCH: Final = (Offset.DLL, Offset.DLM)
#: Offsets that are read, each as often as it stands here.
_OFFSETS: Final = (0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7)
_FCR_VALUES: Final = (0, 1, 1, 3, 5, 7, 0x41, 0x81, 0xC1, 0xC7, 0x87, 0xF9, 0x06, 0xC2)
_LCR_VALUES: Final = (0x03, 0x03, 0x03, 0x83, 0x1B, 0x07, 0x80, 0x0A, 0x3E, 0x04, 0x43)
_DIVISORS: Final = (1, 3, 12, 96)


class Action(NamedTuple):
    """One action of a program.

    Attributes:
        kind: ``read``, ``write``, ``receive``, ``break``, ``modem`` or ``wait``.
        where: the offset of the register; for ``receive`` the errors, as LSR bits.
        value: what is written, received or driven; for ``wait`` the number of bit times.
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
    """A difference between the device under test and the reference.

    Attributes:
        seed: of the program.
        what: what differs.
        expected: what the reference showed, as text.
        got: what the device showed, as text.
        actions: what led there from the prepared state, as text.
    """

    seed: int
    what: str
    expected: str
    got: str
    actions: tuple[str, ...]


class _DiffersError(Exception):
    """Ends a program at its first difference."""

    def __init__(self, what: str, expected: str, got: str) -> None:
        super().__init__(what)
        self.what, self.expected, self.got = what, expected, got


class SideBySide:
    """A device with our chip beside it, both driven alike.

    Args:
        uart: the device under test.
    """

    def __init__(self, uart: DeviceUnderTest) -> None:
        self.uart = uart
        self.ours = OurDut(uart.part)
        self._prepare = Player(uart).prepare, Player(self.ours).prepare
        self._with_errors = Can.ERRORS in uart.can
        self._timed = Can.TIME in uart.can
        self._exact = Can.EXACT in uart.can
        self.trail: list[str] = []

    # -- programs ----------------------------------------------------------------------------------------------

    def draw(self, seed: int, count: int = LENGTH) -> list[Action]:
        """Draw a random program."""
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
            return Action("write", Offset.THR, anything)
        if pick < 0.80:
            return Action("write", Offset.IER, anything)
        if pick < 0.87:
            return Action("write", Offset.FCR, choose(_FCR_VALUES))
        if pick < 0.92:
            return Action("write", Offset.LCR, choose(_LCR_VALUES))
        mcr, scr = Offset.MCR, Offset.SCR
        writes = ((mcr, anything), (mcr, 0x18 | anything & 0x0F), (mcr, 0x0B), (scr, anything))
        return Action("write", *choose(writes))

    def fit(self, action: Action) -> Action | None:
        """The action changed to what the datasheet covers in the present state, or None where it covers nothing like it."""
        uart = self.ours.bench.uart
        kind, where, value = action
        dlab, looped = uart.lcr & LCR.DLAB, uart.modem.control & MCR.LOOP
        if kind == "read" and where == Offset.RBR and not dlab and not uart.receiver.data:
            return Action("read", Offset.LSR)  # RBR while empty
        if kind == "receive":
            if where & LSR.PE and not uart.lcr & LCR.PEN:
                where = 0
            return Action(kind, where, value & uart.line_format.data_mask)
        if kind != "write":
            return action
        if where in _DIVISOR_LATCH and dlab:
            return Action(kind, where, 0 if where else _DIVISORS[value % 4])
        if where == Offset.THR and uart.lcr & LCR.BREAK:
            return None  # the character would arrive as part of a break
        if where == Offset.IER and value & uart.ier & IER.ETBEI:
            value &= ~IER.ETBEI  # IER.1 written 1 over 1
        if where == Offset.LCR and value & LCR.BREAK and looped:
            value &= ~LCR.BREAK
        if where == Offset.MCR:
            if value & MCR.LOOP and uart.lcr & LCR.BREAK:
                return None
            value &= 0x1F if VARIANTS[self.uart.part].auto_flow else 0xFF  # without AFE
        return Action(kind, where, int(value))

    def run(self, program: list[Action], seed: int) -> Difference | None:
        """Run a program from the prepared state; returns the first difference, or None.

        Raises:
            DutError: the device fails: it ends, is silent, or answers nonsense.
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
        """The same difference after the fewest actions that a bounded search finds."""
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
        if offset == Offset.IIR and receiver.timeout and len(receiver.data) >= receiver.trigger:
            if chip.iir == InterruptId.CHARACTER_TIMEOUT:
                mask = 0xF7  # open: received data and timeout are both true
        elif offset == Offset.LSR and receiver.bad == 1 and receiver.errors and receiver.errors[0]:
            mask = 0x7F  # open: whether LSR.7 goes when the last bad character is seen, or when it is read
        expected, got = self.ours.read(offset) & mask, self.uart.read(offset) & mask
        if expected != got:
            raise _DiffersError(f"read of offset {offset}", f"{expected:02X}", f"{got:02X}")

    def _write(self, offset: int, value: int) -> None:
        chip = self.ours.bench.uart
        dlab = chip.lcr & LCR.DLAB
        frame_before = chip.line_format.frame_ticks
        writes = [Access(offset, value)]
        if (
            offset == Offset.FCR
            and chip.ier & IER.ETBEI
            and (value & FCR.XMIT_RESET or (value ^ chip.fcr) & FCR.FIFO_ENABLE)
        ):
            # Open: whether emptying an empty FIFO raises THRE.  Enabling the interrupt anew raises it on both sides.
            writes += [Access(Offset.IER, chip.ier & ~int(IER.ETBEI)), Access(Offset.IER, chip.ier)] if not dlab else []
        self.uart.run(writes)
        for register, written in writes:
            assert written is not None
            self.ours.write(register, written)
        if (offset == Offset.THR and not dlab) or chip.looping:
            self._settle()
        elif chip.line_format.frame_ticks != frame_before and chip.receiver.data and self._timed:
            # Open: whether a timeout that is under way keeps its length.
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
            return  # open: whether OUT2's bit or its pin gates the interrupt
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
        """Give both sides time until everything is out and no timeout can be under way."""
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
    """What came of random programs.

    Attributes:
        actions: the number of actions that were run.
        differences: one of each kind.
        repeated: the number of further programs that differed in the same ways.
    """

    actions: int = 0
    differences: list[Difference] = field(default_factory=list)
    repeated: int = 0


def run_programs(
    uart: DeviceUnderTest, actions: int, seed: int, tick: Callable[[int], None] | None = None, most: int = 10
) -> Programs:
    """Run random programs on a device and on our chip.

    Args:
        uart: the device under test.
        actions: the number of actions in all programs together.
        seed: of the first program; each further program has the next number.
        tick: called with the number of actions after each program.
        most: the run ends after this many programs that differ.

    Raises:
        DutError: the device fails: it ends, is silent, or answers nonsense.
    """
    result = Programs()
    beside = SideBySide(uart)
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
