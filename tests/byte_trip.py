"""Follows one byte through the house: which functions it enters, file by file.

``python -m tests.byte_trip`` prints the ways.  :func:`files_in_order` gives the files of a way, for the drawing in the
documentation to be compared with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Final

import trio

import uartsim
from uartsim.access.hub import Hub
from uartsim.access.hub_client import HubClient
from uartsim.line_format import LineFormat
from uartsim.machine import Com1, SerialDriver
from uartsim.machine.ticker import Ticker, shared_ticker
from uartsim.record import LineRecorder, TranscriptWriter
from uartsim.record.trace_writer import TraceWriter
from uartsim.registers import FCR, Offset

_ROOT: Final = f"{Path(uartsim.__file__).parent}/"
#: Longer than anything in the house waits on its own after a byte, in seconds.
_QUIET_S: Final = 0.2


@dataclass
class Trip:
    """The functions that were entered between two moments, in order.

    Attributes:
        steps: the file under ``uartsim/`` and the function's name, for each call (a coroutine that goes on is one).
    """

    steps: list[tuple[str, str]] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many functions were entered."""
        return len(self.steps)

    @property
    def moves(self) -> int:
        """How often the next function was in another file."""
        return max(0, sum(1 for _ in self._stretches()) - 1)

    def _stretches(self) -> Iterator[tuple[str, list[str]]]:
        for file, steps in groupby(self.steps, key=lambda step: step[0]):
            yield file, [name for _, name in steps]

    def __str__(self) -> str:
        lines = [f"{self.calls} calls, {self.moves} moves between files"]
        lines += [f"  {file}: {' > '.join(names)}" for file, names in self._stretches()]
        return "\n".join(lines)


@contextmanager
def counted() -> Iterator[Trip]:
    """What this thread calls of ``uartsim`` within the block."""
    trip = Trip()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and (file := frame.f_code.co_filename).startswith(_ROOT):
            trip.steps.append((file[len(_ROOT) :], frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield trip
    finally:
        sys.setprofile(before)


@dataclass(frozen=True)
class Variant:
    """One sort of line that a byte goes over.

    Attributes:
        name: what is special about it.
        make: makes its port in a folder for recordings.
        prepare: called when the port is open and a client is there.
        line_format: the guest's.
        received: what comes out for ``x`` and ``y``, in and out.
    """

    name: str
    make: Callable[[Ticker, Path], Com1] = lambda ticker, folder: Com1(ticker)
    prepare: Callable[[Com1, Hub, HubClient, Path], None] = lambda com1, hub, client, folder: None
    line_format: LineFormat | None = None
    garbled: bool = False


def _with_trace(ticker: Ticker, folder: Path) -> Com1:
    return Com1(ticker, taps=[lambda header: TraceWriter(str(folder / "com1.trace"), header)])


def _with_record(com1: Com1, hub: Hub, client: HubClient, folder: Path) -> None:
    writer = TranscriptWriter(str(folder / "com1.record"), "com1", str(com1.uart.line_format), com1.uart.now)
    hub.record = LineRecorder([writer])


def _client_at_57600(com1: Com1, hub: Hub, client: HubClient, folder: Path) -> None:
    client.be_at_far_end(True, LineFormat.from_baud(57600))


def _trigger_8(com1: Com1, hub: Hub, client: HubClient, folder: Path) -> None:
    com1.write(Offset.FCR, FCR.FIFO_ENABLE | 0x80)


PLAIN: Final = Variant("plain")
VARIANTS: Final = (
    Variant("record", prepare=_with_record),
    Variant("trace", make=_with_trace),
    Variant("9600 baud", line_format=LineFormat.from_baud(9600)),
    Variant("client at another speed", prepare=_client_at_57600, garbled=True),
    Variant("FIFO trigger 8", prepare=_trigger_8),
)


def trips(variant: Variant = PLAIN) -> tuple[Trip, Trip]:
    """The way of a byte from a client to the guest's program, and of one back."""
    return trio.run(_trips, variant)


async def _trips(variant: Variant) -> tuple[Trip, Trip]:
    with TemporaryDirectory() as name:
        async with shared_ticker() as ticker:
            folder = Path(name)
            com1 = variant.make(ticker, folder)
            hub, driver = Hub(com1), SerialDriver(com1)
            driver.open(variant.line_format)
            with hub.attach("client") as client:
                variant.prepare(com1, hub, client, folder)
                await trio.sleep(_QUIET_S)
                with counted() as way_in:
                    await client.send(b"x")
                    received = await driver.receive()
                assert variant.garbled or received.data == b"x"
                await trio.sleep(_QUIET_S)
                driver.flush_input()
                with counted() as way_out:
                    await driver.write(b"y")
                    heard = await client.receive()
                assert variant.garbled or heard == b"y"
                await trio.sleep(_QUIET_S)
                com1.close_taps()
        return way_in, way_out


def files_in_order(trip: Trip) -> list[str]:
    """The files that a byte passes, each once, in the order in which it first comes to them."""
    return list(dict.fromkeys(file for file, _ in trip.steps))


def main() -> None:
    """Print all ways."""
    for variant in (PLAIN, *VARIANTS):
        for direction, trip in zip(("in", "out"), trips(variant), strict=True):
            print(f"{variant.name}, {direction}: {trip}")


if __name__ == "__main__":
    main()
