"""A WebSocket to the service (RFC 6455), as a client's end with a limit of time for each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    CloseReason,
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import LocalProtocolError

from uartsim.azure_client.client_errors import ConsoleError, TransientError
from uartsim.azure_client.http_requests import ANSWER_S, Http, connection_error, host_of, refusal
from uartsim.error_groups import first_error
from uartsim.printable import printable_line

#: The largest message that is taken, in bytes: a service may send the whole of its history in one.
LARGEST_MESSAGE: Final = 1 << 24
#: A ping is sent so often, in seconds, and has to be answered before the next one.
PING_S: Final = 20.0
#: How long saying good-bye may take, in seconds.
CLOSE_S: Final = 1.0
#: Codes of a close frame after which it is worth connecting again (RFC 6455 7.4.1 and its IANA registry): going away, no
#: close frame, service restart, try again later; and of ``uartsim serve``: the token has expired.
_TRANSIENT_CODES: Final = {1001, 1006, 1012, 1013, 4004}
#: The text of the documents.
LATE: Final = (
    "Sorry, the serial console was unable to connect to the VM because the service did not respond in a timely manner."
)


@dataclass(frozen=True, slots=True)
class Closed:
    """How a WebSocket ended.

    Attributes:
        why: as a clause, such as ``"bob has taken the console over (1008)"``.
        transient: whether it is worth connecting again without asking.
    """

    why: str
    transient: bool


def how_it_closed(reason: CloseReason | None) -> Closed:
    """What a close frame says."""
    if reason is None or reason.code == 1006:
        return Closed("the connection was cut", transient=True)
    said = printable_line(str(reason.reason or "")) or "the service has ended the session"
    return Closed(f"{said} ({reason.code:d})", transient=reason.code in _TRANSIENT_CODES)


class WebSocket:
    """An open WebSocket, from :func:`open_web_socket`."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._received = 0
        self._waiting = False
        self._silent = False

    async def send(self, text: str) -> bool:
        """Send one text frame; returns whether it has left.  If the socket has closed, :meth:`receive` says why."""
        try:
            await self._connection.send_message(text)
        except (ConnectionClosed, LocalProtocolError):
            return False
        return True

    async def receive(self) -> bytes | Closed:
        """The next message, or how the socket ended."""
        self._waiting = True
        try:
            message = await self._connection.get_message()
        except ConnectionClosed as closed:
            if self._silent:
                return Closed(f"the service did not answer a ping for {PING_S:g} s", transient=True)
            return how_it_closed(closed.reason)
        finally:
            self._waiting = False
        self._received += 1
        return message.encode() if isinstance(message, str) else message

    async def keep_alive(self) -> None:
        """Send pings, and cut the connection when one is not answered although we have read everything."""
        while True:
            await trio.sleep(PING_S)
            before = self._received
            try:
                with trio.fail_after(PING_S):
                    await self._connection.ping()
            except (ConnectionClosed, LocalProtocolError):
                return
            except trio.TooSlowError:
                if self._waiting and self._received == before:  # else the answer may wait behind what we do not read
                    self._silent = True
                    await self.close()
                    return

    async def close(self) -> None:
        """Close the socket; the other end need not take part."""
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._connection.aclose()


class _Watched(trio.abc.Stream):
    """A stream that tells when the other end is gone: the library waits on for the answer to its handshake."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.ended = trio.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        if not data:
            self.ended.set()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self.ended.set()
        await trio.aclose_forcefully(self._stream)


async def open_web_socket(nursery: trio.Nursery, http: Http, url: str) -> WebSocket:
    """Open a WebSocket.

    Args:
        nursery: where its tasks run.
        http: the service.
        url: where, ``wss`` or ``ws``.

    Raises:
        ConsoleError: it cannot be opened; TransientError if that may change soon.
    """
    try:
        with trio.fail_after(ANSWER_S):
            return await nursery.start(_serve, http, url)  # type: ignore[no-any-return]
    except trio.TooSlowError:
        raise TransientError(LATE) from None


async def _serve(http: Http, url: str, *, task_status: trio.TaskStatus[WebSocket]) -> None:
    """Hold one WebSocket until it ends."""
    opened = False

    async def watch(stream: _Watched) -> None:
        await stream.ended.wait()
        if not opened:
            raise TransientError(f"{host_of(url)} cut the connection during the handshake of the WebSocket")

    try:
        async with _Watched(await _connect(http, url)) as stream, trio.open_nursery() as nursery:
            nursery.start_soon(watch, stream)
            parts = urlsplit(url)
            resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection = await wrap_client_stream(
                nursery,
                stream,  # type: ignore[arg-type]  # any stream will do
                parts.netloc,
                resource,
                extra_headers=[(b"Origin", f"https://{parts.netloc}".encode())],
                max_message_size=LARGEST_MESSAGE,
                receive_buffer_size=1 << 16,
            )
            opened = True
            task_status.started(WebSocket(connection))
    except Exception as error:
        cause = first_error(error)
        if opened:
            return  # the library has closed the channel of messages, so the reader knows
        raise _handshake_error(cause, url) from None


async def _connect(http: Http, url: str) -> trio.abc.Stream:
    """A connection to the host of a URL."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    try:
        if not secure:
            return await trio.open_tcp_stream(host, port)
        stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=http.tls, https_compatible=True)
        try:
            await stream.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
    except (OSError, trio.BrokenResourceError) as error:
        raise connection_error(error, url) from None
    return stream


def _handshake_error(error: BaseException, url: str) -> BaseException:
    if isinstance(error, ConnectionRejected):
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in error.headers or ()}
        return refusal(error.status_code, headers, (error.body or b"").decode(errors="replace"), host_of(url))
    if isinstance(error, (ConnectionClosed, LocalProtocolError)):
        return TransientError(f"{host_of(url)} does not open a WebSocket")
    if isinstance(error, ValueError):
        return ConsoleError(f"the service's connection string cannot be used: {printable_line(str(error))}", 3)
    return error
