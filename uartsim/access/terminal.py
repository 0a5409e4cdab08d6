"""Our own client: a person's terminal on the line of a running machine.

The terminal is put into raw mode, so that every key reaches the guest.  ``Ctrl-]`` is ours: it opens a menu line, and
the key after it says what to do.  However the client ends (``kill -9`` aside), the terminal gets its settings back.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import struct
import termios
import tty
from collections.abc import Iterator
from typing import Any, Final

import trio

from uartsim.access.attach import MessageStream
from uartsim.line_format import UartsimError

ESCAPE: Final = b"\x1d"  # Ctrl-]
_MENU: Final = (
    "[b break | s SysRq | n NMI | r reset | d diagnosis | z window size | w watch only | f take the line | q quit | "
    "Ctrl-] itself]"
)


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
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(fd, termios.TCSANOW, before)


class Keys:
    """Tells a person's keys for the guest from those for us.

    Feed it what was typed; it yields pairs of what to do and with which bytes:
    ``send`` bytes, ``menu``, ``sysrq`` keys, ``prompt``, ``cancel`` and the words of :data:`Keys.COMMANDS`.
    """

    COMMANDS: Final = {
        b"b": "break",
        b"n": "nmi",
        b"r": "reset",
        b"d": "diagnosis",
        b"z": "size",
        b"w": "watch",
        b"f": "take",
        b"q": "quit",
    }

    def __init__(self) -> None:
        self._state = "guest"
        self._sysrq = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """What to do for ``data``, in the order of the keys."""
        run = bytearray()
        for key in (data[i : i + 1] for i in range(len(data))):
            if self._state == "guest" and key != ESCAPE:
                run += key
                continue
            if run:
                yield "send", bytes(run)
                run.clear()
            yield from getattr(self, f"_in_{self._state}")(key)
        if run:
            yield "send", bytes(run)

    def _in_guest(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        self._state = "menu"
        yield "menu", b""

    def _in_menu(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        self._state = "guest"
        if key == ESCAPE:
            yield "clear", b""
            yield "send", ESCAPE
        elif key.lower() == b"s":
            self._state = "sysrq"
            self._sysrq.clear()
            yield "prompt", b""
        else:
            yield "clear", b""
            yield self.COMMANDS.get(key.lower(), "unknown"), key

    def _in_sysrq(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        if key in (b"\r", b"\n"):
            self._state = "guest"
            yield "clear", b""
            if self._sysrq:
                yield "sysrq", bytes(self._sysrq)
        elif key in (b"\x1b", b"\x03", ESCAPE):
            self._state = "guest"
            yield "clear", b""
        elif key in (b"\x7f", b"\b"):
            if self._sysrq:
                del self._sysrq[-1]
                yield "echo", b"\b \b"
        elif key.isalnum():
            self._sysrq += key
            yield "echo", key


def diagnosis(status: dict[str, Any]) -> str:
    """One line: speed, format, modem lines, counters, who holds the line."""
    com1, hub = status["com1"], status["hub"]
    line = com1["line"]
    modem = " ".join(name.upper() for name, on in com1["modem"].items() if on) or "no modem line active"
    others = [client["who"] for client in hub["clients"] if client["watch"]]
    return (
        f"{com1['format']} | {modem} | {line['bytes_out']} bytes out, {line['bytes_in']} in | "
        f"overruns {line['overruns']}, withheld {line['withheld']}, breaks {line['breaks_in']} in "
        f"{line['breaks_out']} out | held by {hub['writer'] or 'nobody'}, watching: {', '.join(others) or 'nobody'}"
    )


def window_size(fd: int) -> tuple[int, int]:
    """Rows and columns of the terminal."""
    rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
    return rows or 24, columns or 80


class Terminal:
    """A terminal attached to a machine.

    Args:
        messages: the connection, from :func:`uartsim.access.attach.connect`.
        input_fd: the terminal's keys.
        output_fd: the terminal's screen.
    """

    def __init__(self, messages: MessageStream, input_fd: int, output_fd: int) -> None:
        self.messages = messages
        self.input_fd = input_fd
        self.output_fd = output_fd
        #: Why it ended, in a sentence; empty when the person quit.
        self.end = ""

    async def run(self, *, watch: bool, force: bool, history: int | None, yields: bool = False) -> None:
        """Serve until the person quits, the terminal is gone, a signal ends us, or the machine has ended.

        Args:
            watch: only read.
            force: take the line over from whoever holds it.
            history: how many bytes of what was sent before to show; None: all that is kept.
            yields: let the next who wants the line have it.
        """
        hello = {
            "who": f"attach (process {os.getpid()})",
            "watch": watch,
            "force": force,
            "history": history,
            "yields": yields,
        }
        await self.messages.send(b"H", json.dumps(hello).encode())
        with raw_terminal(self.input_fd):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._on_signals, nursery.cancel_scope)
                nursery.start_soon(self._from_machine, nursery.cancel_scope)
                nursery.start_soon(self._from_person, nursery.cancel_scope)

    async def _on_signals(self, scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGHUP, signal.SIGTERM) as signals:
            async for _ in signals:
                self.end = "ended by a signal"
                scope.cancel()

    async def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.output_fd, view) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.output_fd)

    async def _say(self, text: str) -> None:
        await self._write(f"\r\n[uartsim: {text}]\r\n".encode())

    async def _from_machine(self, scope: trio.CancelScope) -> None:
        self.end = "the machine is gone"
        try:
            while (message := await self.messages.receive()) is not None:
                kind, data = message
                if kind == b"D":
                    await self._write(data)
                elif kind == b"N":
                    await self._say(data.decode(errors="replace"))
                elif kind == b"I":
                    await self._say(diagnosis(message.fields()))
                elif kind == b"E":
                    self.end = data.decode(errors="replace")
                    break
        except UartsimError as error:
            self.end = str(error)
        scope.cancel()

    async def _from_person(self, scope: trio.CancelScope) -> None:
        keys = Keys()
        while True:
            await trio.lowlevel.wait_readable(self.input_fd)
            try:
                data = os.read(self.input_fd, 4096)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self.end = "this terminal is gone"
                break
            try:
                for what, part in keys.feed(data):
                    if what == "quit":
                        self.end = ""
                        scope.cancel()
                        return
                    await self._do(what, part)
            except trio.BrokenResourceError:
                return  # the other task says why
        scope.cancel()

    async def _do(self, what: str, part: bytes) -> None:
        send = self.messages.send
        if what == "send":
            await send(b"D", part)
        elif what == "menu":
            await self._write(f"\r\n{_MENU} ".encode())
        elif what == "clear":
            await self._write(b"\r\n")
        elif what == "prompt":
            await self._write(b"\r\nSysRq key or sequence, then Enter (Esc: none): ")
        elif what == "echo":
            await self._write(part)
        elif what == "break":
            await send(b"B", b"{}")
        elif what == "sysrq":
            await send(b"K", part)
        elif what == "nmi":
            await send(b"M")
        elif what == "reset":
            await send(b"R")
        elif what == "diagnosis":
            await send(b"I")
        elif what == "watch":
            await send(b"W")
            await self._say("you only watch now (Ctrl-] f takes the line)")
        elif what == "take":
            await send(b"F")
        elif what == "size":
            rows, columns = window_size(self.output_fd)
            await send(b"D", f"stty rows {rows} cols {columns}\r".encode())
        else:
            await self._say(f"{part.decode(errors='replace')!r} means nothing here")
