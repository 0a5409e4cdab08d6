"""The web server: hypercorn on trio, with TLS, on sockets that are open already.

Its limits are set here on purpose, not left as they come:

- HTTP/1.1 only.  No client of the console asks for HTTP/2, and its streams would share one flow control.
- A request's head that has not ended after 32 KiB is answered with 431, and the connection is closed.  (One that comes as
  a whole can be as long as what is read at a time, 64 KiB.)
- A connection on which no request comes, or no whole head, is closed after :data:`IDLE_S` seconds.  A request that has
  begun, and a WebSocket, have no such limit here: the gateway has its own.
- A message of a WebSocket has at most :data:`MOST_MESSAGE_BYTES`; a longer one is closed with 1009.
- At the end of the service, a connection that has not ended within :data:`GOODBYE_S` is cut. hypercorn shields its sending
  from cancellation, so that a client that does not read its answer, such as a suspended browser, would keep the service.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from ssl import SSLContext
from typing import Any, Final

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState

from uartsim.printable import printable_line

#: How long a connection may be idle between requests, in seconds.
IDLE_S: Final = 75.0
#: The longest message of a WebSocket, in bytes.
MOST_MESSAGE_BYTES: Final = 1 << 20
#: How long connections have to end when the service ends, in seconds.
GOODBYE_S: Final = 3.0
#: How long a client may take for TLS's handshake, in seconds.
HANDSHAKE_S: Final = 10.0
_MOST_HEAD_BYTES: Final = 32 << 10


class ServerConfig(Config):
    """hypercorn's settings, with a TLS context that stays at hand so that its certificate can be renewed.

    Args:
        certificate: the path of the key and the certificate, in PEM; None serves without TLS, for measurements.
    """

    def __init__(self, certificate: str | None) -> None:
        self.certfile = self.keyfile = certificate
        self.alpn_protocols = ["http/1.1"]
        self.errorlog = _log()
        self.graceful_timeout = GOODBYE_S
        self.h11_max_incomplete_size = _MOST_HEAD_BYTES
        self.include_server_header = False
        self.keep_alive_timeout = IDLE_S
        self.keep_alive_max_requests = sys.maxsize
        self.loglevel = "WARNING"
        self.ssl_handshake_timeout = HANDSHAKE_S
        self.websocket_max_message_size = MOST_MESSAGE_BYTES
        self._context: SSLContext | None = None

    def create_ssl_context(self) -> SSLContext | None:
        """The context; hypercorn asks for it once."""
        self._context = super().create_ssl_context()
        return self._context

    def load_certificate(self) -> None:
        """Use the certificate that is in the file now, for connections that are made from now on."""
        if self._context is not None and self.certfile is not None:
            self._context.load_cert_chain(self.certfile)


async def serve_on(
    app: ASGIFramework,
    config: ServerConfig,
    sockets: list[socket.socket],
    until: Callable[[], Awaitable[None]],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an application until ``until`` returns.

    Args:
        app: the application.
        config: the settings.
        sockets: listening sockets; the server closes them.
        until: returns when the server is to end.
        task_status: told once requests are answered.
    """
    tls = config.create_ssl_context()
    plain = [trio.SocketListener(trio.socket.from_stdlib_socket(one)) for one in sockets]
    listeners: list[Any] = (
        list(plain) if tls is None else [trio.SSLListener(one, tls, https_compatible=True) for one in plain]
    )
    connections = _Connections(ASGIWrapper(app), config)
    async with trio.open_nursery() as cutting:
        cutting.start_soon(connections.cut_the_stuck)
        try:
            async with trio.open_nursery() as serving:
                try:
                    async with trio.open_nursery() as accepting:
                        accepting.start_soon(
                            partial(trio.serve_listeners, connections.serve_one, listeners, handler_nursery=serving)
                        )
                        task_status.started()
                        await until()
                        accepting.cancel_scope.cancel()
                finally:
                    connections.ending.set()
                await connections.context.terminated.set()
                serving.cancel_scope.deadline = trio.current_time() + GOODBYE_S
        finally:
            connections.ended.set()


class _Connections:
    """The connections of the server.

    Attributes:
        context: what hypercorn asks whether the server ends.
        ending: set once no more connections are accepted.
        ended: set once all connections have ended.
    """

    def __init__(self, app: ASGIWrapper, config: Config) -> None:
        self.context = WorkerContext(None)
        self.ending = trio.Event()
        self.ended = trio.Event()
        self._app = app
        self._config = config
        self._sockets: set[trio.socket.SocketType] = set()

    async def serve_one(self, stream: Any) -> None:
        """Serve a connection.  hypercorn's own loop ends the whole server if a connection raises; here it is logged."""
        socket_ = getattr(stream, "transport_stream", stream).socket
        self._sockets.add(socket_)
        try:
            await TCPServer(self._app, self._config, self.context, ConnectionState({}), stream)
        except Exception:
            await self._config.log.exception("A connection has failed")
        finally:
            self._sockets.discard(socket_)

    async def cut_the_stuck(self) -> None:
        """At the end of the server, cut the connections that do not end by themselves or by being cancelled."""
        with trio.CancelScope(shield=True):
            await self.ending.wait()
            with trio.move_on_after(GOODBYE_S):
                await self.ended.wait()
            for one in self._sockets:
                one.close()


class _OneLine(logging.Handler):
    """Writes an error of the server to standard error in one line; the traceback only for those who ask for it."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        cause = f": {type(error).__name__}: {error}" if error is not None else ""
        text = f"uartsim: {printable_line(record.getMessage() + cause)}"
        if os.environ.get("UARTSIM_DEBUG"):
            text = self.format(record)
        sys.stderr.write(f"{text}\n")


def _log() -> logging.Logger:
    """The logger of the server; trio's, which tells of connections that cannot be accepted, writes to the same place."""
    handler = _OneLine()
    for name in ("uartsim.service", "trio.serve_listeners"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    return logging.getLogger("uartsim.service")
