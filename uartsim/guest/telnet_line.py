"""A telnet connection as a line, with breaks, and with modem lines where the server knows RFC 2217."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import trio

from uartsim.guest.remote_address import RemoteAddress
from uartsim.guest.remote_line import LineEnded
from uartsim.guest.stream_line import StreamLine
from uartsim.guest.telnet_codec import BREAK, IAC, EndlessNegotiation, TelnetCodec
from uartsim.line_format import LineFormat
from uartsim.machine import Received
from uartsim.registers import MSR, ModemOutput

#: How long a server with COM-PORT-OPTION holds a break, in seconds.
BREAK_S: Final = 0.25
#: How long the first characters wait for the server to say whether it takes binary, in seconds.
SETTLE_TIMEOUT_S: Final = 1.0

#: How much is taken at a time: a command takes a few microseconds, and others are served in between.
_CHUNK_BYTES: Final = 4096
_BOTH: Final = ModemOutput.DTR | ModemOutput.RTS


class TelnetLine:
    """A telnet connection to a serial port.

    Args:
        stream: the connected socket.
        address: what it is connected to, for messages.
        line_format: the format that a server with RFC 2217 is asked to set.
        log: is called with a line for the user.
    """

    def __init__(
        self, stream: StreamLine, address: RemoteAddress, line_format: LineFormat, log: Callable[[str], object]
    ) -> None:
        self._stream = stream
        self._address = address
        self._format = line_format
        self._log = log
        self._codec = TelnetCodec(line_format)
        self._sending = trio.Lock()
        self._settled = trio.Event()
        self._changed = trio.lowlevel.ParkingLot()
        self._outputs = _BOTH
        self._baud: int | None = None
        self.modem = self

    async def open(self) -> None:
        """Ask the server for what we want of it.

        Raises:
            LineEnded: it has closed the connection.
        """
        await self._send_replies()

    # -- to the server -------------------------------------------------------------------------------------

    async def send_some(self, data: bytes) -> int:
        """Send the beginning of ``data``; returns how many characters the socket has taken."""
        if not self._settled.is_set():
            with trio.move_on_after(SETTLE_TIMEOUT_S):
                await self._settled.wait()
            self._settled.set()
        while self._codec.com_port is not None and self._codec.com_port.suspended:
            await self._changed.park()
        async with self._sending:
            data = data[:_CHUNK_BYTES]
            encoded = self._codec.encode(data)
            size = await self._stream.send_some(encoded)
            if size == len(encoded):
                return len(data)
            count, rest = self._codec.taken(data, size)
            try:
                await self._send_all(rest)
            except LineEnded:  # the next call is told
                return count - 1
            return count

    async def _send_all(self, data: bytes) -> None:
        while data:
            data = data[await self._stream.send_some(data) :]

    async def _send_replies(self) -> None:
        async with self._sending:
            replies = self._codec.replies
            while replies:
                del replies[: await self._stream.send_some(bytes(replies))]

    async def wait_sent(self) -> None:
        """Wait until the server's system has read everything."""
        await self._stream.wait_sent()

    async def send_break(self) -> None:
        """Send a break: IAC BREAK, or a real one at a server with RFC 2217."""
        com_port = self._codec.com_port
        if com_port is None:
            async with self._sending:
                await self._send_all(bytes((IAC, BREAK)))
            return
        com_port.hold_break(True)
        await self._send_replies()
        await trio.sleep(BREAK_S)
        com_port.hold_break(False)
        await self._send_replies()

    # -- from the server -----------------------------------------------------------------------------------

    async def receive(self) -> Sequence[Received]:
        """Wait for what comes next, which may be nothing but negotiation."""
        try:
            data = await self._stream.receive_bytes(_CHUNK_BYTES)
        except LineEnded as end:
            if self._codec.in_command:
                raise LineEnded(f"{end}, in the middle of a telnet command", failed=end.failed) from None
            raise
        try:
            found = self._codec.feed(data)
        except EndlessNegotiation:
            raise LineEnded(
                "the other side negotiates telnet options without end: is it a telnet server? (tcp: takes any other)",
                failed=True,
            ) from None
        if self._codec.is_settled:
            self._settled.set()
        self._follow_com_port()
        if self._codec.replies:
            await self._send_replies()
        return found

    def _follow_com_port(self) -> None:
        com_port = self._codec.com_port
        if com_port is None:
            return
        if com_port.on_change != self._changed.unpark_all:
            com_port.on_change = self._changed.unpark_all
            if self._outputs != _BOTH:
                com_port.drive(self._outputs)
        if com_port.baud != self._baud:
            self._baud = com_port.baud
            if self._baud is not None and abs(self._baud / self._format.baud - 1) > 0.025:
                self._log(
                    f"{self._address}: the serial port there runs at {self._baud} baud, not at {round(self._format.baud)}: use "
                    "the setting baud to name a speed that both have"
                )
        self._changed.unpark_all()

    # -- modem lines ---------------------------------------------------------------------------------------

    async def wait_change(self, other_than: MSR | None) -> MSR:
        """Wait until the modem lines differ from ``other_than``; for ever where the server does not report them."""
        await trio.lowlevel.checkpoint()
        while True:
            com_port = self._codec.com_port
            if com_port is not None and com_port.inputs is not None and com_port.inputs != other_than:
                return com_port.inputs
            await self._changed.park()

    async def drive(self, outputs: ModemOutput) -> None:
        """Drive DTR and RTS, where the server can."""
        self._outputs = outputs
        if self._codec.com_port is not None:
            self._codec.com_port.drive(outputs)
            await self._send_replies()

    def status(self) -> dict[str, Any]:
        """Whether the server knows RFC 2217, and the speed that it has set."""
        return {"rfc2217": self._codec.com_port is not None} | ({"baud": self._baud} if self._baud else {})

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()
