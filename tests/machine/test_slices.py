"""Slices against single accesses: whatever a guest and a far end do, nobody can see which of the two it was."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trio
import trio.testing
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tests.chip.probe import chip_state
from tests.machine.rig import FarEnd, open_port, virtual_time
from tests.strategies import line_formats
from uartsim.access.hub import Hub
from uartsim.access.hub_client import READING_TICKS
from uartsim.line_format import CRYSTAL_PERIOD, NEVER, TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, SerialDriver, interrupt_handler, modem_control
from uartsim.machine import slices as slices_module
from uartsim.machine.ticker import Ticker, TrioClock
from uartsim.record import LineRecorder, TranscriptWriter
from uartsim.registers import FCR, LCR, MCR, ModemOutput, Offset
from uartsim.wire.cable import Cable


class LateTicker(Ticker):
    """A ticker that the test turns: lines may be woken long after the time that they asked for."""

    def __init__(self, clock: TrioClock) -> None:
        super().__init__(clock)
        self.virtual = clock
        self.asked = NEVER

    def _arm(self, at: int) -> None:
        self.asked = at

    def wake(self) -> None:
        """Call who asked to be called by now."""
        self._run_due(self.clock.now())

    @property
    def due(self) -> int:
        """When the next one wants to be called."""
        return self._next()


class WatchedCable(Cable):
    """A cable that remembers every frame of the chip: when it started, and how it was framed."""

    def __init__(self, line_format: LineFormat) -> None:
        super().__init__(line_format)
        self.frames: list[tuple[int, int, LineFormat]] = []

    def carry_run(self, start: int, data: bytes | bytearray, line_format: LineFormat) -> None:
        self.frames += [(start + n * line_format.frame_ticks, c, line_format) for n, c in enumerate(data)]
        super().carry_run(start, data, line_format)


@dataclass
class Port:
    """A port whose time the test moves, with a driver, a task that writes, and a hub with a client and a record."""

    clock: trio.testing.MockClock
    ticker: LateTicker
    com1: Com1
    driver: SerialDriver
    cable: WatchedCable
    hub: Hub
    jobs: trio.MemorySendChannel[bytes]
    received: list[tuple[bytes, str]] = field(default_factory=list)
    output: list[tuple[bytes, int, int]] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)

    async def pass_time(self, ticks: int, *, late: bool) -> None:
        """Let time pass; ``late``: whoever asked to be woken meanwhile is woken at the end of it."""
        end = self.ticker.clock.now() + ticks
        while (due := self.ticker.due) < end and not late:
            await self._reach(due)
        await self._reach(end)

    async def _reach(self, at: int) -> None:
        self.clock.jump(max(0, at / TICKS_PER_SECOND - trio.current_time()))
        self.ticker.virtual.reach(at)
        self.ticker.wake()
        await trio.testing.wait_all_tasks_blocked()

    def seen(self) -> dict[str, Any]:
        """Everything that anyone could see now, or later make a difference."""
        com1, driver, far, handler = self.com1, self.driver, self.cable.far, self.driver._handler
        waiting = [tuple(frame) for run in com1.uart.transmitter.sent for frame in run.frames()]
        return {
            "reads": tuple(com1.reads),
            "writes": tuple(com1.writes),
            "status": com1.status(),
            "chip": _without_sent(chip_state(com1.uart)),
            "wake-up": self.ticker.due,
            "frames": [*self.cable.frames, *waiting],
            "output": tuple(self.output),
            "breaks": tuple(self.breaks),
            "to send": bytes(handler.transmit),
            "received": (tuple(self.received), tuple(handler.received), handler.received_size, handler._throttled),
            "stopped": (driver.modem.stopped, driver.modem.rts_dropped, driver.modem.carrier),
            "far": (far.characters, far.withheld, far.pending, far.free_at, far.due(True), com1.far_pending),
            "hub": self.hub.status(),
        }


def _without_sent(state: tuple[object, ...]) -> list[object]:
    """A copy of a chip's state but for the frames that wait to be put on the cable."""
    parts = copy.deepcopy(state)
    return [{k: v for k, v in part.items() if k != "sent"} if isinstance(part, dict) else part for part in parts]


Step = Callable[[Port], Any]


def _named(name: str, step: Step) -> Step:
    step.__qualname__ = step.__name__ = name
    return step


def write(data: bytes) -> Step:
    return _named(f"write({len(data)})", lambda port: port.jobs.send_nowait(data))


def far_send(data: bytes) -> Step:
    return _named(f"far_send({len(data)})", lambda port: port.com1.far_send(data))


def far_break(ticks: int) -> Step:
    return _named(f"far_break({ticks})", lambda port: port.com1.far_break(ticks))


def wait(ticks: int) -> Step:
    return _named(f"wait({ticks})", lambda port: port.pass_time(ticks, late=False))


def oversleep(ticks: int) -> Step:
    return _named(f"oversleep({ticks})", lambda port: port.pass_time(ticks, late=True))


def set_format(line_format: LineFormat) -> Step:
    return _named(f"set_format({line_format})", lambda port: port.driver.set_format(line_format))


def set_flow_control(on: bool) -> Step:
    return _named(f"set_flow_control({on})", lambda port: port.driver.set_flow_control(on))


def poke(offset: Offset, value: int) -> Step:
    return _named(f"poke({offset.name}, {value:#x})", lambda port: port.com1.write(offset, value))


def far_outputs(outputs: ModemOutput) -> Step:
    return _named(f"far_outputs({outputs})", lambda port: port.com1.set_far_outputs(outputs))


def guest_break(on: bool) -> Step:
    return _named(f"guest_break({on})", lambda port: port.com1.write(Offset.LCR, port.driver.lcr | int(LCR.BREAK) * on))


def read(port: Port) -> None:
    """The guest's reader takes what there is."""
    while (received := port.driver.receive_nowait()) is not None:
        port.received.append((received.data, received.flag.value))


def read_once(port: Port) -> None:
    """It takes one piece."""
    if (received := port.driver.receive_nowait()) is not None:
        port.received.append((received.data, received.flag.value))


def reset(port: Port) -> None:
    """The reset button."""
    port.com1.reset()


def reopen(port: Port) -> None:
    """The guest comes up again after a reset, or opens a port that was open."""
    port.driver.open(port.driver.line_format)


def discard_output(port: Port) -> None:
    port.driver.discard_output()


def flush_input(port: Port) -> None:
    port.driver.flush_input()


def client_reads(port: Port) -> None:
    for client in port.hub.clients:
        client.receive_nowait()


def look(port: Port) -> None:
    """Somebody asks for the status, at a moment of no meaning to the line."""
    port.com1.status()


def poll(port: Port) -> None:
    """Somebody reads the identification behind the driver's back."""
    port.com1.read(Offset.IIR)


_sizes = st.one_of(st.integers(1, 40), st.integers(30, 700), st.integers(3000, 9000))
_payload = st.builds(lambda seed, size: bytes((seed + n * 7) & 0xFF for n in range(size)), st.integers(0, 255), _sizes)
#: Up to a quarter of a second.
_ticks = st.one_of(st.integers(1, 1000), st.integers(160, 20_000), st.integers(10_000, 300_000)).map(
    lambda n: n * CRYSTAL_PERIOD
)
_modem = [ModemOutput(n) for n in range(4)]
_fifo_controls = [FCR(0x01), FCR(0x01), FCR(0x41), FCR(0xC1), FCR(0x03), FCR(0x05), FCR(0)]
_modem_controls = [MCR(0x0B), MCR(0x0B), MCR(0x1B), MCR(0x03)]

traffic: st.SearchStrategy[Step] = st.one_of(_payload.map(write), _payload.map(far_send))
time: st.SearchStrategy[Step] = st.one_of(_ticks.map(oversleep), _ticks.map(oversleep), _ticks.map(wait))
readers: st.SearchStrategy[Step] = st.sampled_from([read, read, read_once, client_reads])
events: st.SearchStrategy[Step] = st.one_of(
    _ticks.map(far_break),
    line_formats(st.sampled_from([1, 2, 3, 12])).map(set_format),
    st.sampled_from([reset, reopen, reopen, discard_output, flush_input, look, poll]),
    st.sampled_from(_fifo_controls).map(lambda value: poke(Offset.FCR, value)),
    st.sampled_from(_modem_controls).map(lambda value: poke(Offset.MCR, value)),
    st.booleans().map(guest_break),
    st.sampled_from(_modem).map(far_outputs),
    st.booleans().map(set_flow_control),
)
#: What happens mostly, and now and then something else.
steps = st.sampled_from([traffic, traffic, time, time, time, readers, events]).flatmap(lambda kind: kind)


@contextmanager
def counted(name: str) -> Iterator[list[Any]]:
    """The results of a function of the chip's slices, as :mod:`uartsim.machine.slices` calls it."""
    results: list[Any] = []
    original = getattr(slices_module, name)

    def call(*arguments: Any) -> Any:
        results.append(original(*arguments))
        return results[-1]

    with mock.patch.object(slices_module, name, call):
        yield results


def play(scenario: list[Step], receive_buffer: int, slices: bool, **options: Any) -> list[dict[str, Any]]:
    """Play a scenario; returns what was to see after each of its steps, and the record."""
    seen: list[dict[str, Any]] = []
    clock = trio.testing.MockClock()

    async def main() -> None:
        ticker = LateTicker(TrioClock())
        port_com1 = Com1(ticker, **options)
        port_com1.slices.wanted = slices
        cable = port_com1.cable = WatchedCable(port_com1.uart.line_format)
        hub = Hub(port_com1)
        hub.record = LineRecorder([TranscriptWriter(record, "test", "", 0)])
        hub.attach("client", start=0)
        port_driver = SerialDriver(port_com1)
        send, receive = trio.open_memory_channel[bytes](1000)
        port = Port(clock, ticker, port_com1, port_driver, cable, hub, send)

        def output(data: bytes, at: int) -> bytes:
            port.output.append((data, at, ticker.clock.now()))
            return data

        def line_break(at: int) -> None:
            port.breaks.append(at)
            Hub.line_break(hub, at)

        port_com1.output_interceptors.add(output)
        hub.line_break = line_break  # type: ignore[method-assign]
        port_driver.open()

        async def write_all() -> None:
            async for data in receive:
                await port_driver.write(data)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_all)
            for step in scenario:
                outcome = step(port)
                if outcome is not None:
                    await outcome
                await trio.testing.wait_all_tasks_blocked()
                seen.append({"step": step.__name__, **port.seen()})
            nursery.cancel_scope.cancel()
        hub.record.close()

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(interrupt_handler, "RECEIVE_BUFFER", receive_buffer),
        mock.patch.object(modem_control, "RTS_HIGH_WATER", receive_buffer // 2),
        mock.patch.object(modem_control, "RTS_LOW_WATER", receive_buffer // 4),
    ):
        record = str(Path(folder) / "record")
        trio.run(main, clock=clock)
        seen.append({"step": "all", "record": Path(record).read_bytes().partition(b"\n")[2]})  # without its date
    return seen


def same(scenario: list[Step], receive_buffer: int = 65536, **options: Any) -> tuple[int, int]:
    """See that slices and single accesses give the same; returns how many slices there were, out and in."""
    with counted("stream_out") as out, counted("stream_in") as into:
        slices = play(scenario, receive_buffer, True, **options)
    with counted("stream_out") as out_singly, counted("stream_in") as in_singly:
        singly = play(scenario, receive_buffer, False, **options)
    assert not out_singly
    assert not in_singly
    for one, other in zip(slices, singly, strict=True):
        for name in one:
            assert one[name] == other[name], f"{name}, after {one['step']}"
    return sum(map(bool, out)), sum(map(bool, into))


_SECOND = TICKS_PER_SECOND
_LONG = bytes(range(256)) * 40
_FIVE_BITS = LineFormat(data_bits=5)


@settings(max_examples=80)
@example([write(_LONG), oversleep(_SECOND)], 65536, False, False, "16550A")
@example([far_send(_LONG), oversleep(_SECOND)], 65536, False, False, "16550A")
@example(
    [write(_LONG), far_send(_LONG), oversleep(_SECOND // 2), read, wait(_SECOND // 2)], 300, False, False, "16550A"
)
@example([write(_LONG), far_send(_LONG), oversleep(_SECOND // 2), read, read], 300, False, True, "16550A")
@example([write(_LONG), far_send(_LONG), wait(_SECOND)], 300, True, True, "16450")
@example([write(_LONG), oversleep(_SECOND // 100)], 65536, True, False, "16550A")
@example(
    [set_format(LineFormat.from_baud(57600, "7E1")), write(_LONG), oversleep(_SECOND)], 65536, False, False, "16550A"
)
@example(
    [set_format(LineFormat.from_baud(57600, "5N1.5")), far_send(_LONG), oversleep(_SECOND)], 300, False, False, "16550A"
)
@example([poke(Offset.FCR, 0x41), far_send(_LONG), oversleep(_SECOND), read], 65536, False, False, "16550A")
@example([poke(Offset.MCR, 0x03), far_send(_LONG), oversleep(_SECOND), reopen], 65536, False, False, "16550A")
@given(
    scenario=st.lists(steps, min_size=3, max_size=20),
    receive_buffer=st.sampled_from([20, 300, 65536]),
    strict_line=st.booleans(),
    unlimited=st.booleans(),
    variant=st.sampled_from(["16550A", "16550A", "16550A", "16450", "16750"]),
)
def test_slices_are_what_single_accesses_are(
    scenario: list[Step], receive_buffer: int, strict_line: bool, unlimited: bool, variant: str
) -> None:
    slices_out, slices_in = same(
        scenario, receive_buffer, strict_line=strict_line, unlimited=unlimited, variant=variant
    )
    event(f"slices out: {bool(slices_out)}")
    event(f"slices in: {bool(slices_in)}")


@settings(max_examples=60)
@example(
    [write(b"\0"), far_send(b"\xd1"), write(b"\0"), set_format(_FIVE_BITS), write(b"\0\0"), oversleep(_SECOND)],
    20,
    "16550A",
    False,
)
@example([write(_LONG), wait(_SECOND // 9), far_outputs(ModemOutput.DTR), oversleep(_SECOND)], 65536, "16550A", True)
@example([far_send(_LONG), oversleep(_SECOND // 9), read, oversleep(_SECOND)], 300, "16550A", True)
@given(
    scenario=st.lists(steps, min_size=3, max_size=20),
    receive_buffer=st.sampled_from([20, 300, 65536]),
    variant=st.sampled_from(["16550A", "16750"]),
    far_honours=st.booleans(),
)
def test_slices_are_what_single_accesses_are_under_flow_control(
    scenario: list[Step], receive_buffer: int, variant: str, far_honours: bool
) -> None:
    scenario = [set_flow_control(True), *scenario]
    slices_out, slices_in = same(scenario, receive_buffer, variant=variant, flow_control=far_honours)
    event(f"slices out: {bool(slices_out)}")
    event(f"slices in: {bool(slices_in)}")


# -- slices are used, and nothing is lost by them --------------------------------------------------------------


@pytest.mark.parametrize("unlimited", [False, True])
def test_slices_carry_what_a_late_process_has_to_catch_up_with(unlimited: bool) -> None:
    """The property above would hold of slices that never happen."""
    scenario = [write(bytes(4000)), oversleep(_SECOND), far_send(bytes(4000)), oversleep(_SECOND)]
    with counted("stream_out") as out, counted("stream_in") as into:
        seen = play(scenario, 65536, True, unlimited=unlimited)
    assert seen[-2]["status"]["line"]["bytes_out"] == seen[-2]["status"]["line"]["bytes_in"] == 4000
    assert 4000 * 0.95 <= sum(streamed.taken for streamed in out if streamed is not None) <= 4000
    assert sum(into) >= 1
    accesses = seen[-2]["status"]["accesses"]
    assert accesses["write"]["THR/DLL"] - 1 == 4000
    assert accesses["read"]["RBR/DLL"] - 1 == 4000


@pytest.mark.parametrize("variant", ["16450", "16550A", "16750"])
@virtual_time
async def test_unlimited_rate_sends_all_also_by_single_accesses(variant: str) -> None:
    """However many refills one interrupt takes: the handler goes on until the line is down."""
    async with open_port(unlimited=True, variant=variant) as (com1, driver):
        com1.slices.wanted = False
        far = FarEnd(com1)
        await driver.write(bytes(20_000))
        await driver.drain()
        assert await far.wait_for(20_000) == bytes(20_000)


# -- unlimited rate: the guest waits for who reads -------------------------------------------------------------

_KEPT = 100_000
_FLOOD = 40 * _KEPT


def _flood() -> bytes:
    return b"".join(b"%07d\n" % n for n in range(_FLOOD // 8))


@virtual_time
async def test_unlimited_rate_waits_for_a_client_that_reads_slowly_and_loses_nothing() -> None:
    async with open_port(unlimited=True) as (com1, driver):
        hub = Hub(com1, _KEPT)
        client = hub.attach("slow", start=0)
        got = bytearray()

        async def read_slowly() -> None:
            while len(got) < _FLOOD:
                await trio.sleep(0.9 * READING_TICKS / TICKS_PER_SECOND)
                got.extend(await client.receive())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_slowly)
            client.progress()
            await driver.write(_flood())
        assert got == _flood()
        assert client.missed == 0


@virtual_time
async def test_unlimited_rate_goes_on_without_a_client_that_has_stopped_and_counts_what_it_missed() -> None:
    async with open_port(unlimited=True) as (com1, driver):
        hub = Hub(com1, _KEPT)
        stopped = hub.attach("stopped", start=0)
        never = hub.attach("never", start=0, watch=True)
        first = b"x" * 100
        await driver.write(first)
        assert await stopped.receive() == first
        begin = trio.current_time()
        await driver.write(_flood())
        # once for the client that had been reading; then nobody waits for it any more
        assert trio.current_time() - begin <= 2 * READING_TICKS / TICKS_PER_SECOND
        for client, had in ((stopped, len(first)), (never, 0)):
            left = bytearray()
            while data := client.receive_nowait():
                left += data
            assert left == hub.history()
            assert had + client.missed + len(left) == hub.end == len(first) + _FLOOD


@virtual_time
async def test_paced_line_waits_for_nobody() -> None:
    async with open_port() as (com1, driver):
        hub = Hub(com1, 100)
        hub.attach("reading", start=0).progress()
        size = 8000
        begin = trio.current_time()
        await driver.write(bytes(size))
        await driver.drain()
        assert trio.current_time() - begin == pytest.approx(size * 10 / 115200, rel=0.001)
