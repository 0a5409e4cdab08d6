"""A WebSocket to a peer that does not behave: frames byte for byte, and handshakes that fail."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from uartsim.azure_client.client_errors import ConsoleError, RefusalError, TransientError
from uartsim.azure_client.console_connection import ConsoleConnection
from uartsim.azure_client.http_requests import Http
from uartsim.azure_client.management import Management
from uartsim.azure_client.retries import Retries
from uartsim.azure_client.service_address import ServiceAddress
from uartsim.azure_client.token_source import Credentials
from uartsim.azure_client.web_socket import Closed, open_web_socket
from uartsim.error_groups import first_error

Peer = Callable[[trio.SocketStream, bytes], Awaitable[None]]


def frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A short frame of a server (RFC 6455, 5.2)."""
    assert len(payload) < 126
    return bytes([opcode | 0x80 * last, len(payload)]) + payload


async def accept(stream: trio.SocketStream, request: bytes) -> None:
    """Answer the handshake (RFC 6455, 4.2.2)."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE)
    assert key is not None
    proof = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    await stream.send_all(
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof
        + b"\r\n\r\n"
    )


def against(peer: Peer) -> list[bytes | Closed]:
    """Open a WebSocket to a peer; what is received until it ends."""

    async def serve(stream: trio.SocketStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += await stream.receive_some()
        await peer(stream, request)

    async def main() -> list[bytes | Closed]:
        got: list[bytes | Closed] = []
        async with Http(ServiceAddress("http://localhost")) as http, trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            port = listeners[0].socket.getsockname()[1]
            socket = await open_web_socket(nursery, http, f"ws://127.0.0.1:{port}/a/client?watch=1")
            while not got or not isinstance(got[-1], Closed):
                got.append(await socket.receive())
            await socket.send("nobody hears it")
            await socket.close()
            nursery.cancel_scope.cancel()
        return got

    return trio.run(main)


def refused(peer: Peer) -> ConsoleError:
    """The error of a WebSocket that is not opened."""
    try:
        against(peer)
    except BaseException as error:
        cause = first_error(error)
        assert isinstance(cause, ConsoleError), cause
        return cause
    raise AssertionError("it was opened")


def test_the_handshake_is_the_real_clients() -> None:
    requests = []

    async def peer(stream: trio.SocketStream, request: bytes) -> None:
        requests.append(request)
        await accept(stream, request)

    assert against(peer) == [Closed("the connection was cut", transient=True)]
    head = requests[0].decode()
    assert head.startswith("GET /a/client?watch=1 HTTP/1.1\r\n")
    host = re.search(r"\r\nHost: (127\.0\.0\.1:\d+)\r\n", head)
    assert host is not None
    assert f"\r\nOrigin: https://{host[1]}\r\n" in head
    assert "authorization" not in head.lower()
    assert "Sec-WebSocket-Protocol" not in head


def test_characters_cut_between_the_frames_of_a_message_are_put_together() -> None:
    async def peer(stream: trio.SocketStream, request: bytes) -> None:
        await accept(stream, request)
        await stream.send_all(frame(1, b"a\xe2", last=False) + frame(0, b"\x82", last=False) + frame(0, b"\xac"))
        await stream.send_all(frame(2, b"\xe2\x82") + frame(2, b"\xac\xff"))
        await stream.send_all(frame(8, (4001).to_bytes(2, "big") + b"bob has it"))

    assert against(peer) == ["a€".encode(), b"\xe2\x82", b"\xac\xff", Closed("bob has it (4001)", transient=False)]


@pytest.mark.parametrize(
    "data",
    [frame(1, b"\xff"), frame(1, b"\xe2\x82") + frame(1, b"\xac"), b"\xff\xff\xff", frame(3, b""), frame(8, b"\x00")],
)
def test_frames_that_are_not_allowed_end_it(data: bytes) -> None:
    async def peer(stream: trio.SocketStream, request: bytes) -> None:
        await accept(stream, request)
        await stream.send_all(frame(1, b"good") + data)
        await stream.receive_some()

    got = against(peer)
    assert got[0] == b"good"
    assert isinstance(got[-1], Closed)


def test_a_message_without_an_end_is_not_gathered_for_ever() -> None:
    async def peer(stream: trio.SocketStream, request: bytes) -> None:
        await accept(stream, request)
        piece = bytes([0x00, 127]) + (1 << 20).to_bytes(8, "big") + b"x" * (1 << 20)
        await stream.send_all(frame(1, b"", last=False))
        try:
            while True:
                await stream.send_all(piece)
        except trio.BrokenResourceError:
            return

    [closed] = against(peer)
    assert isinstance(closed, Closed)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switch", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_peer_that_is_no_web_socket_is_said(answer: bytes) -> None:
    async def peer(stream: trio.SocketStream, request: bytes) -> None:
        await stream.send_all(answer)
        await stream.send_eof()

    assert "127.0.0.1:" in str(refused(peer))


def test_a_refusal_is_shown_with_its_body() -> None:
    async def peer(stream: trio.SocketStream, request: bytes) -> None:
        body = b'{"error":{"code":"NotFound","message":"There is no such session."}}'
        await stream.send_all(b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    error = refused(peer)
    assert isinstance(error, RefusalError)
    assert str(error) == "(NotFound) There is no such session."

    async def busy(stream: trio.SocketStream, request: bytes) -> None:
        await stream.send_all(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")

    error = refused(busy)
    assert isinstance(error, TransientError)
    assert error.wait_s == 7


def test_a_command_whose_answer_is_lost_is_not_sent_again() -> None:
    requests = []

    async def serve(stream: trio.SocketStream) -> None:
        requests.append(await stream.receive_some())
        await stream.aclose()

    async def main() -> None:
        async with Http(ServiceAddress("http://localhost")) as http, trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/sessions/ws/client"
            management = Management(http, Credentials(token="t"), Retries(30, lambda text: None))
            connection = ConsoleConnection(management, None, url)  # type: ignore[arg-type]
            with pytest.raises(ConsoleError, match="it is not known whether the command was carried out"):
                await connection.admin_command("reset")
            nursery.cancel_scope.cancel()

    trio.run(main)
    [request] = requests
    assert request.startswith(b"POST /sessions/ws/adminCommand/reset HTTP/1.1\r\n")
