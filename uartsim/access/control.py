"""The control socket, by which another process asks a running machine to do something.

A connection carries one request, a line of JSON such as ``{"do": "status", ...}``, and its answer, a line of JSON:
``{"result": ...}`` or ``{"error": "sentence"}``.  The socket lies in a private folder and has mode 0600; the user at the
other end is checked too.

This module is both ends.  The client's end uses the standard library only, so that small commands start fast.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from uartsim.errors import UartsimError, UsageError

if TYPE_CHECKING:
    import trio

#: A request longer than this is refused, in bytes.
LONGEST_REQUEST: Final = 1 << 20

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]


async def serve(listener: socket.socket, handlers: Mapping[str, Handler]) -> None:
    """Answer requests until cancelled.

    Args:
        listener: from :func:`uartsim.access.endpoints.listen`.
        handlers: a coroutine function for each word that ``"do"`` may be; it gets the whole request.  A
            :class:`UartsimError` or ValueError that it raises becomes the answer.
    """
    import trio

    accepting = trio.SocketListener(trio.socket.from_stdlib_socket(listener))

    async def answer(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stream:
                await stream.send_all(json.dumps(await _answer(stream, handlers)).encode() + b"\n")

    await trio.serve_listeners(answer, [accepting])


async def _answer(stream: trio.SocketStream, handlers: Mapping[str, Handler]) -> dict[str, Any]:
    pid, uid, _ = struct.unpack("3i", stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    request = bytearray()
    while not request.endswith(b"\n"):
        data = await stream.receive_some(65536)
        request += data
        if not data or len(request) > LONGEST_REQUEST:
            return {"error": f"a request is a line of JSON of at most {LONGEST_REQUEST} bytes"}
    if uid not in (os.geteuid(), 0):  # said after it was heard: closing with its words unread would reset it
        return {"error": f"this machine belongs to another user (process {pid} runs as user {uid})"}
    try:
        asked = json.loads(request)
    except (ValueError, RecursionError) as error:
        return {"error": f"a request is a line of JSON; this is not: {error}"}
    word = asked.get("do") if isinstance(asked, dict) else None
    if not isinstance(word, str) or word not in handlers:
        return {"error": f"{str(word)[:100]!r} cannot be done; what can: {', '.join(sorted(handlers))}"}
    try:
        return {"result": await handlers[word](asked)}
    except (UsageError, ValueError, TypeError, OverflowError) as error:
        return {"error": str(error)}  # the request is wrong, such as a parameter of the wrong type
    except (UartsimError, OSError, RecursionError) as error:
        return {"error": str(error), "failed": True}  # the request is right, and the machine could not do it


def _connect(connection: socket.socket, path: str, timeout_s: float) -> None:
    """Connect; a queue that is full at the moment (EAGAIN) is tried again."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        try:
            connection.connect(path)
            return
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)


def _silence(path: str, error: OSError, timeout_s: float) -> str:
    """Why a machine may not have answered, and what ends it, as a sentence."""
    name = os.path.basename(os.path.dirname(path))
    why = f"within {timeout_s:g} s" if isinstance(error, TimeoutError) else f"on {path} ({error.strerror})"
    try:
        with open(os.path.join(os.path.dirname(path), "lock"), encoding="ascii") as lock:
            pid = int(lock.read(32))
    except (OSError, ValueError):
        return f"machine {name} does not answer {why}: see whether its process is alive and not stopped"
    return (
        f"machine {name} does not answer {why}: its process is {pid}, which may be stopped, or its guest's script blocks; "
        f"'kill {pid}' ends it, or else 'kill -9 {pid}'"
    )


def ask(path: str, do: str, timeout_s: float = 30.0, **parameters: Any) -> Any:
    """Ask a running machine, and return the result.

    Args:
        path: its control socket.
        do: what it is asked to do.
        timeout_s: how long each step may take, in seconds.
        parameters: of the request.

    Raises:
        UsageError: the machine refused; the message is its own.
        UartsimError: it could not do it, with its own message; or it does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            _connect(connection, path, timeout_s)
            connection.sendall(json.dumps({"do": do, **parameters}).encode() + b"\n")
            answer = bytearray()
            while data := connection.recv(65536):
                answer += data
        except OSError as error:
            raise UartsimError(_silence(path, error, timeout_s)) from None
    try:
        reply = json.loads(answer)
    except (ValueError, RecursionError):
        raise UartsimError(f"the machine on {path} ended before it answered: look at its terminal") from None
    if "error" in reply:
        if reply.get("failed"):
            raise UartsimError(str(reply["error"]))
        raise UsageError(str(reply["error"]))
    return reply["result"]
