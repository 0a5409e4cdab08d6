"""A relay between the browser and the service whose connections can be cut, as a network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class CutRelay:
    """A relay of TCP connections.  A context manager.

    The console is for pages of the service's own port, so the relay has the same port on the other loopback address.

    Args:
        port: the port of a service that listens on ::1 only.

    Attributes:
        url: where the portal is reached through the relay.
    """

    def __init__(self, port: int) -> None:
        self._server = ("::1", port)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.url = f"https://127.0.0.1:{port}"
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._refuses = False
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> CutRelay:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # A thread in accept() is woken by shutdown(), not by close().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)
        self.cut()

    def cut(self) -> None:
        """Cut all connections, and let no new one through until :meth:`mend`."""
        with self._lock:
            self._refuses = True
            for one in self._open:
                _shut_down(one)
            self._open.clear()

    def mend(self) -> None:
        """Let new connections through."""
        with self._lock:
            self._refuses = False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._refuses:
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._open += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass  # it was cut
        with self._lock:
            for one in (source, target):
                if one in self._open:
                    self._open.remove(one)
                    _shut_down(one)
                one.close()


def _shut_down(connection: socket.socket) -> None:
    """End a connection; the other side may have ended it already."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
