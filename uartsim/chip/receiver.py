"""The receiver: RBR or FIFO, errors attached to their character, overrun, trigger level, character timeout.

Theory of operation (PC16550D sections 8.3, 8.4 and 8.6.4).  Characters arrive complete, with the errors that
the line gave them.  In FIFO mode PE, FE and BI travel with their character: they show in LSR when it reaches
the top, and stay there until LSR is read, even if the character has been popped meanwhile.  OE is not attached:
it shows as soon as a character finds the FIFO full; the FIFO is kept and the new character is lost.  Without
FIFO the new character overwrites RBR.

The timeout runs while the FIFO holds something: four character times since the last character came in and since
RBR was last read.  It accrues whether or not it is enabled as an interrupt.

Automatic flow control (TL16C750 and TL16C550C, auto-RTS) asks :meth:`Receiver.throttles`.
"""

from __future__ import annotations

from uartsim.chip.part_states import ReceiverState
from uartsim.chip.timing import FrameTimes
from uartsim.line_format import NEVER
from uartsim.register_bits import OVERRUN


class Receiver:
    """One receiver.  Times are ticks; the owner keeps them in order, and begins with a master reset.

    ``fifo_mode``, ``depth``, ``trigger`` (the trigger level) and the format are the owner's to set.
    """

    __slots__ = (
        "bad",
        "data",
        "depth",
        "errors",
        "fifo_mode",
        "last",
        "latched",
        "overruns",
        "rbr_reads",
        "received",
        "timeout",
        "timeout_at",
        "timeout_by_word",
        "timeout_ticks",
        "trigger",
    )

    trigger: int

    def __init__(self, timeout_by_word: bool) -> None:
        self.timeout_by_word = timeout_by_word
        self.last = 0  # what RBR holds without FIFO: it keeps it after a read
        #: Since power-on: characters that arrived, that were lost to overrun, and RBR reads.
        self.received = 0
        self.overruns = 0
        self.rbr_reads = 0

    def reset(self) -> None:
        """Master reset.  RBR is not touched."""
        self.data = bytearray()
        self.errors = bytearray()
        self.bad = 0  # characters with errors in the FIFO
        self.latched = 0  # OE, PE, FE, BI as LSR shows them
        self.timeout = False
        self.timeout_at = NEVER

    def set_fifo_mode(self, on: bool, depth: int) -> None:
        """FCR0 changed (the owner also clears).  Without FIFO the depth is 1."""
        self.fifo_mode = on
        self.depth = depth

    def clear(self) -> None:
        """Empty the FIFO (FCR1 or a change of FCR0).  What LSR already shows stays until it is read."""
        self.data.clear()
        self.errors.clear()
        self.bad = 0
        self.timeout = False
        self.timeout_at = NEVER

    @property
    def full(self) -> bool:
        """The next character would overrun."""
        return len(self.data) >= self.depth

    def throttles(self, throttled: bool, highest_trigger: bool) -> bool:
        """Whether automatic flow control drops RTS, given whether it has dropped it already.

        It does so at the trigger level, and raises RTS again when the FIFO is empty.  At the highest trigger level it
        does so when the FIFO is full, and raises RTS again as soon as there is room.
        """
        level = len(self.data)
        if not self.fifo_mode:
            return False
        if highest_trigger:
            return level >= self.depth
        return level >= self.trigger or (throttled and level > 0)

    def set_format(self, times: FrameTimes) -> None:
        """LCR or the divisor changed.  A timeout that runs already keeps the length that it started with."""
        self.timeout_ticks = times.word_timeout if self.timeout_by_word else times.timeout

    def receive(self, character: int, errors: int, now: int) -> None:
        """A character is complete at ``now``.

        Args:
            character: its data bits.
            errors: the bits of LSR that it carries: PE, FE, BI.
            now: the time of its stop bit's sample, in ticks.
        """
        self.received += 1
        data = self.data
        if self.fifo_mode:
            if not self.timeout:
                self.timeout_at = now + self.timeout_ticks
            if len(data) >= self.depth:
                self.latched |= OVERRUN
                self.overruns += 1
                return
            if not data:
                self.latched |= errors
        else:
            if data:
                self.latched |= OVERRUN
                self.overruns += 1
                data.clear()
                self.errors.clear()
                self.bad = 0
            self.latched |= errors
            self.last = character
        data.append(character)
        self.errors.append(errors)
        if errors:
            self.bad += 1

    def receive_run(self, characters: bytes, last_at: int) -> None:
        """Characters without errors came in, too close to each other for a timeout; FIFO mode only.

        Args:
            characters: their data bits; at least one.
            last_at: when the last of them was complete, in ticks.
        """
        count = len(characters)
        taken = characters[: self.depth - len(self.data)]
        self.received += count
        self.data += taken
        self.errors += bytes(len(taken))
        if len(taken) < count:
            self.latched |= OVERRUN
            self.overruns += count - len(taken)
        if not self.timeout:
            self.timeout_at = last_at + self.timeout_ticks

    def pop(self, now: int) -> int:
        """RBR was read at ``now``; returns its value.  Empty: 0 with FIFO, the last character without."""
        self.rbr_reads += 1
        data = self.data
        if not data:
            return 0 if self.fifo_mode else self.last
        character = data.pop(0)
        if self.errors.pop(0):
            self.bad -= 1
        if data:  # more than one, so there is a FIFO
            self.latched |= self.errors[0]
            self.timeout_at = now + self.timeout_ticks
        else:
            self.timeout_at = NEVER
        self.timeout = False
        return character

    def pop_run(self, count: int, now: int) -> bytes:
        """RBR was read ``count`` times at ``now``, but not when nothing was there any more; returns its values."""
        data, errors = self.data, self.errors
        taken = bytes(data[:count])
        if not taken:
            return taken
        count = len(taken)
        self.rbr_reads += count
        del data[:count]
        if self.bad:
            for later in errors[1 : count + 1]:
                self.latched |= later
            self.bad -= sum(map(bool, errors[:count]))
        del errors[:count]
        self.timeout = False
        self.timeout_at = now + self.timeout_ticks if data else NEVER
        return taken

    def catch_up(self, now: int) -> None:
        """The timeout, if it has expired by ``now``."""
        if self.timeout_at <= now:
            self.timeout_at = NEVER
            self.timeout = True

    # -- save and restore ----------------------------------------------------------------------------------

    def state(self) -> ReceiverState:
        """The state as a value."""
        return ReceiverState(
            bytes(self.data),
            bytes(self.errors),
            self.last,
            self.latched,
            self.timeout,
            None if self.timeout_at == NEVER else self.timeout_at,
            self.received,
            self.overruns,
            self.rbr_reads,
        )

    def restore(self, state: ReceiverState) -> None:
        """Be as ``state`` says.  Mode, depth, trigger level and format are the owner's to set."""
        self.data = bytearray(state.data)
        self.errors = bytearray(state.errors)
        self.bad = sum(map(bool, state.errors))
        self.last = state.last
        self.latched = state.latched
        self.timeout = state.timeout
        self.timeout_at = NEVER if state.timeout_at is None else state.timeout_at
        self.received = state.received
        self.overruns = state.overruns
        self.rbr_reads = state.rbr_reads
