"""Slices of a driver's interrupt handler against the handler itself, with single accesses."""

from __future__ import annotations

from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from tests.strategies import Wait, Write, line_formats, sixteenths
from uartsim.chip import Uart
from uartsim.chip.streaming import stream_in, stream_out
from uartsim.line_format import BIT_AT_DIVISOR_1, CRYSTAL_PERIOD, LineFormat
from uartsim.registers import InterruptId, Offset

#: What a driver may have done before: few or many characters, and time.
beginnings = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=2).map(lambda data: [Write(0, c) for c in data]),
        st.binary(min_size=1, max_size=20).map(lambda data: [Write(0, c) for c in data]),
        sixteenths.map(lambda n: [Wait(n * CRYSTAL_PERIOD)]),
        st.just([Write(2, 0x05), Write(0, 0x55)]),
    ),
    min_size=1,
    max_size=8,
)


def prepared(
    line_format: LineFormat, ier: int, fcr: int, beginning: list[list[Write | Wait]], *, delay: bool, unlimited: bool
) -> Uart:
    uart = Uart(thre_delay=delay, unlimited=unlimited)
    lcr = line_format.data_bits - 5 | (line_format.stop_halves > 2) << 2
    if line_format.parity != "N":
        lcr |= 0x08 | {"O": 0x00, "E": 0x10, "M": 0x20, "S": 0x30}[line_format.parity]
    divisor = line_format.bit_ticks // BIT_AT_DIVISOR_1
    for offset, value in (
        (3, lcr | 0x80),
        (0, divisor & 0xFF),
        (1, divisor >> 8),
        (3, lcr),
        (2, fcr),
        (4, 0x0B),
        (1, ier),
    ):
        uart.write(offset, value, 0)
    for steps in beginning:
        for step in steps:
            if isinstance(step, Wait):
                uart.advance(uart.now + step.ticks)
                if uart.irq:
                    uart.read(2, uart.now)
            else:
                uart.write(step.offset, step.value, uart.now)
    uart.advance(uart.now)
    return uart


def refill_by_interrupts(uart: Uart, data: bytes, refills: int) -> None:
    """A handler that fills the FIFO at every THRE interrupt, so many times."""
    depth = uart.transmitter.depth
    for n in range(refills):
        while not uart.irq:
            uart.advance(uart.next_interrupt(uart.now))
        assert uart.read(Offset.IIR, uart.now) & 0x0F == InterruptId.THR_EMPTY
        for character in data[n * depth : (n + 1) * depth]:
            uart.write(Offset.THR, character, uart.now)
        if not uart.unlimited:
            assert uart.read(Offset.IIR, uart.now) & 0x0F == InterruptId.NONE
        uart.advance(uart.now)


LONE_CHARACTER = [[Write(0, 1)], [Write(2, 0x05), Write(0, 0x55)]]


@example(line_format=LineFormat(), ier=2, beginning=LONE_CHARACTER, length=100, horizon=3000, delay=True)
@given(
    line_format=line_formats(st.integers(1, 3)),
    ier=st.sampled_from([0x02, 0x03, 0x0F]),
    beginning=beginnings,
    length=st.integers(32, 200) | st.integers(0, 40),
    horizon=sixteenths,
    delay=st.booleans(),
)
def test_a_slice_of_refills_is_what_single_refills_do(
    line_format: LineFormat, ier: int, beginning: list[list[Write | Wait]], length: int, horizon: int, delay: bool
) -> None:
    slices, singly = (prepared(line_format, ier, 0x01, beginning, delay=delay, unlimited=False) for _ in range(2))
    data = bytearray(range(length))
    until = slices.now + 40 * horizon * CRYSTAL_PERIOD
    streamed = stream_out(slices, data, until)
    if streamed is None:
        assert slices.state() == singly.state(), "nothing was done"
        return
    event("streamed")
    refill_by_interrupts(singly, bytes(data), streamed.refills)
    assert singly.now <= until
    assert streamed.taken == streamed.refills * 16
    expected = [(frame.start, frame.character) for frame in singly.take_sent()]
    length_of_one = streamed.line_format.frame_ticks
    frames = [(frame.start, frame.character) for frame in slices.take_sent()]
    frames += [(streamed.start + n * length_of_one, character) for n, character in enumerate(streamed.frames)]
    assert frames == expected
    slices.advance(singly.now)
    assert slices.state() == singly.state()


@given(ier=st.sampled_from([0x02, 0x03]), length=st.integers(0, 200), delay=st.booleans())
def test_a_slice_at_unlimited_rate_is_what_single_refills_do(ier: int, length: int, delay: bool) -> None:
    slices, singly = (prepared(LineFormat(), ier, 0x01, [], delay=delay, unlimited=True) for _ in range(2))
    data = bytearray(range(length))
    assert slices.read(Offset.IIR, 0) & 0x0F == InterruptId.THR_EMPTY
    streamed = stream_out(slices, data, slices.now)
    if streamed is None:
        assert length < 32
        return
    refill_by_interrupts(singly, bytes(data), streamed.refills)
    assert streamed.frames == bytes(frame.character for frame in singly.take_sent())
    assert slices.state() == singly.state()


@given(
    line_format=line_formats(st.integers(1, 3)),
    ier=st.sampled_from([0x01, 0x03, 0x05, 0x0F]),
    fcr=st.sampled_from([0x01, 0x01, 0x41, 0x00]),
    beginning=beginnings,
    data=st.binary(min_size=1, max_size=60),
    gap=sixteenths,
)
def test_a_slice_of_received_characters_is_what_single_ones_do(
    line_format: LineFormat, ier: int, fcr: int, beginning: list[list[Write | Wait]], data: bytes, gap: int
) -> None:
    slices, singly = (prepared(line_format, ier, fcr, beginning, delay=True, unlimited=False) for _ in range(2))
    data = bytes(character & line_format.data_mask for character in data)
    first = singly.now + gap * CRYSTAL_PERIOD
    last = first + (len(data) - 1) * line_format.frame_ticks
    assume(slices.next_interrupt(slices.now) > last)
    if not stream_in(slices, data, last):
        assert slices.state() == singly.state(), "nothing was done"
        return
    event("streamed")
    received = bytearray()
    for n, character in enumerate(data):
        now = first + n * line_format.frame_ticks
        singly.receive(character, 0, now)
        assert singly.irq
        assert singly.read(Offset.IIR, now) & 0x0F == InterruptId.RECEIVED_DATA
        while singly.read(Offset.LSR, now) & 1:
            received.append(singly.read(Offset.RBR, now))
        assert singly.read(Offset.IIR, now) & 0x0F == InterruptId.NONE
    assert received == data
    assert slices.state() == singly.state()


def test_no_slice_is_received_under_automatic_flow_control() -> None:
    """RTS would go down and up with every character."""
    uart = Uart("16750")
    for offset, value in ((Offset.FCR, 1), (Offset.MCR, 0x2B), (Offset.IER, 1)):
        uart.write(offset, value, 0)
    assert not stream_in(uart, b"abc", 10**9)
    uart.write(Offset.MCR, 0x0B, 0)
    assert stream_in(uart, b"abc", 10**9)


def test_no_slice_is_made_while_out2_holds_the_interrupt_back() -> None:
    uart = prepared(LineFormat(), 0x03, 0x01, [[Write(0, 1)] * 3], delay=True, unlimited=False)
    uart.write(Offset.MCR, 0, uart.now)
    assert stream_out(uart, bytearray(100), 10**12) is None
    assert not stream_in(uart, b"abc", 10**9)


def test_a_slice_ends_with_the_last_refill_that_is_due_and_is_none_below_two() -> None:
    frame = LineFormat().frame_ticks
    for count in (1, 2, 3, 6):
        for early in (0, 1):
            uart = prepared(LineFormat(), 0x02, 0x01, [[Write(0, n)] for n in range(9)], delay=True, unlimited=False)
            # One is on its way out, eight wait: THRE rises when the last of them starts.
            first = uart.transmitter.frame_end + 7 * frame
            until = first + (count - 1) * 16 * frame - early
            streamed = stream_out(uart, bytearray(range(100)), until)
            refills = min(count - early, 6)
            assert (streamed.refills if streamed is not None else 0) == (refills if refills >= 2 else 0)
            if streamed is not None:
                assert streamed.taken == 16 * refills
                assert len(streamed.frames) == 8 + 16 * (refills - 1)
                assert streamed.start == first - 7 * frame
                assert uart.transmitter.frame_end == first + (refills - 1) * 16 * frame + frame
                assert uart.transmitter.thr_writes == 9 + 16 * refills


def test_no_slice_is_made_of_less_than_two_fifos_without_fifo_or_in_loopback() -> None:
    def waiting(fcr: int = 1, mcr: int = 0x0B, ier: int = 2) -> Uart:
        uart = prepared(LineFormat(), ier, fcr, [[Write(0, 1)], [Write(0, 2)]], delay=True, unlimited=False)
        uart.write(Offset.MCR, mcr, uart.now)
        return uart

    assert stream_out(waiting(), bytearray(32), 10**12) is not None
    assert stream_out(waiting(), bytearray(31), 10**12) is None
    assert stream_out(waiting(fcr=0), bytearray(100), 10**12) is None
    assert stream_out(waiting(mcr=0x1B), bytearray(100), 10**12) is None
    assert stream_out(waiting(ier=1), bytearray(100), 10**12) is None
    busy = waiting()
    busy.receive(0x41, 0, busy.now)
    assert stream_out(busy, bytearray(100), 10**12) is None


def test_at_unlimited_rate_all_whole_refills_are_made_at_once_and_only_from_an_empty_transmitter() -> None:
    uart = prepared(LineFormat(), 0x02, 0x01, [], delay=True, unlimited=True)
    streamed = stream_out(uart, bytearray(range(40)), uart.now)
    assert streamed is not None
    assert (streamed.refills, streamed.taken, streamed.frames) == (2, 32, bytes(range(32)))
    assert uart.transmitter.thr_writes == 32
    assert (uart.transmitter.written, uart.transmitter.frame_end) == (0, uart.now)


def test_a_slice_does_not_begin_while_the_empty_indication_is_late() -> None:
    """One character has been written since THRE was set, and another waits behind the frame: THRE will come late."""
    frame = LineFormat().frame_ticks
    beginning: list[list[Write | Wait]] = [
        [Write(0, 1)],
        [Wait(99 * frame)],
        [Write(0, 2)],
        [Wait(frame - BIT_AT_DIVISOR_1 // 2)],
        [Write(0, 3)],
    ]
    slices, singly = (prepared(LineFormat(), 2, 0x01, beginning, delay=True, unlimited=False) for _ in range(2))
    assert slices.transmitter.fifo == b"\x03"
    assert stream_out(slices, bytearray(320), slices.now + 99 * frame) is None
    assert slices.state() == singly.state()


def test_no_slice_is_received_unless_the_handler_would_read_each_character_and_do_nothing_else() -> None:
    def chip(fcr: int = 1, mcr: int = 0x0B, ier: int = 1) -> Uart:
        uart = Uart()
        for offset, value in ((Offset.FCR, fcr), (Offset.MCR, mcr), (Offset.IER, ier)):
            uart.write(offset, value, 0)
        if uart.irq:
            uart.read(Offset.IIR, 0)
        return uart

    for ier in (1, 3, 5):
        assert stream_in(chip(ier=ier), b"abc", 10**9)
    refused = [chip(ier=ier) for ier in (0, 2, 4, 8)] + [chip(fcr=0), chip(fcr=0x41), chip(mcr=0x03), chip(mcr=0x1B)]
    waiting, wrong, changed = chip(), chip(), chip(ier=9)
    waiting.receive(0x41, 0, 0)
    wrong.receive(0x41, 8, 0)
    wrong.read(Offset.RBR, 0)  # LSR has not been read
    changed.set_modem_inputs(0, 0)
    for uart in (*refused, waiting, wrong, changed):
        before = uart.state()
        assert not stream_in(uart, b"abc", 10**9)
        assert uart.state() == before


def test_the_empty_indication_after_a_change_of_mode_is_immediate_once_and_a_slice_uses_that_up() -> None:
    beginning: list[list[Write | Wait]] = [[Write(0, 1)], [Wait(2 * BIT_AT_DIVISOR_1)], [Write(2, 1)]]
    beginning += [[Write(0, 2)], [Write(1, 0), Write(1, 2)]]
    slices, singly = (prepared(LineFormat(), 2, 0x00, beginning, delay=True, unlimited=False) for _ in range(2))
    assert slices.transmitter.immediate
    streamed = stream_out(slices, bytearray(range(64)), slices.now + 99 * LineFormat().frame_ticks)
    assert streamed is not None
    refill_by_interrupts(singly, bytes(range(64)), streamed.refills)
    slices.take_sent()
    singly.take_sent()
    slices.advance(singly.now)
    assert slices.state() == singly.state()


def test_the_next_interrupt_of_the_transmitter_comes_as_the_last_character_enters_the_shift_register() -> None:
    frame = LineFormat().frame_ticks
    for waiting in range(1, 6):
        writes: list[list[Write | Wait]] = [[Write(0, 0)] * (1 + waiting)]
        uart = prepared(LineFormat(), 2, 0x01, writes, delay=False, unlimited=False)
        if uart.irq:
            uart.read(Offset.IIR, uart.now)
        rises = uart.transmitter.frame_end + (waiting - 1) * frame
        assert uart.next_interrupt(uart.now) == rises
        uart.advance(rises - 1)
        assert not uart.irq
        uart.advance(rises)
        assert uart.irq


def test_at_unlimited_rate_too_no_slice_is_made_of_less_than_two_fifos() -> None:
    for size, made in ((16, False), (31, False), (32, True)):
        uart = prepared(LineFormat(), 0x02, 0x01, [], delay=True, unlimited=True)
        assert (stream_out(uart, bytearray(size), uart.now) is not None) is made
