"""The chip: eight addresses, five sources of interrupt, and the line.

A :class:`Uart` is pure: time is an argument (ticks, see :mod:`uartsim.line_format`) and nothing happens between
calls.  Every call first computes what has happened until ``now``; :meth:`Uart.next_event` says when there will be
something to see, so nobody polls.

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

from uartsim.chip.bits import DLAB, ERBFI, ETBEI, LOOP
from uartsim.chip.register_file import RegisterFile
from uartsim.chip.transmitter import SentFrame, SentRun
from uartsim.line_format import NEVER


class Uart(RegisterFile):
    """A 16550A, or one of its relatives.

    Args:
        variant: the part, one of :data:`uartsim.chip.registers.VARIANTS` or its name.
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

    # -- what the processor does ---------------------------------------------------------------------------

    def read(self, offset: int, now: int) -> int:
        """Read a register at ``now``.

        Args:
            offset: 0 to 7.
            now: ticks, not before the last access.

        Returns:
            The register, 0 to 255.

        Raises:
            ValueError: an offset outside 0 to 7, or time went backwards.
        """
        if not self.now <= now < self._due:
            self.advance(now)
        self.now = now
        if offset == 5 and (status := self._status) >= 0:
            return status  # polled more than anything else, and mostly nothing has changed
        try:
            return self._readers[offset]()
        except KeyError:
            raise ValueError(f"offset is {offset}: a 16550 has the offsets 0 to 7") from None

    def write(self, offset: int, value: int, now: int) -> None:
        """Write a register at ``now``.

        Raises:
            ValueError: an offset outside 0 to 7, a value outside 0 to 255, or time went backwards.
        """
        if not 0 <= value <= 0xFF:
            raise ValueError(f"value is {value}: a register takes 0 to 255")
        writer = self._writers.get(offset)
        if writer is None:
            raise ValueError(f"offset is {offset}: a 16550 has the offsets 0 to 7")
        if not self.now <= now < self._due:
            self.advance(now)
        self.now = now
        writer(value)

    def write_run(self, characters: bytes, now: int) -> None:
        """Write THR once for each of ``characters``, all at ``now``: the same as :meth:`write` for each, but a slice.

        Raises:
            ValueError: time went backwards, or LCR.DLAB is set and offset 0 is not THR.
        """
        self.advance(now)
        if self.lcr & DLAB:
            raise ValueError("LCR.DLAB is set: offset 0 is the divisor latch; clear it before you write to THR")
        if not characters:
            return
        transmitter = self.transmitter
        if not transmitter.fifo_mode or self.unlimited:
            for character in characters:
                self.write(0, character, now)
            return
        transmitter.write_run(characters, now)
        self._thr_written(rose=transmitter.thre_rose and len(characters) == 1)

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
            ValueError: time went backwards.
        """
        self.advance(now)
        if self.modem.control & LOOP:
            return
        self.receiver.receive(character & self.transmitter.times.mask, errors, now)
        self._plan()
        self._identify()

    def receive_run(self, characters: bytes, now: int, interval: int) -> None:
        """Characters without errors arrive one after the other: the same as :meth:`receive` for each, but a slice.

        Who wants to see the interrupt line rise in their midst gives fewer at a time.

        Args:
            characters: what arrives; the bits beyond the word length are not received.
            now: when the first is complete, in ticks.
            interval: from one to the next, in ticks.

        Raises:
            ValueError: time went backwards.
        """
        if not characters:
            return
        self.advance(now)
        last_at = now + (len(characters) - 1) * interval
        receiver, mask = self.receiver, self.transmitter.times.mask
        if self.modem.control & LOOP or not receiver.fifo_mode or interval >= receiver.timeout_ticks:
            for n, character in enumerate(characters):
                self.receive(character, 0, now + n * interval)
            return
        receiver.receive_run(characters if mask == 0xFF else bytes(c & mask for c in characters), last_at)
        self._plan()
        self._identify()
        self.advance(last_at)

    def set_modem_inputs(self, inputs: int, now: int) -> None:
        """The cable drives CTS, DSR, RI and DCD (at their places in MSR) from ``now`` on."""
        self.advance(now)
        self.modem.set_pins(inputs)
        self._flow_control()
        self._identify()

    def advance(self, now: int) -> None:
        """Let time pass until ``now``.

        Raises:
            ValueError: time went backwards.
        """
        if now < self.now:
            raise ValueError(f"time went backwards: {now} after {self.now} ticks")
        self.now = now
        if now >= self._due:
            self._catch_up(now)

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
        self.now = max(self.now, now)
        self.transmitter.thre_rose = False
        self.thr_empty_latch = thre_interrupt
        self.transmitter.replan()
        self._plan()
        self._identify()

    # -- when something will happen ------------------------------------------------------------------------

    def next_event(self, now: int) -> int:
        """The earliest time after ``now`` at which anything outside could see a difference; NEVER if none will.

        Raises:
            ValueError: time went backwards.
        """
        self.advance(now)
        return self._due

    def next_interrupt(self, now: int) -> int:
        """The earliest time after ``now`` at which the interrupt line may change by itself; NEVER if it will not.

        Unlike :meth:`next_event` it looks past the frames that merely follow each other on the line.
        """
        self.advance(now)
        due = self.receiver.timeout_at if self.ier & ERBFI else NEVER
        if self.modem.control & LOOP:
            return min(due, self._due)
        transmitter = self.transmitter
        if self.ier & ETBEI and not transmitter.thre:
            if transmitter.thre_at != NEVER:
                due = min(due, transmitter.thre_at)
            elif waiting := len(transmitter.fifo):
                if not transmitter.shifting:
                    empty_at = transmitter.start_at
                else:
                    empty_at = transmitter.frame_end + (waiting - 1) * self.line_format.frame_ticks
                due = min(due, empty_at)
        return due
