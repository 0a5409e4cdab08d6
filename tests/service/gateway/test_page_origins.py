"""Whose page may open a console's WebSocket, and that links to consoles cannot be guessed, shared or used twice."""

from __future__ import annotations

import json
import socket
from uuid import UUID

import httpx
import pytest
import trio
import trio_websocket
import websocket

from tests.patience import patience
from tests.service.gateway.console_rig import ALICE, Rig, open_rig
from tests.service.gateway.test_admin_commands import REQUEST
from tests.service.gateway.test_hostile_clients import connected, handshake, read_to_end
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.page_origins import PageOrigins

FOREIGN = [
    "https://evil.example",
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://localhost:{port}.evil.example",
    "http://evil.example:{port}",
    "https://localhost:{port}",
    "http://user@localhost:{port}",
    "http://localhost:{port}/",
    "null",
    "",
    "file://",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_the_page_of_another_origin_gets_no_web_socket_and_the_session_stays(origin: str) -> None:
    with open_rig() as rig:
        url = rig.open()
        answer = _handshake(rig, url, Origin=origin.format(port=rig.port))
        assert _refusal(answer) == (403, "OriginNotAllowed")
        client = rig.client(url)
        assert client.receive() == "Connecting..."


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_the_service_s_own_pages_get_one_by_any_name_of_this_computer(host: str) -> None:
    with open_rig() as rig, connected(rig) as bare:
        bare.sendall(handshake(rig.open(), Origin=f"http://{host}:{rig.port}"))
        assert bare.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_two_origins_are_not_one() -> None:
    with open_rig() as rig, connected(rig) as bare:
        own = f"http://localhost:{rig.port}"
        bare.sendall(handshake(rig.open(), Origin=f"{own}\r\nOrigin: https://evil.example"))
        assert _refusal(read_to_end(bare)) == (403, "OriginNotAllowed")


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 101), ("none", 101), ("same-site", 403), ("cross-site", 403)]
)
def test_what_a_browser_says_of_the_site_counts_too(site: str, status: int) -> None:
    with open_rig() as rig, connected(rig) as bare:
        bare.sendall(handshake(rig.open(), Sec_Fetch_Site=site))
        assert bare.recv(4096).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("suppress", [False, True])
def test_websocket_client_works_with_the_origin_that_it_sends_by_itself_and_without(suppress: bool) -> None:
    with open_rig() as rig:
        client = rig.connect(suppress_origin=suppress)
        client.send("x")
        assert client.read_until("x") == "x"


def test_azure_s_way_to_use_websocket_client_works() -> None:
    with open_rig() as rig:
        got: list[str] = []

        def on_message(app: websocket.WebSocketApp, message: str) -> None:
            got.append(message)
            if message == "Connecting...":
                app.send(ALICE)
                app.send("typed")
            if "".join(got[1:]).endswith("typed"):
                app.close()

        websocket.WebSocketApp(rig.open(), on_message=on_message).run_forever()
        assert "".join(got) == "Connecting...typed"


def test_trio_websocket_works_as_it_sends_no_origin() -> None:
    with open_rig() as rig:
        url = rig.open()

        async def main() -> None:
            with trio.fail_after(patience(10)):
                async with trio_websocket.open_websocket_url(url) as connection:
                    assert await connection.get_message() == "Connecting..."

        trio.run(main)


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_the_page_of_another_origin_can_give_no_admin_command(headers: dict[str, str]) -> None:
    with open_rig() as rig:
        client = rig.connect()
        target = client.url.replace("ws", "http").replace("/client", "/adminCommand/nmi")
        own = {"authorization": f"Bearer {ALICE}"}
        answer = httpx.post(target, json=REQUEST, headers={**own, **headers}, trust_env=False)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "OriginNotAllowed")
        assert rig.machine.commands == []
        page = {"origin": f"http://localhost:{rig.port}", "sec-fetch-site": "same-origin"}
        assert httpx.post(target, json=REQUEST, headers={**own, **page}, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("base", "own"),
    [
        ("https://localhost:443", ["https://localhost", "https://[::1]:443"]),
        ("http://localhost:80", ["http://127.0.0.1", "http://127.0.0.1:80"]),
        ("https://localhost:8443", ["https://localhost:8443"]),
    ],
)
def test_a_default_port_may_be_left_out(base: str, own: list[str]) -> None:
    origins = PageOrigins(base)
    for origin in own:
        origins.check([(b"origin", origin.encode())])
    if base.endswith("8443"):
        with pytest.raises(ArmError):
            origins.check([(b"origin", b"https://localhost")])


def test_a_link_is_good_for_one_handshake_also_when_two_come_at_once_and_after_its_end() -> None:
    with open_rig() as rig:
        url = rig.open()
        bare = [socket.create_connection(("127.0.0.1", rig.port), timeout=patience(10)) for _ in range(5)]
        for one in bare:
            one.sendall(handshake(url))
        answers = sorted(one.recv(12) for one in bare)
        assert answers == [b"HTTP/1.1 101"] + [b"HTTP/1.1 409"] * 4
        for one in bare:
            one.close()
        rig.wait_until(lambda: rig.sessions.get(url.split("/")[-2]) is None, "the session is over")
        assert _refusal(_handshake(rig, url)) == (404, "SessionNotFound")


def test_links_are_random_and_alike_in_nothing() -> None:
    with open_rig() as rig:
        ids = [UUID(rig.open().split("/")[-2]) for _ in range(1000)]
        assert {one.version for one in ids} == {4}  # 122 bits of os.urandom
        assert len({one.bytes[:4] for one in ids}) > 990
        assert len({one.bytes[-4:] for one in ids}) > 990


def test_somebody_else_s_link_opens_nothing_without_the_owner_s_token() -> None:
    with open_rig() as rig:
        thief = rig.client(rig.open("alice"))
        assert thief.receive() == "Connecting..."
        thief.send("header.bob.signature")
        assert thief.read_to_end() == ""
        assert thief.closed == (1011, "Connection not trusted")


def _handshake(rig: Rig, url: str, **headers: str) -> bytes:
    with connected(rig) as bare:
        bare.sendall(handshake(url, **headers))
        return read_to_end(bare)


def _refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("https://localhost:9000", "localhost:9000", True),
        ("https://[::1]:9000", "[::1]:9000", True),
        ("https://localhost:9000", "localhost:8443", False),
        ("https://rebound.example:8443", "rebound.example:8443", False),
        ("http://localhost:9000", "localhost:9000", False),
    ],
)
def test_behind_a_forwarded_port_the_page_of_the_address_that_was_asked_is_the_services_own(
    origin: str, host: str, is_own: bool
) -> None:
    headers = [(b"Host", host.encode()), (b"Origin", origin.encode())]
    origins = PageOrigins("https://localhost:8443")
    if is_own:
        origins.check(headers)
    else:
        with pytest.raises(ArmError, match="may not use this console"):
            origins.check(headers)
