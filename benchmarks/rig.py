"""What the benchmarks share: peers, ptys, medians and tables."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUESTS = Path(__file__).resolve().parent / "guests"

#: socat's block size at which a flood through it is fastest: of 8192 (its default) to 1048576 bytes, where measured.
SOCAT_BLOCK = 262144

#: What would keep a Python that is started here from using byte code that is there, or from leaving it there.
_AGAINST_BYTE_CODE = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE")


def environment(folder: str) -> dict[str, str]:
    """The environment of a uartsim whose runtime folder is ``folder``; this checkout's, installed or not.

    It uses byte code, as an installed program does, whatever this process was told: see :func:`compile_all`.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _AGAINST_BYTE_CODE}
    return {**kept, "UARTSIM_CONFIG": "", "UARTSIM_RUNTIME_DIR": folder, "PYTHONPATH": str(ROOT)}


def compile_all() -> None:
    """See that the byte code is there of all that a start imports, as after an installation by pip."""
    command = "import compileall, sys; sys.exit(not all(compileall.compile_dir(d, quiet=2) for d in sys.argv[1:]))"
    ours = [str(ROOT / name) for name in ("uartsim", "guests", "benchmarks")]
    theirs = [sysconfig.get_path("purelib")]
    for folders, what in ((ours, "uartsim"), (theirs, "what it imports")):
        done = subprocess.run([sys.executable, "-c", command, *folders], env=environment("/nonexistent"), check=False)
        if done.returncode and folders is ours:
            raise SystemExit(
                f"the byte code of {what} cannot be written: no start could be measured as it is for a user"
            )


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
        if guest.endswith("_process"):
            command += ["--set", f"python={sys.executable}"]
        link = f"{folder}/bench.tty"
        with process([*command, *options], env=environment(folder), stdout=subprocess.DEVNULL) as running:
            wait_for(lambda: os.path.exists(link))
            yield link, running.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def socat_machine(guest: str) -> Iterator[tuple[str, int]]:
    """socat between a pty and the same program on a tty of its own; yields the pty's link and socat's process id.

    The program is that of our guest ``GUEST_process``: on both sides the guest is a process of its own, on an inner tty.
    """
    folder = tempfile.mkdtemp(prefix="bench-")
    program = GUESTS / f"{guest}_process" / "program.py"
    try:
        link = f"{folder}/tty"
        command = ["socat", "-b", str(SOCAT_BLOCK), f"PTY,link={link},raw,echo=0"]
        with process([*command, f"EXEC:{sys.executable} {program},pty,raw,echo=0"], env=environment(folder)) as running:
            wait_for(lambda: os.path.exists(link))
            yield link, running.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def two_tasks() -> Iterator[tuple[str, int]]:
    """Two bare trio tasks that echo over a pty (``benchmarks/peers/two_tasks.py``); yields its path and their process's id."""
    program = Path(__file__).parent / "peers" / "two_tasks.py"
    with process([sys.executable, str(program)], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        yield running.stdout.readline().decode().strip(), running.pid


@contextmanager
def open_raw(link: str, *, program: bool = False) -> Iterator[int]:
    """A client's descriptor of a pty, raw, blocking.

    Args:
        link: the pty.
        program: the guest is a program of its own; it says when it is ready, and that is waited for.
    """
    fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(fd, termios.TCSANOW)
        while program and os.read(fd, 1) != b"+":
            pass
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
