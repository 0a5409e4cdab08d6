"""A small client for QMP, the QEMU Machine Protocol: JSON objects, one on each line, over a stream.

QEMU answers every command with the command's id; between answers it sends events.  See QEMU's docs/interop/qmp-spec.
(The QEMU project's own client needs asyncio.)
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from uartsim.errors import UartsimError
from uartsim.guest.json_lines import json_object

#: The longest line that is accepted, in bytes.
LINE_LIMIT_BYTES: Final = 1 << 20

_NEGOTIATION: Final = 0


class QmpError(UartsimError):
    """QEMU refused a command, or does not answer."""


class QmpClient:
    """A connection to QEMU's monitor.  Commands are answered only while :meth:`run` is running in a nursery.

    Args:
        stream: a stream that is connected to the monitor.
        on_event: called with the name and the data of every event.

    Attributes:
        ready: set when the monitor accepts commands, or when the connection has ended.
        running: whether the guest's processor runs, as far as QEMU's events have said.
    """

    def __init__(self, stream: trio.abc.Stream, on_event: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        self._stream = stream
        self._on_event = on_event
        self._last_id = 0
        self._waiting: dict[int, trio.MemorySendChannel[dict[str, Any]]] = {}
        self._sending = trio.Lock()
        self._ended = False
        self.ready = trio.Event()
        self.running = True

    async def run(self) -> None:
        """Read answers and events until QEMU closes the stream.

        Raises:
            QmpError: QEMU sends something that is not QMP.
        """
        buffer = bytearray()
        try:
            async for data in self._stream:
                searched = len(buffer)
                buffer += data
                while (end := buffer.find(b"\n", searched)) >= 0:
                    message = _parsed(bytes(buffer[:end]))
                    del buffer[: end + 1]
                    searched = 0
                    if "QMP" in message:
                        await self._send({"execute": "qmp_capabilities", "id": _NEGOTIATION})
                    elif message.get("id") == _NEGOTIATION:
                        _result("qmp_capabilities", message)
                        self.ready.set()
                    else:
                        await self._take(message)
                if len(buffer) > LINE_LIMIT_BYTES:
                    raise QmpError(f"QMP: a line of more than {LINE_LIMIT_BYTES} bytes")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # QEMU was killed
        finally:
            self._ended = True
            self.ready.set()
            for channel in self._waiting.values():
                channel.close()

    async def execute(self, command: str, fd: int | None = None, /, **arguments: Any) -> Any:
        """Give a command and wait for its answer.

        Args:
            command: the command's name, such as ``"system_reset"``.
            fd: a descriptor to pass with the command.
            arguments: the command's arguments; write ``_`` for ``-`` in a name.

        Returns:
            The command's result, usually an empty dictionary.

        Raises:
            QmpError: QEMU refuses the command (the message is QEMU's), or has ended.
        """
        self._last_id += 1
        identifier = self._last_id
        message: dict[str, Any] = {"execute": command, "id": identifier}
        if arguments:
            message["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        send, receive = trio.open_memory_channel[dict[str, Any]](1)
        self._waiting[identifier] = send
        try:
            if self._ended:
                raise QmpError(f"QMP {command}: QEMU has ended")
            await self._send(message, fd)
            answer = await receive.receive()
        except (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError):
            raise QmpError(f"QMP {command}: QEMU has ended") from None
        finally:
            self._waiting.pop(identifier, None)
        return _result(command, answer)

    async def pass_descriptor(self, name: str, fd: int) -> None:
        """Give QEMU a copy of a descriptor, under a name that a later command uses.

        Raises:
            QmpError: QEMU refuses it, or has ended.
        """
        await self.execute("getfd", fd, fdname=name)

    async def _send(self, message: dict[str, Any], fd: int | None = None) -> None:
        data = json.dumps(message).encode() + b"\n"
        async with self._sending:
            if fd is not None:
                assert isinstance(self._stream, trio.SocketStream)
                beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))]
                data = data[await self._stream.socket.sendmsg([data], beside) :]
            await self._stream.send_all(data)

    async def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            if message["event"] in ("STOP", "RESUME"):
                self.running = message["event"] == "RESUME"
            await self._on_event(message["event"], message.get("data", {}))
        elif (channel := self._waiting.get(message.get("id", 0))) is not None:
            channel.send_nowait(message)


def _parsed(line: bytes) -> dict[str, Any]:
    message = json_object(line)
    if message is None:
        raise QmpError(f"QMP: {line[:80]!r} is not a JSON object")
    return message


def _result(command: str, answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise QmpError(f"QMP {command}: {answer['error'].get('desc', answer['error'])}")
    return answer["return"]
