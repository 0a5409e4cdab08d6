"""A tap on the wire: a relay between a client and the service that keeps whatever passes."""

from __future__ import annotations

import socket
import threading
from types import TracebackType


class WireTap:
    """A relay of one TCP connection.  A context manager.

    Args:
        host: where the service is.
        port: its port.

    Attributes:
        port: the port that the client connects to instead.
        captured: all bytes that have passed, of both directions.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("localhost", 0))
        self.port: int = self._listener.getsockname()[1]
        self.captured = bytearray()
        self._thread = threading.Thread(target=self._relay, name="wire tap", daemon=True)

    def __enter__(self) -> WireTap:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.close()
        self._thread.join(20)
        assert not self._thread.is_alive(), "the connection through the tap is still open"

    def _relay(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(self._server) as server:
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            self._copy(client, server)
            back.join()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.captured += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other direction has ended too
