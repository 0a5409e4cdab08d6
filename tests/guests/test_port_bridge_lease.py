"""What the port bridge may answer by itself is what the chip would have answered."""

from __future__ import annotations

import copy
import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from uartsim.chip.uart import Uart
from uartsim.guest.bridge_build import bridge_library
from uartsim.guest.bridge_lease import lease_of
from uartsim.guest.bridge_page import LEASE_BYTES, NEVER_NS, STEPS, Lease
from uartsim.line_format import NEVER, TICKS_PER_NS
from uartsim.registers import IER, LCR, Offset

THR = 1 << Offset.THR
IER_BIT = 1 << Offset.IER
Foresee = Callable[[Lease, int, int, int], tuple[int, int] | None]
#: A frame at 115200 8N1, in ticks.
FRAME = 12_500_000

#: What a driver may do: (offset, value) is a write, an offset a read; with the time since the step before it.
ACCESSES = st.one_of(
    st.tuples(st.just(0), st.sampled_from([1, 12, 0x41])),
    st.tuples(st.just(1), st.integers(0, 15)),
    st.tuples(st.just(2), st.sampled_from([0, 1, 7, 0x81, 0xC7])),
    st.tuples(st.just(3), st.sampled_from([0x03, 0x83, 0x1B, 0x43])),
    st.tuples(st.just(4), st.sampled_from([0x0B, 0x1B, 0x03])),
    st.tuples(st.just(7), st.integers(0, 255)),
    st.integers(0, 7),
    st.just("receive"),
)
PAUSES = st.one_of(st.integers(0, FRAME // 8), st.integers(0, 4 * FRAME), st.just(FRAME))
SCRIPTS = st.lists(st.tuples(PAUSES, ACCESSES), max_size=20)


def play(uart: Uart, script: list[tuple[int, object]]) -> None:
    """A driver and a line that only receives good characters or breaks."""
    for pause, access in script:
        at = uart.now + pause
        match access:
            case (int(offset), int(value)):
                uart.write(offset, value, at)
            case int(offset):
                uart.read(offset, at)
            case _:
                uart.receive(0x55, 0, at)


def answer(lease: Lease, offset: int, ns: int) -> int | None:
    """What the library in QEMU would answer, or None if it would ask."""
    for step in lease.steps:
        if ns < step.until_ns:
            return step.values[offset] if step.mask >> offset & 1 else None
    return None


@given(
    SCRIPTS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["16550A", "16450", "16750"]),
    st.lists(st.tuples(st.integers(0, 7), PAUSES), min_size=1, max_size=6),
)
def test_a_leased_register_reads_as_the_chip_would_at_that_time(
    script: list[tuple[int, object]],
    delay: bool,
    unlimited: bool,
    variant: str,
    looks: list[tuple[int, int]],
) -> None:
    uart = Uart(variant, thre_delay=delay, unlimited=unlimited)
    play(uart, script)
    lease = lease_of(uart, NEVER)
    assert 1 <= len(lease.steps) <= STEPS
    assert [step.until_ns for step in lease.steps] == sorted(step.until_ns for step in lease.steps)
    for offset, pause in looks:
        ns = -(-(uart.now + pause) // TICKS_PER_NS)
        leased = answer(lease, offset, ns)
        if leased is not None:
            untouched, twin = copy.deepcopy(uart), copy.deepcopy(uart)
            assert leased == twin.read(offset, ns * TICKS_PER_NS), (offset, ns)
            untouched.advance(ns * TICKS_PER_NS)
            assert lease_of(twin, NEVER) == lease_of(untouched, NEVER)  # the read has changed nothing
            assert twin.irq == untouched.irq


@given(SCRIPTS, st.booleans())
def test_a_posted_write_leaves_the_kept_registers_as_they_were_leased(
    script: list[tuple[int, object]], unlimited: bool
) -> None:
    uart = Uart("16550A", thre_delay=False, unlimited=unlimited)
    play(uart, script)
    lease = lease_of(uart, NEVER)
    assert lease.post in (0, IER_BIT, THR | IER_BIT)
    assume(lease.post & THR or lease.future.depth)
    twin = copy.deepcopy(uart)
    ns = -(-uart.now // TICKS_PER_NS)
    twin.write(0, 0x55, ns * TICKS_PER_NS)
    for offset in range(8):
        if lease.keep >> offset & 1 and (leased := answer(lease, offset, ns)) is not None:
            assert copy.deepcopy(twin).read(offset, ns * TICKS_PER_NS) == leased, offset


def test_reads_with_an_effect_are_never_leased() -> None:
    uart = Uart(thre_delay=False)
    uart.write(Offset.LCR, LCR.DLAB | 3, 0)
    uart.write(Offset.DLL, 1, 0)
    assert answer(lease_of(uart, NEVER), Offset.DLL, 0) == 1
    uart.write(Offset.LCR, 3, 0)
    uart.write(Offset.IER, IER.ETBEI | IER.ERBFI, 0)
    lease = lease_of(uart, NEVER)
    assert uart.iir == 0x02
    assert answer(lease, Offset.RBR, 0) is None
    assert answer(lease, Offset.IIR, 0) is None  # reading it would take the interrupt away
    assert answer(lease, Offset.LSR, 0) == 0x60
    uart.receive(0, 0x18, 0)
    assert answer(lease_of(uart, NEVER), Offset.LSR, 0) is None
    uart.read(Offset.MSR, 0)
    assert answer(lease_of(uart, NEVER), Offset.MSR, 0) == 0xB0
    uart.set_modem_inputs(0, 0)
    assert answer(lease_of(uart, NEVER), Offset.MSR, 0) is None


def test_the_future_of_the_transmitter_is_published_to_the_nanosecond() -> None:
    uart = Uart(thre_delay=False)
    for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 1)):
        uart.write(offset, value, 0)
    for _ in range(3):
        uart.write(Offset.THR, 0x55, 0)
    lease = lease_of(uart, NEVER)
    thre_ns, temt_ns = -(-2 * FRAME // TICKS_PER_NS), -(-3 * FRAME // TICKS_PER_NS)
    looks = (thre_ns - 1, thre_ns, temt_ns - 1, temt_ns, 10 * temt_ns)
    assert [answer(lease, Offset.LSR, ns) for ns in looks] == [0x00, 0x20, 0x20, 0x60, 0x60]


def test_the_lease_ends_when_a_character_may_come_but_what_was_written_stays() -> None:
    uart = Uart(thre_delay=False)
    uart.write(Offset.SCR, 0xA5, 0)
    lease = lease_of(uart, FRAME)
    until_ns = -(-FRAME // TICKS_PER_NS)
    assert answer(lease, Offset.LSR, until_ns - 1) == 0x60
    assert answer(lease, Offset.LSR, until_ns) is None
    assert answer(lease, Offset.SCR, NEVER_NS - 1) == 0xA5


@pytest.fixture(scope="module")
def foresee(tmp_path_factory: pytest.TempPathFactory) -> Foresee:
    """The library's own idea of a write to THR: from THRE's and TEMT's times to the new ones, or None without room."""
    library = ctypes.CDLL(str(bridge_library(Path(sys.executable), cache=tmp_path_factory.mktemp("cache"))))

    def call(lease: Lease, ticks: int, empty_at: int, drained_at: int) -> tuple[int, int] | None:
        packed, both = bytearray(LEASE_BYTES), (ctypes.c_uint64 * 2)(empty_at, drained_at)
        lease.pack(0, packed)
        buffer = (ctypes.c_char * LEASE_BYTES).from_buffer(packed)
        if not library.uartsim_bridge_foresee(buffer, ctypes.c_uint64(ticks), both):
            return None
        return both[0], both[1]

    return call


@pytest.mark.needs("gcc", "/usr/include/stdio.h")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    SCRIPTS,
    st.sampled_from(["16550A", "16450", "16750"]),
    st.lists(st.tuples(st.booleans(), PAUSES), min_size=1, max_size=60),
)
def test_what_writes_to_thr_do_is_foreseen_to_the_tick(
    foresee: Foresee, script: list[tuple[int, object]], variant: str, steps: list[tuple[bool, int]]
) -> None:
    uart = Uart(variant, thre_delay=False)
    play(uart, script)
    future = lease_of(uart, NEVER).future
    lease = lease_of(uart, NEVER)
    assume(future.depth)
    empty_at, drained_at = future.empty_at, future.drained_at
    at = uart.now
    for is_write, pause in steps:
        at = -(-(at + pause) // TICKS_PER_NS) * TICKS_PER_NS
        shown = (0x20 if at >= empty_at else 0) | (0x40 if at >= drained_at else 0)
        assert copy.deepcopy(uart).read(Offset.LSR, at) & 0x60 == shown
        if is_write:
            after = foresee(lease, at, empty_at, drained_at)
            dropped = uart.transmitter.dropped
            if after is not None:
                uart.write(Offset.THR, 0x55, at)
                assert uart.transmitter.dropped == dropped
                empty_at, drained_at = after
