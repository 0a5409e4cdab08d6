"""What can be asked of a port when it is made, and how that is done."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypedDict

from uartsim.errors import UsageError
from uartsim.machine.com1 import Com1, Recorder, check_fault_at_rate
from uartsim.machine.taps import TapMaker
from uartsim.machine.ticker import Ticker
from uartsim.own_files.outputs import check_distinct
from uartsim.record.tap import RecordHeader, Tap
from uartsim.registers import VARIANTS
from uartsim.wire.faults import Fault, parse_fault

if TYPE_CHECKING:
    from uartsim.record.trace_writer import TraceWriter
    from uartsim.record.vcd import VcdWriter


class PortOptions(TypedDict, total=False):
    """What a port is like; everything may be left out.  The names are those of ``uartsim run``.

    Attributes:
        uart: the chip, a name in :data:`uartsim.registers.VARIANTS`; the guest's own, mostly a 16550A.
        strict_line: a guest that is too slow is overrun, as in hardware; else the far end waits for it.
        rate: ``"line"``, or ``"unlimited"``: frames take no time.
        flow: ``"none"``, or ``"rtscts"``: the far end sends only while the guest's RTS is active.
        fault: what is wrong with the line from the start, such as ``"noise:rate=1e-4,seed=7"``; or several.
        trace: a file for every register access and line event, see :mod:`uartsim.record.trace_writer`.
        vcd: a file for the waveform of the pins, see :mod:`uartsim.record.vcd`.
        unlimited, flow_control, faults: older names: ``unlimited=True`` is ``rate="unlimited"``, ``flow_control=True`` is
            ``flow="rtscts"``, and ``faults`` is ``fault``.
    """

    uart: str
    strict_line: bool
    rate: str
    flow: str
    fault: str | Fault | Sequence[str | Fault]
    trace: str | os.PathLike[str] | None
    vcd: str | os.PathLike[str] | None
    unlimited: bool
    flow_control: bool
    faults: Sequence[str | Fault]


#: Older names, and those that they stand for.
OLD_NAMES: Final = {"unlimited": "rate", "flow_control": "flow", "faults": "fault"}
#: Words that people try, and the option that they mean.
_MEANT: Final = {"set": "settings", "setting": "settings", "strict": "strict_line", "guest_settings": "settings"}


def check_names(what: str, given: Collection[str], known: Collection[str]) -> None:
    """See that options have names that exist.

    Args:
        what: what they were given to, for the message.
        given: their names.
        known: the names that there are.

    Raises:
        TypeError: one does not exist; the message has the nearest that does.
    """
    __tracebackhide__ = True
    current = sorted(set(known) - set(OLD_NAMES))
    for name in given:
        if name not in known:
            near = [_MEANT[name]] if _MEANT.get(name) in current else difflib.get_close_matches(name, current, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(current)}"
            raise TypeError(f"{what} has no option {name!r}: {hint}")


def _with_current_names(options: PortOptions) -> dict[str, Any]:
    """Options by their current names, each with a value that is possible.

    Raises:
        TypeError: a name does not exist, or one thing is given under two names.
        UsageError: a value is impossible.
    """
    given: dict[str, Any] = dict(options)
    check_names("a serial port", given, PortOptions.__annotations__)
    for old, new in OLD_NAMES.items():
        if old in given and new in given:
            raise TypeError(f"{old} is the older name of {new}: give only {new}")
    found = {name: value for name, value in given.items() if name not in OLD_NAMES}
    if given.get("unlimited"):
        found["rate"] = "unlimited"
    if given.get("flow_control"):
        found["flow"] = "rtscts"
    if "faults" in given:
        found["fault"] = given["faults"]
    for name, choices in (("rate", ("line", "unlimited")), ("flow", ("none", "rtscts"))):
        if found.setdefault(name, choices[0]) not in choices:
            raise UsageError(f"{name} is {found[name]!r}: use {choices[0]!r} or {choices[1]!r}")
    if not isinstance(found.setdefault("strict_line", False), bool):
        raise UsageError(f"strict_line is {found['strict_line']!r}: use True or False")
    wanted = str(found.get("uart") or "16550A")
    chip = next((name for name in VARIANTS if name.lower() == wanted.lower()), None)
    if chip is None:
        raise UsageError(f"uart is {found['uart']!r}: use one of {', '.join(VARIANTS)}")
    found["uart"] = chip
    fault = found.get("fault") or ()
    faults = [fault] if isinstance(fault, (str, Fault)) else fault
    if not isinstance(faults, (list, tuple)) or not all(isinstance(each, (str, Fault)) for each in faults):
        raise UsageError(f"fault is {fault!r}: give a text such as 'noise:rate=1e-4,seed=7', or a list of them")
    found["fault"] = faults
    for name in ("trace", "vcd"):
        found[name] = None if found.get(name) is None else os.fspath(found[name])
    return found


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
        TypeError: an option has another name; the message says which.
        UsageError: a value, a fault or a recording is impossible; the message says why, and no file is left.
    """
    wanted = _with_current_names(options)
    faults = [fault if isinstance(fault, Fault) else read_fault(fault) for fault in wanted["fault"]]
    unlimited = wanted["rate"] == "unlimited"
    for fault in faults:
        check_fault_at_rate(fault, unlimited)
    plain: dict[str, Any] = {
        "strict_line": wanted["strict_line"],
        "unlimited": unlimited,
        "flow_control": wanted["flow"] == "rtscts",
        "variant": wanted["uart"],
    }
    makers: dict[str, tuple[str | None, _Make]] = {
        "trace": (wanted["trace"], _make_trace),
        "vcd": (wanted["vcd"], _make_waveform),
    }
    paths = {what: path for what, (path, _) in makers.items() if path is not None}
    check_distinct(paths)
    recorders: dict[str, Recorder] = {}

    def make(what: str, path: str, header: RecordHeader) -> Tap:
        tap = makers[what][1](path, header)
        recorders[what] = tap
        return tap

    try:
        taps: list[TapMaker] = [partial(make, what, path) for what, path in paths.items()]
        com1 = Com1(ticker, name=name, taps=taps, **plain)
    except BaseException:
        remove_recordings(recorders)
        raise
    com1.recorders = recorders
    for fault in faults:
        com1.add_fault(fault)
    return com1


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
    from uartsim.record.trace_writer import TraceWriter

    return TraceWriter(path, header)


def _make_waveform(path: str, header: RecordHeader) -> VcdWriter:
    from uartsim.record.vcd import VcdWriter

    return VcdWriter(path, header)
