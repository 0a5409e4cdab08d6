"""The states of a chip's parts as values, each of which knows what it may hold; :mod:`uartsim.chip.state` joins them.

Times are ticks.  ``None`` in place of a time means that nothing of the kind is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import AFE, ALL_ERRORS, CHARACTER_ERRORS, CTS, MODEM_INPUTS, shown_inputs

#: Nothing that a chip counts comes near it.
HUGE: Final = NEVER - 1


def refused(name: str, value: object, use: str) -> ValueError:
    """The error for a value that cannot be; ``use`` says what can."""
    return ValueError(f"{name} is {value!r}: {use}")


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Refuse what is not a whole number from ``low`` to ``high``."""
    if type(value) is not int or not low <= value <= high:
        raise refused(name, value, f"use {low} to {high}")


def check_bits(name: str, value: object, mask: int) -> None:
    """Refuse what is not a whole number or has bits outside ``mask``."""
    if type(value) is not int or value & ~mask:
        raise refused(name, value, f"use bits of 0x{mask:02X} only")


def check_flag(name: str, value: object) -> None:
    """Refuse what is not a bool."""
    if type(value) is not bool:
        raise refused(name, value, "use True or False")


def check_octets(name: str, value: object) -> None:
    """Refuse what is not bytes."""
    if type(value) is not bytes:
        raise refused(name, value, "use bytes")


def check_tuple(name: str, value: object) -> None:
    """Refuse what is not a tuple."""
    if type(value) is not tuple:
        raise refused(name, value, "use a tuple")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is not among ``choices``."""
    if value not in choices:
        raise refused(name, value, f"use one of {', '.join(choices)}")


def check_part(name: str, value: object, kind: type) -> None:
    """Refuse what is not a ``kind``."""
    if type(value) is not kind:
        raise refused(name, value, f"use a {kind.__name__}")


def check_due(name: str, value: object, now: int, longest: int) -> None:
    """A time in the future, but not so far that no format could make it; or None."""
    if value is not None and (type(value) is not int or not now < value <= now + longest):
        raise refused(name, value, f"use None, or a time after now ({now}) and at most {longest} ticks after it")


@dataclass(frozen=True, slots=True)
class RunState:
    """Frames that went onto the line without a gap and have not been taken: see :class:`SentRun`."""

    start: int
    characters: bytes
    bit_ticks: int
    data_bits: int
    parity: str
    stop_halves: int

    def __post_init__(self) -> None:
        check_integer("sent.start", self.start, 0, HUGE)
        check_octets("sent.characters", self.characters)
        for name in ("bit_ticks", "data_bits", "stop_halves"):
            check_integer(f"sent.{name}", getattr(self, name), 0, HUGE)
        mask = self.line_format.data_mask
        if not self.characters or max(self.characters) > mask:
            raise refused("sent.characters", self.characters, f"use one or more characters of at most {mask}")

    @property
    def line_format(self) -> LineFormat:
        """How the characters are framed."""
        return LineFormat(self.bit_ticks, self.data_bits, self.parity, self.stop_halves)


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """A receiver: ``data`` and ``errors`` are its FIFO (or RBR), character by character; ``latched`` is of LSR."""

    data: bytes
    errors: bytes
    last: int
    latched: int
    timeout: bool
    timeout_at: int | None
    received: int
    overruns: int
    rbr_reads: int

    def __post_init__(self) -> None:
        check_octets("receiver.data", self.data)
        check_octets("receiver.errors", self.errors)
        if len(self.errors) != len(self.data) or any(errors & ~CHARACTER_ERRORS for errors in self.errors):
            raise refused("receiver.errors", self.errors, f"use bits of 0x{CHARACTER_ERRORS:02X} for each character")
        check_integer("receiver.last", self.last, 0, 0xFF)
        check_bits("receiver.latched", self.latched, ALL_ERRORS)
        check_flag("receiver.timeout", self.timeout)
        check_integer("receiver.received", self.received, 0, HUGE)
        check_integer("receiver.overruns", self.overruns, 0, self.received)
        check_integer("receiver.rbr_reads", self.rbr_reads, 0, HUGE)


@dataclass(frozen=True, slots=True)
class TransmitterState:
    """A transmitter.

    Attributes:
        fifo: what waits for the shift register.
        frame_end: when the frame in the shift register ends, or the last one ended.
        start_at: when the start bit of the character that waits begins (16450 mode).
        thre_at: when the late indication of THRE comes.
        written: characters written to THR since THRE was last set.
        just_taken: an idle shift register has taken a character in this very instant (FIFO mode).
        immediate: the next indication is not late: FCR0 has changed.
        sent: what went onto the line and has not been taken.
        thr_writes: characters written since power-on.
        dropped: those of them that a full FIFO did not take.
    """

    fifo: bytes
    frame_end: int
    start_at: int | None
    thre_at: int | None
    written: int
    just_taken: bool
    immediate: bool
    sent: tuple[RunState, ...]
    thr_writes: int
    dropped: int

    def __post_init__(self) -> None:
        check_octets("transmitter.fifo", self.fifo)
        check_integer("transmitter.frame_end", self.frame_end, 0, HUGE)
        check_integer("transmitter.written", self.written, len(self.fifo), HUGE)
        check_flag("transmitter.just_taken", self.just_taken)
        check_flag("transmitter.immediate", self.immediate)
        check_tuple("transmitter.sent", self.sent)
        for run in self.sent:
            check_part("transmitter.sent", run, RunState)
        check_integer("transmitter.thr_writes", self.thr_writes, 0, HUGE)
        check_integer("transmitter.dropped", self.dropped, 0, self.thr_writes)

    @property
    def thre(self) -> bool:
        """LSR.THRE."""
        return not self.fifo and self.thre_at is None


@dataclass(frozen=True, slots=True)
class ModemState:
    """Modem control and status: ``control`` is MCR, ``pins`` and ``deltas`` are laid out as MSR."""

    control: int
    pins: int
    deltas: int
    rts_dropped: bool

    def __post_init__(self) -> None:
        check_integer("modem.control", self.control, 0, 0x3F)
        check_bits("modem.pins", self.pins, MODEM_INPUTS)
        check_bits("modem.deltas", self.deltas, 0x0F)
        check_flag("modem.rts_dropped", self.rts_dropped)

    @property
    def holds_transmitter(self) -> bool:
        """Automatic flow control: CTS is inactive."""
        return bool(self.control & AFE) and not shown_inputs(self.control, self.pins, self.rts_dropped) & CTS


@dataclass(frozen=True, slots=True)
class LoopState:
    """What is on its way around the loop: characters with the times at which they are complete, and a break."""

    arrivals: tuple[tuple[int, int], ...] = ()
    break_at: int | None = None
    space_since: int = 0
    space_until: int = -1

    def __post_init__(self) -> None:
        check_tuple("loop.arrivals", self.arrivals)
        for arrival in self.arrivals:
            if type(arrival) is not tuple or len(arrival) != 2:
                raise refused("loop.arrivals", arrival, "use pairs of a time and a character")
            check_integer("loop.arrivals", arrival[0], 0, HUGE)
            check_integer("loop.arrivals", arrival[1], 0, 0xFF)
        check_integer("loop.space_since", self.space_since, 0, HUGE)
        check_integer("loop.space_until", self.space_until, -1, HUGE)
