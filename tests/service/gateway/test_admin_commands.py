"""Admin commands: their own authorisation, while the WebSocket is open, and what they refuse."""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any

import httpx
import pytest

from tests.patience import patience
from tests.service.gateway.console_rig import ALICE, BOB, EXPIRED, Rig, open_rig
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.virtual_machine import PowerState

REQUEST = {"command": "nmi", "requestId": str(uuid.uuid4()), "commandParameters": {}}


def post(url: str, command: str, body: Any = None, token: str | None = ALICE) -> httpx.Response:
    """What Azure's command line does: the URL of the WebSocket, altered."""
    target = url.replace("ws", "http").replace("/client", f"/adminCommand/{command}")
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return httpx.post(target, json=body, headers=headers, trust_env=False)


def sysrq(keys: object) -> dict[str, Any]:
    return {"command": "sysrq", "requestId": str(uuid.uuid4()), "commandParameters": {"SysRqCommand": keys}}


@pytest.mark.parametrize("command", ["nmi", "reset"])
def test_a_command_reaches_the_machine_though_the_web_socket_never_shows_its_token(command: str) -> None:
    with open_rig() as rig:
        client = rig.client(rig.open())
        assert client.receive() == "Connecting..."
        answer = post(client.url, command, {**REQUEST, "command": command})
        assert (answer.status_code, answer.json()["status"]) == (200, "Succeeded")
        assert rig.machine.commands == [command]
        assert rig.audit.entries == [("admin command", "alice@example.com", command)]


@pytest.mark.parametrize("keys", ["h", "REISUB", "9"])
def test_sysrq_takes_one_key_or_a_sequence(keys: str) -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        assert post(client.url, "sysrq", sysrq(keys)).status_code == 200
        assert rig.machine.commands == [f"sysrq {keys}"]
        client.send("b")
        assert client.read_until("b") == "b"


def test_a_command_is_valid_only_while_the_web_socket_is_open() -> None:
    with open_rig() as rig:
        url = rig.open()
        assert _refused(post(url, "nmi", REQUEST)) == (409, "SessionNotConnected")
        client = rig.client(url)
        client.receive()
        client.close()
        rig.wait_until(lambda: rig.sessions.get(url.split("/")[-2]) is None, "the session is gone")
        assert _refused(post(url, "nmi", REQUEST)) == (404, "SessionNotFound")
        assert rig.machine.commands == []


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, (401, "AuthenticationFailed")),
        (EXPIRED, (401, "InvalidAuthenticationToken")),
        ("x", (401, "InvalidAuthenticationToken")),
        (BOB, (403, "AuthorizationFailed")),
    ],
)
def test_a_command_without_a_good_token_of_the_session_is_refused(token: str, expected: tuple[int, str]) -> None:
    with open_rig() as rig:
        client = rig.connect()
        assert _refused(post(client.url, "nmi", REQUEST, token)) == expected
        assert rig.machine.commands == []


def test_a_command_of_a_user_whose_role_was_withdrawn_is_refused() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open())
        rig.rules.refusal = ArmError(403, "AuthorizationFailed", "You do not have the required permissions.")
        assert _refused(post(client.url, "nmi", REQUEST)) == (403, "AuthorizationFailed")


@pytest.mark.parametrize(
    ("command", "body", "expected"),
    [
        ("nmi", "text", (400, "InvalidRequestContent")),
        ("nmi", {}, (400, "InvalidRequestContent")),
        ("nmi", {"requestId": "1"}, (400, "InvalidRequestContent")),
        ("nmi", {**REQUEST, "command": "reset"}, (400, "InvalidRequestContent")),
        ("nmi", {**REQUEST, "commandParameters": []}, (400, "InvalidRequestContent")),
        ("nmi", {**REQUEST, "commandParameters": {"SysRqCommand": "h"}}, (400, "InvalidRequestContent")),
        ("sysrq", sysrq(""), (400, "InvalidSysRqCommand")),
        ("sysrq", sysrq("h;"), (400, "InvalidSysRqCommand")),
        ("sysrq", sysrq("ä"), (400, "InvalidSysRqCommand")),
        ("sysrq", sysrq(3), (400, "InvalidSysRqCommand")),
        ("sysrq", sysrq(None), (400, "InvalidSysRqCommand")),
        ("explode", REQUEST, (404, "CommandNotFound")),
        ("nmi", {**REQUEST, "filler": "x" * 70_000}, (413, "RequestContentTooLarge")),
    ],
)
def test_a_wrong_request_is_refused_and_the_machine_hears_nothing(
    command: str, body: Any, expected: tuple[int, str]
) -> None:
    with open_rig() as rig:
        client = rig.client(rig.open())
        assert _refused(post(client.url, command, body)) == expected
        assert rig.machine.commands == []
        assert rig.audit.entries == []


def test_malformed_json_is_refused() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open())
        target = client.url.replace("ws", "http").replace("/client", "/adminCommand/nmi")
        for content in (b"", b"{", b"\xff", b"[" * 60_000):
            answer = httpx.post(target, content=content, headers={"authorization": f"Bearer {ALICE}"}, trust_env=False)
            assert _refused(answer) == (400, "InvalidRequestContent")


def test_sysrq_to_windows_is_refused_with_the_client_s_own_text() -> None:
    with open_rig() as rig:
        rig.rules.os = "Windows"
        client = rig.client(rig.open())
        answer = post(client.url, "sysrq", sysrq("h"))
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "You can only send a SysRq to a Linux VM."
        assert post(client.url, "nmi", REQUEST).status_code == 200


def test_a_machine_that_is_off_answers_409() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open())
        _switch_off(rig)
        assert _refused(post(client.url, "reset", {**REQUEST, "command": "reset"})) == (409, "OperationNotAllowed")
        assert rig.audit.entries == [("admin command", "alice@example.com", "reset, in vain: The machine is off.")]


def test_a_console_that_only_watches_gives_no_commands() -> None:
    with open_rig() as rig:
        client = rig.connect(query="?watch=1")
        assert _refused(post(client.url, "reset", {**REQUEST, "command": "reset"})) == (403, "ConsoleIsWatched")
        assert rig.machine.commands == []


def test_a_role_withdrawn_while_the_body_comes_refuses_the_command() -> None:
    content = json.dumps(REQUEST).encode()
    with open_rig() as rig:
        client = rig.client(rig.open())
        path = client.url.split("/", 3)[3].replace("/client", "/adminCommand/nmi")
        head = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ALICE}\r\nConnection: close\r\n"
        with socket.create_connection(("127.0.0.1", rig.port), timeout=patience(10)) as bare:
            bare.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:5])
            rig.wait_until(lambda: rig.rules.checks > 0, "the command is under way")
            rig.rules.refusal = ArmError(403, "AuthorizationFailed", "You do not have the required permissions.")
            bare.sendall(content[5:])
            answer = bare.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 403 "), answer
        assert rig.machine.commands == []


def _switch_off(rig: Rig) -> None:
    rig.call(rig.machine.switch_off, PowerState.STOPPED)
    rig.wait_until(lambda: rig.machine.hub is None, "it is off")


def _refused(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["message"]
    return answer.status_code, error["code"]
