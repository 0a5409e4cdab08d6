"""What the tests of faults share: guests of every kind that send back what they get, and looks at a process."""

from __future__ import annotations

import os
import random
import resource
import select
import socket
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import serial

from tests.access.rig import ECHO, RunningMachine, make_guest_folder, wait_until
from tests.patience import patience, state_of

GuestFolder = Callable[[str], Path]

#: A boot sector that sets COM1 to 115200 8N1 with FIFOs, polls its LSR and sends back what it receives.
_ECHO_SECTOR = (
    bytes.fromhex(
        "bafb03b083ee"  # mov dx,3FB; mov al,83; out dx,al
        "baf803b001eebaf903b000ee"  # the divisor is 1
        "bafb03b003eebafa03b001ee"  # 8N1, FIFOs on
        "bafd03"  # mov dx,3FD
        "eca80174fb"  # receive: in al,dx; test al,1; jz receive
        "baf803ec88c4"  # mov dx,3F8; in al,dx; mov ah,al
        "b2fdeca82074fb"  # mov dl,FD; send: in al,dx; test al,20; jz send
        "88e0b2f8ee"  # mov al,ah; mov dl,F8; out dx,al
        "ebe4"  # and again
    ).ljust(510, b"\0")
    + b"\x55\xaa"
)


def process_folder(folder: Path, script: str, **options: str) -> Path:
    """A guest that is a shell script on an inner tty."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guest.sh").write_text(script)
    more = "".join(f"{key} = {value}\n" for key, value in options.items())
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "a test"\n'
        f'[process]\ncommand = ["/bin/sh", "{{folder}}/guest.sh"]\n{more}'
    )
    return folder


def echo_folder(kind: str, folder: Path) -> Path:
    """A guest of a kind that sends back what it receives."""
    if kind == "script":
        return make_guest_folder(folder, ECHO)
    if kind == "process":
        return process_folder(folder, "stty raw -echo\necho ready\nexec cat\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "boot.img").write_bytes(_ECHO_SECTOR)
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "qemu"\ndescription = "a test"\n[settings]\nmemory_mb = 32\n'
        '[qemu]\ndrives = ["file={folder}/boot.img,format=raw"]\n'
    )
    return folder


def open_serial(machine: RunningMachine, timeout_s: float = 20) -> serial.Serial:
    """pyserial at the machine's pty."""
    return serial.Serial(str(machine.link), 115200, timeout=patience(timeout_s))


def wait_echo(client: serial.Serial, kind: str) -> None:
    """Until the guest of :func:`echo_folder` answers, and nothing is left of that."""
    if kind == "process":
        assert client.read_until(b"ready\n") == b"ready\n"  # before it, its tty would echo as well
    client.timeout = 0.2
    deadline = time.monotonic() + patience(30)
    while time.monotonic() < deadline:
        client.write(b"?")  # a boot sector may need a moment to listen
        if client.read(1) == b"?":
            client.timeout = patience(20)
            client.write(b"!")
            assert client.read_until(b"!").endswith(b"!")  # after the answers to those that had to wait
            return
    raise AssertionError("the guest does not answer")


@contextmanager
def open_plain(machine: RunningMachine, when: int = termios.TCSANOW) -> Iterator[int]:
    """A raw, non-blocking descriptor of the machine's pty; with TCSAFLUSH, its input is flushed first."""
    fd = os.open(machine.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(fd, when)
        yield fd
    finally:
        os.close(fd)


def exchange(
    fd: int, data: bytes, expected: int, on_quiet: Callable[[], None] | None = None, *, quiet_s: float = 0.2
) -> bytes:
    """Write ``data`` and read ``expected`` bytes at the same time.

    Whenever nothing moves for ``quiet_s``, ``on_quiet`` is called; after a minute of quiet, or 20 s without it, what has
    come is all there is.
    """
    received = bytearray()
    view = memoryview(data)
    moved_at = time.monotonic()
    while len(received) < expected:
        readable, writable, _ = select.select([fd], [fd] if view else [], [], quiet_s)
        if readable:
            if not (data_read := os.read(fd, 65536)):
                break  # the other end is gone
            received += data_read
        if writable:
            view = view[os.write(fd, view[:4096]) :]
        if readable or writable:
            moved_at = time.monotonic()
        elif time.monotonic() > moved_at + patience(20 if on_quiet is None else 60):
            break
        elif on_quiet is not None:
            on_quiet()
    return bytes(received)


def noise(size: int, seed: int) -> bytes:
    """Reproducible bytes of every value."""
    return random.Random(seed).randbytes(size)


def stop_process(pid: int) -> None:
    """SIGSTOP, and until it stands still."""
    os.kill(pid, 19)
    wait_until(lambda: state_of(pid) == "T", f"process {pid} stands still")


def descriptors(pid: int) -> set[int]:
    """The open descriptors of a process."""
    return {int(name) for name in os.listdir(f"/proc/{pid}/fd")}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in seconds."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def resident_bytes(pid: int) -> int:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def limit(pid: int, what: int, soft: int) -> None:
    """Set a soft limit of a running process."""
    resource.prlimit(pid, what, (soft, resource.prlimit(pid, what)[1]))


def unlimit(pid: int, what: int) -> None:
    """Give it back as much as the hard limit allows."""
    hard = resource.prlimit(pid, what)[1]
    resource.prlimit(pid, what, (hard, hard))


def connect(path: Path) -> socket.socket:
    """A connection to a unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(patience(20))
    connection.connect(str(path))
    return connection
