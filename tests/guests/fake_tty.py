"""A serial line without a UART: what a script guest needs of its host, and a person at the other end to type and watch.

`FakeTty` is the guest's ``host.tty``: bytes move at once, or at ``bytes_per_s``.  `Line` is the other end: it types,
expects, and keeps all it saw.  Time is the running loop's, so a virtual clock makes waits free.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from uartsim.guest.script import Flag, LineFormat, Received

DEMO = Path(__file__).parents[2] / "guests" / "demo"

#: How many bytes the fake wire moves at a time.
FIFO = 16


def demo_module(name: str) -> types.ModuleType:
    """A module of the demo guest's folder, loaded as a part of one package."""
    package = "demo_guest_under_test"
    if package not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            package, DEMO / "__init__.py", submodule_search_locations=[str(DEMO)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"{package}.{name}")


class FakeTty:
    """A driver whose wire is two buffers.

    Args:
        bytes_per_s: how fast output leaves; None for at once.
    """

    TRANSMIT_BUFFER = 4096

    def __init__(self, bytes_per_s: float | None = None) -> None:
        self.line_format = LineFormat()
        self.formats: list[LineFormat] = []
        self.opened = 0
        self.sent = bytearray()
        self.changed = trio.Event()
        self._bytes_per_s = bytes_per_s
        self._transmit = bytearray()
        self._received: deque[Received] = deque()
        self._arrived = trio.Event()
        self._moved = trio.Event()

    # What a guest uses.
    def open(self, line_format: LineFormat | None = None) -> None:
        self.opened += 1
        self.line_format = line_format or LineFormat()

    def close(self) -> None:
        self.opened = 0

    def set_format(self, line_format: LineFormat) -> None:
        self.line_format = line_format
        self.formats.append(line_format)

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        while len(self._transmit) >= self.TRANSMIT_BUFFER:
            await self._moved.wait()
        self.write_nowait(data)

    def write_nowait(self, data: bytes) -> None:
        if self._bytes_per_s is None:
            self._show(data)
        else:
            self._transmit += data
            self._wake()

    def discard_output(self) -> int:
        count = len(self._transmit)
        self._transmit.clear()
        self._wake()
        return count

    async def drain(self) -> None:
        await trio.lowlevel.checkpoint()
        while self._transmit:
            await self._moved.wait()

    async def receive(self) -> Received:
        await trio.lowlevel.checkpoint()
        while not self._received:
            await self._arrived.wait()
        return self._received.popleft()

    def receive_nowait(self) -> Received | None:
        return self._received.popleft() if self._received else None

    def flush_input(self) -> None:
        self._received.clear()

    # What the wire does.
    async def run_wire(self) -> None:
        assert self._bytes_per_s is not None
        while True:
            if not self._transmit:
                await self._moved.wait()
                continue
            await trio.sleep(FIFO / self._bytes_per_s)
            if self._transmit:
                self._show(bytes(self._transmit[:FIFO]))
                del self._transmit[:FIFO]
                self._wake()

    def _show(self, data: bytes) -> None:
        self.sent += data
        self.changed.set()
        self.changed = trio.Event()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    def arrive(self, data: bytes, flag: Flag = Flag.NORMAL) -> None:
        self._received.append(Received(data, flag))
        self._arrived.set()
        self._arrived = trio.Event()


class FakeHost:
    """A `ScriptHost` on a `FakeTty`."""

    def __init__(self, tty: FakeTty, settings: Mapping[str, Any]) -> None:
        self.tty = tty
        self.settings = settings
        self.on_nmi: Any = None
        self.agent: Any = None
        self.disk: dict[str, Any] = {}
        self.folder = DEMO
        self.uart = "16550A"


class Line:
    """The person at the other end."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.tty = host.tty
        self.position = 0
        self.before = b""
        self.ended: str | None = None

    @property
    def output(self) -> bytes:
        return bytes(self.tty.sent)

    def type(self, data: bytes | str) -> None:
        self.tty.arrive(data.encode() if isinstance(data, str) else data)

    def send_break(self) -> None:
        self.tty.arrive(b"\0", Flag.BREAK)

    def sysrq(self, key: str) -> None:
        self.send_break()
        self.type(key)

    async def expect(self, wanted: bytes | str, within_s: float = 120.0) -> bytes:
        """Wait for ``wanted``; what stood before it is returned and kept in ``before``."""
        wanted = wanted.encode() if isinstance(wanted, str) else wanted
        with trio.move_on_after(within_s):
            while True:
                found = self.tty.sent.find(wanted, self.position)
                if found >= 0:
                    self.before = bytes(self.tty.sent[self.position : found])
                    self.position = found + len(wanted)
                    return self.before
                await self.tty.changed.wait()
        rest = bytes(self.tty.sent[self.position :])
        raise AssertionError(f"{wanted!r} did not come within {within_s} s; since the last match: {rest[-1500:]!r}")

    async def silence(self, seconds: float) -> bytes:
        """What comes within some seconds."""
        await trio.sleep(seconds)
        rest = bytes(self.tty.sent[self.position :])
        self.position = len(self.tty.sent)
        return rest

    async def log_in(self, name: str = "root", password: str = "toor") -> None:
        await self.expect("login: ")
        self.type(name + "\r")
        await self.expect("Password: ")
        self.type(password + "\r")
        await self.expect("# ")

    async def run(self, command: str, prompt: str = "# ") -> str:
        """Run a command at the shell's prompt; its output with plain newlines."""
        self.type(command + "\r")
        await self.expect(command.encode() + b"\r\n")
        output = await self.expect(prompt)
        *lines, last = output.decode(errors="replace").replace("\r\n", "\n").split("\n")
        assert last.endswith(("root@demo:~", "root@(none):/")) or "@" in last or not last, last
        return "".join(line + "\n" for line in lines)


@asynccontextmanager
async def running_demo(bytes_per_s: float | None = None, **settings: Any) -> AsyncIterator[Line]:
    """The demo guest, powered on; ``Line.ended`` is what its main returned."""
    defaults: dict[str, Any] = {"grub_timeout": 0}
    host = FakeHost(FakeTty(bytes_per_s), {**defaults, **settings})
    line = Line(host)
    main = demo_module("guest").main

    async def power_on() -> None:
        line.ended = await main(host)

    async with trio.open_nursery() as nursery:
        if bytes_per_s is not None:
            nursery.start_soon(host.tty.run_wire)
        nursery.start_soon(power_on)
        yield line
        nursery.cancel_scope.cancel()
