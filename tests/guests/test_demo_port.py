"""The demo guest's serial port: printk before the tty, XOFF, flushing, and nothing lost or doubled on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guests.fake_tty import FakeTty, demo_module
from tests.machine.rig import run_virtual, virtual_time

module = demo_module("tty.serial_core")


@asynccontextmanager
async def running_port(bytes_per_s: float) -> AsyncIterator[tuple[Any, FakeTty]]:
    tty = FakeTty(bytes_per_s)
    port = module.SerialPort(tty)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tty.run_wire)
        nursery.start_soon(port.run_transmitter)
        yield port, tty
        nursery.cancel_scope.cancel()


@virtual_time
async def test_a_kernel_message_overtakes_waiting_output() -> None:
    async with running_port(1000) as (port, tty):
        await port.write(b"." * 3000)
        await trio.sleep(0.5)
        port.print_kernel(b"<oops>")
        await port.drain()
    place = tty.sent.index(b"<oops>")
    assert 490 <= place <= 510
    assert tty.sent.count(b".") == 3000


@virtual_time
async def test_kernel_messages_keep_their_order() -> None:
    async with running_port(1000) as (port, tty):
        for number in range(20):
            port.print_kernel(b"%02d " % number)
            await trio.sleep(0.001)
        await port.drain()
    assert bytes(tty.sent) == b"".join(b"%02d " % number for number in range(20))


@virtual_time
async def test_held_output_stops_at_once_and_goes_on_complete() -> None:
    text = bytes(range(256)) * 20
    async with running_port(1000) as (port, tty):
        await port.write(text)
        await trio.sleep(1)
        port.hold(True)
        await trio.sleep(0.01)
        stopped = len(tty.sent)
        await trio.sleep(5)
        assert len(tty.sent) == stopped
        port.print_kernel(b"<k>")
        await trio.sleep(1)
        assert tty.sent.endswith(b"<k>")
        port.hold(False)
        await port.drain()
    assert bytes(tty.sent).replace(b"<k>", b"", 1) == text


@virtual_time
async def test_discarded_output_is_gone_but_kernel_messages_stay() -> None:
    async with running_port(1000) as (port, tty):
        await port.write(b"." * 3000)
        await trio.sleep(0.1)
        port.print_kernel(b"k" * 100)
        port.discard_output()
        port.put(b"^C")
        await port.drain()
    assert tty.sent.endswith(b"k" * 100 + b"^C")
    assert tty.sent.count(b".") < 120


@virtual_time
async def test_a_writer_waits_for_room() -> None:
    async with running_port(1000) as (port, _tty):
        before = trio.current_time()
        await port.write(b"." * 20_000)
        assert trio.current_time() - before > 10


@virtual_time
async def test_drain_waits_for_the_last_byte() -> None:
    async with running_port(1000) as (port, tty):
        await port.write(b"." * 500)
        await port.drain()
        assert len(tty.sent) == 500


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["user", "kernel", "hold", "release"]), st.integers(1, 600), st.integers(0, 400)),
        max_size=20,
    )
)
def test_nothing_is_lost_doubled_or_reordered_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    async def main() -> None:
        user, kernel = bytearray(), bytearray()
        async with running_port(5000) as (port, tty):
            for kind, size, pause in steps:
                if kind == "user":
                    piece = bytes(97 + (len(user) + index) % 26 for index in range(size))
                    user += piece
                    port.put(piece)
                elif kind == "kernel":
                    piece = bytes(65 + (len(kernel) + index) % 26 for index in range(size))
                    kernel += piece
                    port.print_kernel(piece)
                else:
                    port.hold(kind == "hold")
                await trio.sleep(pause / 1000)
            port.hold(False)
            await port.drain()
        assert bytes(byte for byte in tty.sent if byte >= 97) == user
        assert bytes(byte for byte in tty.sent if byte < 97) == kernel

    run_virtual(main)
