"""What can be asked of a port when it is made, and how that is done."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypedDict

from uartsim.line_format import UsageError
from uartsim.machine.com1 import Com1
from uartsim.machine.tapped import TapMaker, TappedCom1
from uartsim.machine.ticker import Ticker
from uartsim.record.tap import RecordHeader, Tap
from uartsim.wire.faults import Fault, parse_fault


class PortOptions(TypedDict, total=False):
    """What a port is like; everything may be left out.

    Attributes:
        uart: the chip, a name in :data:`uartsim.chip.registers.VARIANTS`; the guest's own, mostly a 16550A.
        strict_line: a guest that is too slow is overrun, as in hardware; else the far end waits for it.
        unlimited: frames take no time.
        flow_control: the far end sends only while the guest's RTS is active (RTS/CTS).
        faults: what is wrong with the line from the start, such as ``"noise:rate=1e-4,seed=7"``.
        trace: a file for every register access and line event, see :mod:`uartsim.record.trace`.
        vcd: a file for the waveform of the pins, see :mod:`uartsim.record.vcd`.
    """

    uart: str
    strict_line: bool
    unlimited: bool
    flow_control: bool
    faults: Sequence[str | Fault]
    trace: str | None
    vcd: str | None


def make_port(ticker: Ticker, name: str, options: PortOptions) -> Com1:
    """A port as asked for.

    Args:
        ticker: what wakes it.
        name: the machine's, for the recordings.
        options: what it is like.

    Raises:
        UsageError: a fault or a recording is impossible; the message says why.
        ValueError: an unknown chip.
    """
    faults = [fault if isinstance(fault, Fault) else read_fault(fault) for fault in options.get("faults", ())]
    plain: dict[str, Any] = {
        key: options[key] for key in ("strict_line", "unlimited", "flow_control") if key in options
    }
    plain["variant"] = options.get("uart", "16550A")
    makers = tap_makers(options.get("trace"), options.get("vcd"))
    com1 = TappedCom1(ticker, name, makers, **plain) if makers else Com1(ticker, **plain)
    try:
        for fault in faults:
            com1.add_fault(fault)
    except BaseException:
        com1.close_taps()
        raise
    return com1


def read_fault(text: str) -> Fault:
    """:func:`uartsim.wire.faults.parse_fault` with a user's mistake as a :class:`UsageError`."""
    try:
        return parse_fault(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def tap_makers(trace: str | None = None, vcd: str | None = None) -> list[TapMaker]:
    """What makes the recordings.

    Args:
        trace: a file for every register access and line event, see :mod:`uartsim.record.trace`.
        vcd: a file for the waveform of the pins, see :mod:`uartsim.record.vcd`.
    """
    makers: list[TapMaker] = []
    if trace is not None:
        makers.append(partial(_make_trace, trace))
    if vcd is not None:
        makers.append(partial(_make_waveform, vcd))
    return makers


def _make_trace(path: str, header: RecordHeader) -> Tap:
    from uartsim.record.trace import TraceWriter

    return TraceWriter(path, header)


def _make_waveform(path: str, header: RecordHeader) -> Tap:
    from uartsim.record.vcd import VcdWriter

    return VcdWriter(path, header)
