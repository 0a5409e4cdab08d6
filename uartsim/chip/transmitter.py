"""The transmitter: holding register or FIFO, shift register, the empty indications and their delay circuit.

Theory of operation (PC16550D sections 8.4, 8.5 and the transmitter timing diagrams).  A character written to
THR waits in the FIFO (16 deep, *plus* the shift register) until the shift register is free; then it is a frame
on the line for exactly one frame time.  Frames follow each other without a gap while the FIFO has something.

- FIFO mode, idle: the shift register takes the character at once.  16450 mode, idle: the start bit begins one
  bit (16 clocks) after the write, in the middle of the datasheet's 8 to 24 clocks, and THRE comes back with it, in
  the datasheet's 16 to 24.
- THRE is an *indication*.  In 16450 mode it comes half a bit (8 clocks) after the stop bit when one frame follows
  another.  In FIFO mode it comes late by a frame less its last stop bit when the FIFO ran empty after only one
  character had been written since the last THRE; with two or more it is immediate.  So is the first one after
  FCR0 has changed.  The delay circuit may be switched off.
- A full FIFO ignores a further character (the datasheet is silent); that is counted, not hidden.

The class is lazy: nothing happens until it is asked with a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from uartsim.chip.loopback import Loop
from uartsim.chip.part_states import RunState, TransmitterState
from uartsim.chip.timing import FrameTimes
from uartsim.line_format import NEVER, LineFormat

#: In place of the time at which a character was taken: earlier than any time.
_NOT_TAKEN: Final = -1


class SentFrame(NamedTuple):
    """A character on SOUT: it starts (falling edge of the start bit) at ``start`` and has ``line_format``."""

    start: int
    character: int
    line_format: LineFormat


@dataclass(slots=True)
class SentRun:
    """Frames on SOUT without a gap between them, in one format.

    Attributes:
        start: the falling edge of the first start bit, in ticks.
        characters: their data bits.
        line_format: how they are framed.
        end: when the last stop bit of the last one is over.
    """

    start: int
    characters: bytearray
    line_format: LineFormat
    end: int

    def frames(self) -> Iterator[SentFrame]:
        """One by one."""
        start, frame = self.start, self.line_format.frame_ticks
        for character in self.characters:
            yield SentFrame(start, character, self.line_format)
            start += frame

    def goes_on(self, at: int, line_format: LineFormat) -> bool:
        """Whether a frame that starts at ``at`` belongs to this run."""
        return self.end == at and (self.line_format is line_format or self.line_format == line_format)

    def state(self) -> RunState:
        """The run as a value; it went onto the line."""
        line = self.line_format
        return RunState(
            self.start, bytes(self.characters), line.bit_ticks, line.data_bits, line.parity, line.stop_halves
        )

    @classmethod
    def restored(cls, state: RunState) -> SentRun:
        """The run that ``state`` says."""
        line = state.line_format
        end = state.start + len(state.characters) * line.frame_ticks
        return cls(state.start, bytearray(state.characters), line, end)


class Transmitter:
    """One transmitter.  Times are ticks; the owner calls :meth:`catch_up` before it touches anything.

    The owner begins with a master reset, and sets mode, format, ``loop`` (where frames go in loopback, in place of the
    line) and ``held`` (automatic flow control of the 16750: CTS holds the next character).
    """

    __slots__ = (
        "delay_circuit",
        "depth",
        "dropped",
        "due",
        "fifo",
        "fifo_mode",
        "frame_end",
        "held",
        "immediate",
        "loop",
        "sent",
        "shifting",
        "start_at",
        "taken_at",
        "thr_writes",
        "thre",
        "thre_at",
        "thre_rose",
        "times",
        "written",
    )

    loop: Loop | None

    def __init__(self, delay_circuit: bool) -> None:
        self.delay_circuit = delay_circuit
        #: Characters written to THR since power-on, and those a full FIFO did not take.
        self.thr_writes = 0
        self.dropped = 0
        #: Frames that started on the line since they were last taken.
        self.sent: list[SentRun] = []

    def reset(self) -> None:
        """Master reset: both registers empty, the line at mark."""
        self.fifo = bytearray()
        self.shifting = False
        self.frame_end = 0  # when the line is free again
        self.start_at = NEVER  # 16450 mode: when the waiting start bit begins
        self.taken_at = _NOT_TAKEN  # FIFO mode: when a character was last written to an idle shift register
        self.thre = True
        self.thre_at = NEVER
        self.thre_rose = False  # since the owner last looked
        self.written = 0  # since THRE was last set; stale while it is
        self.immediate = False
        self.due = NEVER

    @property
    def empty(self) -> bool:
        """TEMT: holding register and shift register are both empty."""
        return not self.shifting and not self.fifo

    @property
    def late(self) -> bool:
        """The delay circuit holds back the next empty indication in FIFO mode, as things are."""
        return self.delay_circuit and self.written < 2 and not self.immediate

    def set_fifo_mode(self, on: bool, depth: int) -> None:
        """FCR0 changed: both FIFOs empty, and the next empty indication is immediate.  Without FIFO the depth is 1."""
        self.fifo_mode = on
        self.depth = depth
        self.immediate = True

    def set_format(self, times: FrameTimes) -> None:
        """LCR or the divisor changed: the frames that start from now on have the new format."""
        self.times = times

    def clear(self) -> None:
        """Empty the FIFO (FCR2 or a change of FCR0).  The shift register goes on."""
        self.fifo.clear()
        self.start_at = NEVER
        self.thre_at = NEVER
        self.taken_at = _NOT_TAKEN
        self.thre = True
        self.thre_rose = True
        self.due = self.frame_end if self.shifting else NEVER  # as _plan would have it, without the call

    def write(self, character: int, now: int) -> None:
        """THR was written at ``now``."""
        self.thr_writes += 1
        fifo = self.fifo
        if len(fifo) >= self.depth:
            self.dropped += 1
            if self.fifo_mode:
                return
            fifo.clear()  # the holding register is simply overwritten
        if self.thre:
            self.thre = False
            if now != self.taken_at:
                self.written = 0
        self.written += 1
        if self.fifo_mode and not self.shifting and not self.held:  # the FIFO is empty
            if self.times.frame:
                self.taken_at = now
            self._shift(bytearray((character,)), now)
            end = self.frame_end
            self.due = self.thre_at if self.thre_at < end else end  # as _plan has it, without the call
            return
        fifo.append(character)
        if self.shifting:
            if self.thre_at == NEVER:
                return  # nothing that is due has changed
            self.thre_at = NEVER
        elif not self.fifo_mode and self.start_at == NEVER:
            self.start_at = now + self.times.bit
        self._plan()

    def write_run(self, characters: bytes, now: int) -> None:
        """THR was written several times, at least twice, at ``now``; FIFO mode only, and frames take time."""
        fifo = self.fifo
        idle = not self.shifting and not self.held
        taken = characters[: self.depth - len(fifo) + idle]
        self.thr_writes += len(characters)
        self.dropped += len(characters) - len(taken)
        if not taken:
            return
        if self.thre and now != self.taken_at:
            self.written = 0
        self.written += len(taken)
        self.thre = False
        self.thre_at = NEVER
        fifo += taken[idle:]
        if idle:
            self.taken_at = now
            self.immediate = False  # the first one has been: for an instant the FIFO was empty
            self._shift(bytearray(taken[:1]), now)
        self._plan()

    def hold(self, held: bool, now: int) -> None:
        """CTS under automatic flow control: the character in the shift register still goes out."""
        self.held = held
        if not held and self.fifo and not self.shifting and self.start_at == NEVER:
            self._load(now, now)
        self._plan()

    def _load(self, at: int, until: int) -> None:
        """The shift register takes the next character, whose start bit begins at ``at``, and those that follow it.

        Args:
            at: in ticks.
            until: the last moment at which a character may begin, in ticks.
        """
        fifo, frame = self.fifo, self.times.frame
        count = len(fifo)
        if count > 1 and frame:
            count = min(count, (until - at) // frame + 1)
        characters = fifo[:count]
        del fifo[:count]
        self._shift(characters, at)

    def _shift(self, characters: bytearray, at: int) -> None:
        """The shift register sends characters, the first from ``at`` on, and the others behind it."""
        times = self.times
        if times.mask != 0xFF:
            characters = bytearray(character & times.mask for character in characters)
        self.frame_end = end = at + len(characters) * times.frame
        sent, line_format = self.sent, times.line_format
        if self.loop is not None:
            self.loop.carry(at, characters, times)
        elif sent and sent[-1].goes_on(at, line_format):
            sent[-1].characters += characters
            sent[-1].end = end
        else:
            sent.append(SentRun(at, characters, line_format, end))
        if not self.fifo:
            last = end - times.frame
            if self.fifo_mode:
                late = self.delay_circuit and self.written < 2 and not self.immediate  # self.late, without the call
                thre_at = last + times.all_but_last_stop if late else NEVER
            else:
                thre_at = last + times.bit // 2 if self.shifting else NEVER
            self.thre_at = thre_at
            if thre_at == NEVER:  # as _indicate_empty has it, without the call
                self.thre = self.thre_rose = True
                self.immediate = False
        self.shifting = True
        self.start_at = NEVER

    def _indicate_empty(self) -> None:
        self.thre = True
        self.thre_rose = True
        self.thre_at = NEVER
        self.immediate = False

    def _plan(self) -> None:
        if not self.shifting:
            self.due = self.start_at
        elif self.thre_at < self.frame_end:
            self.due = self.thre_at
        else:
            self.due = self.frame_end

    def replan(self) -> None:
        """What is due was changed from outside, by :mod:`uartsim.chip.streaming`."""
        self._plan()

    def catch_up(self, now: int) -> None:
        """Do everything that is due up to and including ``now``, in the order of time."""
        while self.due <= now:
            if self.fifo and not self.held:
                self._load(self.frame_end if self.shifting else self.start_at, now)
            self.start_at = NEVER
            if not self.fifo and self.thre_at <= now:
                self._indicate_empty()
            if (self.held or not self.fifo) and self.frame_end <= now:
                self.shifting = False
            self._plan()

    def empty_at(self) -> int:
        """When THRE will be set, in ticks, or earlier if that is late; NEVER while CTS holds characters back."""
        if self.thre_at != NEVER:
            return self.thre_at
        waiting = len(self.fifo)
        if not waiting or self.held:
            return NEVER
        return self.frame_end + (waiting - 1) * self.times.frame if self.shifting else self.start_at

    def drained_at(self) -> int:
        """When the line will be free if nothing more is written, in ticks; NEVER while CTS holds characters back."""
        waiting = len(self.fifo)
        if not waiting:
            return self.frame_end
        if self.held:
            return NEVER
        start = self.frame_end if self.shifting else self.start_at
        return start + waiting * self.times.frame

    # -- save and restore ----------------------------------------------------------------------------------

    def state(self, now: int) -> TransmitterState:
        """The state at ``now`` as a value; everything that is due has been done."""
        just_taken = self.taken_at == now and self.shifting
        return TransmitterState(
            bytes(self.fifo),
            self.frame_end,
            None if self.start_at == NEVER else self.start_at,
            None if self.thre_at == NEVER else self.thre_at,
            0 if self.thre and not just_taken else self.written,
            just_taken,
            self.immediate,
            tuple(run.state() for run in self.sent),
            self.thr_writes,
            self.dropped,
        )

    def restore(self, state: TransmitterState, now: int) -> None:
        """Be as ``state`` says at ``now``.  Mode, depth, format, loop and flow control are the owner's to set."""
        self.fifo = bytearray(state.fifo)
        self.frame_end = state.frame_end
        self.shifting = state.frame_end > now
        self.start_at = NEVER if state.start_at is None else state.start_at
        self.taken_at = now if state.just_taken else _NOT_TAKEN
        self.thre = state.thre
        self.thre_at = NEVER if state.thre_at is None else state.thre_at
        self.written = state.written
        self.immediate = state.immediate
        self.sent = [SentRun.restored(run) for run in state.sent]
        self.thr_writes = state.thr_writes
        self.dropped = state.dropped
        self._plan()
