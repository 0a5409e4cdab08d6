"""Our own client: a person's terminal on the line.

The terminal is put into raw mode, so that every key reaches the guest.  ``Ctrl-]`` is ours: after it, ``q`` quits,
``b`` sends a break, ``Ctrl-]`` sends itself.  However it ends, the terminal gets its old settings back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import tty
from collections.abc import Iterator
from typing import Final

import trio

from uartsim.access.hub import HubClient

ESCAPE: Final = b"\x1d"


@contextlib.contextmanager
def raw_terminal(fd: int) -> Iterator[None]:
    """The terminal ``fd`` in raw mode, non-blocking; as it was before, afterwards."""
    before = termios.tcgetattr(fd)
    blocking = os.get_blocking(fd)
    try:
        tty.setraw(fd, termios.TCSANOW)
        os.set_blocking(fd, False)
        yield
    finally:
        os.set_blocking(fd, blocking)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


async def write_all(fd: int, data: bytes) -> None:
    """Write everything to a non-blocking descriptor."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(fd)


async def interact(client: HubClient, input_fd: int, output_fd: int) -> None:
    """Connect a terminal with the line until the person quits, the terminal is gone, or the guest has ended."""

    async def from_guest(scope: trio.CancelScope) -> None:
        while data := await client.receive():
            await write_all(output_fd, data)
        scope.cancel()

    async def from_person(scope: trio.CancelScope) -> None:
        keys = Keys()
        while True:
            await trio.lowlevel.wait_readable(input_fd)
            try:
                data = os.read(input_fd, 4096)
            except BlockingIOError:
                continue
            except OSError:
                break  # the terminal is gone
            if not data:
                break
            for kind, part in keys.split(data):
                if kind == "quit":
                    scope.cancel()
                    return
                if kind == "break":
                    await client.send_break()
                elif kind == "help":
                    await write_all(output_fd, b"\r\n[Ctrl-] then: q quit, b break, Ctrl-] itself]\r\n")
                else:
                    await client.send(part)
        scope.cancel()

    with raw_terminal(input_fd):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_on_hangup, nursery.cancel_scope)
            nursery.start_soon(from_guest, nursery.cancel_scope)
            nursery.start_soon(from_person, nursery.cancel_scope)


async def _on_hangup(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()


class Keys:
    """Tells a person's keys for the guest from those for us."""

    def __init__(self) -> None:
        self._escaped = False

    def split(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Yields ("send", bytes), ("break", b""), ("help", b"") or ("quit", b"") in the order of the keys."""
        run = bytearray()
        for key in (data[i : i + 1] for i in range(len(data))):
            if self._escaped:
                self._escaped = False
                if key == ESCAPE:
                    run += key
                    continue
                if run:
                    yield "send", bytes(run)
                    run.clear()
                yield {b"q": "quit", b"b": "break"}.get(key.lower(), "help"), b""
            elif key == ESCAPE:
                self._escaped = True
            else:
                run += key
        if run:
            yield "send", bytes(run)
