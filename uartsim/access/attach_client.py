"""The client of ``uartsim attach``: a person's terminal on the line of a running machine.

The terminal is put into raw mode, so that every key reaches the guest, Ctrl-C and Ctrl-Z too.  ``Ctrl-]`` is the client's
own key: it opens a menu line, and the key after it says what to do.  However the client ends (``kill -9`` aside), the
terminal gets its settings back.

The client sends what is typed a little at a time (:data:`WINDOW`) and waits for the machine's acknowledgement, so that the
menu acts at once even in the middle of a long paste.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections import deque
from typing import Any, Final

import trio

from uartsim.access.attach_messages import MessageStream
from uartsim.access.attach_view import AttachView
from uartsim.access.keys import HELP, MENU, AttachMenu, Keys
from uartsim.access.output_filters import QueryFilter
from uartsim.access.raw_terminal import RawTerminal, read_typed, window_size
from uartsim.access.terminal_output import TerminalOutput
from uartsim.access.terminal_signals import ENDING, obey_signals
from uartsim.errors import UartsimError, UsageError
from uartsim.printable import printable_line

#: The most bytes that have been sent to the machine and that the line has not taken yet.
WINDOW: Final = 2048
#: The most bytes that are read from the terminal and wait; the rest, and any menu key behind it, waits in the terminal.
TYPE_AHEAD: Final = 1 << 20
#: When the person quits: how long the keys typed before that may take to reach the machine, in seconds.
LAST_KEYS_S: Final = 0.5

#: What does not wait for the line: the message for each.
_AT_ONCE: Final = {"nmi": b"M", "reset": b"R", "diagnosis": b"I", "watch": b"W", "take": b"F"}
#: Why it ended when nothing else is known.
_GONE: Final = "the machine is gone"


def diagnosis(status: dict[str, Any], who: str = "") -> str:
    """A machine's status on one line.

    Args:
        status: see :meth:`uartsim.access.machine_server.MachineServer.status`.
        who: the client that asks; it is called "you".

    Returns:
        Speed, format, modem lines, counters, holder and watchers of the line, and the link.
    """
    com1, hub = status["com1"], status["hub"]
    line = com1["line"]
    modem = " ".join(name.upper() for name, on in com1["modem"].items() if on) or "no modem line active"
    others = [client["who"] for client in hub["clients"] if client["watch"] and client["present"]]
    watching = ["you" if other == who else other for other in others]
    holder = "you" if hub["writer"] and hub["writer"] == who else hub["writer"] or "nobody"
    return (
        f"{com1['format']} | {modem} | {line['bytes_out']} bytes out, {line['bytes_in']} in | "
        f"overruns {line['overruns']}, withheld {line['withheld']}, breaks {line['breaks_in']} in "
        f"{line['breaks_out']} out | held by {holder}, watching: {', '.join(watching) or 'nobody'} | {status['link']}"
    )


def own_name(fd: int) -> str:
    """The name under which others see this client: its process and its terminal."""
    with contextlib.suppress(OSError):
        return f"attach (process {os.getpid()}, {os.ttyname(fd).removeprefix('/dev/')})"
    return f"attach (process {os.getpid()})"


class AttachClient:
    """A terminal that is attached to a machine.

    Args:
        messages: the connection, from :func:`uartsim.access.attach_server.connect`.
        input_fd: the terminal's keys.
        output_fd: the terminal's screen.
        name: the machine's name, for a last sentence; without a name there is no last sentence.
        ends_on_signals: whether SIGTERM and its like end the client; otherwise the caller handles them.

    Attributes:
        view: how the line is shown and recorded.
        end: why the client ended, as a sentence; empty when the person quit.
        status: the exit status that goes with it.
    """

    def __init__(
        self,
        messages: MessageStream,
        input_fd: int,
        output_fd: int,
        *,
        name: str = "",
        ends_on_signals: bool = True,
    ) -> None:
        self.messages = messages
        self.input_fd = input_fd
        self.output_fd = output_fd
        self.name = name
        self.who = own_name(input_fd)
        self.view = AttachView(name)
        self.end = _GONE
        self.status = 1
        self._ending = ENDING if ends_on_signals else ()
        self._screen: TerminalOutput | None = None
        self._terminal: RawTerminal | None = None
        self._typed: deque[tuple[bytes, bytes]] = deque()
        self._typed_bytes = 0
        self._on_the_way = 0
        self._sending = True  # the hello
        self._quitting = False
        self._parted = trio.Event()
        self._moved = trio.lowlevel.ParkingLot()

    async def run(self, *, watch: bool, force: bool, history: int | None, yields: bool = False) -> None:
        """Serve until the person quits, the terminal is gone, a signal comes, or the machine has ended.

        Args:
            watch: only read.
            force: take the line over from the client that holds it.
            history: how many bytes of what was sent before to show; None: all that is kept.
            yields: give the line up as soon as another client wants it.
        """
        hello = {
            "who": self.who,
            "watch": watch,
            "force": force,
            "history": history,
            "yields": yields,
            "acknowledge": True,
        }
        with RawTerminal(self.input_fd, self.output_fd) as terminal:
            self._terminal = terminal
            self._screen = screen = TerminalOutput(terminal.screen)
            try:
                async with trio.open_nursery() as nursery:
                    scope = nursery.cancel_scope
                    nursery.start_soon(screen.run)
                    nursery.start_soon(self._on_signals, terminal, scope)
                    nursery.start_soon(self.view.keep_record)
                    nursery.start_soon(self._to_machine, json.dumps(hello).encode())
                    nursery.start_soon(self._from_machine, screen, scope)
                    nursery.start_soon(self._from_person, terminal.keys, screen, scope)
            finally:
                self._screen = None
                self.view.end_record()
                last = (
                    printable_line(f"uartsim: left {self.name}{': ' + self.end if self.end else ''}") + "\r\n"
                    if self.name
                    else ""
                )
                await screen.finish(last, drop=self._quitting)

    def say(self, text: str) -> bool:
        """Show a sentence to the person, without waiting for the terminal; returns whether the terminal is attached."""
        if self._screen is not None:
            self._screen.say(text)
        return self._screen is not None

    def _ended(self, scope: trio.CancelScope, why: str, status: int) -> None:
        self.end, self.status = why, status
        scope.cancel()

    def abandon(self) -> None:
        """Restore the terminal while the loop is blocked; may be called on another thread than the loop's."""
        if self._terminal is not None and self._screen is not None:
            self._screen.abandon()
            self._terminal.cooked()

    async def _on_signals(self, terminal: RawTerminal, scope: trio.CancelScope) -> None:
        def end(number: int) -> None:
            self._ended(scope, f"ended by {signal.Signals(number).name}", 128 + number)

        await obey_signals(terminal, self._ending, end)

    async def _to_machine(self, hello: bytes) -> None:
        """Send what was typed, in its order, never much at a time."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # the other task says why
            await self.messages.send(b"H", hello)
            while True:
                self._sending = False
                self._moved.unpark_all()
                while not self._typed or self._on_the_way >= WINDOW:
                    await self._moved.park()
                self._sending = True
                kind, data = self._typed.popleft()
                if kind == b"D":
                    room = WINDOW - self._on_the_way
                    if len(data) > room:
                        self._typed.appendleft((kind, data[room:]))
                        data = data[:room]
                    self._typed_bytes -= len(data)
                    self._on_the_way += len(data)
                await self.messages.send(kind, data)

    def _type(self, kind: bytes, data: bytes) -> None:
        """Put a message behind what was typed before."""
        self._typed.append((kind, data))
        self._typed_bytes += len(data) if kind == b"D" else 0
        self._moved.unpark_all()

    async def _from_machine(self, screen: TerminalOutput, scope: trio.CancelScope) -> None:
        past = QueryFilter(0)
        try:
            while (message := await self.messages.receive()) is not None:
                kind, data = message
                if kind == b"D":
                    await screen.show(self.view.shown(past.feed(data)))
                elif kind == b"A":
                    fields = message.fields()
                    if "past" in fields:
                        past = QueryFilter(int(fields["past"]))
                    self._on_the_way -= int(fields.get("taken", 0))
                    self._moved.unpark_all()
                elif kind == b"N":
                    screen.say(data.decode(errors="replace"))
                elif kind == b"I":
                    screen.say(diagnosis(message.fields(), self.who))
                elif kind == b"E":
                    self._ended(scope, data.decode(errors="replace"), 0)
                    return
        except UartsimError as error:
            self._ended(scope, str(error), 1)
            return
        self._parted.set()
        if not self._quitting:
            self._ended(scope, _GONE, 1)

    async def _from_person(self, fd: int, screen: TerminalOutput, scope: trio.CancelScope) -> None:
        menu = AttachMenu()
        keys = Keys(menu)
        while True:
            menu.recording = bool(self.view.path)
            while self._typed_bytes > TYPE_AHEAD:
                await self._moved.park()
            data = await read_typed(fd)
            if not data:
                self._ended(scope, "this terminal is gone", 1)
                return
            for what, part in keys.feed(data, trio.current_time()):
                if what == "quit":
                    await self._quit(scope)
                    return
                try:
                    await self._do(screen, what, part)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return  # the other task says why

    async def _quit(self, scope: trio.CancelScope) -> None:
        """Send what was typed before, if the line takes it soon; then the machine ends the session and frees the line."""
        self._quitting = True
        with trio.move_on_after(LAST_KEYS_S), contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while self._typed or self._sending:
                await self._moved.park()
            await self.messages.stream.send_eof()
            await self._parted.wait()
        left = f"{self._typed_bytes} bytes of what was typed have not been sent" if self._typed_bytes else ""
        self._ended(scope, left, 0)

    async def _do(self, screen: TerminalOutput, what: str, part: bytes) -> None:
        """Do what :class:`Keys` has found."""
        match what:
            case "send":
                self.view.typed(part)
                self._type(b"D", part)
            case "break":
                self._type(b"B", b"{}")
            case "sysrq":
                self._type(b"K", part)
            case "size":
                rows, columns = window_size(self.output_fd)
                self._type(b"D", f"stty rows {rows} cols {columns}\r".encode())
            case "times" | "hex" | "record" | "end record":
                self._change_view(screen, what, part)
            case _ if what in _AT_ONCE:
                await self.messages.send(_AT_ONCE[what])
                if what == "watch":
                    screen.say("you only watch now (Ctrl-] f takes the line)")
            case _:
                _show(screen, what, part)

    def _change_view(self, screen: TerminalOutput, what: str, part: bytes) -> None:
        match what:
            case "times":
                screen.say(f"times before the lines: {self.view.next_stamps()}")
            case "hex":
                screen.put(self.view.switch_hex())
                screen.say(f"bytes are shown {'in hexadecimal' if self.view.is_hex else 'as they are'} (Ctrl-] x)")
            case "end record":
                screen.say(self.view.end_record())
            case "record":
                try:
                    self.view.begin_record(part.decode(errors="surrogateescape"), window_size(self.output_fd))
                except UsageError as error:
                    screen.say(str(error))
                else:
                    screen.say(f"recording to {self.view.path} (Ctrl-] l ends it)")


def _show(screen: TerminalOutput, what: str, part: bytes) -> None:
    """Show what the menu has to say."""
    match what:
        case "help":
            for line in HELP:
                screen.put(f"{line}\r\n".encode())
        case "menu":
            screen.put(f"\r\n{MENU} ".encode())
        case "clear":
            screen.put(b"\r\n")
        case "prompt":
            screen.put(b"\r\n" + part)
        case "echo":
            screen.put(part)
        case "pasted":
            screen.say("a pasted Ctrl-] went to the guest")
        case _:
            key = part.decode(errors="replace")
            screen.say(f"{key!r} means nothing here: Ctrl-] and a key of the menu, such as q to leave")
