"""The chip: eight addresses, five sources of interrupt, and the line.

A :class:`Uart` is pure: time is an argument (ticks, see :mod:`uartsim.line_format`) and nothing happens between
calls.  Every call first computes what has happened until ``now``; :meth:`Uart.next_event` says when there will be
something to see, so that nothing has to poll.

Choices where the datasheet is silent or parts differ (each may be looked up in ``docs/chip.md``):

- received data and character timeout both true: IIR says 0C;
- IER.1 raises THRE on its rising edge only;
- OUT2 gates the interrupt line by the bit in MCR, also in loopback (``out2_gate``);
- a full transmitter FIFO drops the new character;
- divisor 0 counts 65536;
- RBR read while empty: 0 with FIFO, the last character without;
- LSR bit 7 goes when the last bad character has left the FIFO;
- the timeout is four frames (``timeout_rule="word"``: four words and twelve bits, as the ST16C550 family);
- the transmitter's delay circuit is on (``thre_delay=False`` switches it off).
"""

from __future__ import annotations

from uartsim.chip.checks import bits, octet, ticks, whole_number
from uartsim.chip.checks import characters as checked_characters
from uartsim.chip.register_file import RegisterFile
from uartsim.chip.state import UartState
from uartsim.chip.transmitter import SentFrame, SentRun
from uartsim.line_format import NEVER
from uartsim.register_bits import CHARACTER_ERRORS, DLAB, LOOP, MODEM_INPUTS
from uartsim.registers import VARIANTS


class Uart(RegisterFile):
    """A 16550A, or one of its relatives.

    Args:
        variant: the part, one of :data:`uartsim.registers.VARIANTS` or its name.
        thre_delay: the transmitter's delay circuit.
        out2_gate: what lets the interrupt out: OUT2's ``"bit"`` in MCR, its ``"pin"`` (inactive in loopback),
            or ``"none"`` (always out).
        timeout_rule: ``"frames"``: the character timeout is 4 frames; ``"word"``: 4 words and 12 bits.
        modem_inputs: CTS, DSR, RI, DCD at power-on, at their places in MSR.
        unlimited: frames take no time whatever the divisor says.

    Raises:
        ValueError: an unknown variant or option.
    """

    __slots__ = ()

    # -- what the processor does, many accesses at a time -----------------------------------------------------

    def write_run(self, characters: bytes, now: int) -> None:
        """Write THR once for each of ``characters``, all at ``now``, with the effect of a :meth:`write` for each.

        Raises:
            ValueError: time went backwards, or LCR.DLAB is set and offset 0 is not THR.
        """
        characters = checked_characters(characters)
        self.advance(now)
        if self.lcr & DLAB:
            raise ValueError("LCR.DLAB is set: offset 0 is the divisor latch; clear it before you write to THR")
        if not characters:
            return
        transmitter = self.transmitter
        if len(characters) == 1 or not transmitter.fifo_mode or self.unlimited:
            for character in characters:
                self.write(0, character, now)
            return
        transmitter.write_run(characters, now)
        self._thr_written()

    def read_run(self, count: int, now: int) -> bytes:
        """Read RBR as often as the receiver holds something, at most ``count`` times, all at ``now``.

        The effect is that of a :meth:`read` for each: the errors of a character are in LSR when its turn has come.

        Args:
            count: 0 or more.
            now: ticks, not before the last access.

        Raises:
            ValueError: a count below 0, time went backwards, or LCR.DLAB is set and offset 0 is not RBR.
        """
        if type(count) is not int:
            count = whole_number("count", count)
        if count < 0:
            raise ValueError(f"count is {count}: use 0 or more")
        self.advance(now)
        if self.lcr & DLAB:
            raise ValueError("LCR.DLAB is set: offset 0 is the divisor latch; clear it before you read RBR")
        data = self.receiver.pop_run(count, now)
        if data:
            if self.auto_flow:
                self._flow_control(now)
            self._plan()
            self._identify()
        return data

    def reset(self, now: int) -> None:
        """Master reset.  RBR, SCR and the divisor latch keep what they hold."""
        self.advance(now)
        self._reset()

    # -- what the line does --------------------------------------------------------------------------------

    def receive(self, character: int, errors: int, now: int) -> None:
        """A character from the line is complete at ``now``.  In loopback SIN is cut off and nothing happens.

        Args:
            character: 0 to 255; the bits beyond the word length are not received.
            errors: LSR bits PE, FE and BI that belong to it.
            now: ticks: when its first stop bit was sampled.

        Raises:
            ValueError: a character or errors outside these, or time went backwards.
        """
        if type(character) is not int or not 0 <= character <= 0xFF:
            character = octet("character", character)
        if errors != 0 or type(errors) is not int:
            errors = bits("errors", errors, CHARACTER_ERRORS)
        self.advance(now)
        if self.modem.control & LOOP:
            return
        self.receiver.receive(character & self.transmitter.times.mask, errors, now)
        if self.auto_flow:
            self._flow_control(now)
        self._plan()
        self._identify()

    def receive_run(self, characters: bytes, now: int, interval: int) -> None:
        """Characters without errors arrive one after the other, with the effect of a :meth:`receive` for each.

        To observe the interrupt line rise part-way through, pass fewer characters per call.

        Args:
            characters: what arrives; the bits beyond the word length are not received.
            now: when the first is complete, in ticks.
            interval: from one to the next, in ticks.

        Raises:
            ValueError: time went backwards, or the interval is less than 0.
        """
        characters = checked_characters(characters)
        interval = ticks("interval", interval)
        if not characters:
            return
        self.check_time(now)
        last_at = now + (len(characters) - 1) * interval
        if last_at >= NEVER:
            raise ValueError(f"now is {now} and interval {interval}: the last character would come at NEVER or later")
        receiver, mask = self.receiver, self.transmitter.times.mask
        if self.modem.control & LOOP or not receiver.fifo_mode or interval >= receiver.timeout_ticks:
            for n, character in enumerate(characters):
                self.receive(character, 0, now + n * interval)
            return
        self.advance(now)
        receiver.receive_run(characters if mask == 0xFF else bytes(c & mask for c in characters), last_at)
        if self.auto_flow:
            self._flow_control(now)
        self._plan()
        self._identify()
        self.advance(last_at)

    def set_modem_inputs(self, inputs: int, now: int) -> None:
        """The cable drives CTS, DSR, RI and DCD (at their places in MSR) from ``now`` on.

        Raises:
            ValueError: other bits of MSR, or time went backwards.
        """
        inputs = bits("inputs", inputs, MODEM_INPUTS)
        self.advance(now)
        self.modem.set_pins(inputs)
        self._flow_control(now)
        self._identify()

    @property
    def looping(self) -> bool:
        """Something is on its way through the loopback to our own receiver."""
        return self._loop.busy

    def take_sent(self) -> list[SentFrame]:
        """The frames that started on SOUT since the last call."""
        return [frame for run in self.take_sent_runs() for frame in run.frames()]

    def take_sent_runs(self) -> list[SentRun]:
        """The frames that started on SOUT since the last call, those without a gap between them together."""
        sent = self.transmitter.sent
        if sent:
            self.transmitter.sent = []
        return sent

    def take_break_changes(self) -> list[tuple[int, bool]]:
        """When SOUT was forced to space (True) and let go (False) since the last call."""
        changes = self.break_changes
        if changes:
            self.break_changes = []
        return changes

    def finish_stream(self, now: int, *, thre_interrupt: bool) -> None:
        """Used by :mod:`uartsim.chip.streaming`: the transmitter was brought to ``now`` by a slice of refills."""
        self.check_time(now)
        self.now = now
        self.transmitter.thre_rose = False
        self.thr_empty_latch = thre_interrupt
        self.transmitter.replan()
        self._plan()
        self._identify()

    # -- when something will happen ------------------------------------------------------------------------

    def next_event(self, now: int) -> int:
        """The earliest time after ``now`` at which anything outside could see a difference, in ticks.

        A chip at rest has none: the answer is then :data:`uartsim.line_format.NEVER`, which is not a time that it
        can be told: there is nothing to wait for.

        Raises:
            ValueError: time went backwards, or ``now`` is NEVER or later.
        """
        self.advance(now)
        due = self.due
        return due if due < NEVER else NEVER  # a frame that begins just before NEVER ends after it

    # -- save and restore ----------------------------------------------------------------------------------

    def state(self) -> UartState:
        """Everything that matters later, as a value; what is due at the present time is done first.

        Raises:
            ValueError: the variant is not one of :data:`uartsim.registers.VARIANTS`, so that its name would not identify it.
        """
        if VARIANTS.get(self.variant.name) != self.variant:
            raise ValueError(f"variant is {self.variant!r}: only those with a known name can be saved")
        self.advance(self.now)
        return UartState(
            variant=self.variant.name,
            thre_delay=self.transmitter.delay_circuit,
            out2_gate=self.out2_gate,
            timeout_rule="word" if self.receiver.timeout_by_word else "frames",
            unlimited=self.unlimited,
            now=self.now,
            divisor=self.divisor,
            scratch=self.scratch,
            ier=self.ier,
            fcr=self.fcr,
            lcr=self.lcr,
            thr_empty_latch=self.thr_empty_latch,
            break_changes=tuple(self.break_changes),
            receiver=self.receiver.state(),
            transmitter=self.transmitter.state(self.now),
            modem=self.modem.state(),
            loop=self._loop.state(),
        )

    @classmethod
    def restore(cls, state: UartState) -> Uart:
        """A chip that behaves from now on as the one whose :meth:`state` it is; TypeError for anything else."""
        if not isinstance(state, UartState):
            raise TypeError(f"state is {state!r}: use a UartState")
        uart = cls(
            state.variant,
            thre_delay=state.thre_delay,
            out2_gate=state.out2_gate,
            timeout_rule=state.timeout_rule,
            unlimited=state.unlimited,
        )
        uart._restore(state)
        return uart

    def become(self, state: UartState) -> None:
        """The chip goes on from ``state``, in place: references to it stay valid.

        Raises:
            ValueError: it is the state of another part, or of one with other options.
        """
        if not isinstance(state, UartState):
            raise TypeError(f"state is {state!r}: use a UartState")
        ours = (self.variant.name, self.transmitter.delay_circuit, self.out2_gate, self.unlimited)
        theirs = (state.variant, state.thre_delay, state.out2_gate, state.unlimited)
        if ours != theirs:
            raise ValueError(f"the state is of a chip with {theirs}, this is one with {ours}: make one like it")
        self._restore(state)
