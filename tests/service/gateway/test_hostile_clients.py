"""Clients that break the protocol, vanish, or do not read: a close code or an error, and nobody else notices."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
import trio_websocket
import websocket

from tests.patience import patience
from tests.service.gateway.console_rig import ALICE, Rig, open_rig
from tests.service.gateway.test_frame_parser import masked
from uartsim.service.gateway.frame_parser import Opcode
from uartsim.service.gateway.gateway_options import GatewayOptions

KEY = base64.b64encode(b"k" * 16).decode()


def handshake(url: str, **changes: str | None) -> bytes:
    """A handshake by hand; ``changes`` replaces headers, or leaves them out."""
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    path = "/" + url.split("/", 3)[3]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


@contextmanager
def connected(rig: Rig, *, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    """A bare connection to the gateway."""
    with socket.socket() as bare:
        if receive_buffer is not None:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        bare.settimeout(patience(10))
        bare.connect(("127.0.0.1", rig.port))
        yield bare


def read_to_end(bare: socket.socket) -> bytes:
    data = b""
    try:
        while more := bare.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


def check_that_another_console_works(rig: Rig) -> None:
    bob = rig.connect("bob")
    bob.send("good")
    assert "good" in bob.read_until("good")
    bob.close()


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"\x81\x01a", 1002),
        (masked(0x3, b"x"), 1002),
        (masked(0x0, b"x"), 1002),
        (masked(0x1, b"\xff\xfe"), 1007),
        (masked(0x8, b"\x01"), 1002),
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
    ],
)
def test_who_breaks_the_protocol_gets_a_close_code(stream: bytes, code: int) -> None:
    with open_rig() as rig, connected(rig) as bare:
        _sit_down(rig, bare)
        bare.sendall(stream)
        answer = read_to_end(bare)
        close = answer[answer.rindex(b"\x88") :]
        assert int.from_bytes(close[2:4], "big") == code
        assert close[4:].decode()
        check_that_another_console_works(rig)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": "!" * 24}, 400),
        ({"Sec_WebSocket_Version": "8"}, 400),
        ({"Sec_WebSocket_Version": None}, 400),
    ],
)
def test_a_wrong_handshake_is_refused(changes: dict[str, str | None], status: int) -> None:
    with open_rig() as rig, connected(rig) as bare:
        bare.sendall(handshake(rig.open(), **changes))
        assert bare.recv(65536).startswith(b"HTTP/1.1 %d" % status)
        check_that_another_console_works(rig)


@pytest.mark.parametrize(
    ("alter", "status", "code"),
    [
        (lambda url: url + "?wacth=1", 400, "InvalidQuery"),
        (lambda url: url + "?replay=much", 400, "InvalidQuery"),
        (lambda url: url + "?watch=maybe", 400, "InvalidQuery"),
        (lambda url: url + "?paste=fast", 400, "InvalidQuery"),
        (lambda url: url + "?replay=1&replay=2", 400, "InvalidQuery"),
        (lambda url: url + "?watch", 400, "InvalidQuery"),
        (lambda url: url[:-20] + "0" * 13 + "/client", 404, "SessionNotFound"),
        (lambda url: url.replace("sessions", "session"), 404, "NotFound"),
    ],
)
def test_a_wrong_url_is_answered_with_an_error_in_the_form_of_arm(alter: object, status: int, code: str) -> None:
    assert callable(alter)
    with open_rig() as rig, connected(rig) as bare:
        bare.sendall(handshake(alter(rig.open())))
        head, _, body = read_to_end(bare).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status)
        assert json.loads(body)["error"]["code"] == code


def test_a_session_has_one_web_socket() -> None:
    with open_rig() as rig, connected(rig) as bare:
        client = rig.connect()
        bare.sendall(handshake(client.url))
        answer = read_to_end(bare)
        assert answer.startswith(b"HTTP/1.1 409")
        client.send("mine")
        assert client.read_until("mine") == "mine"


def test_a_session_without_a_web_socket_expires() -> None:
    with open_rig(options=GatewayOptions(open_within_s=0.05)) as rig, connected(rig) as bare:
        url = rig.open()
        assert rig.session(url) is not None
        rig.wait_until(lambda: rig.sessions.get(url.split("/")[-2]) is None, "it expires")
        bare.sendall(handshake(url))
        assert read_to_end(bare).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("garbage", [b"\0" * 1000, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"x" * 512, b"A" * 70_000])
def test_garbage_in_place_of_a_request_disturbs_nobody(garbage: bytes) -> None:
    with open_rig() as rig:
        alice = rig.connect()
        with connected(rig) as bare:
            bare.sendall(garbage)
            bare.shutdown(socket.SHUT_WR)
            read_to_end(bare)
        alice.send("x")
        assert alice.read_until("x") == "x"


def test_a_client_that_vanishes_leaves_the_console() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("x")
        client.read_until("x")
        client.hang_up()
        rig.wait_until(lambda: len(rig.audit.entries) == 2, "it is noticed")
        assert rig.audit.entries[-1][2] == "the client has gone"
        rig.wait_until(lambda: rig.machine.hub is not None and not rig.machine.hub.clients, "its place is free")


def test_a_client_that_vanishes_in_the_middle_of_a_handshake_disturbs_nobody() -> None:
    with open_rig() as rig:
        for size in (1, 30, 100, 150):
            with connected(rig) as bare:
                bare.sendall(handshake(rig.open())[:size])
        with connected(rig) as bare:
            bare.sendall(handshake(rig.open()))
        check_that_another_console_works(rig)


def test_a_client_that_answers_no_ping_is_given_up_and_one_that_does_is_not() -> None:
    with open_rig(options=GatewayOptions(ping_every_s=0.1, pong_within_s=0.4)) as rig:
        with connected(rig) as bare:
            bare.sendall(handshake(rig.open()))
            assert b"\x89\x00" in read_to_end(bare)  # pings came, until the gateway hung up
        bob = rig.connect("bob")
        begin = time.monotonic()
        while time.monotonic() - begin < 1.2:
            bob.socket.settimeout(0.1)
            with contextlib.suppress(websocket.WebSocketTimeoutException):
                bob.receive()  # websocket-client answers pings while it reads
        bob.socket.settimeout(patience(10))
        bob.send("still here")
        assert bob.read_until("still here") == "still here"


@pytest.mark.parametrize("query", ["", "?frames=binary&paste=flow"])
def test_a_client_that_never_reads_is_taken_over_and_cut_off(query: str) -> None:
    with open_rig() as rig, connected(rig, receive_buffer=4096) as bare:
        _sit_down(rig, bare, query)
        for _ in range(200):
            rig.write(b"x" * 65536)
        bob = rig.connect("bob", query="?replay=0")
        bob.send("mine")
        assert bob.read_until("mine") == "mine"
        rig.wait_until(lambda: len(rig.sessions._sessions) == 1, "the first session is gone")
        assert read_to_end(bare)


def test_a_page_that_never_reads_costs_no_memory_whatever_it_types_and_whoever_comes_and_goes() -> None:
    with open_rig() as rig, connected(rig, receive_buffer=4096) as bare:
        _sit_down(rig, bare, "?frames=binary&paste=flow")
        rig.write(b"x" * 4_000_000)  # more than the socket takes: the conversation waits in a frame
        paste = masked(Opcode.TEXT, b"y" * 40_000)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(75):
                bare.sendall(paste)
            for _ in range(10):
                watcher = rig.connect("bob", query="?watch=1&replay=0")
                watcher.close()
            rig.wait_until(lambda: len(rig.audit.entries) == 21, "the watchers have gone")
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 2_500_000  # of 3 MB that were echoed, the hub keeps its 1 MiB


def test_a_client_that_never_reads_does_not_keep_the_gateway_from_stopping() -> None:
    with open_rig() as rig, connected(rig, receive_buffer=4096) as bare:
        _sit_down(rig, bare)
        for _ in range(200):
            rig.write(b"x" * 65536)
        begin = time.monotonic()
        rig.stop()
        assert time.monotonic() - begin < patience(8)


def test_trio_websocket_holds_the_conversation_too() -> None:
    with open_rig() as rig:
        url = rig.open()

        async def main() -> None:
            with trio.fail_after(patience(10)):
                async with trio_websocket.open_websocket_url(url) as connection:
                    assert await connection.get_message() == "Connecting..."
                    await connection.send_message(ALICE)
                    await connection.ping(b"are you there")
                    await connection.send_message(b"bytes")
                    got = ""
                    while got != "bytes":
                        got += str(await connection.get_message())

        trio.run(main)
        rig.wait_until(lambda: len(rig.audit.entries) == 2, "it has left")
        assert rig.audit.entries[-1][2] == "the client closed"


def test_a_client_that_offers_extensions_gets_none() -> None:
    with open_rig() as rig:
        client = rig.connect(header=["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"])
        client.send("x")
        assert client.read_until("x") == "x"
        headers = client.socket.getheaders()
        assert headers is not None
        assert "sec-websocket-extensions" not in headers


def _sit_down(rig: Rig, bare: socket.socket, query: str = "") -> None:
    """Alice sits down at a bare connection."""
    bare.sendall(handshake(rig.open(query=query)))
    assert bare.recv(4096).startswith(b"HTTP/1.1 101 ")
    bare.sendall(masked(Opcode.TEXT, ALICE.encode()))
    rig.wait_until(lambda: ("connected", "alice@example.com") in rig.audit.entries, "she sits there")


@pytest.mark.parametrize("path", ["", "x"])
def test_frames_before_the_handshake_was_answered_are_taken_or_refused_and_disturb_nobody(path: str) -> None:
    with open_rig() as rig:
        alice = rig.connect()
        for _ in range(20):
            with connected(rig) as bare:
                url = rig.open("bob", "?watch=1")
                early = masked(Opcode.TEXT, b"header.bob.signature") + masked(Opcode.CLOSE, b"")
                bare.sendall(handshake(url.replace("/n/", f"/n{path}/")) + early)
                answer = read_to_end(bare)
                assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 " if path else b"HTTP/1.1 101 ")), answer
        alice.send("x")
        assert alice.read_until("x") == "x"


def test_what_is_typed_with_the_handshake_reaches_the_guest_or_the_handshake_is_refused() -> None:
    with open_rig() as rig:
        for _ in range(20):
            with connected(rig) as bare:
                early = masked(Opcode.TEXT, ALICE.encode()) + masked(Opcode.TEXT, b"early")
                bare.sendall(handshake(rig.open()) + early)
                answer = b""
                while b"early" not in answer and not answer.startswith(b"HTTP/1.1 400 "):
                    received = bare.recv(65536)
                    assert received, answer
                    answer += received
