"""What the benchmarks of the gateway share: servers in processes of their own, and a WebSocket client without a library."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.rig import ROOT, environment

#: A piece of the source.
PIECE: Final = 4096
#: What a page asks for.
BINARY: Final = "?frames=binary&paste=flow"
_SERVERS: Final = Path(__file__).parent / "peers" / "console_servers.py"


class RawSocket:
    """A WebSocket client without a library: it counts what comes, and is the same for every peer.

    Args:
        url: where to connect.
        ca: the file of the authority to trust; unused without TLS.
        token: what it sends after the first frame.
        query: options of the console, with the question mark.
    """

    def __init__(self, url: str, ca: str, token: str, query: str = "") -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        raw = socket.create_connection(("127.0.0.1", parts.port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = parts.scheme == "wss"
        self._socket = (
            ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname="localhost") if secure else raw
        )
        self._socket.settimeout(60)
        self._buffer = bytearray(1 << 18)
        self._socket.sendall(
            f"GET {parts.path}{query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"Connecting..."):
            head += self._socket.recv(4096)
        self.send(token.encode())

    def send(self, text: bytes) -> None:
        """Send a text frame."""
        size = len(text)
        length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 126,)) + size.to_bytes(2, "big")
        self._socket.sendall(b"\x81" + length + b"\0\0\0\0" + text)

    def receive(self) -> bytes:
        """What comes next, with the headers of its frames."""
        return self._socket.recv(65536)

    def count(self, size: int) -> int:
        """Read frames until they have brought ``size`` bytes of payload; returns how many frames that were."""
        frames, left, header, buffer = 0, 0, b"", memoryview(self._buffer)
        while size > 0 or left:
            got = self._socket.recv_into(self._buffer)
            if not got:
                raise EOFError("the server has closed")
            at = 0
            while at < got:
                if not left:
                    header += bytes(buffer[at : at + 10])
                    needed = {126: 4, 127: 10}.get(header[1] if len(header) > 1 else 0, 2)
                    if len(header) < needed:
                        at = got
                        continue
                    at += needed - (len(header) - min(10, got - at))
                    left = header[1] if needed == 2 else int.from_bytes(header[2:needed], "big")
                    size -= left if header[0] & 0x0F < 8 else 0
                    header, frames = b"", frames + 1
                taken = min(left, got - at)
                left -= taken
                at += taken
        return frames

    def close(self) -> None:
        """Close."""
        self._socket.close()


@contextmanager
def peer(kind: str, *arguments: str, query: str = "") -> Iterator[tuple[RawSocket, subprocess.Popen[bytes]]]:
    """A peer in a process of its own, and a client of it that has shown its token."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        given = [folder, *arguments] if kind == "service" else []
        command = [sys.executable, str(_SERVERS), kind, *given]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder), cwd=ROOT
        ) as running:
            assert running.stdout is not None
            try:
                client = RawSocket(**json.loads(running.stdout.readline()), query=query)
                yield client, running
                client.close()
            finally:
                running.kill()
                running.wait()


def order(running: subprocess.Popen[bytes], size: int) -> None:
    """Have a peer's source send ``size`` bytes."""
    assert running.stdin is not None
    os.write(running.stdin.fileno(), b"%d\n" % size)
