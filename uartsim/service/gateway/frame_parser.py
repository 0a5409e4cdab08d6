"""The client's side of a WebSocket, taken apart: frames become pieces of messages, pings, pongs and the close.

wsproto reads the frames (RFC 6455, section 5) and hands out the payload of a data frame as it comes, so that a frame of any
length costs no memory here.  What it reports is put into the terms of the conversation.  No I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

__all__ = ["Close", "Event", "FrameParser", "Opcode", "Piece", "Ping", "Pong", "Violation", "frame"]

_LONG: Final = 126
_VERY_LONG: Final = 127


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a message.

    Attributes:
        data: the bytes; of a text message UTF-8, but a character may be cut in two between pieces.
        is_text: the message is text.
        is_last: the message ends with it.
    """

    data: bytes
    is_text: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping, which wants a pong with the same content."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """A pong."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The client closes; its code is 1005 if it gave none."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Violation:
    """The client has broken the protocol: nothing after it is looked at.

    Attributes:
        code: the close code that says so: 1002, or 1007 for text that is not UTF-8.
        reason: what is wrong.
    """

    code: int
    reason: str


Event = Piece | Ping | Pong | Close | Violation


class FrameParser:
    """Takes apart what a client sends after the handshake."""

    def __init__(self) -> None:
        self._protocol = FrameProtocol(client=False, extensions=[])
        self._over = False  # a close or a violation: what follows is not looked at

    def feed(self, data: bytes) -> list[Event]:
        """What the next bytes of the client bring."""
        events: list[Event] = []
        if self._over:
            return events
        self._protocol.receive_bytes(data)
        try:
            for received in self._protocol.received_frames():
                event = _event(received)
                if event is not None:
                    events.append(event)
                if isinstance(event, Close):
                    self._over = True
                    break
        except ParseFailed as failed:
            self._over = True
            events.append(Violation(int(failed.code), f"the protocol is broken: {failed}"))
        return events


def _event(received: Frame) -> Event | None:
    """What a frame, or a part of one, means; None for a part without content."""
    payload = received.payload
    if received.opcode is Opcode.CLOSE:
        assert isinstance(payload, tuple)
        code, reason = payload
        return Close(int(code), reason or "")
    if received.opcode is Opcode.PING or received.opcode is Opcode.PONG:
        assert isinstance(payload, bytes)
        return Ping(payload) if received.opcode is Opcode.PING else Pong(payload)
    is_last = received.frame_finished and received.message_finished
    if not payload and not is_last:
        return None
    if isinstance(payload, str):
        return Piece(payload.encode(), True, is_last)
    assert isinstance(payload, bytes)
    return Piece(payload, False, is_last)


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A whole frame of the server's, which is not masked (section 5.1).  wsproto would have the guest's text decoded for it."""
    size = len(payload)
    if size < _LONG:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, _LONG, size >> 8, size & 0xFF)) + payload
    return bytes((0x80 | opcode, _VERY_LONG)) + size.to_bytes(8, "big") + payload
