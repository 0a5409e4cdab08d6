"""A console of the service between a program's standard input and output."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Final

import trio

from uartsim.azure_client.client_errors import ConsoleError
from uartsim.azure_client.console_connection import ConsoleConnection
from uartsim.azure_client.typed_frames import FRAME
from uartsim.azure_client.web_socket import Closed

#: How long output is passed on after the end of the input, in seconds, if nothing else is said.
WAIT_S: Final = 5.0


class ConsolePipe:
    """Sends an input to a console, and passes on what the guest sends.

    A line feed of the input is sent as a carriage return, as the Enter key sends it.

    Args:
        read: the next piece of the input, on a thread of its own; empty at its end.
        write: takes what the guest sends.
        wait_s: how long output is passed on after the end of the input, in seconds.
    """

    def __init__(self, read: Callable[[], bytes], write: Callable[[bytes], object], wait_s: float = WAIT_S) -> None:
        self._read = read
        self._write = write
        self._wait_s = wait_s
        self._sent = 0
        self._done = False

    async def run(self, connection: ConsoleConnection) -> None:
        """Serve until a while after the end of the input.

        Raises:
            ConsoleError: the socket has closed before; the message says how much had been sent.
        """
        await connection.show_token()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.socket.keep_alive)
                nursery.start_soon(self._send_all, connection, nursery.cancel_scope)
                while not isinstance(message := await connection.socket.receive(), Closed):
                    self._write(message)
                sent = "all of the input" if self._done else f"{self._sent} characters of the input"
                raise ConsoleError(f"the socket has closed: {message.why}; {sent} had been sent")
        finally:
            await connection.socket.close()

    async def _send_all(self, connection: ConsoleConnection, scope: trio.CancelScope) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        data = b"-"
        while data:
            data = await trio.to_thread.run_sync(self._read, abandon_on_cancel=True)
            text = decoder.decode(data, final=not data).replace("\n", "\r")
            for at in range(0, len(text), FRAME):
                if await connection.socket.send(text[at : at + FRAME]):
                    self._sent += len(text[at : at + FRAME])
        self._done = True
        await trio.sleep(self._wait_s)
        scope.cancel()
