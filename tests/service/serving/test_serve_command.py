"""`uartsim serve` as a person starts it: what it prints, what stands in its way, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import websocket
from click.testing import CliRunner

from tests.patience import patience
from tests.service.serve_process import ServeProcess
from tests.service.served import MACHINES, SECRET, TENANT, Served, vm_id
from uartsim.cli import serve_command
from uartsim.cli.command_group import commands
from uartsim.service.portal.page_files import why_missing
from uartsim.service.serving.certificate import provide_certificate
from uartsim.service.serving.state_folder import AUTHORITY, EXAMPLE, StateFolder

Start = Callable[..., ServeProcess]
SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(commands, ["serve", *arguments])
    return result.exit_code, result.output


@contextmanager
def client_of(serving: ServeProcess, secret: str = SECRET, name: str = "owner@example.com") -> Iterator[httpx.Client]:
    """A client that has logged in."""
    url = serving.wait_ready()
    context = ssl.create_default_context(cafile=str(serving.state / AUTHORITY))
    with httpx.Client(base_url=url, verify=context, trust_env=False, timeout=60) as client:
        form = {"grant_type": "password", "username": name, "password": secret, "client_id": "x"}
        answer = client.post("/adfs/oauth2/token", data=form).json()
        client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        yield client


def test_it_prints_where_it_is_and_how_to_log_in_and_ends_on_ctrl_c(start_process: Start) -> None:
    serving = start_process(TENANT)
    with client_of(serving) as client:
        assert client.get(SUBSCRIPTIONS).status_code == 200
    url = serving.wait_ready()
    status, output, errors = serving.end(signal.SIGINT)
    assert (status, errors) == (0, "")
    first, second, *_ = output.splitlines()
    assert first == f"page     {why_missing() or f'{url}/'}"
    assert second.startswith(f"service  {url} ")
    assert f"CA={serving.state / AUTHORITY}" in output
    assert "owner@example.com" in output
    assert "az login" in output
    assert SECRET not in output
    assert not (serving.state / "connection.toml").exists()


def test_the_line_that_it_prints_for_our_client_opens_a_console(start_process: Start) -> None:
    serving = start_process(TENANT + MACHINES)
    serving.wait_ready()
    assert serving.process.stdout is not None
    line = next(line for line in serving.process.stdout if line.startswith("console "))
    variable, *command = line.split()[1:]
    assert variable == f"UARTSIM_SERVE_STATE={serving.state}"
    assert command[0] == "uartsim"
    command[command.index("NAME")] = "owner@example.com"
    name, _, value = variable.partition("=")
    done = subprocess.run(
        [sys.executable, "-m", *command, "--wait", "3"],
        env={**os.environ, name: value, "UARTSIM_SECRET": SECRET},
        input="\n",
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "demo login: " in done.stdout


def test_a_console_that_is_open_is_closed_with_1001_and_a_reason(start_process: Start) -> None:
    serving = start_process(TENANT + MACHINES)
    with client_of(serving) as client:
        answer = client.post(
            f"{vm_id()}/providers/Microsoft.SerialConsole/serialPorts/0/connect?api-version=2024-07-01"
        )
        console = websocket.create_connection(
            answer.json()["connectionString"], sslopt={"ca_certs": str(serving.state / AUTHORITY)}, timeout=60
        )
        assert console.recv()
        console.send(client.headers["Authorization"].removeprefix("Bearer "))
        console.recv()
        serving.process.send_signal(signal.SIGTERM)
        opcode, data = websocket.ABNF.OPCODE_TEXT, b""
        while opcode != websocket.ABNF.OPCODE_CLOSE:
            opcode, data = console.recv_data()
        console.shutdown()  # type: ignore[no-untyped-call]
    assert int.from_bytes(data[:2], "big") == 1001
    assert data[2:]
    status, _, errors = serving.wait_ended()
    assert (status, errors) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_client_that_does_not_read_its_answers_does_not_keep_the_service(start_process: Start, number: int) -> None:
    serving = start_process(TENANT)
    url = httpx.URL(serving.wait_ready())
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", url.port))
        tls = ssl.create_default_context(cafile=serving.state / AUTHORITY)
        with tls.wrap_socket(plain, server_hostname="localhost") as client:
            client.settimeout(1)
            with suppress(TimeoutError):  # the service reads no further request while an answer cannot be sent
                while True:
                    client.sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, _, errors = serving.end(number)
    assert (status, errors) == (0, "")  # not ended by force, after half a minute


def test_the_example_has_its_passwords_in_a_file_for_this_user_only(start_process: Start) -> None:
    serving = start_process()
    serving.wait_ready()
    example = serving.state / EXAMPLE
    assert example.stat().st_mode & 0o777 == 0o600
    text = example.read_text()
    password = re.search(r'name = "owner"\npassword = "(.+)"', text)
    assert password is not None
    with client_of(serving, password[1]) as client:
        assert client.get(SUBSCRIPTIONS).json()["value"][0]["displayName"] == "Example"
    status, output, _ = serving.end()
    assert status == 0
    assert str(example) in output
    assert password[1] not in output


def test_the_state_outlives_a_process_that_is_killed(start_process: Start) -> None:
    first = start_process(TENANT)
    with client_of(first) as client:
        answer = client.put(
            "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/new?api-version=2022-09-01",
            json={"location": "westeurope"},
        )
        assert answer.status_code in (200, 201), answer.text
    first.end(signal.SIGKILL)
    (first.state / "connection.toml").unlink()
    with client_of(start_process(TENANT)) as client:
        listed = client.get("/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups?api-version=2022-09-01")
        assert {one["name"] for one in listed.json()["value"]} == {"rg", "new"}


def test_a_second_service_on_the_same_state_is_refused(start_process: Start) -> None:
    first = start_process(TENANT)
    first.wait_ready()
    status, output = run("--port", "0", "--state", str(first.state))
    assert status == 1
    assert output == (
        f"uartsim: another 'uartsim serve' (process {first.process.pid}) uses the state in {first.state}: "
        "end it, or give another folder with --state\n"
    )


def test_a_port_that_is_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, output = run("--port", str(port), "--state", str(tmp_path / "state"))
    assert status == 1
    assert output.startswith(
        f"uartsim: port {port} is in use: end the program that has it, or give another with --port"
    )
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "example.com", "::", ""])
def test_any_address_but_loopback_is_refused(tmp_path: Path, address: str) -> None:
    status, output = run("--bind", address, "--state", str(tmp_path / "state"))
    assert status == 2
    assert "listens on loopback only" in output
    assert "127.0.0.1" in output


def test_a_set_up_file_with_a_mistake_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("[[vm]]\nnmae = 'a'\n")
    status, output = run("--port", "0", "--state", str(tmp_path / "state"), "--config", str(tmp_path / "t.toml"))
    assert status == 2
    assert output == f"uartsim: {tmp_path}/t.toml:2: unknown key 'nmae' in [[vm]]; did you mean name?\n"


@pytest.mark.parametrize("option", ["--config", "--state"])
def test_an_empty_path_is_refused(option: str) -> None:
    status, output = run(option, "")
    assert (status, output) == (2, f"uartsim: {option} is empty: give a path\n")


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    status, output = run("--port", "0", "--state", str(tmp_path))
    assert status == 2
    assert "holds files that uartsim did not make ('precious')" in output or "precious" in output
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("damage", ["text", "later version"])
def test_a_state_that_cannot_be_used_is_said_and_can_be_set_aside(
    start_process: Start, tmp_path: Path, damage: str
) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        database = state.database()
    if damage == "text":
        database.write_bytes(b"this is no database, but it is precious")
    else:
        with sqlite3.connect(database) as other:
            other.execute("PRAGMA user_version = 77")
        other.close()
    kept = database.read_bytes()
    status, output = run("--port", "0", "--state", str(tmp_path / "state"))
    assert status == 2
    assert "'--reset-state' sets it aside and starts anew" in output
    assert output.count("\n") == 1
    serving = start_process(TENANT, "--reset-state")
    serving.wait_ready()
    status, _, errors = serving.end()
    assert status == 0
    assert errors == f"uartsim: the state is set aside as {database}.1\n"
    assert Path(f"{database}.1").read_bytes() == kept


def test_a_token_key_that_is_damaged_is_said(tmp_path: Path) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        state.write("token-key.pem", b"rubbish")
    status, output = run("--port", "0", "--state", str(tmp_path / "state"))
    assert status == 2
    assert "token-key.pem is damaged: remove it, and there will be a new one" in output


def test_an_expired_certificate_is_renewed_and_said(start_process: Start, tmp_path: Path) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        provide_certificate(state, lambda text: None, datetime(2020, 1, 1, tzinfo=UTC))
    with client_of(start_process(TENANT)) as client:
        assert client.get(SUBSCRIPTIONS).status_code == 200


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_command, "_MODULES", ("starlette", "no_such_module"))
    status, output = run("--port", "0", "--state", str(tmp_path / "state"))
    assert status == 2
    assert output == "uartsim: 'uartsim serve' needs no_such_module: install them with pip install 'uartsim[service]'\n"


def test_importing_the_command_imports_nothing_of_the_service() -> None:
    program = (
        "import sys, uartsim.cli.command_group\n"
        "print([m for m in sys.modules if m.startswith(('uartsim.service', 'starlette', 'hypercorn', 'joserfc', 'httpx'))])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize("reason", [None, "the page was built before its sources: run 'npm run build'"])
def test_a_page_that_is_older_than_its_sources_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    served: Served,
    tmp_path: Path,
    reason: str | None,
) -> None:
    monkeypatch.setattr("uartsim.service.portal.page_age.why_outdated", lambda: reason)
    with StateFolder(str(tmp_path / "other")) as folder:
        serve_command._announce(served.service, folder, "tenant.toml")
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note ")]
    assert notes == ([f"note     {reason}"] if reason else [])
