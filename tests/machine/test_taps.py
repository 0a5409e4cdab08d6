"""A port with taps: what it tells is what happened, and it does what a port without does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from tests.machine.rig import FarEnd, receive_data, run_virtual, virtual_time
from uartsim.line_format import TICKS_PER_NS, LineFormat
from uartsim.machine import Com1, PortOptions, SerialDriver
from uartsim.machine.port_options import make_port
from uartsim.machine.ticker import shared_ticker
from uartsim.record import events
from uartsim.record.tap import QuietTap, RecordHeader
from uartsim.trace.decode import decode
from uartsim.trace.reader import read_trace
from uartsim.trace.replay import replay
from uartsim.trace.waveform import read_waveform
from uartsim.wire.faults import parse_fault

TEXT = b"The quick brown fox jumps over the lazy dog. " * 4


async def play(com1: Com1, faults: list[str]) -> tuple[bytes, dict[str, Any]]:
    """Some of everything; returns what came out at the far end, and what the port says of it."""
    driver = SerialDriver(com1)
    driver.open(LineFormat())
    far = FarEnd(com1)
    com1.far_send(b"before any fault")
    assert await receive_data(driver, 16) == b"before any fault"
    for fault in faults:
        com1.add_fault(parse_fault(fault))
    com1.far_send(TEXT)
    await driver.write(TEXT)
    await trio.sleep(0.5)
    com1.clear_faults()
    com1.far_break(500_000_000)
    com1.far_send(b"after the break")
    driver.set_format(LineFormat.from_baud(9600, "7E1"))
    await driver.write(b"slower")
    await driver.drain()
    await trio.sleep(1)
    while driver.receive_nowait() is not None:
        pass
    status = com1.status()
    return bytes(far.data), {key: status[key] for key in ("registers", "thr_writes", "rbr_reads", "accesses", "line")}


FAULTS = [
    "noise:rate=0.002,seed=3,direction=out",
    "lost:rate=0.1,seed=5",
    "duplicated:rate=0.1,seed=5",
    "drift:ppm=20000",
]
FAULTS += ["delay:seconds=0.1", "glitches:rate=200,width=5000,seed=1"]


@pytest.mark.parametrize("fault", ["", *FAULTS])
@virtual_time
async def test_the_waveform_shows_what_came_at_the_receiver_s_pin(tmp_path: Path, fault: str) -> None:
    trace, wave = str(tmp_path / "x.trace"), str(tmp_path / "x.vcd")
    async with shared_ticker() as ticker:
        com1 = make_port(ticker, "x", {"trace": trace, "vcd": wave})
        try:
            await play(com1, [fault] if fault else [])
        finally:
            com1.close_taps()
    received = [(e.character, e.errors) for e in read_trace(trace) if isinstance(e, events.Received)]
    assert len(received) > 16
    for file in (trace, wave):
        picture = read_waveform(file, 0, 10)
        seen = [(c.character, c.errors) for c in decode(picture.pins["RXD"], picture.formats["RXD"])]
        assert seen == received


def test_with_taps_a_port_does_what_it_does_without(tmp_path: Path) -> None:
    trace = str(tmp_path / "x.trace")
    done: list[Any] = []

    async def main(options: PortOptions) -> None:
        async with shared_ticker() as ticker:
            com1 = make_port(ticker, "x", options)
            try:
                done.append(await play(com1, ["noise:rate=0.01,seed=3", "glitches:rate=500,width=20000,seed=1"]))
            finally:
                com1.close_taps()

    run_virtual(lambda: main({}))
    run_virtual(lambda: main({"trace": trace}))
    assert done[0] == done[1]
    found = replay(read_trace(trace))
    assert found.found == 0
    assert found.accesses > 200
    assert found.frames == len(TEXT) + len(b"slower")


class RunningClock:
    """A clock that is a nanosecond later at each look, as a real one is."""

    def __init__(self, begin: int) -> None:
        self._now = begin

    def now(self) -> int:
        """The present time in ticks."""
        self._now += TICKS_PER_NS
        return self._now


@virtual_time
async def test_a_reset_is_recorded_at_the_very_time_at_which_the_chip_is_reset(tmp_path: Path) -> None:
    trace = str(tmp_path / "x.trace")
    async with shared_ticker() as ticker:
        com1 = make_port(ticker, "x", {"trace": trace})
        com1.clock = RunningClock(com1.uart.now)
        for offset, value in ((3, 0x03), (4, 0x0B), (1, 0x02), (0, 0x55)):
            com1.write(offset, value)
        com1.reset()
        com1.write(3, 0x1B)
        com1.read(5)
        com1.close_taps()
    assert any(isinstance(event, events.Reset) for event in read_trace(trace))
    found = replay(read_trace(trace))
    assert (found.differences, found.accesses) == ([], 6)


@virtual_time
async def test_a_recording_says_what_the_port_is_like() -> None:
    """What a header says if nothing else is said is what a port is like if nothing else is asked for."""
    headers: list[RecordHeader] = []

    def tap(header: RecordHeader) -> QuietTap:
        headers.append(header)
        return QuietTap()

    async with shared_ticker() as ticker:
        start = ticker.clock.now()
        Com1(ticker, taps=[tap])
        Com1(ticker, taps=[tap], name="box", variant="16750", strict_line=True, unlimited=True)
    assert headers == [
        RecordHeader(start=start, thre_delay=False),
        RecordHeader("box", start, "16750", True, "bit", "frames", True, True, 0xB0),
    ]
    assert RecordHeader() == RecordHeader("com1", 0, "16550A", True, "bit", "frames", False, False, 0xB0)
