"""The server's side of a WebSocket on a byte stream: what is sent, and how it ends.

Only one frame is sent at a time, and a frame that has begun is finished, whoever cancels the sender: half a frame would
spoil all that follows, the close frame too.  What bounds it is :meth:`ServerSocket.limit_sending`: when a WebSocket ends,
a client that does not read gets only so long, and then the stream is cut.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from uartsim.service.gateway.frame_parser import Opcode, frame

#: The longest reason in a close frame, in bytes (RFC 6455, section 5.5: 125 less the code).
LONGEST_REASON: Final = 123


class ServerSocket:
    """A WebSocket whose handshake is done.

    Args:
        stream: what it runs on.

    Attributes:
        is_broken: nothing can be sent any more.
        peer_closed: set when the client has closed, in whatever way.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.is_broken = False
        self.peer_closed = trio.Event()
        self._stream = stream
        self._lock = trio.Lock()
        self._sending: trio.CancelScope | None = None
        self._deadline = math.inf
        self._close_sent = False

    @property
    def is_sending(self) -> bool:
        """A frame is being sent: the client has not taken all of it yet."""
        return self._lock.locked()

    async def send_text(self, payload: bytes) -> None:
        """Send a text message.

        Args:
            payload: UTF-8.

        Raises:
            trio.BrokenResourceError: the client has gone.
        """
        await self._send(Opcode.TEXT, payload)

    async def send_binary(self, payload: bytes) -> None:
        """Send a binary message; raises as :meth:`send_text` does."""
        await self._send(Opcode.BINARY, payload)

    async def ping(self) -> None:
        """Send a ping; raises as :meth:`send_text` does."""
        await self._send(Opcode.PING, b"")

    async def pong(self, data: bytes) -> None:
        """Answer a ping; raises as :meth:`send_text` does."""
        await self._send(Opcode.PONG, data)

    async def close(self, code: int, reason: str, wait_s: float) -> None:
        """Send a close frame, wait until the client has closed too, and close the stream.

        Args:
            code: the close code, see RFC 6455, section 7.4; 1005 and 1006 stand for none.
            reason: the text; what is too long for a close frame is cut off.
            wait_s: how long the client may take for all that, in seconds.
        """
        ends_at = trio.current_time() + wait_s
        self.limit_sending(wait_s)
        with trio.move_on_at(ends_at) as scope:
            scope.shield = True
            try:
                if not self._close_sent:
                    has_code = code not in (1005, 1006)
                    await self._send(Opcode.CLOSE, code.to_bytes(2, "big") + shortened(reason) if has_code else b"")
                await self.peer_closed.wait()
            except trio.BrokenResourceError:
                pass
        await self.abort(max(0.0, ends_at - trio.current_time()))

    def limit_sending(self, seconds: float) -> None:
        """Give a frame that is being sent, and later ones, so long to be taken."""
        self._deadline = min(self._deadline, trio.current_time() + seconds)
        if self._sending is not None:
            self._sending.deadline = self._deadline

    async def abort(self, wait_s: float = 0.0) -> None:
        """Close the stream; TLS says goodbye if the client takes it within ``wait_s`` seconds."""
        with trio.CancelScope(shield=True) as scope:
            if self.is_broken or not wait_s:
                await trio.aclose_forcefully(self._stream)
            else:
                scope.deadline = trio.current_time() + wait_s
                await self._stream.aclose()
        self.is_broken = True

    async def _send(self, opcode: Opcode, payload: bytes) -> None:
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:  # only then: to acquire it takes a round of the scheduler, in a key's way
            await self._lock.acquire()
        try:
            if self.is_broken or self._close_sent:
                raise trio.BrokenResourceError("the WebSocket is closed")
            self._close_sent = opcode == Opcode.CLOSE
            await self._send_whole(frame(opcode, payload))
        finally:
            self._lock.release()

    async def _send_whole(self, data: bytes) -> None:
        try:
            with trio.CancelScope(shield=True, deadline=self._deadline) as self._sending:
                await self._stream.send_all(data)
                return
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.is_broken = True
            raise trio.BrokenResourceError("the client has gone") from error
        finally:
            self._sending = None
        self.is_broken = True  # a part of the frame has been sent
        raise trio.BrokenResourceError("the client does not read")


def shortened(reason: str) -> bytes:
    """A reason as UTF-8, cut between two characters so that it fits into a close frame."""
    return reason.encode()[:LONGEST_REASON].decode(errors="ignore").encode()
