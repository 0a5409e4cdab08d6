"""The state of a chip as a value: comparable, checked when it is made, and made of plain values only.

:meth:`uartsim.chip.uart.Uart.state` gives it and :meth:`uartsim.chip.uart.Uart.restore` makes a chip of it that
behaves from then on as the first would have.  What follows from something else is not in it: IIR, the interrupt line,
LSR's THRE and TEMT, the trigger level, the format and its times, the inputs that MSR shows.  So it cannot contradict
itself there; where it could (a FIFO longer than it is deep, a frame that ends before it can), it is refused.

Times are ticks.  ``None`` in place of a time means that nothing of the kind is due.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal

from uartsim.chip.part_states import (
    HUGE,
    LoopState,
    ModemState,
    ReceiverState,
    RunState,
    TransmitterState,
    check_bits,
    check_choice,
    check_due,
    check_flag,
    check_integer,
    check_part,
    check_tuple,
    refused,
)
from uartsim.chip.timing import frame_times
from uartsim.register_bits import AFE, BREAK, FIFO_64, LOOP, RTS
from uartsim.registers import VARIANTS

#: The longest frame and the longest timeout that a chip can be programmed to: 12 bits at divisor 0, and four of them.
_LONGEST_FRAME: Final = frame_times(0x0F, 0, False).frame
_LONGEST_TIMEOUT: Final = frame_times(0x0F, 0, False).timeout


@dataclass(frozen=True, slots=True)
class UartState:
    """Everything in a chip that matters later; the arguments of :class:`uartsim.chip.uart.Uart` are the first five.

    Raises:
        ValueError: a state that no chip can be in; the message names the field and its value.
    """

    variant: str
    thre_delay: bool
    out2_gate: Literal["bit", "pin", "none"]
    timeout_rule: Literal["frames", "word"]
    unlimited: bool
    now: int
    divisor: int
    scratch: int
    ier: int
    fcr: int
    lcr: int
    thr_empty_latch: bool
    break_changes: tuple[tuple[int, bool], ...]
    receiver: ReceiverState
    transmitter: TransmitterState
    modem: ModemState
    loop: LoopState

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, tuple(VARIANTS))
        check_flag("thre_delay", self.thre_delay)
        check_choice("out2_gate", self.out2_gate, ("bit", "pin", "none"))
        check_choice("timeout_rule", self.timeout_rule, ("frames", "word"))
        check_flag("unlimited", self.unlimited)
        check_integer("now", self.now, 0, HUGE)
        check_integer("divisor", self.divisor, 0, 0xFFFF)
        variant = VARIANTS[self.variant]
        check_integer("scratch", self.scratch, 0, 0xFF if variant.has_scratch else 0)
        check_integer("ier", self.ier, 0, 0x0F)
        check_bits(
            "fcr", self.fcr, variant.fcr_bits if type(self.fcr) is int and self.fcr & 1 else variant.fcr_bits & ~FIFO_64
        )
        check_integer("lcr", self.lcr, 0, 0xFF)
        check_flag("thr_empty_latch", self.thr_empty_latch)
        for name, kind in _PARTS.items():
            check_part(name, getattr(self, name), kind)
        check_bits("modem.control", self.modem.control, variant.mcr_bits)
        if self.thr_empty_latch and not self.transmitter.thre:
            raise refused("thr_empty_latch", True, "LSR.THRE is 0, so it can only be False")
        fifo_mode, depth = variant.fifo_mode(self.fcr)
        self._check_breaks()
        self._check_receiver(fifo_mode, depth)
        self._check_transmitter(fifo_mode, depth)
        self._check_flow_control(fifo_mode, depth, variant.trigger(self.fcr))
        self._check_loop()

    @property
    def _longest_frame(self) -> int:
        return 0 if self.unlimited else _LONGEST_FRAME

    def _check_breaks(self) -> None:
        name, changes = "break_changes", self.break_changes
        check_tuple(name, changes)
        since = 0
        on: bool | None = None
        for change in changes:
            if type(change) is not tuple or len(change) != 2:
                raise refused(name, change, "use pairs of a time and whether the break is on")
            check_integer(name, change[0], since, self.now)
            check_flag(name, change[1])
            if change[1] is on:
                raise refused(name, changes, "on and off must take turns")
            since, on = change
        if on is not None and on != (bool(self.lcr & BREAK) and not self.modem.control & LOOP):
            raise refused(name, changes, f"the last one contradicts lcr (0x{self.lcr:02X})")

    def _check_receiver(self, fifo_mode: bool, depth: int) -> None:
        receiver = self.receiver
        if len(receiver.data) > depth:
            raise refused("receiver.data", receiver.data, f"it holds {depth}")
        if not fifo_mode and receiver.data and receiver.data[0] != receiver.last:
            raise refused("receiver.last", receiver.last, f"RBR holds {receiver.data[0]}")
        check_due("receiver.timeout_at", receiver.timeout_at, self.now, 0 if self.unlimited else _LONGEST_TIMEOUT)
        runs = fifo_mode and bool(receiver.data)
        if receiver.timeout + (receiver.timeout_at is not None) != runs:
            raise refused(
                "receiver.timeout_at",
                receiver.timeout_at,
                f"timeout is {receiver.timeout}, and the timeout {'runs' if runs else 'does not run'}",
            )

    def _check_transmitter(self, fifo_mode: bool, depth: int) -> None:
        transmitter, now, longest = self.transmitter, self.now, self._longest_frame
        if len(transmitter.fifo) > depth:
            raise refused("transmitter.fifo", transmitter.fifo, f"it holds {depth}")
        check_integer("transmitter.frame_end", transmitter.frame_end, 0, now + longest)
        shifting = transmitter.frame_end > now
        check_due("transmitter.start_at", transmitter.start_at, now, longest)
        if transmitter.start_at is not None and (fifo_mode or shifting or not transmitter.fifo):
            raise refused("transmitter.start_at", transmitter.start_at, "nothing waits for a start bit: use None")
        check_due("transmitter.thre_at", transmitter.thre_at, now, longest)
        if transmitter.thre_at is not None and (transmitter.fifo or transmitter.thre_at > transmitter.frame_end):
            raise refused("transmitter.thre_at", transmitter.thre_at, "no indication can come then: use None")
        if transmitter.written and transmitter.thre and not transmitter.just_taken:
            raise refused("transmitter.written", transmitter.written, "LSR.THRE is 1: use 0")
        if transmitter.just_taken and not (fifo_mode and shifting and transmitter.written):
            raise refused("transmitter.just_taken", True, "the shift register took nothing: use False")
        if transmitter.fifo and not shifting and transmitter.start_at is None and not self.modem.holds_transmitter:
            raise refused("transmitter.fifo", transmitter.fifo, "the line is free and nothing holds it back: use b''")
        since = 0
        for run in transmitter.sent:
            check_integer("sent.start", run.start, since, now)
            since = run.start

    def _check_flow_control(self, fifo_mode: bool, depth: int, trigger: int) -> None:
        level = len(self.receiver.data)
        drops_at = depth if self.fcr >> 6 == 3 else trigger
        raises_at = depth - 1 if self.fcr >> 6 == 3 else 0
        automatic = fifo_mode and self.modem.control & (AFE | RTS) == AFE | RTS
        must, may = automatic and level >= drops_at, automatic and level > raises_at
        if not must <= self.modem.rts_dropped <= may:
            raise refused("modem.rts_dropped", self.modem.rts_dropped, f"the receiver holds {level}: use {must}")

    def _check_loop(self) -> None:
        loop, now, longest = self.loop, self.now, self._longest_frame
        if not self.modem.control & LOOP:
            if loop != LoopState():
                raise refused(
                    "loop", loop, f"modem.control (0x{self.modem.control:02X}) has no loopback: use LoopState()"
                )
            return
        if self.lcr & BREAK and loop.arrivals:
            raise refused("loop.arrivals", loop.arrivals, "a break covers them: use ()")
        since = now
        for at, _ in loop.arrivals:
            check_due("loop.arrivals", at, since, now + longest - since)
            since = at
        check_due("loop.break_at", loop.break_at, now, longest)
        if loop.break_at is not None and not self.lcr & BREAK:
            raise refused("loop.break_at", loop.break_at, f"lcr (0x{self.lcr:02X}) has no break: use None")
        check_integer("loop.space_since", loop.space_since, 0, now)
        check_integer("loop.space_until", loop.space_until, -1, now)

    def to_json_value(self) -> dict[str, Any]:
        """The same as a dictionary of what JSON has: bytes are hexadecimal, tuples are lists."""
        value = _plain(self)
        assert isinstance(value, dict)
        return value

    @classmethod
    def from_json_value(cls, value: object) -> UartState:
        """The state that :meth:`to_json_value` gave.

        Raises:
            ValueError: it is none, or one that no chip can be in; the message names the field and its value.
        """
        state = _from_plain(cls, value, "the state")
        assert isinstance(state, cls)
        return state


_PARTS: Final[dict[str, type]] = {
    "receiver": ReceiverState,
    "transmitter": TransmitterState,
    "modem": ModemState,
    "loop": LoopState,
}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _from_plain(kind: type, value: object, name: str) -> object:
    """An object of the dataclass ``kind``."""
    if not isinstance(value, dict):
        raise refused(name, value, "use a dictionary")
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    if value.keys() != fields.keys():
        wrong = sorted(map(str, value.keys() ^ fields.keys()))
        raise ValueError(f"{name} has the wrong fields: {', '.join(wrong)} missing or unknown")
    return kind(**{field: _item(fields[field], value[field], field) for field in fields})


def _item(declared: Any, value: object, name: str) -> object:
    """The value of a field that is declared as ``declared``."""
    if name in _PARTS:
        return _from_plain(_PARTS[name], value, name)
    if declared == "bytes":
        try:
            return bytes.fromhex(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise refused(name, value, "use hexadecimal digits") from None
    if not declared.startswith("tuple"):
        return value
    if not isinstance(value, list):
        raise refused(name, value, "use a list")
    if name == "sent":
        return tuple(_from_plain(RunState, run, "sent") for run in value)
    return tuple(tuple(pair) if isinstance(pair, list) else pair for pair in value)
