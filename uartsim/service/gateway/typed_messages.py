"""What a client types: its messages, from the pieces in which they come.

The first message is the token, unless the URL had it.  Clients of some generations send it twice, so a message that is
exactly the token is never typed at the guest.  Every other message is typed.  More than 2048 characters in one message are
a paste that is too long: nothing of it is typed, and the client is told so.  With ``paste=flow`` a message of any length is
typed piece by piece, as fast as the guest takes it; no more than one piece of it is in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from uartsim.service.gateway.close_codes import CloseCode
from uartsim.service.gateway.frame_parser import Piece

#: The longest paste, in characters.
PASTE_LIMIT: Final = 2048
#: What the documents say of a longer one.
PASTE_TEXT: Final = (
    f"The serial console limits the length of strings pasted into the terminal to {PASTE_LIMIT} characters"
    " to prevent overloading the serial port bandwidth."
)
#: What may be the token, in bytes.
LONGEST_TOKEN: Final = 16384
#: The longest message that is read to its end and refused, in bytes; a longer one closes the WebSocket.
LONGEST_MESSAGE: Final = 1 << 20


class TooBigError(Exception):
    """A message is so long that the WebSocket is closed."""

    code: Final = CloseCode.TOO_BIG

    def __init__(self, longest: int) -> None:
        super().__init__(f"a message is longer than {longest} bytes")


class TypedMessages:
    """Takes the pieces of a client's messages.

    Args:
        token: the token of the URL, or None.
        paste_flow: type messages of any length.
        on_token: called with the token when it has come as a message.
        on_typed: types something at the guest; returns when the line has room for more.
        on_too_long: tells the client that a paste was refused.
    """

    def __init__(
        self,
        token: str | None,
        paste_flow: bool,
        on_token: Callable[[str], Awaitable[None]],
        on_typed: Callable[[bytes], Awaitable[None]],
        on_too_long: Callable[[], Awaitable[None]],
    ) -> None:
        self._token = token.encode() if token is not None else None
        self._paste_flow = paste_flow
        self._on_token = on_token
        self._on_typed = on_typed
        self._on_too_long = on_too_long
        self._held = bytearray()
        self._size = 0  # of the message so far, in bytes

    async def take(self, piece: Piece) -> None:
        """Take the next piece.

        Raises:
            TooBigError: the message is too long.
        """
        self._size += len(piece.data)
        if self._token is None:
            await self._take_token(piece)
        elif not (self._paste_flow and self._is_no_token(piece)):
            await self._take_message(piece)
        else:
            held = bytes(self._held)
            self._held.clear()
            await self._on_typed(held + piece.data)
        if piece.is_last:
            self._held.clear()
            self._size = 0

    async def _take_token(self, piece: Piece) -> None:
        if self._size > LONGEST_TOKEN:
            raise TooBigError(LONGEST_TOKEN)
        self._held += piece.data
        if piece.is_last:
            self._token = bytes(self._held)
            await self._on_token(self._token.decode(errors="replace"))

    def _is_no_token(self, piece: Piece) -> bool:
        """Whether the message has turned out to be something else than another copy of the token."""
        assert self._token is not None
        so_far = bytes(self._held) + piece.data
        if self._size > len(so_far) or not self._token.startswith(so_far):
            return True
        return piece.is_last and so_far != self._token

    async def _take_message(self, piece: Piece) -> None:
        if self._size <= LONGEST_TOKEN:
            self._held += piece.data
        if self._size > LONGEST_MESSAGE:
            raise TooBigError(LONGEST_MESSAGE)
        if not piece.is_last:
            return
        message = bytes(self._held)
        if self._size == len(message) and message == self._token:
            return
        length = len(message.decode(errors="replace")) if piece.is_text else len(message)
        if self._size > len(message) or length > PASTE_LIMIT:
            await self._on_too_long()
        elif message:
            await self._on_typed(message)
