"""What the benchmarks share: peers, ptys, medians and tables."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUESTS = Path(__file__).resolve().parent / "guests"

#: The peer's far end: a process on the other side of socat that does what our script guests do.
_ECHO = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
while d := s.recv(65536): s.sendall(d)
"""
_SOURCE = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
chunk = bytes(range(32, 96)) * 1024
asked = b""
while d := s.recv(65536):
    asked += d
    while b"\\n" in asked:
        number, _, asked = asked.partition(b"\\n")
        left = int(number)
        while left:
            part = chunk[:left]; s.sendall(part); left -= len(part)
"""


def environment(folder: str) -> dict[str, str]:
    """The environment of a uartsim whose runtime folder is ``folder``; this checkout's, installed or not."""
    return {**os.environ, "UARTSIM_RUNTIME_DIR": folder, "PYTHONPATH": str(ROOT)}


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until ``condition``; SystemExit with a sentence after ``timeout_s``."""
    give_up = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > give_up:
            raise SystemExit("a peer did not come up; run it by hand to see why")
        time.sleep(0.001)


@contextmanager
def process(command: Sequence[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, **options) as running:  # type: ignore[call-overload]
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(5)
            except subprocess.TimeoutExpired:
                running.kill()


@contextmanager
def uartsim_machine(guest: str, *options: str) -> Iterator[tuple[str, int]]:
    """A running uartsim with a benchmark's guest; yields its pty's link and its process id."""
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        command = [sys.executable, "-m", "uartsim", "run", str(GUESTS / guest), "--name", "bench", "--no-attach"]
        link = f"{folder}/bench.tty"
        with process([*command, *options], env=environment(folder), stdout=subprocess.DEVNULL) as running:
            wait_for(lambda: os.path.exists(link))
            yield link, running.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def socat_machine(guest: str) -> Iterator[tuple[str, int]]:
    """socat between a pty and the same guest as a process; yields the pty's link and socat's process id."""
    folder = tempfile.mkdtemp(prefix="bench-")
    script = {"echo": _ECHO, "source": _SOURCE}[guest]
    try:
        with ExitStack() as stack:
            link, path = f"{folder}/tty", f"{folder}/socket"
            command = ["socat", f"PTY,link={link},raw,echo=0", f"UNIX-LISTEN:{path}"]
            running = stack.enter_context(process(command))
            wait_for(lambda: os.path.exists(path) and os.path.exists(link))
            stack.enter_context(process([sys.executable, "-c", script, path]))
            yield link, running.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_raw(link: str) -> Iterator[int]:
    """A client's descriptor of a pty, raw, blocking."""
    fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(fd, termios.TCSANOW)
        yield fd
    finally:
        os.close(fd)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used (its schedstat), in seconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, and say what machine it is from."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
