"""``uartsim run`` of a machine elsewhere: one argument, its status, its end, and what is wrong as a sentence."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from tests.access.rig import running, status_json, uartsim, wait_until

MISTAKES = [
    ("unix:/nowhere/console", r"there is no socket /nowhere/console"),
    ("unix:/dev/null", r"/dev/null is not a socket"),
    (f"unix:/{'x' * 120}", r"has 121 bytes, and the system allows 107"),
    ("tcp:127.0.0.1:70000", r"has port 70000: use 1 to 65535"),
    ("tcp:127.0.0.1", r"lacks a port"),
    ("tcp:no-such-host.invalid:4555", r"'no-such-host.invalid' of .* cannot be found"),
    ("pty:/dev/null", r"/dev/null is not a terminal"),
    ("/dev/null", r"/dev/null is not a terminal"),
    ("/dev/ttyNONE0", r"there is no device /dev/ttyNONE0"),
    ("device:", r"write device:PATH"),
]


@pytest.mark.parametrize(("address", "why"), MISTAKES, ids=[address[:24] for address, _ in MISTAKES])
def test_a_machine_that_is_not_there_is_one_sentence_and_status_2(runtime: Path, address: str, why: str) -> None:
    done = uartsim(runtime, "run", address, status=2)
    assert re.search(why, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert os.listdir(runtime) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--clock", "virtual"], r"a guest of kind socket and lives in real time"),
        (["--restore", "folder"], r"is of kind socket: only one of kind qemu has snapshots"),
        (["--registers"], r"is of kind socket: only a guest of kind qemu"),
        (["--set", "qpm=x"], r"no setting 'qpm'; did you mean qmp"),
        (["--set", "baud=921600"], r"cannot do 921600 baud.*at the rate unlimited"),
    ],
)
def test_an_option_that_cannot_be_is_refused(runtime: Path, options: list[str], why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = uartsim(runtime, "run", f"tcp:127.0.0.1:{server.getsockname()[1]}", *options, status=2)
    assert re.search(why, done.stderr), done.stderr


def test_a_machine_elsewhere_is_seen_in_the_status_and_its_end_ends_ours(runtime: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        with running(runtime, address) as machine:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello")
                machine.wait_sent(5)
                uartsim(runtime, "break", "box")
                wait_until(lambda: bool(status_json(runtime, "box")["guest"]["not_carried"]), "a break that is counted")
                said = uartsim(runtime, "status", "box").stdout
                assert (
                    f"elsewhere  {address}: connected, reached 1 times; not carried: 1 breaks to the other side\n"
                    in said
                )
                assert "runs elsewhere" in uartsim(runtime, "reset", "box", status=2).stderr
            wait_until(lambda: machine.process.poll() is not None, "the end of the machine")
            assert machine.process.returncode == 0
            assert machine.process.stderr is not None
            said = machine.process.stderr.read()
            assert f"box: exited: {address}: the other side has closed the connection" in said
            assert "a break was not sent: a plain socket carries no break" in said


def test_the_lines_and_counts_of_a_real_port_are_in_the_status() -> None:
    from uartsim.cli.status_text import _elsewhere

    facts = {
        "at": "/dev/ttyUSB0",
        "connected": False,
        "connections": 2,
        "not_carried": {},
        "modem": {"cts": True, "dsr": False},
        "port": {"rings": 1, "framing_errors": 2},
    }
    assert list(_elsewhere(facts)) == [
        "elsewhere  /dev/ttyUSB0: not there, reached 2 times; not carried: nothing",
        "its lines  CTS dsr (upper case: active)",
        "its port   rings 1, framing errors 2",
    ]
