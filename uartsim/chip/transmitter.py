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

The class is lazy: nothing happens until somebody asks with a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from uartsim.chip.timing import FrameTimes, frame_times
from uartsim.line_format import NEVER, LineFormat


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
        looped: whether they went around the loop, and not onto the line.
        end: when the last stop bit of the last one is over.
    """

    start: int
    characters: bytearray
    line_format: LineFormat
    looped: bool
    end: int

    def frames(self) -> Iterator[SentFrame]:
        """One by one."""
        start, frame = self.start, self.line_format.frame_ticks
        for character in self.characters:
            yield SentFrame(start, character, self.line_format)
            start += frame


class Transmitter:
    """One transmitter.  Times are ticks; the owner calls :meth:`catch_up` before it touches anything."""

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
        "looped",
        "sent",
        "shifting",
        "start_at",
        "thr_writes",
        "thre",
        "thre_at",
        "thre_rose",
        "times",
        "written",
    )

    def __init__(self, delay_circuit: bool) -> None:
        self.delay_circuit = delay_circuit
        self.fifo_mode = False
        self.depth = 1
        self.times: FrameTimes = frame_times(0, 0, False)
        self.looped = False
        #: Characters written to THR since power-on, and those a full FIFO did not take.
        self.thr_writes = 0
        self.dropped = 0
        #: Frames that started since they were last taken.
        self.sent: list[SentRun] = []
        #: CTS holds the next character (16750 automatic flow control).
        self.held = False
        self.reset()

    def reset(self) -> None:
        """Master reset: both registers empty, the line at mark."""
        self.fifo = bytearray()
        self.shifting = False
        self.frame_end = 0  # when the line is free again
        self.start_at = NEVER  # 16450 mode: when the waiting start bit begins
        self.thre = True
        self.thre_at = NEVER
        self.thre_rose = False  # since the owner last looked
        self.written = 0
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
        """FCR0 changed: both FIFOs empty, and the next empty indication is immediate."""
        self.fifo_mode = on
        self.depth = depth if on else 1
        self.immediate = True

    def set_format(self, times: FrameTimes) -> None:
        """LCR or the divisor changed: the frames that start from now on have the new format."""
        self.times = times

    def clear(self) -> None:
        """Empty the FIFO (FCR2 or a change of FCR0).  The shift register goes on."""
        self.fifo.clear()
        self.start_at = NEVER
        self.thre_at = NEVER
        self.written = 0
        self.thre = True
        self.thre_rose = True
        self._plan()

    def write(self, character: int, now: int) -> None:
        """THR was written at ``now``."""
        self.thr_writes += 1
        fifo = self.fifo
        if len(fifo) >= self.depth:
            self.dropped += 1
            if self.fifo_mode:
                return
            fifo.clear()  # the holding register is simply overwritten
        fifo.append(character)
        self.written += 1
        self.thre = False
        if self.shifting:
            if self.thre_at == NEVER:
                return  # nothing that is due has changed
            self.thre_at = NEVER
        elif self.fifo_mode:
            self._load(max(now, self.frame_end))
        elif self.start_at == NEVER:
            self.start_at = now + self.times.bit
        self._plan()

    def write_run(self, characters: bytes, now: int) -> None:
        """THR was written several times at ``now``; FIFO mode only."""
        self.write(characters[0], now)
        rest = characters[1:]
        if not rest:
            return
        self.thr_writes += len(rest)
        taken = rest[: self.depth - len(self.fifo)]
        self.dropped += len(rest) - len(taken)
        if taken:
            self.fifo += taken
            self.written += len(taken)
            self.thre = False
            self.thre_at = NEVER
            self._plan()

    def hold(self, held: bool, now: int) -> None:
        """CTS under automatic flow control: the character in the shift register still goes out."""
        self.held = held
        if not held and self.fifo and not self.shifting:
            self._load(max(now, self.frame_end))
        self._plan()

    def _load(self, at: int) -> None:
        """The shift register takes the next character: its start bit begins at ``at``."""
        if self.held:
            return
        character = self.fifo.pop(0)
        times = self.times
        self.frame_end = end = at + times.frame
        self._put(at, bytes((character & times.mask,)), end)
        follows = self.shifting
        self.shifting = True
        self.start_at = NEVER
        if not self.fifo:
            if self.fifo_mode:
                if self.late:
                    self.thre_at = at + times.all_but_last_stop
                else:
                    self._indicate_empty()
            elif follows:
                self.thre_at = at + times.bit // 2
            else:
                self._indicate_empty()

    def _stream(self, now: int) -> None:
        """Put the frames that follow each other by ``now`` on the line, a slice at once; the last few one by one."""
        times = self.times
        start, length = self.frame_end, times.frame
        count = min(len(self.fifo) - 1, (now - start) // length) if length and not self.held else 0
        if count > 0:
            characters = bytes(self.fifo[:count])
            if times.mask != 0xFF:
                characters = bytes(character & times.mask for character in characters)
            del self.fifo[:count]
            self.frame_end = end = start + count * length
            self._put(start, characters, end)

    def _put(self, start: int, characters: bytes, end: int) -> None:
        """Frames go onto the line."""
        line_format = self.times.line_format
        if self.sent:
            run = self.sent[-1]
            if run.end == start and run.line_format is line_format and run.looped == self.looped:
                run.characters += characters
                run.end = end
                return
        self.sent.append(SentRun(start, bytearray(characters), line_format, self.looped, end))

    def _indicate_empty(self) -> None:
        self.thre = True
        self.thre_rose = True
        self.thre_at = NEVER
        self.written = 0
        self.immediate = False

    def _plan(self) -> None:
        due = self.thre_at if self.thre_at < self.start_at else self.start_at
        if self.shifting and self.frame_end < due:
            due = self.frame_end
        self.due = due

    def replan(self) -> None:
        """What is due was changed from outside, by :mod:`uartsim.chip.streaming`."""
        self._plan()

    def catch_up(self, now: int) -> None:
        """Do everything that is due up to and including ``now``, in the order of time."""
        while (due := self.due) <= now:
            if not self.fifo and self.shifting:  # nothing follows: the two things that may be due do not meet
                if self.frame_end <= now:
                    self.shifting = False
                if self.thre_at <= now:
                    self._indicate_empty()
                self._plan()
                return
            if due == self.start_at:
                self.start_at = NEVER
                if self.fifo:
                    self._load(due)
            elif self.shifting and due == self.frame_end:
                if len(self.fifo) > 1:
                    self._stream(now)
                    due = self.frame_end
                if self.fifo and not self.held:
                    self._load(due)
                else:
                    self.shifting = False
            if due == self.thre_at:
                self._indicate_empty()
            self._plan()

    def drained_at(self) -> int:
        """When the line will be free if nothing more is written, in ticks; NEVER while CTS holds characters back."""
        waiting = len(self.fifo)
        if not waiting:
            return self.frame_end
        if self.held:
            return NEVER
        start = self.frame_end if self.shifting else self.start_at
        return start + waiting * self.times.frame
