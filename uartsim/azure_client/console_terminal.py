"""A person's terminal on a console of the service.

The terminal is in raw mode, so that every key reaches the guest; Ctrl-] opens the menu.  When the socket closes, the person
is told why.  After what is transient, such as a restart of the service, it is opened again; after anything else, such as a
take-over by another user, it is opened again when the person presses Enter.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from uartsim.access.keys import PASTE_GAP_S, Keys
from uartsim.access.output_filters import QueryFilter
from uartsim.access.raw_terminal import RawTerminal, read_typed
from uartsim.access.terminal_output import TerminalOutput
from uartsim.access.terminal_signals import ENDING, obey_signals
from uartsim.azure_client.azure_menu import AzureMenu
from uartsim.azure_client.client_errors import ConsoleError
from uartsim.azure_client.console_connection import ConsoleConnection
from uartsim.azure_client.send_command import send_result
from uartsim.azure_client.typed_frames import TypedFrames
from uartsim.azure_client.web_socket import Closed
from uartsim.printable import printable_line

#: What the service sends before the first pause of this length, in seconds, was sent by the guest before we came: queries to
#: a terminal in it are not shown, because the terminal would answer them again.
HISTORY_PAUSE_S: Final = 0.3
#: History ends at the latest after this time, in seconds.
HISTORY_S: Final = 5.0
#: After the socket has closed, history is gathered for so long, in seconds, and so much of it, in bytes; what has been shown
#: before is left out.  So many bytes of that are looked for.
GATHER_S: Final = 1.0
HISTORY_BYTES: Final = 1 << 21
OVERLAP: Final = 1024
#: A connection that lasts for less than this, in seconds, so many times in a row is not opened again without asking.
SHORT_S: Final = 10.0
MOST_SHORT: Final = 3
#: The most characters that are read from the terminal and wait.
TYPE_AHEAD: Final = 1 << 20
#: When the person quits: how long the keys typed before that may take to be sent, in seconds.
LAST_KEYS_S: Final = 0.5

_CLEAR: Final = b"\x1b[2J\x1b[H"
_PRESS_ENTER: Final = 'Connection Closed: Press "Enter" to reconnect... (Ctrl-] q quits)'
_EVERYTHING: Final = 1 << 62


class ConsoleTerminal:
    """A terminal on a console.

    Args:
        reopen: opens the console again, with several attempts.
        input_fd: the terminal's keys.
        output_fd: the terminal's screen.
        name: the machine's name.
        is_windows: its system is Windows.

    Attributes:
        status: the exit status, after :meth:`run`.
    """

    def __init__(
        self,
        reopen: Callable[[], Awaitable[ConsoleConnection]],
        input_fd: int,
        output_fd: int,
        *,
        name: str,
        is_windows: bool,
    ) -> None:
        self.status = 1
        self._reopen = reopen
        self._fds = input_fd, output_fd
        self._name = name
        self._menu = AzureMenu(is_windows=is_windows)
        self._screen: TerminalOutput | None = None
        self._connection: ConsoleConnection | None = None
        self._frames = TypedFrames()
        self._unsent = 0  # characters of a frame that did not leave
        self._typed_at = float("-inf")
        self._shown = b""  # the end of what the guest sent
        self._moved = trio.lowlevel.ParkingLot()
        self._enter = trio.Event()
        self._told = False  # that keys are not sent
        self._end = ""

    async def run(self, connection: ConsoleConnection) -> None:
        """Serve until the person quits, the terminal is gone, or a signal comes.

        Args:
            connection: an open console.
        """
        with RawTerminal(*self._fds) as terminal:
            self._screen = screen = TerminalOutput(terminal.screen)
            quitting = False
            try:
                async with trio.open_nursery() as nursery:
                    scope = nursery.cancel_scope
                    nursery.start_soon(screen.run)
                    nursery.start_soon(self._on_signals, terminal, scope)
                    nursery.start_soon(self._from_person, terminal.keys, nursery)
                    screen.put(_CLEAR)
                    self.say(f"connected to {self._name}; Ctrl-] opens the menu, Ctrl-] q leaves")
                    nursery.start_soon(self._converse, connection, screen)
                quitting = not self.status
            finally:
                self._screen = None
                end = f": {self._end}" if self._end else ""
                await screen.finish(printable_line(f"uartsim: left {self._name}{end}") + "\r\n", drop=quitting)
        if self._connection is not None:
            await self._connection.socket.close()

    def say(self, text: str) -> None:
        """Show sentences of ours, each on a line of its own."""
        if self._screen is not None:
            for line in text.splitlines():
                self._screen.say(line)

    def _ended(self, scope: trio.CancelScope, why: str, status: int) -> None:
        self._end, self.status = why, status
        scope.cancel()

    async def _on_signals(self, terminal: RawTerminal, scope: trio.CancelScope) -> None:
        def end(number: int) -> None:
            self._ended(scope, f"ended by {signal.Signals(number).name}", 128 + number)

        await obey_signals(terminal, ENDING, end)

    # -- the service ---------------------------------------------------------------------------------------

    async def _converse(self, connection: ConsoleConnection, screen: TerminalOutput) -> None:
        """Carry one connection after the other."""
        short = 0
        while True:
            began_at = trio.current_time()
            ended = await self._carry(connection, screen)
            self._connection = None
            self._enter, self._told = trio.Event(), False
            short = short + 1 if trio.current_time() - began_at < SHORT_S else 0
            unsent, self._unsent = self._unsent + self._frames.drop(), 0
            if unsent:
                self.say(f"{unsent} characters of what was typed were not sent")
            again = await self._at_once(ended) if ended.transient and short < MOST_SHORT else None
            if again is None:
                if not ended.transient or short >= MOST_SHORT:
                    self.say(f"the socket has closed: {ended.why}")
                again = await self._when_asked()
                short = 0
            connection = again
            self.say(f"connected to {self._name} again")

    async def _carry(self, connection: ConsoleConnection, screen: TerminalOutput) -> Closed:
        """Pass on what both sides say, until the socket closes."""
        self._connection = connection  # what is typed from now on is sent after the token
        try:
            await connection.show_token()
        except ConsoleError as error:
            await connection.socket.close()
            return Closed(str(error), transient=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.socket.keep_alive)
            nursery.start_soon(self._send_typed, connection)
            ended = await self._show_output(connection, screen)
            nursery.cancel_scope.cancel()
        return ended

    async def _show_output(self, connection: ConsoleConnection, screen: TerminalOutput) -> Closed:
        past = QueryFilter(_EVERYTHING)
        message: bytes | Closed = await self._what_is_new(connection) if self._shown else b""
        history_until = trio.current_time() + HISTORY_S
        in_history = True
        while not isinstance(message, Closed):
            self._shown = (self._shown + message)[-OVERLAP:]
            await screen.show(past.feed(message))
            message = b""
            with trio.move_on_after(HISTORY_PAUSE_S if in_history else float("inf")) as pause:
                message = await connection.socket.receive()
            if in_history and (pause.cancelled_caught or trio.current_time() > history_until):
                in_history = False
                await screen.show(past.end())
        await screen.show(past.end())
        return message

    async def _what_is_new(self, connection: ConsoleConnection) -> bytes:
        """Of the history that the service sends again, what has not been shown."""
        history = bytearray()
        with trio.move_on_after(GATHER_S):
            while len(history) < HISTORY_BYTES:
                with trio.move_on_after(HISTORY_PAUSE_S) as pause:
                    message = await connection.socket.receive()
                    if isinstance(message, Closed):
                        break
                    history += message
                if pause.cancelled_caught:
                    break
        at = history.find(self._shown)
        return bytes(history if at < 0 else history[at + len(self._shown) :])

    async def _at_once(self, ended: Closed) -> ConsoleConnection | None:
        """Open the console again after something transient; None if that does not succeed."""
        self.say(f"the connection was lost ({ended.why}); connecting again")
        try:
            return await self._reopen()
        except ConsoleError as error:
            self.say(str(error))
            return None

    async def _when_asked(self) -> ConsoleConnection:
        """Open the console again whenever the person presses Enter."""
        while True:
            self._enter = trio.Event()
            self.say(_PRESS_ENTER)
            await self._enter.wait()
            try:
                return await self._reopen()
            except ConsoleError as error:
                self.say(str(error))

    async def _send_typed(self, connection: ConsoleConnection) -> None:
        while True:
            while not len(self._frames):
                self._moved.unpark_all()
                await self._moved.park()
            rest_s = self._typed_at + PASTE_GAP_S - trio.current_time()
            if self._frames.is_partial and rest_s > 0:
                await trio.sleep(rest_s)
            elif text := self._frames.take():
                self._unsent = len(text)  # in case that this is cancelled, too
                if await connection.socket.send(text):
                    self._unsent = 0
                self._moved.unpark_all()

    # -- the person ----------------------------------------------------------------------------------------

    async def _from_person(self, fd: int, nursery: trio.Nursery) -> None:
        keys = Keys(self._menu)
        while True:
            while len(self._frames) > TYPE_AHEAD:
                await self._moved.park()
            data = await read_typed(fd)
            if not data:
                self._ended(nursery.cancel_scope, "this terminal is gone", 1)
                return
            for what, part in keys.feed(data, trio.current_time()):
                if what == "quit":
                    await self._quit(nursery.cancel_scope)
                    return
                if what in ("nmi", "reset", "sysrq"):
                    nursery.start_soon(self._admin_command, what, part.decode() if what == "sysrq" else "")
                elif what == "send":
                    self._type(part, pasted=keys.pasting)
                else:
                    self._show(what, part)

    def _type(self, data: bytes, *, pasted: bool) -> None:
        if self._connection is not None:
            self._frames.put(data, pasted=pasted)
            self._typed_at = trio.current_time()
            self._moved.unpark_all()
        elif b"\r" in data or b"\n" in data:
            self._enter.set()
        elif not self._told:
            self._told = True
            self.say("there is no connection: what you type is not sent")

    async def _quit(self, scope: trio.CancelScope) -> None:
        """Send what was typed before, if the service takes it soon."""
        with trio.move_on_after(LAST_KEYS_S):
            while len(self._frames) and self._connection is not None:
                await self._moved.park()
        unsent = len(self._frames)
        self._ended(scope, f"{unsent} characters of what was typed have not been sent" if unsent else "", 0)

    async def _admin_command(self, command: str, keys: str) -> None:
        if self._connection is None:
            self.say("there is no connection: nothing was sent")
            return
        try:
            await self._connection.admin_command(command, keys)
            self.say(send_result(command, sent=True))
        except ConsoleError as error:
            self.say(f"{send_result(command, sent=False)}: {error}")

    def _show(self, what: str, part: bytes) -> None:
        """Show what the menu has to say."""
        assert self._screen is not None
        match what:
            case "menu":
                self._screen.put("".join(f"\r\n{line}" for line in self._menu.lines).encode() + b"\r\n")
            case "ask" | "echo":
                self._screen.put(part)
            case "clear":
                self._screen.put(b"\r\n")
            case "pasted":
                self.say("a pasted Ctrl-] went to the guest")
            case _:
                key = part.decode(errors="replace")
                self.say(f"{key!r} means nothing here: Ctrl-] and a key of the menu, such as q to leave")
