"""The whole path: connect, TLS, the gateway, the rules, and ``demo`` behind its chip."""

from __future__ import annotations

import re
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.patience import patience
from tests.service.gateway.console_rig import Client
from tests.service.served import MACHINES, TENANT, Served, vm_id
from uartsim.service.machines.virtual_machine import PowerState

VM = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1"
CONNECT = f"{VM}/providers/Microsoft.SerialConsole/serialPorts/0/connect?api-version=2024-07-01"


Connect = Callable[..., Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connects as Azure's command line does; the connections are closed at the end."""
    clients: list[Client] = []

    def make(served: Served, user: str = "owner", token: str | None = None, **options: Any) -> Client:
        clients.append(_connected(served, user, token, options))
        return clients[-1]

    yield make
    for client in clients:
        client.hang_up()


def _connected(served: Served, user: str, token: str | None, options: dict[str, Any]) -> Client:
    answer = served.client(user).post(CONNECT)
    assert answer.status_code == 200, answer.text
    url = answer.json()["connectionString"]
    client = Client(url, sslopt={"ca_certs": served.ca_file, "cert_reqs": ssl.CERT_REQUIRED}, **options)
    assert client.receive() == "Connecting..."
    client.send(token or served.token(user))
    return client


def log_in(client: Client) -> None:
    """Log in at demo's prompt."""
    client.send("\r")
    client.read_until("login:")
    client.send("root\r")
    client.read_until("assword:")
    client.send("toor\r")
    client.read_until("# ")


def test_a_user_logs_in_and_is_not_logged_out_when_another_takes_over(served: Served, connect: Connect) -> None:
    first = connect(served)
    log_in(first)
    second = connect(served, "vmcontributor")
    assert "vmcontributor@example.com has taken this console over" in first.read_to_end()
    assert first.closed is not None
    assert first.closed[0] == 4001
    second.send("echo still $((40+2))\r")
    assert second.read_until("still 42")


def test_the_past_is_shown_with_no_password_in_it(served: Served, connect: Connect) -> None:
    first = connect(served)
    log_in(first)
    first.close()
    second = connect(served)
    text = second.read_until("# ")
    assert "Password: " in text
    assert "Password: toor" not in text
    second.close()


def test_reset_keeps_the_console_and_shows_the_new_boot(served: Served, connect: Connect) -> None:
    client = connect(served)
    log_in(client)
    target = client.url.replace("wss", "https").replace("/client", "/adminCommand/reset")
    body = {"command": "reset", "requestId": str(uuid.uuid4()), "commandParameters": {}}
    assert served.client().post(target, json=body).status_code == 200
    client.read_until("login:")
    client.close()


def test_restart_interrupts_and_resumes_in_the_same_web_socket(served: Served, connect: Connect) -> None:
    client = connect(served)
    log_in(client)
    machine = served.parts.machines.get(vm_id())
    assert machine is not None
    served.run(machine.restart)
    log_in(client)
    client.close()


def test_deallocation_ends_the_console_and_after_a_start_it_is_the_new_boot_that_is_shown(
    served: Served, connect: Connect
) -> None:
    client = connect(served)
    log_in(client)
    client.send("echo of-the-old-boot\r")
    client.read_until("of-the-old-boot\r\n")
    machine = served.parts.machines.get(vm_id())
    assert machine is not None
    served.run(machine.deallocate)
    assert machine.power_state is PowerState.DEALLOCATED
    client.read_to_end()
    assert client.closed == (4000, "The machine has been deallocated.")
    served.run(machine.start)
    again = connect(served)
    assert "old-boot" not in again.read_until("login:")


def test_boot_diagnostics_off_disconnects_and_says_why(served: Served, connect: Connect) -> None:
    client = connect(served)
    log_in(client)
    off = {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": False}}}}
    answer = served.client().patch(f"{VM}?api-version=2024-11-01", json=off)
    assert answer.status_code in (200, 202), answer.text
    text = client.read_to_end()
    assert client.closed is not None
    assert client.closed[0] == 4003
    assert "boot diagnostics" in text


def test_the_console_of_the_subscription_disabled_disconnects(served: Served, connect: Connect) -> None:
    client = connect(served)
    log_in(client)
    service = f"/subscriptions/{vm_id().subscription}/providers/Microsoft.SerialConsole/consoleServices/default"
    assert served.client().post(f"{service}/disableConsole?api-version=2024-07-01").status_code == 200
    client.read_to_end()
    assert client.closed is not None
    assert client.closed[0] == 4003


def test_a_token_is_in_nothing_that_the_service_says_or_keeps(served: Served, connect: Connect) -> None:
    token = served.token()
    client = connect(served, token=token)
    log_in(client)
    client.send(token)
    client.send("echo done\r")
    client.read_until("done\r\n")
    client.close()
    served.close()
    kept = b"".join(path.read_bytes() for path in served.state.rglob("*") if path.is_file())
    signature = token.rpartition(".")[2].encode()
    assert signature not in kept
    assert token not in "".join(served.said)


def test_a_token_in_a_url_is_in_nothing_that_the_service_says_whether_it_is_good_or_refused(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    token = served.token()
    links = [served.client().post(CONNECT).json()["connectionString"] for _ in range(4)]
    tls: dict[str, Any] = {"sslopt": {"ca_certs": served.ca_file}, "timeout": patience(10)}
    refusals: list[tuple[str, dict[str, Any]]] = [
        ("&bogus=1", {}),
        (f"&boot={token}&from=1", {}),
        ("", {"origin": "https://evil.example"}),
    ]
    for link, (query, options) in zip(links, refusals, strict=False):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(f"{link}?authorization={token}{query}", **tls, **options)
        assert token.rpartition(".")[2][:20] not in str(refused.value)
    socket = websocket.create_connection(f"{links[3]}?authorization={token}&frames=binary", **tls)
    assert socket.recv() == "Connecting..."
    assert '"hello"' in str(socket.recv()) + str(socket.recv())
    socket.close()
    served.close()
    said = "".join([*served.said, caplog.text, *capfd.readouterr()])
    assert token.rpartition(".")[2][:20] not in said


@pytest.mark.parametrize("option", [{"refuse_second": True}, {}])
def test_the_gateway_s_options_stand_in_the_set_up_file(
    serve: Callable[..., Served], connect: Connect, option: dict[str, object]
) -> None:
    table = "[gateway]\nrefuse_second = true\n" if option else ""
    served = serve(table + TENANT + MACHINES)
    first = connect(served)
    log_in(first)
    second = connect(served, "operator")
    if option:
        second.read_to_end()
        assert second.closed == (4009, "owner@example.com uses this console, and it is not taken over.")
    else:
        second.read_until("# ")


def test_over_tls_a_client_that_never_reads_is_taken_over_and_keeps_the_service_from_nothing(
    served: Served, connect: Connect
) -> None:
    deaf = connect(served, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),))
    machine = served.parts.machines.get(vm_id())
    assert machine is not None
    deaf.read_until("login:")
    hub = machine.hub
    assert hub is not None
    for _ in range(300):
        served.run_sync(lambda: hub.output(b"x" * 65536, hub.com1.clock.now()))
    log_in(connect(served, "operator"))
    begin = time.monotonic()
    served.close()
    assert time.monotonic() - begin < patience(10)


@pytest.mark.parametrize("local_line", ["never", "always"])
def test_logout_on_disconnect_ends_the_session_of_a_tty_that_honours_carrier_and_of_no_other(
    serve: Callable[..., Served], connect: Connect, tmp_path: Path, local_line: str
) -> None:
    guest = tmp_path / "shell"
    guest.mkdir()
    (guest / "guest.toml").write_text(
        f"""
        [guest]
        kind = "process"
        description = "A shell"
        [settings]
        local_line = "{local_line}"
        [process]
        respawn = true
        command = ["/bin/sh", "-c", "stty -echo; echo session $$; exec cat"]
        """
    )
    machine = f"""
        [[vm]]
        name = "vm1"
        guest = "{guest}"
        port = {{ rate = "unlimited" }}
        """
    served = serve("[gateway]\nlogout_on_disconnect = true\n" + TENANT + machine)
    first = connect(served)
    first.read_until("session ")
    first.close()
    ended = "the guest has hung up" if local_line == "never" else "ignores carrier (CLOCAL)"
    audit = served.parts.sessions.services.audit
    give_up = time.monotonic() + patience(10)
    while not any(ended in entry.detail for entry in served.run_sync(audit.entries)):
        assert time.monotonic() < give_up
        time.sleep(0.01)
    second = connect(served, "operator")
    sessions = 2 if local_line == "never" else 1
    text = "".join(second.read_until("session ") for _ in range(sessions)) + second.read_until("\n")
    second.send("again\r")
    text += second.read_until("again")
    assert len(set(re.findall(r"session \d+", text))) == sessions
    assert ("could not be logged out" in text) == (local_line == "always")
