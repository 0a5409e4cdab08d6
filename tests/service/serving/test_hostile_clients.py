"""Clients that break off, send rubbish or speak no TLS: an answer or a closed connection, and nobody else notices."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable

import pytest
from hypercorn.trio.tcp_server import TCPServer

from tests.service.served import Served
from uartsim.service.serving.http_server import MOST_MESSAGE_BYTES

RESET = struct.pack("ii", 1, 0)


def port_of(served: Served) -> int:
    return int(served.url.rpartition(":")[2])


def plain(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(served)), timeout=10)


def encrypted(served: Served) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=served.ca_file)
    return context.wrap_socket(plain(served), server_hostname="localhost")


def still_answers(served: Served) -> bool:
    return served.client("owner").get("/subscriptions?api-version=2022-12-01").status_code == 200


def test_plain_http_gets_nothing(served: Served) -> None:
    with plain(served) as client:
        client.sendall(b"GET /metadata/endpoints HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in client.recv(4096)
    assert still_answers(served)


def test_a_client_that_does_not_know_the_authority_does_not_trust_the_service(served: Served) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(plain(served), server_hostname="localhost")
    assert still_answers(served)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_certificate_is_good_for_each_name_of_the_service(served: Served, name: str) -> None:
    context = ssl.create_default_context(cafile=served.ca_file)
    with context.wrap_socket(plain(served), server_hostname=name) as client:
        assert client.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 40_000, b"431"),
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /adfs/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
    ],
    ids=["long head", "rubbish", "no host", "bytes in the path", "negative length"],
)
def test_a_request_that_is_none_is_answered_with_an_error(served: Served, request_text: bytes, status: bytes) -> None:
    with encrypted(served) as client:
        client.sendall(request_text)
        assert client.recv(4096).startswith(b"HTTP/1.1 " + status)
    assert still_answers(served)


def before_the_handshake(served: Served) -> socket.socket:
    return plain(served)


def in_mid_head(served: Served) -> socket.socket:
    client = encrypted(served)
    client.sendall(b"GET / HTTP/1.1\r\nHo")
    return client


def in_mid_body(served: Served) -> socket.socket:
    client = encrypted(served)
    client.sendall(b"POST /adfs/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\ngrant")
    return client


def before_the_answer(served: Served) -> socket.socket:
    client = encrypted(served)
    client.sendall(b"GET /metadata/endpoints HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    return client


@pytest.mark.parametrize("where", [before_the_handshake, in_mid_head, in_mid_body, before_the_answer])
@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_vanishes_leaves_no_trace(
    capfd: pytest.CaptureFixture[str], served: Served, where: Callable[[Served], socket.socket], reset: bool
) -> None:
    client = where(served)
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    assert still_answers(served)
    served.close()
    assert capfd.readouterr().err == ""


def test_a_message_of_a_websocket_is_bounded() -> None:
    assert MOST_MESSAGE_BYTES <= 1 << 20


def test_an_unforeseen_error_is_one_line_here_and_an_arm_error_there(
    capfd: pytest.CaptureFixture[str], served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise ZeroDivisionError("a mistake\nof ours")

    monkeypatch.setattr("uartsim.service.identity.tokens.Tokens.jwks", broken)
    answer = served.client(None).get("/adfs/discovery/keys")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "InternalServerError"
    assert still_answers(served)
    said = capfd.readouterr().err
    assert "ZeroDivisionError" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHo"], ids=["silent", "slow head"])
def test_a_connection_without_a_request_does_not_stay_for_ever(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("uartsim.service.serving.http_server.IDLE_S", 0.3)
    served = serve()
    with encrypted(served) as client:
        client.sendall(begun)
        assert client.recv(4096) == b""
    assert still_answers(served)


def test_a_handshake_that_is_not_finished_does_not_stay_for_ever(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uartsim.service.serving.http_server.HANDSHAKE_S", 0.3)
    served = serve()
    with plain(served) as client:
        client.sendall(b"\x16\x03\x01")
        assert client.recv(4096) == b""
    assert still_answers(served)


def test_an_error_in_one_connection_is_logged_and_ends_no_other(
    served: Served, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(server: TCPServer) -> None:
        raise RuntimeError("a mistake in the server")

    with encrypted(served) as other:
        with monkeypatch.context() as patch:
            patch.setattr(TCPServer, "run", broken)
            with plain(served) as client:
                assert client.recv(4096) == b""
        other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.recv(4096).startswith(b"HTTP/1.1 ")
    assert still_answers(served)
    assert "A connection has failed: RuntimeError: a mistake in the server" in capfd.readouterr().err


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_refusal_reaches_a_client_that_sends_its_body_later(served: Served, size: int) -> None:
    for _ in range(10):
        with encrypted(served) as client:
            head = f"POST /_uartsim/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
            client.sendall(head.encode())
            client.sendall(b"{" * (size // 2))
            client.sendall(b"}" * (size // 2))
            client.sendall(b"GET /metadata/endpoints HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while b"HTTP/1.1 2" not in answer and b"HTTP/1.1 400" not in answer:
                received = client.recv(4096)
                assert received, answer
                answer += received
            assert answer.startswith(b"HTTP/1.1 401")


def test_a_refusal_does_not_wait_long_for_a_body_that_does_not_come(served: Served) -> None:
    with encrypted(served) as client:
        client.sendall(b"POST /_uartsim/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        assert client.recv(4096).startswith(b"HTTP/1.1 401")
