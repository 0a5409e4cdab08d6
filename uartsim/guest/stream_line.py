"""A socket as a line: every byte is a character, and nothing else can be said."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import termios
from collections.abc import Sequence
from typing import Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.guest.remote_address import RemoteAddress
from uartsim.guest.remote_line import CannotCarry, LineEnded, NotThere
from uartsim.machine import Flag, Received

#: How long a connection may take, in seconds.
CONNECT_TIMEOUT_S: Final = 10.0
#: An idle TCP connection is probed after so many seconds, this often, and given up after so many probes without an answer.
KEEP_ALIVE: Final = (30, 10, 3)

_CHUNK_BYTES: Final = 65536
_LOOK_S: Final = 0.001


class StreamLine:
    """A connected socket as a line.

    Args:
        stream: the socket.
        address: what it is connected to, for messages.
    """

    modem = None

    def __init__(self, stream: trio.socket.SocketType, address: RemoteAddress) -> None:
        self._socket = stream
        self._address = address

    async def receive_bytes(self, most: int = _CHUNK_BYTES) -> bytes:
        """Wait for bytes and return them, at most ``most``.

        Raises:
            LineEnded: the other side has closed the connection, or it was lost.
        """
        try:
            data = await self._socket.recv(most)
        except OSError as error:
            raise self._lost(error) from None
        if not data:
            raise LineEnded("the other side has closed the connection")
        return data

    async def receive(self) -> Sequence[Received]:
        """Wait for bytes and return them; none of them has an error."""
        return [Received(await self.receive_bytes(), Flag.NORMAL)]

    async def send_some(self, data: bytes) -> int:
        """Send the beginning of ``data``; returns how many bytes the socket has taken.

        Raises:
            LineEnded: the other side has closed the connection, or it was lost.
        """
        try:
            return await self._socket.send(data)
        except OSError as error:
            raise self._lost(error) from None

    async def wait_sent(self) -> None:
        """Wait until the other side has read everything (over TCP, until its system has)."""
        with contextlib.suppress(OSError):
            while struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4)))[0]:
                await trio.sleep(_LOOK_S)  # there is no event to wait for

    async def send_break(self) -> None:
        """A plain socket has no breaks.

        Raises:
            CannotCarry: always.
        """
        raise CannotCarry(
            "a plain socket carries no break: connect by telnet: (QEMU's telnet=on), or name QEMU's monitor (setting qmp)"
        )

    def status(self) -> dict[str, Any]:
        """Nothing of its own."""
        return {}

    async def aclose(self) -> None:
        """Close the connection."""
        self._socket.close()
        await trio.lowlevel.checkpoint()

    def _lost(self, error: OSError) -> LineEnded:
        if error.errno in (errno.EPIPE, errno.ECONNRESET):
            return LineEnded("the other side has closed the connection")
        return LineEnded(f"the connection was lost: {error.strerror or error}", failed=True)


async def connect(address: RemoteAddress) -> trio.socket.SocketType:
    """Connect to an address of scheme ``unix``, ``tcp`` or ``telnet``.

    Raises:
        NotThere: nobody listens there now, or answers.
        UsageError: the path is not a socket, or the host's name is unknown.
    """
    await trio.lowlevel.checkpoint()
    if address.scheme == "unix":
        return _connect_unix(address)
    connected: trio.socket.SocketType | None = None
    with trio.move_on_after(CONNECT_TIMEOUT_S):
        connected = await _connect_tcp(address)
    if connected is None:
        raise NotThere(f"{address} does not answer: no connection within {CONNECT_TIMEOUT_S:g} s")
    return connected


def _connect_unix(address: RemoteAddress) -> trio.socket.SocketType:
    """Connect to a UNIX socket, which takes no time; trio would take a full queue for a connection under way."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.setblocking(False)
        stream.connect(address.path)
    except OSError as error:
        stream.close()
        raise _no_socket(address, error) from None
    return trio.socket.from_stdlib_socket(stream)


def _no_socket(address: RemoteAddress, error: OSError) -> UsageError:
    path = address.path
    match error.errno:
        case errno.ENOENT:
            return NotThere(f"there is no socket {path}: start the machine that makes it first, or check the path")
        case errno.EACCES | errno.EPERM:
            return UsageError(f"the socket {path} may not be opened by this user: ask its owner, or run as that user")
        case errno.EAGAIN:
            return NotThere(f"{address} takes no further connection: another program is connected; end it first")
        case errno.ECONNREFUSED if _is_socket(path):
            return NotThere(f"nobody listens on the socket {path}: the program that made it has ended; start it again")
        case errno.ECONNREFUSED | errno.ENOTSOCK:
            return UsageError(f"{path} is not a socket: name the socket on which the machine's serial port is served")
        case _:
            return UsageError(f"cannot connect to {address}: {error.strerror or error}")


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


async def _connect_tcp(address: RemoteAddress) -> trio.socket.SocketType:
    try:
        found = await trio.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else error
        raise UsageError(f"the host {address.host!r} of {address} cannot be found: {why}") from None
    failure = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for family, kind, protocol, _, where in found:
        stream = trio.socket.socket(family, kind, protocol)
        try:
            await stream.connect(where)
        except OSError as error:
            stream.close()
            failure = error
            continue
        except BaseException:
            stream.close()
            raise
        _keep_alive(stream)
        return stream
    if failure.errno == errno.ECONNREFUSED:
        raise NotThere(f"nobody listens at {address}: start the machine first, or check the port")
    raise NotThere(f"cannot connect to {address}: {os.strerror(failure.errno or errno.EIO)}")


def _keep_alive(stream: trio.socket.SocketType) -> None:
    """Send keys without delay, and notice a machine that is gone without a word."""
    idle, every, probes = KEEP_ALIVE
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, every)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
