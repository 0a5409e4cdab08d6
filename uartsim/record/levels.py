"""The levels of a port's pins in order of time, derived from the calls of a tap.

Frames and breaks reach into the future, so their edges are held back until no earlier change can be reported any more.
TXD and RXD are 1 at mark; the modem lines and the interrupt line are 1 when active.  A frame of no length (unlimited
rate) has no edges.  An interrupt that is served at the very time at which it rises gives two changes with that time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import Final, Literal

from uartsim.line_format import NEVER, LineFormat
from uartsim.record.tap import QuietTap, RecordHeader
from uartsim.registers import LineError, ModemInput, ModemOutput

#: The pins, in the order in which they are displayed.
PINS: Final = ("TXD", "RXD", "DTR", "RTS", "CTS", "DSR", "DCD", "RI", "OUT1", "OUT2", "IRQ")

DataPin = Literal["TXD", "RXD"]
#: What drives a pin: frames, a break that overrides them, or the edges that a fault made; or the annotations beside
#: it: text and format.
_Source = Literal["frames", "break", "edges", "text", "format"]

_CONTROL: Final = (
    *("NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI"),
    *("DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US", "SP"),
)


def character_name(character: int) -> str:
    """A short word without spaces for a character: itself, its ASCII name, or two hexadecimal digits."""
    if character < len(_CONTROL):
        return _CONTROL[character]
    return chr(character) if character < 0x7F else "DEL" if character == 0x7F else f"{character:02X}"


def error_names(errors: int) -> str:
    """The names of a character's errors, such as ``"PE FE"``; a break is just ``"BREAK"``."""
    if errors & LineError.BI:
        return "BREAK"
    return " ".join(str(error.name) for error in (LineError.PE, LineError.FE) if errors & error)


@lru_cache(maxsize=4096)
def frame_edges(character: int, line_format: LineFormat) -> tuple[tuple[int, int], ...]:
    """The edges of a frame as (time, level) pairs, from the start bit's falling edge to the last edge to mark.

    Times are ticks since the first edge.
    """
    bits = [0, *(character >> n & 1 for n in range(line_format.data_bits))]
    if line_format.parity != "N":
        bits.append(line_format.parity_bit(character))
    bits.append(1)
    edges, level = [], 1
    for n, bit in enumerate(bits):
        if bit != level:
            edges.append((n * line_format.bit_ticks, bit))
            level = bit
    return tuple(edges)


class Levels(QuietTap):
    """A tap that reports every change of every pin.

    Args:
        header: the properties of the port.
        on_level: called with the time, the pin's name and its new level, in order of time; for a pulse of no length
            on IRQ, it is called twice with the same time.
        on_text: called with the time, the line and the annotation from then on: the character in the frame on TXD or
            RXD, with its errors if any; an empty string when the frame is over.
        on_format: called with the time, the line and its new format.
    """

    def __init__(
        self,
        header: RecordHeader,
        on_level: Callable[[int, str, int], None],
        on_text: Callable[[int, DataPin, str], None] | None = None,
        on_format: Callable[[int, DataPin, LineFormat], None] | None = None,
    ) -> None:
        self._on_level, self._on_text, self._on_format = on_level, on_text, on_format
        self._waiting: list[tuple[int, int, str, _Source, int, str, LineFormat | None]] = []
        self._count = 0
        self._sources: dict[str, dict[_Source, int]] = {
            "TXD": {"frames": 1, "break": 1, "edges": -1},
            "RXD": {"frames": 1, "break": 1, "edges": -1},
        }
        self._line_free_at = {"TXD": header.start, "RXD": header.start}
        self._formats: dict[str, LineFormat] = {}
        self._format: LineFormat | None = None
        inputs = header.modem_inputs
        self.levels: dict[str, int] = dict.fromkeys(PINS, 0)
        self.levels.update({"TXD": 1, "RXD": 1}, **{str(pin.name): int(bool(inputs & pin)) for pin in ModemInput})

    # -- the tap's methods ---------------------------------------------------------------------------------

    def programmed(self, at: int, line_format: LineFormat) -> None:
        """The chip, and so its receiver, uses this format from now on."""
        self._format = line_format
        self._put(at, "RXD", "format", line_format=line_format)

    def interrupt(self, at: int, level: bool) -> None:
        """The interrupt line rose or fell."""
        self._put(at, "IRQ", "frames", int(level))

    def sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Frames on TXD."""
        if self._formats.get("TXD") is not line_format:
            self._formats["TXD"] = line_format
            self._put(start, "TXD", "format", line_format=line_format)
        self._frames("TXD", start, characters, line_format)

    def sent_break(self, at: int, on: bool) -> None:
        """The break on TXD began or ended."""
        self._put(at, "TXD", "break", int(not on))

    def received(self, at: int, character: int, errors: int) -> None:
        """Annotate a character's errors, from when the receiver found them until the frame is over."""
        if errors and self._format is not None and self._on_text is not None:
            name = error_names(errors)
            self._put(at, "RXD", "text", text=name if errors & LineError.BI else f"{character_name(character)} {name}")
            rest = self._format.frame_ticks - self._format.sampled_ticks
            self._put(at + rest, "RXD", "text")

    def far_sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Frames on RXD."""
        self._frames("RXD", start, characters, line_format)

    def far_space(self, start: int, ticks: int) -> None:
        """The far end holds RXD at space."""
        self._put(start, "RXD", "break", 0)
        self._put(start + ticks, "RXD", "break", 1)

    def rxd_edges(self, edges: Sequence[tuple[int, int]]) -> None:
        """RXD has these levels, not those of the frames, until the last of them."""
        if not edges:
            return
        # Where a call continues at the end of the one before, no time in between belongs to the frames.
        for at, level in edges[:-1]:
            self._put(at, "RXD", "edges", int(bool(level)))
        self._put(edges[-1][0], "RXD", "edges", -1)

    def modem_inputs(self, at: int, pins: int) -> None:
        """The modem inputs changed."""
        for pin in ModemInput:
            self._put(at, str(pin.name), "frames", int(bool(pins & pin)))

    def modem_outputs(self, at: int, outputs: int) -> None:
        """The modem outputs changed."""
        for pin in ModemOutput:
            self._put(at, str(pin.name), "frames", int(bool(outputs & pin)))

    def settled(self, at: int) -> None:
        """Report every change before ``at``."""
        while self._waiting and self._waiting[0][0] < at:
            self._happen(self._waiting[0][0])

    def close(self) -> None:
        """Report the remaining changes; frames that have begun are completed."""
        self.settled(NEVER)

    # -- in order of time ----------------------------------------------------------------------------------

    def _put(
        self, at: int, pin: str, source: _Source, level: int = 0, text: str = "", line_format: LineFormat | None = None
    ) -> None:
        self._count += 1
        heappush(self._waiting, (at, self._count, pin, source, level, text, line_format))

    def _frames(self, line: DataPin, start: int, characters: bytes, line_format: LineFormat) -> None:
        if not line_format.bit_ticks:
            return
        if start < self._line_free_at[line]:
            # A transmitter that was reset in the middle of a frame cuts that frame off with its next one.
            self._waiting = [
                w for w in self._waiting if not (w[2] == line and w[3] in ("frames", "text") and w[0] >= start)
            ]
            heapify(self._waiting)
        mask = line_format.data_mask
        for character in characters:
            for since, level in frame_edges(character & mask, line_format):
                self._put(start + since, line, "frames", level)
            if self._on_text is not None:
                self._put(start, line, "text", text=character_name(character & mask))
                self._put(start + line_format.frame_ticks, line, "text")
            start += line_format.frame_ticks
        self._line_free_at[line] = start

    def _happen(self, at: int) -> None:
        """Apply all changes at one time.  A pin that ends where it began did not change; IRQ is the exception."""
        waiting = self._waiting
        interrupted = False
        changed: dict[str, int] = {}
        texts: dict[str, str] = {}
        while waiting and waiting[0][0] == at:
            _, _, pin, source, level, text, line_format = heappop(waiting)
            if source == "text":
                # Where a frame begins as another ends, the new frame's text wins over the empty one of the end.
                texts[pin] = text or texts.get(pin, "")
            elif source == "format":
                if self._on_format is not None and line_format is not None:
                    self._on_format(at, "TXD" if pin == "TXD" else "RXD", line_format)
            elif sources := self._sources.get(pin):
                sources[source] = level
                changed[pin] = sources["edges"] if sources["edges"] >= 0 else sources["frames"] & sources["break"]
            else:
                changed[pin] = level
                interrupted |= pin == "IRQ" and level != self.levels[pin]
        for pin, level in changed.items():
            if self.levels[pin] != level:
                self._turn(at, pin, level)
            elif interrupted and pin == "IRQ":
                self._turn(at, pin, 1 - level)
                self._turn(at, pin, level)
        if self._on_text is not None:
            for pin, text in texts.items():
                self._on_text(at, "TXD" if pin == "TXD" else "RXD", text)

    def _turn(self, at: int, pin: str, level: int) -> None:
        self.levels[pin] = level
        self._on_level(at, pin, level)
