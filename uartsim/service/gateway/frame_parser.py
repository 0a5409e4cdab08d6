"""The client's side of a WebSocket, taken apart: frames become pieces of messages, pings, pongs and the close.

RFC 6455, section 5: a frame has a header of 2 to 14 bytes and a payload, which a client masks.  A message is one data frame
or a row of fragments; control frames may stand between fragments.  The payload of a data frame is handed out as it comes,
so that a frame of any length costs no memory here.  No I/O, no clock.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_LONGEST_CONTROL: Final = 125
_LONG: Final = 126
_VERY_LONG: Final = 127


class Opcode(IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_KNOWN: Final = frozenset(Opcode)


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


class _Broken(Exception):
    def __init__(self, reason: str, code: int = 1002) -> None:
        super().__init__(reason)
        self.code = code


class FrameParser:
    """Takes apart what a client sends after the handshake."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._over = False  # a close or a violation: what follows is not looked at
        # The frame whose payload is coming: its opcode, FIN, mask, and how much is still missing.
        self._opcode: Opcode | None = None
        self._is_final = False
        self._mask = b""
        self._left = 0
        # The message that is under way: text or binary; None between messages.
        self._is_text: bool | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, data: bytes) -> list[Event]:
        """What the next bytes of the client bring."""
        events: list[Event] = []
        if self._over:
            return events
        self._buffer += data
        try:
            while self._opcode is not None or self._take_header():
                if not self._take_payload(events):
                    break
        except _Broken as broken:
            self._over = True
            events.append(Violation(broken.code, str(broken)))
        if self._over:
            self._buffer.clear()
        return events

    def _take_header(self) -> bool:
        """The next frame's header; False if it is not all there."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        first, second = buffer[0], buffer[1]
        size, begin = second & 0x7F, 2
        self._check_header(first, second, size)
        if size >= _LONG:
            begin = 4 if size == _LONG else 10
            if len(buffer) < begin:
                return False
            size = int.from_bytes(buffer[2:begin], "big")
            if size >> 63:
                raise _Broken("a frame's length has its highest bit set")
        if len(buffer) < begin + 4:
            return False
        self._opcode = Opcode(first & 0x0F)
        self._is_final = bool(first & 0x80)
        self._mask = bytes(buffer[begin : begin + 4])
        self._left = size
        del buffer[: begin + 4]
        return True

    def _check_header(self, first: int, second: int, size: int) -> None:
        if first & 0x70:
            raise _Broken("a reserved bit is set, and no extension was agreed on")
        opcode = first & 0x0F
        if opcode not in _KNOWN:
            raise _Broken(f"opcode {opcode} is not known")
        if not second & 0x80:
            raise _Broken("a client's frame must be masked")
        if opcode >= Opcode.CLOSE:
            if size > _LONGEST_CONTROL or not first & 0x80:
                raise _Broken("a control frame is one frame of at most 125 bytes")
        elif opcode == Opcode.CONTINUATION:
            if self._is_text is None:
                raise _Broken("a continuation has no message to continue")
        elif self._is_text is not None:
            raise _Broken("a message begins within another one")

    def _take_payload(self, events: list[Event]) -> bool:
        """What there is of the frame's payload; False if more has to come."""
        opcode, buffer = self._opcode, self._buffer
        assert opcode is not None
        if opcode >= Opcode.CLOSE:
            if len(buffer) < self._left:
                return False
            self._take_control(opcode, self._unmasked(self._left), events)
            self._opcode = None
            return not self._over
        if opcode != Opcode.CONTINUATION and self._is_text is None:
            self._is_text = opcode == Opcode.TEXT
        data = self._unmasked(min(self._left, len(buffer)))
        frame_ends = not self._left
        is_last = frame_ends and self._is_final
        if data or is_last:
            assert self._is_text is not None
            if self._is_text:
                self._check_text(data, is_last)
            events.append(Piece(data, self._is_text, is_last))
        if is_last:
            self._is_text = None
        if frame_ends:
            self._opcode = None
        return frame_ends

    def _unmasked(self, size: int) -> bytes:
        """The next ``size`` bytes of the payload, unmasked."""
        mask = self._mask
        if not size:
            return b""
        data = int.from_bytes(self._buffer[:size], "big")
        key = (mask * (size // 4 + 1))[:size]
        del self._buffer[:size]
        self._left -= size
        turn = size % 4
        self._mask = mask[turn:] + mask[:turn]
        return (data ^ int.from_bytes(key, "big")).to_bytes(size, "big")

    def _check_text(self, data: bytes, is_last: bool) -> None:
        try:
            self._decoder.decode(data, is_last)
        except UnicodeDecodeError:
            raise _Broken("a text message is not UTF-8", 1007) from None

    def _take_control(self, opcode: Opcode, data: bytes, events: list[Event]) -> None:
        if opcode == Opcode.PING:
            events.append(Ping(data))
        elif opcode == Opcode.PONG:
            events.append(Pong(data))
        else:
            events.append(_close(data))
            self._over = True


def _close(data: bytes) -> Close:
    """The content of a close frame (section 5.5.1)."""
    if not data:
        return Close(1005, "")
    code = int.from_bytes(data[:2], "big")
    if len(data) < 2 or not (1000 <= code < 5000) or code in (1004, 1005, 1006, 1015):
        raise _Broken("a close frame has no valid code")
    try:
        return Close(code, data[2:].decode())
    except UnicodeDecodeError:
        raise _Broken("the reason in a close frame is not UTF-8", 1007) from None


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A whole frame of the server's, which is not masked (section 5.1)."""
    size = len(payload)
    if size < _LONG:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, _LONG, size >> 8, size & 0xFF)) + payload
    return bytes((0x80 | opcode, _VERY_LONG)) + size.to_bytes(8, "big") + payload
