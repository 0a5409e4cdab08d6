"""Clients that vanish, come and go, do not read, or send everything at once: the guest and the others go on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import termios
import zlib
from pathlib import Path

import pytest

from tests.access.rig import COUNTER, ECHO, SERVER, numbered, read_until, running, wait_until
from tests.faults.rig import (
    GuestFolder,
    connect,
    descriptors,
    echo_folder,
    exchange,
    noise,
    open_plain,
    open_serial,
    resident_bytes,
    wait_echo,
)

#: Writes to the pty for ever.
WRITER = """
import os, sys, tty
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
tty.setraw(fd)
while True:
    os.write(fd, b"0123456789abcdef" * 64)
"""


def message(kind: bytes, data: bytes = b"") -> bytes:
    """One message to the attach socket."""
    return struct.pack(">cI", kind, len(data)) + data


HELLO = message(b"H", json.dumps({"who": "test"}).encode())
WATCH = message(b"H", json.dumps({"who": "test", "watch": True}).encode())


def test_a_client_killed_while_it_writes_leaves_a_line_that_works(runtime: Path, guest_folder: GuestFolder) -> None:
    """What it had written before goes to the guest, whole and in order, and nothing else does."""
    with running(runtime, guest_folder(ECHO)) as machine:
        for _ in range(3):
            before = machine.status()["com1"]["line"]["bytes_in"]
            with subprocess.Popen([sys.executable, "-c", WRITER, str(machine.link)]) as writer:
                machine.wait_opened(1)
                wait_until(lambda b=before: machine.status()["com1"]["line"]["bytes_in"] > b + 2000, "bytes of it")  # type: ignore[misc]
                writer.send_signal(signal.SIGKILL)
            machine.wait_opened(0)
        wait_until(
            lambda: (
                machine.status()["com1"]["line"]["queued_in"] == 0
                and machine.status()["com1"]["line"]["bytes_in"] == machine.status()["com1"]["line"]["bytes_out"]
            ),
            "the line falls idle",
            60,
        )
        total = machine.status()["com1"]["line"]["bytes_in"]
        with open_plain(machine) as fd:
            heard = read_until(fd, total)
            assert heard == (b"0123456789abcdef" * (len(heard) // 16 + 1))[: len(heard)]
            assert len(heard) == total
            assert exchange(fd, b"still here", 10) == b"still here"


@pytest.mark.parametrize("part", [1, 3, 5, 20, 1000])
def test_an_attached_client_that_vanishes_within_a_message_harms_nobody(
    runtime: Path, guest_folder: GuestFolder, part: int
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        connection = connect(runtime / "box" / "attach")
        connection.sendall(HELLO)
        wait_until(lambda: machine.status()["hub"]["writer"] == "test", "it holds the line")
        connection.sendall(message(b"D", b"x" * 4000)[:part])
        connection.close()
        wait_until(lambda: machine.status()["hub"]["writer"] is None, "the line is free")
        with open_serial(machine) as client:
            client.write(b"y")
            assert client.read(1) == b"y"


@pytest.mark.parametrize("seed", range(3))
def test_attached_clients_that_vanish_at_any_moment_harm_nobody(
    runtime: Path, guest_folder: GuestFolder, seed: int
) -> None:
    """With questions, breaks, bytes and garbage of theirs unanswered."""
    rng = random.Random(seed)
    sayings = [
        message(b"I"),
        message(b"F"),
        message(b"W"),
        message(b"B", b'{"seconds": 0.001}'),
        message(b"B", b'{"seconds": -1}'),
        message(b"D", b"x" * 2000),
        message(b"K", b"h"),
        message(b"?"),
    ]
    with running(runtime, guest_folder(COUNTER), "box", "--rate", "unlimited") as machine:
        for _ in range(60):
            with connect(runtime / "box" / "attach") as connection:
                said = rng.choice([HELLO, WATCH]) + b"".join(rng.choices(sayings, k=rng.randrange(20)))
                connection.settimeout(0.05)
                with contextlib.suppress(OSError):
                    connection.sendall(said[: rng.randrange(1, len(said) + 1)])
                    if rng.random() < 0.5:
                        connection.recv(rng.randrange(1, 5000))
        wait_until(lambda: len(machine.status()["hub"]["clients"]) == 1, "only the pty's place is left")
        assert machine.status()["hub"]["writer"] is None


def test_a_hundred_comings_and_goings_at_every_way_in_leave_no_descriptor(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """In the middle of the guest's output, which goes on where the one before left it."""
    got = bytearray()
    with running(runtime, guest_folder(COUNTER)) as machine:
        machine.wait_sent(100)
        before = len(descriptors(machine.process.pid))
        for _ in range(100):
            with connect(runtime / "box" / "attach") as connection:
                connection.sendall(HELLO)
                assert connection.recv(5)
            with open_plain(machine, termios.TCSAFLUSH) as fd:
                got += read_until(fd, 1)
        machine.wait_opened(0)
        wait_until(lambda: len(machine.status()["hub"]["clients"]) == 1, "only the pty's place is left")
        # The one that asks is open while it is asked.
        wait_until(lambda: len(descriptors(machine.process.pid)) == before, "no descriptor is left over")
    assert bytes(got) == b"".join(b"%07d\n" % n for n in range(len(got) // 8 + 1))[: len(got)]


def test_clients_that_never_read_stall_nobody_and_are_told_what_they_missed(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """At unlimited rate, where a guest waits for those who read."""
    size = 6_000_000
    with running(runtime, guest_folder(SERVER), "box", "--rate", "unlimited") as machine:
        deaf = [connect(runtime / "box" / "attach") for _ in range(5)]
        for connection in deaf:
            connection.sendall(WATCH)
        with open_plain(machine) as fd:
            os.write(fd, b"%d\n" % size)
            machine.wait_sent(6 + size)
            assert resident_bytes(machine.process.pid) < 150 << 20
            text = bytearray()
            wanted = numbered(size)[-8000:]
            while wanted not in text:
                more = read_until(fd, 1)
                assert more, text[-300:]
                text += more
            (missed,) = re.findall(rb"uartsim: (\d+) bytes were not kept until you came", text)
            told = re.sub(rb"\r\nuartsim: [^\r]*\r\n", b"", bytes(text))
            assert len(told) + int(missed) == 6 + size
        for connection in deaf:
            connection.close()
        wait_until(lambda: len(machine.status()["hub"]["clients"]) == 1, "only the pty's place is left")


@pytest.mark.parametrize("kind", ["script", "process"])
def test_a_megabyte_at_once_comes_back_whole_at_unlimited_rate(runtime: Path, tmp_path: Path, kind: str) -> None:
    data = noise(1 << (20 if kind == "script" else 18), 5)  # a tty's line discipline takes its time
    with running(runtime, echo_folder(kind, tmp_path / "g"), "box", "--rate", "unlimited") as machine:
        with open_serial(machine) as client:
            wait_echo(client, kind)
        with open_plain(machine) as fd:
            heard = exchange(fd, data, len(data))
        assert (len(heard), zlib.crc32(heard)) == (len(data), zlib.crc32(data))
        line = machine.status()["com1"]["line"]
        assert (line["overruns"], line["dropped_by_full_transmitter"]) == (0, 0)


def test_a_megabyte_in_one_message_of_the_attach_socket_reaches_the_guest_whole(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    data = noise((1 << 20) - 20, 6)
    with running(runtime, guest_folder(SERVER), "box", "--rate", "unlimited") as machine:
        with connect(runtime / "box" / "attach") as connection:
            connection.sendall(HELLO + message(b"D", b"crc %d\n" % len(data)) + message(b"D", data))
            machine.wait_sent(6 + 9)
        assert machine.ask("history", bytes=9) == f"{zlib.crc32(data):08x}\n"


@pytest.mark.parametrize(
    "kind", ["script", "process", pytest.param("qemu", marks=pytest.mark.needs("qemu-system-x86_64"))]
)
def test_every_byte_value_comes_back_from_every_kind_of_guest(runtime: Path, tmp_path: Path, kind: str) -> None:
    data = bytes(range(256)) * 4 + noise(1000, 7)
    with running(runtime, echo_folder(kind, tmp_path / "g")) as machine, open_serial(machine) as client:
        wait_echo(client, kind)
        client.write(data)
        assert client.read(len(data)) == data
