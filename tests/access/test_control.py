"""The control and attach sockets, and what arrives there that should not."""

from __future__ import annotations

import json
import os
import random
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.access.rig import ECHO, SERVER, SILENT, RunningMachine, running, wait_until
from uartsim.access.control import ask
from uartsim.errors import UartsimError, UsageError

GuestFolder = Callable[[str], Path]

GARBAGE = [
    b"\n",
    b"hello\n",
    b"[]\n",
    b"3\n",
    b"null\n",
    b"{}\n",
    b'{"do": "dance"}\n',
    b'{"do": ["status"]}\n',
    b'{"do": {"status": 1}}\n',
    b'{"do": "break", "seconds": "long"}\n',
    b'{"do": "break", "seconds": []}\n',
    b'{"do": "break", "seconds": -1}\n',
    b'{"do": "break", "seconds": NaN}\n',
    b'{"do": "break", "seconds": 1e999}\n',
    b'{"do": "sysrq"}\n',
    b'{"do": "sysrq", "keys": "\\u00e4"}\n',
    b'{"do": "sysrq", "keys": "h", "wait_s": {}}\n',
    b'{"do": "history", "bytes": "x"}\n',
    b'{"do": "history", "bytes": -1}\n',
    b'{"do": "history", "bytes": Infinity}\n',
    b"\xff\xfe\x00\n",
    b"[" * 100_000 + b"\n",
    b"x" * (1 << 20) + b"y\n",
]


def raw_request(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered before it has read all
        answer = bytearray()
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
        return bytes(answer)


def test_garbage_is_answered_with_a_sentence_and_harms_nobody(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        control = runtime / "box" / "control"
        for request in GARBAGE:
            answer = json.loads(raw_request(control, request))
            assert list(answer) == ["error"], request[:60]
            assert answer["error"]
        for request in (b"", b'{"do": "status"}'):  # it left in the middle
            raw_request(control, request)
        rng = random.Random(4)
        for _ in range(30):
            raw_request(control, rng.randbytes(rng.randrange(200)))
        assert machine.status()["state"] == "running"


def test_a_client_that_says_nothing_keeps_nobody_waiting(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(30)]
        try:
            for connection in silent:
                connection.connect(str(runtime / "box" / "control"))
            assert machine.status()["state"] == "running"
        finally:
            for connection in silent:
                connection.close()


def test_everything_can_be_asked_at_the_same_time(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(5)]
        for connection in waiting:
            connection.settimeout(20)
            connection.connect(str(runtime / "box" / "control"))
            connection.sendall(b'{"do": "break", "seconds": 0.25}\n')
        assert machine.status()["state"] == "running"
        for connection in waiting:
            assert connection.recv(100) == b'{"result": null}\n'
            connection.close()
        wait_until(lambda: machine.status()["com1"]["line"]["breaks_in"] == 5, "five breaks")


def test_sysrq_answers_with_what_the_guest_said(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        assert machine.ask("sysrq", keys="h") == "<break>h"


def test_a_machines_folder_and_sockets_are_private_and_the_users_folder_stays(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    os.chmod(runtime, 0o755)
    before = os.umask(0)
    try:
        with running(runtime, guest_folder(SILENT)):
            modes = {name: stat.S_IMODE(os.stat(runtime / name).st_mode) for name in ("", "box", "box/control")}
            assert modes == {"": 0o755, "box": 0o700, "box/control": 0o600}
            assert stat.S_IMODE(os.stat(runtime / "box" / "attach").st_mode) == 0o600
            assert stat.S_IMODE(os.stat(runtime / "box" / "lock").st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_socket_where_nobody_answers_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UartsimError, match="does not answer"):
        ask(str(tmp_path / "nothing"), "status")
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(UartsimError, match="does not answer"):
            ask(path, "status", timeout_s=0.05)


def test_a_refusal_of_the_machine_s_is_a_mistake_of_the_user_s(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SILENT)) as machine, pytest.raises(UsageError, match="a break of 99 s"):
        machine.ask("break", seconds=99)


# -- the attach socket ---------------------------------------------------------------------------------------


class AttachClient:
    """Speaks the attach protocol, rightly or wrongly."""

    def __init__(self, machine: RunningMachine, **wish: Any) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(machine.runtime / machine.name / "attach"))
        self.buffer = bytearray()
        if wish:
            self.send(b"H", json.dumps({"who": "test", **wish}).encode())

    def send(self, kind: bytes, data: bytes = b"") -> None:
        self.socket.sendall(struct.pack(">cI", kind, len(data)) + data)

    def receive(self) -> tuple[bytes, bytes]:
        while len(self.buffer) < 5 or len(self.buffer) < 5 + struct.unpack_from(">I", self.buffer, 1)[0]:
            data = self.socket.recv(65536)
            if not data:
                return b"", bytes(self.buffer)
            self.buffer += data
        size = struct.unpack_from(">I", self.buffer, 1)[0]
        message = bytes(self.buffer[:1]), bytes(self.buffer[5 : 5 + size])
        del self.buffer[: 5 + size]
        return message

    def receive_data(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            kind, part = self.receive()
            assert kind == b"D", (kind, part)
            data += part
        return bytes(data)

    def close(self) -> None:
        self.socket.close()


def test_an_attached_client_gets_the_past_and_speaks_with_the_guest(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        machine.wait_sent(6)
        client = AttachClient(machine, history=None)
        assert client.receive_data(6) == b"ready\n"
        client.send(b"D", b"16\n")
        assert client.receive_data(16) == b"0000000\n0000001\n"
        late = AttachClient(machine, watch=True, history=8)
        assert late.receive_data(8) == b"0000001\n"
        late.send(b"D", b"16\n")
        kind, text = late.receive()
        assert (kind, b"holds the line" in text) == (b"N", True)
        late.send(b"F")
        kind, text = client.receive()
        assert (kind, b"has taken the line over" in text) == (b"N", True)
        late.send(b"D", b"8\n")
        assert late.receive_data(8) == client.receive_data(8) == b"0000000\n"
        client.close()
        late.close()


def test_the_end_of_the_machine_is_said_after_its_last_byte(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        client = AttachClient(machine, history=None)
        client.send(b"D", b"off 3000\n")
        assert client.receive_data(3010) == b"ready\n" + b"x" * 3000 + b"bye\n"
        assert client.receive() == (b"E", b"the machine powered off")
        client.close()


@pytest.mark.parametrize(
    "messages",
    [
        [(b"D", b"no hello")],
        [(b"H", b"no json")],
        [(b"H", b"[]")],
        [(b"H", b'{"history": "much"}')],
        [(b"H", b'{"history": -4}')],
        [(b"H", b'{"history": []}')],
        [(b"H", b"{}"), (b"?", b"")],
        [(b"H", b"{}"), (b"B", b"no json")],
    ],
)
def test_a_client_that_does_not_speak_the_protocol_is_sent_away_and_harms_nobody(
    runtime: Path, guest_folder: GuestFolder, messages: list[tuple[bytes, bytes]]
) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        client = AttachClient(machine)
        for kind, data in messages:
            client.send(kind, data)
        kind, why = client.receive()
        assert kind == b"E"
        assert why
        client.close()
        assert machine.status()["state"] == "running"
        assert machine.status()["hub"]["writer"] is None


@pytest.mark.parametrize(
    ("kind", "data"), [(b"B", b'{"seconds": -1}'), (b"B", b'{"seconds": []}'), (b"K", b"\xff"), (b"K", b"")]
)
def test_a_wrong_wish_of_an_attached_client_is_answered_with_a_notice(
    runtime: Path, guest_folder: GuestFolder, kind: bytes, data: bytes
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        client = AttachClient(machine, history=0)
        client.send(kind, data)
        assert client.receive()[0] == b"N"
        client.send(b"D", b"still here")
        assert client.receive_data(10) == b"still here"
        client.close()


def test_noise_at_the_attach_socket_harms_nobody(runtime: Path, guest_folder: GuestFolder) -> None:
    rng = random.Random(5)
    with running(runtime, guest_folder(SILENT)) as machine:
        for _ in range(40):
            raw_request(runtime / "box" / "attach", rng.randbytes(rng.randrange(300)))
        assert machine.status()["state"] == "running"
