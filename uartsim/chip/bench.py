"""A test bench for one chip: a clock, a line and an interrupt pin, for register scripts and differential runs.

>>> bench = Bench()
>>> for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 0x03), (4, 0x0B), (1, 0x01)):
...     bench.write(offset, value)  # 115200 8N1, OUT2, received data interrupt
>>> bench.receive(b"A")
>>> bench.irq, hex(bench.read(2)), chr(bench.read(0))
(True, '0x4', 'A')
"""

from __future__ import annotations

from typing import Any, Literal

from uartsim.chip.checks import characters as checked_characters
from uartsim.chip.checks import octet, whole_number
from uartsim.chip.transmitter import SentFrame
from uartsim.chip.uart import Uart
from uartsim.line_format import NEVER, TICKS_PER_NS, LineFormat, ns_to_ticks
from uartsim.registers import LSR


class Bench:
    """One :class:`Uart` with everything that it needs around it.

    Time starts at 0 and passes only in :meth:`receive`, :meth:`receive_error`, :meth:`receive_break`,
    :meth:`advance` and :meth:`settle`; register accesses take none.  A call that would let it pass to
    :data:`uartsim.line_format.NEVER` or beyond raises ValueError and changes nothing.

    Args:
        variant: the part, as for :class:`Uart`; all further options are its too.
    """

    def __init__(self, variant: str = "16550A", **options: Any) -> None:
        self.uart = Uart(variant, **options)
        self._now = 0
        self._line_free_at = 0  # when the last received frame has ended
        self._frames: list[SentFrame] = []
        self._breaks: list[tuple[int, int]] = []  # when SOUT was at space: from, until

    @property
    def now_ticks(self) -> int:
        """The bench's time in ticks of 1/144 ns."""
        return self._now

    @property
    def line_format(self) -> LineFormat:
        """The format that LCR and the divisor give."""
        return self.uart.line_format

    def read(self, offset: int) -> int:
        """Read the register at ``offset`` (0 to 7); ValueError for another."""
        return self.uart.read(offset, self._now)

    def write(self, offset: int, value: int) -> None:
        """Write ``value`` (0 to 255) to the register at ``offset`` (0 to 7); ValueError for others."""
        self.uart.write(offset, value, self._now)

    @property
    def irq(self) -> bool:
        """The interrupt line as the PC sees it, gated by OUT2."""
        return self.uart.irq

    def receive(self, data: bytes) -> None:
        """Characters arrive back to back in the current format; time passes until the last is in."""
        if checked_characters(data):
            line_format = self.uart.line_format
            start = max(self._now, self._line_free_at)
            first, frame = start + line_format.sampled_ticks, line_format.frame_ticks
            self.uart.receive_run(data, first, frame)
            self._now = first + (len(data) - 1) * frame
            self._line_free_at = start + len(data) * frame

    def receive_error(self, character: int, error: Literal["P", "F"]) -> None:
        """A character arrives with a parity (``"P"``) or framing (``"F"``) error; time passes until it is in.

        Raises:
            ValueError: another kind of error, or a character outside 0 to 255.
        """
        if error not in ("P", "F"):
            raise ValueError(f"error is {error!r}: use 'P' (parity) or 'F' (framing)")
        octet("character", character)
        self._receive(character, int(LSR.PE if error == "P" else LSR.FE))

    def _receive(self, character: int, errors: int) -> None:
        line_format = self.uart.line_format
        start = max(self._now, self._line_free_at)
        self.uart.receive(character, errors, start + line_format.sampled_ticks)
        self._now = start + line_format.sampled_ticks
        self._line_free_at = start + line_format.frame_ticks

    def receive_break(self) -> None:
        """The line is at space for two frames, then at mark again; the time of the two frames passes."""
        line_format = self.uart.line_format
        start = max(self._now, self._line_free_at)
        self.uart.check_time(start + 2 * line_format.frame_ticks)
        self.uart.receive(0, self.uart.transmitter.times.break_errors, start + line_format.sampled_ticks)
        self._now = self._line_free_at = start + 2 * line_format.frame_ticks
        self.uart.advance(self._now)

    def advance(self, ns: int) -> None:
        """Let ``ns`` nanoseconds pass; ValueError for less than 0, or so many that it would be NEVER."""
        if whole_number("ns", ns) < 0:
            raise ValueError(f"time went backwards: advance({ns}); give 0 or more nanoseconds")
        until = self._now + ns_to_ticks(ns)
        if until >= NEVER:
            most = (NEVER - 1 - self._now) // TICKS_PER_NS
            raise ValueError(f"ns is {ns}: time ends before NEVER; give {most} nanoseconds or fewer")
        self._now = until
        self.uart.advance(until)

    def settle(self) -> None:
        """Let time pass until the transmitter is idle and its last character has come around the loop, if looped."""
        uart = self.uart
        while not uart.transmitter.empty or uart.looping:
            due = uart.next_event(self._now)
            if due == NEVER:
                break  # CTS holds the transmitter: nothing will happen by itself
            self._now = due
            uart.advance(due)

    def take_tx(self) -> bytes:
        """The characters that have left on SOUT whole since the last call, those under a break not among them."""
        self._frames += self.uart.take_sent()
        for at, on in self.uart.take_break_changes():
            if on:
                self._breaks.append((at, NEVER))
            else:
                self._breaks[-1] = (self._breaks[-1][0], at)
        sent = bytearray()
        waiting = []
        for frame in self._frames:
            end = frame.start + frame.line_format.frame_ticks
            if end > self._now:
                waiting.append(frame)
            elif not any(begin < end and until > frame.start for begin, until in self._breaks):
                sent.append(frame.character)
        self._frames = waiting
        self._breaks = [b for b in self._breaks if b[1] > self._now or (waiting and b[1] > waiting[0].start)]
        return bytes(sent)

    def reset(self) -> None:
        """Master reset; what was on the line is forgotten."""
        self.uart.reset(self._now)
        self._frames.clear()
        self.uart.take_sent()
        self.uart.take_break_changes()
        self._breaks.clear()
