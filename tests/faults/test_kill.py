"""Processes end with us, the next start finds a clean place, and nobody else gets in."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from tests.access.rig import SILENT, RunningMachine, running, uartsim, wait_until
from tests.faults.rig import GuestFolder, open_serial
from tests.guests.line import left_after, name_of
from tests.patience import patience
from uartsim.access.runtime_folder import running_machines
from uartsim.guest.reaper import descendants
from uartsim.own_files.folder import MARK

LINUX = pytest.param("linux", marks=pytest.mark.needs(guest="linux"))
AGETTY = pytest.param("agetty", marks=pytest.mark.needs(guest="agetty"))


@pytest.fixture(autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for images that these tests share, and not with the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache-of-images"))


def expect(client: serial.Serial, text: bytes) -> None:
    """Read until ``text``."""
    found = client.read_until(text)
    assert found.endswith(text), found[-1000:]


def log_in(client: serial.Serial) -> None:
    """As root, to the shell's prompt."""
    expect(client, b"login: ")
    client.write(b"root\r")
    expect(client, b"Password: ")
    client.write(b"toor\r")
    expect(client, b"# ")


@pytest.mark.parametrize(
    ("guest", "logged_in"),
    [
        pytest.param("agetty", False, marks=AGETTY.marks),
        pytest.param("agetty", True, marks=AGETTY.marks),
        pytest.param("linux", True, marks=LINUX.marks),
    ],
)
def test_kill_9_leaves_no_process_and_the_next_start_a_clean_place(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, guest: str, logged_in: bool
) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime))
    machine = RunningMachine(runtime, guest, "box")
    machine.wait_ready()
    with open_serial(machine, 90) as client:
        if logged_in:
            log_in(client)
            client.write(b"sleep 1000 & setsid sleep 1001 &\r")
            expect(client, b"# ")
        else:
            expect(client, b"login: ")
        started = set(descendants(machine.process.pid))
        names = {name_of(pid) for pid in started}
        assert {"agetty": {"login", "bash", "sleep"} if logged_in else {"agetty"}, "linux": {"qemu-system-x86"}}[
            guest
        ] <= names
        machine.process.send_signal(signal.SIGKILL)
        machine.process.communicate()
        assert left_after(started, 2.0) == set()
    assert (runtime / "box.tty").is_symlink()
    assert {"attach", "control", "link", "lock"} <= set(os.listdir(runtime / "box"))
    assert running_machines() == []

    with running(runtime, guest) as second:
        wait_until(lambda: second.status()["hub"]["bytes_from_guest"] > 0, "it speaks", 60)
        assert sorted(name for name in os.listdir(runtime) if name != "box") == [MARK, "box.tty"]
    assert os.listdir(runtime) == []


#: Becomes nobody and tries to get at a path: as a socket, then as a file.
STRANGER = """
import json, os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in sys.argv[1:]:
    found = []
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))
        found.append("opened")
    except OSError as error:
        found.append(error.strerror)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    try:
        connection.connect(path)
        # To the control socket a request, to the attach socket a message of the same bytes.
        connection.sendall(b'{\\0\\0\\0\\0\\n' if path.endswith("attach") else b'{"do": "stop"}\\n')
        found.append(connection.recv(10000).decode(errors="replace"))
    except OSError as error:
        found.append(error.strerror)
    print(json.dumps(found))
"""


def as_a_stranger(*paths: object) -> list[list[str]]:
    """What somebody else gets when he opens each path, and when he connects to it."""
    import json

    command = [sys.executable, "-c", STRANGER, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=patience(60))
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.needs("root")
def test_another_user_is_refused_at_every_way_in(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        ways = [runtime / "box" / "control", runtime / "box" / "attach", runtime / "box" / "lock", machine.link]
        assert as_a_stranger(*ways) == [["Permission denied", "Permission denied"]] * 4
        assert as_a_stranger(machine.pty)[0][0] == "Permission denied"
        assert stat.S_IMODE(os.stat(machine.pty).st_mode) & 0o007 == 0

        # Even where somebody has opened the folders to all, the machine looks at who connects.
        for path in (*runtime.parents, runtime, runtime / "box"):
            if path.stat().st_uid == os.getuid() and str(path).startswith("/tmp/"):
                path.chmod(path.stat().st_mode | 0o055)
        for name in ("control", "attach"):
            os.chmod(runtime / "box" / name, 0o666)
        control, attach = as_a_stranger(runtime / "box" / "control", runtime / "box" / "attach")
        assert "this machine belongs to another user" in control[1]
        assert "this machine belongs to another user" in attach[1]
        assert machine.status()["state"] == "running"
        uartsim(runtime, "list")
        assert stat.S_IMODE(os.stat(runtime).st_mode) == 0o755  # and looking at what runs changes nothing
