"""How long it takes from the command that starts a scenario without a boot until the guest has answered Enter.

    python -m benchmarks.scenario_start [--rounds 5] [GUEST ...]

``uartsim run GUEST --scenario sysrq-mask`` begins at the login prompt, from a snapshot.  The first start of each guest
(``linux`` and ``debian-12`` unless named) boots it, if no snapshot is kept, and is not counted.  Each of the others is
measured from the start of the process to the login prompt that an Enter at its pty brings.  Goal: 5 s.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

from benchmarks.rig import compile_all, environment, median, process, table

SCENARIO = "sysrq-mask"
BOOT_TIMEOUT_S = 900.0
#: How long a prompt is waited for before Enter is pressed again.
ANSWER_S = 1.0


def measure(guest: str) -> tuple[float, float]:
    """Start a guest once; seconds until its pty could be opened, and until the prompt had come."""
    folder = tempfile.mkdtemp(prefix="bench-")
    command = [sys.executable, "-m", "uartsim", "run", guest, "--scenario", SCENARIO, "--name", "bench", "--no-attach"]
    started = time.monotonic()
    try:
        with process(command, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            link = f"{folder}/bench.tty"
            while not os.path.exists(link):
                if running.poll() is not None or time.monotonic() - started > BOOT_TIMEOUT_S:
                    raise SystemExit(f"{' '.join(command)}: no pty came; run it by hand to see why")
                time.sleep(0.002)
            fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            opened = time.monotonic() - started
            prompt(fd, started)
            os.close(fd)
            return opened, time.monotonic() - started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prompt(fd: int, started: float) -> None:
    """Press Enter until the login prompt is there."""
    said, pressed = b"", 0.0
    while not said.rstrip().endswith(b"login:") or not pressed:
        if time.monotonic() - pressed > ANSWER_S:
            os.write(fd, b"\r")
            said, pressed = b"", time.monotonic()
        if time.monotonic() - started > BOOT_TIMEOUT_S:
            raise SystemExit("no login prompt came")
        try:
            said += os.read(fd, 4096)
        except BlockingIOError:
            time.sleep(0.002)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("guests", nargs="*", default=["linux", "debian-12"])
    options = parser.parse_args()
    compile_all()
    rows = []
    for guest in options.guests:
        measure(guest)
        found = [measure(guest) for _ in range(options.rounds)]
        done = [ready for _, ready in found]
        rows.append(
            [guest, f"{median([opened for opened, _ in found]):.2f} s", f"{median(done):.2f} s", f"{max(done):.2f} s"]
        )
    table(
        f"From the command to the prompt, scenario {SCENARIO}, {options.rounds} rounds",
        ["guest", "pty there", "prompt: median", "longest"],
        rows,
    )


if __name__ == "__main__":
    main()
