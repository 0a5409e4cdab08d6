"""How long it takes from the start of the process until a client can do something.

    python -m benchmarks.startup [--rounds 15]

Goals: the first byte of the guest ``demo`` within 0.25 s; the pty can be opened long before; the prompt of the guest
``u-boot`` (a real program in QEMU, left out where that is missing) within 0.5 s of QEMU's start.  The peers are socat (to
its pty) and ``python -c pass``, the floor for a program in Python.  Imports come from warm files, and from byte code:
it is compiled before the first round, and PYTHONDONTWRITEBYTECODE is not passed on to what is measured.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.rig import ROOT, SOCAT_BLOCK, compile_all, cpu_seconds, environment, median, process, table

GIVE_UP_S = 20.0
U_BOOT = "/usr/lib/u-boot/qemu-x86_64/u-boot.rom"


def open_when_there(link: str, started: float) -> int:
    """Open a pty's link as soon as it is there; the descriptor."""
    while True:
        try:
            return os.open(link, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            if time.monotonic() - started > GIVE_UP_S:
                raise SystemExit(f"{link} did not come; run it by hand to see why") from None
            time.sleep(0.0002)


class Started(NamedTuple):
    """How long a start took."""

    opened_s: float  #: until the pty could be opened
    ready_s: float  #: until the text had come
    cpu_s: float  #: the CPU time of the process until then


def measure(command: Sequence[str], link: str, folder: str, text: bytes | None) -> Started:
    """Start a machine, open its pty, and wait for a text (``b""``: the first byte; None: there is none to come)."""
    started = time.monotonic()
    with process(command, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        fd = open_when_there(link, started)
        opened = time.monotonic() - started
        said = b""
        while text is not None and (not said or text not in said):
            said += os.read(fd, 4096)
        ready = Started(opened, time.monotonic() - started, cpu_seconds(running.pid))
        os.close(fd)
    return ready


def measure_python(code: str) -> float:
    """Seconds that a Python program with this code takes from its start to its end."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment("/nonexistent"))
    return time.monotonic() - started


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    names = (
        *("uartsim run demo", "the same, with a venv's script", "socat", "python -c pass", "python -c 'import trio'"),
        "uartsim run u-boot, to its prompt",
    )
    opened: dict[str, list[float]] = {name: [] for name in names}
    ready: dict[str, list[float]] = {name: [] for name in names}
    script = Path(sys.executable).with_name("uartsim")
    compile_all()
    for number in range(options.rounds + 1):
        folder = tempfile.mkdtemp(prefix="bench-")
        machine = ["run", "demo", "--name", "bench", "--no-attach"]
        starts: dict[str, list[str]] = {names[0]: [sys.executable, "-m", "uartsim", *machine]}
        if script.exists():
            starts[names[1]] = [str(script), *machine]
        starts[names[2]] = ["socat", "-b", str(SOCAT_BLOCK), f"PTY,link={folder}/bench.tty,raw,echo=0", "EXEC:cat"]
        texts: dict[str, bytes | None] = {names[2]: None}
        if shutil.which("qemu-system-x86_64") and os.path.exists(U_BOOT):
            starts[names[5]] = [sys.executable, "-m", "uartsim", "run", "u-boot", *machine[2:]]
            texts[names[5]] = b"=> "
        try:
            for name, command in starts.items():
                first = measure(command, f"{folder}/bench.tty", folder, texts.get(name, b""))
                if number:  # the first round is for the caches
                    opened[name].append(first.opened_s)
                    ready[name].append(first.ready_s)
            for name, code in ((names[3], "pass"), (names[4], "import trio")):
                seconds = measure_python(code)
                if number:
                    ready[name].append(seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    rows = []
    for name in names:
        if not ready[name]:
            continue
        done = ready[name]
        rows.append(
            [
                name,
                f"{median(opened[name]) * 1e3:.0f}" if opened[name] else "-",
                f"{median(done) * 1e3:.0f}",
                f"{min(done) * 1e3:.0f}",
                f"{max(done) * 1e3:.0f}",
            ]
        )
    table(
        f"from process start, {options.rounds} rounds (code from {ROOT.name})",
        ["what", "pty open, ms", "first byte, prompt or end, ms", "best", "worst"],
        rows,
    )


if __name__ == "__main__":
    main()
