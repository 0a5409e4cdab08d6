"""Servers of serial ports that machines elsewhere stand for in tests."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import serial
import serial.rfc2217
import trio

from uartsim.guest.catalogue import GuestDefinition, find_guest


def at(address: str, **settings: str) -> GuestDefinition:
    """The guest at an address."""
    return find_guest(address).with_settings(settings)


class FarServer:
    """Listens, and speaks for the machine behind the serial port, one connection at a time."""

    def __init__(self, listening: socket.socket, address: str) -> None:
        self._listening = trio.socket.from_stdlib_socket(listening)
        self._connections: list[trio.socket.SocketType] = []
        self.address = address

    async def accept(self) -> trio.SocketStream:
        """The next connection."""
        connection, _ = await self._listening.accept()
        self._connections.append(connection)
        return trio.SocketStream(connection)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()


@asynccontextmanager
async def unix_server(path: Path) -> AsyncIterator[FarServer]:
    """A server on a UNIX socket, which is removed at the end."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        server = FarServer(listening, f"unix:{path}")
        try:
            yield server
        finally:
            server.close()
            os.unlink(path)


@asynccontextmanager
async def tcp_server(scheme: str = "tcp") -> AsyncIterator[FarServer]:
    """A server on a free TCP port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = FarServer(listening, f"{scheme}:127.0.0.1:{listening.getsockname()[1]}")
        try:
            yield server
        finally:
            server.close()


async def receive_all_of(stream: trio.SocketStream, size: int) -> bytes:
    """The next ``size`` bytes."""
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        assert more, f"only {data!r} came"
        data += more
    return data


class LoopedPort:
    """A serial port whose output is its input, and whose modem lines follow each other, with its breaks counted."""

    def __init__(self) -> None:
        port: Any = serial.serial_for_url("loop://", timeout=0.01)
        self.port = port
        self.breaks: list[bool] = []
        self._set_break = port._update_break_state
        port._update_break_state = self._note_break

    def _note_break(self) -> None:
        self.breaks.append(self.port._break_state)
        self._set_break()


@contextmanager
def rfc2217_server(looped: LoopedPort) -> Iterator[tuple[str, Callable[[bytes], None]]]:
    """pyserial's own server for RFC 2217, in two threads; yields its address, and what sends bytes past its telnet."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    connected: list[socket.socket] = []

    def send(data: bytes) -> None:
        with contextlib.suppress(OSError):
            connected[0].sendall(data)

    def serve() -> None:
        try:
            connected.append(listening.accept()[0])
        except OSError:
            return
        connection = type("Connection", (), {"write": staticmethod(send)})()
        manager = serial.rfc2217.PortManager(looped.port, connection)

        def carry_out() -> None:
            while not ended.is_set():
                if data := looped.port.read(looped.port.in_waiting or 1):
                    send(b"".join(manager.escape(data)))
                manager.check_modem_lines()

        reader = threading.Thread(target=carry_out)
        reader.start()
        with contextlib.suppress(OSError):
            while data := connected[0].recv(1024):
                looped.port.write(b"".join(manager.filter(data)))
        ended.set()
        reader.join()

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield f"telnet:127.0.0.1:{listening.getsockname()[1]}", send
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in connected:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        server.join()
