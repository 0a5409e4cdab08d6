"""What can be asked of a port when it is made, and how that is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict

from uartsim.line_format import UsageError
from uartsim.machine.com1 import Com1, Recorder, check_fault_at_rate
from uartsim.machine.tapped import TapMaker, TappedCom1
from uartsim.machine.ticker import Ticker
from uartsim.record.tap import RecordHeader, Tap
from uartsim.wire.faults import Fault, parse_fault

if TYPE_CHECKING:
    from uartsim.record.trace import TraceWriter
    from uartsim.record.vcd import VcdWriter


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


class _RecordingTap(Tap, Recorder, Protocol):
    """A tap that is a recorder."""


_Make: TypeAlias = Callable[[str, RecordHeader], _RecordingTap]


def make_port(ticker: Ticker, name: str, options: PortOptions) -> Com1:
    """A port as asked for.

    Args:
        ticker: what wakes it.
        name: the machine's, for the recordings.
        options: what it is like.

    Raises:
        UsageError: a fault or a recording is impossible; the message says why, and no file is left.
        ValueError: an unknown chip.
    """
    faults = [fault if isinstance(fault, Fault) else read_fault(fault) for fault in options.get("faults", ())]
    unlimited = options.get("unlimited", False)
    for fault in faults:
        check_fault_at_rate(fault, unlimited)
    plain: dict[str, Any] = {
        key: options[key] for key in ("strict_line", "unlimited", "flow_control") if key in options
    }
    plain["variant"] = options.get("uart", "16550A")
    makers: dict[str, tuple[str | None, _Make]] = {
        "trace": (options.get("trace"), _make_trace),
        "vcd": (options.get("vcd"), _make_waveform),
    }
    paths = {what: path for what, (path, _) in makers.items() if path is not None}
    check_paths(paths)
    recorders: dict[str, Recorder] = {}

    def make(what: str, path: str, header: RecordHeader) -> Tap:
        tap = makers[what][1](path, header)
        recorders[what] = tap
        return tap

    try:
        taps: list[TapMaker] = [partial(make, what, path) for what, path in paths.items()]
        com1 = TappedCom1(ticker, name, taps, **plain) if taps else Com1(ticker, **plain)
    except BaseException:
        remove_recordings(recorders)
        raise
    com1.recorders = recorders
    for fault in faults:
        com1.add_fault(fault)
    return com1


def check_paths(paths: Mapping[str, str]) -> None:
    """The recordings of a machine that has not been started go to a file each.

    Args:
        paths: the files, by the option that names each.

    Raises:
        UsageError: two go to the same.
    """
    seen: dict[str, str] = {}
    for what, path in paths.items():
        real = os.path.realpath(path)
        if real in seen:
            raise UsageError(f"--{seen[real]} and --{what} are the same file, {path}: give each a file of its own")
        seen[real] = what


def remove_recordings(recorders: Mapping[str, Recorder]) -> None:
    """The machine has not come to life: nothing is left that the next start would find in its way."""
    for recorder in recorders.values():
        recorder.discard()


def read_fault(text: str) -> Fault:
    """:func:`uartsim.wire.faults.parse_fault` with a user's mistake as a :class:`UsageError`."""
    try:
        return parse_fault(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _make_trace(path: str, header: RecordHeader) -> TraceWriter:
    from uartsim.record.trace import TraceWriter

    return TraceWriter(path, header)


def _make_waveform(path: str, header: RecordHeader) -> VcdWriter:
    from uartsim.record.vcd import VcdWriter

    return VcdWriter(path, header)
