"""The messages between ``uartsim attach`` and a running machine.

They are a stream over a unix socket in the machine's private folder.  A message is one byte for its kind, four bytes for
its length (big endian), and that many bytes:

======== ================== ==========================================================================
client   ``H`` hello        JSON: ``who``, ``watch``, ``force``, ``yields``, ``history`` (bytes, or null for
                            all), ``acknowledge``
         ``D`` data         bytes for the guest
         ``B`` break        JSON: ``seconds``
         ``K`` SysRq        the keys
         ``M`` NMI
         ``R`` reset
         ``I`` information  answered by ``I`` with the status as JSON
         ``F`` take         take the line over
         ``W`` watch        give the line up and only watch
machine  ``D`` data         bytes from the guest
         ``N`` notice       a sentence for the person
         ``I`` information  JSON
         ``A`` acknowledge  JSON, if the hello asked for it: first ``past``, how many bytes of history follow; then
                            ``taken``, how many bytes of data the line has taken, or refused
         ``E`` end          the reason why nothing more comes
======== ================== ==========================================================================
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final, NamedTuple

import trio

from uartsim.errors import UartsimError

_HEAD: Final = struct.Struct(">cI")
#: The longest message, in bytes.
LONGEST: Final = 1 << 20


class Message(NamedTuple):
    """One message of either side."""

    kind: bytes
    data: bytes

    def fields(self) -> dict[str, Any]:
        """The JSON object that it carries; empty if it carries nothing.

        Raises:
            UartsimError: it is not a JSON object.
        """
        try:
            found = json.loads(self.data or b"{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise UartsimError(f"message {self.kind!r} needs a JSON object")
        return found


class MessageStream:
    """Messages over a byte stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        #: Whether no message has been cut short, so that another can follow.
        self.whole = True
        self._sending = trio.Lock()
        self._buffer = bytearray()

    async def send(self, kind: bytes, data: bytes = b"") -> None:
        """Send one message.

        Raises:
            trio.BrokenResourceError: the other side has left.
            trio.ClosedResourceError: this side is closed.
        """
        async with self._sending:
            self.whole = False
            await self.stream.send_all(_HEAD.pack(kind, len(data)) + data)
            self.whole = True

    async def receive(self) -> Message | None:
        """The next message; None at the end of the stream.

        Raises:
            UartsimError: the other side does not speak this protocol.
        """
        buffer = self._buffer
        while True:
            if len(buffer) >= _HEAD.size:
                kind, length = _HEAD.unpack_from(buffer)
                if length > LONGEST:
                    raise UartsimError(f"a message of {length} bytes; {LONGEST} is the limit")
                if len(buffer) >= _HEAD.size + length:
                    data = bytes(buffer[_HEAD.size : _HEAD.size + length])
                    del buffer[: _HEAD.size + length]
                    return Message(kind, data)
            try:
                more = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return None
            if not more:
                return None
            buffer += more


async def connect(path: str) -> MessageStream:
    """Connect to a machine's attach socket.

    Raises:
        UartsimError: the machine does not answer.
    """
    try:
        return MessageStream(await trio.open_unix_socket(path))
    except OSError as error:
        raise UartsimError(f"the machine does not answer on {path} ({error.strerror})") from None
