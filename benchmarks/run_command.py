"""What ``console.run("echo hello")`` takes at a shell's prompt on a line that costs nothing, next to labgrid and pexpect.

    python -m benchmarks.run_command [GUEST ...] [--commands 30] [--rounds 3] [--peers FOLDER]

Goal: at most 0.04 s at ``linux``, as labgrid's ``ShellDriver``.  The guest (``linux`` and ``agetty`` unless named) runs at an
unlimited rate.  In each round everyone gets a machine of its own, one after the other.  labgrid and pexpect are installed
from PyPI into a virtual environment that is removed at the end; ``--peers`` names one that has them.

They differ in what they find out.  pexpect, used as in its manual, types and waits for a prompt: it knows no status, and
takes a prompt in the output for the end.  labgrid types a second line first, to see that the prompt is there.  Ours types
one line, and presses Enter when all of it has come back as it was typed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rig import environment, median, process, table, wait_for
from uartsim import blocking

_PEERS = Path(__file__).parent / "peers" / "shell_commands.py"
_BOOT_S = 120.0


def ours(guest: str, commands: int) -> list[float]:
    """Seconds for each command of ours."""
    with blocking.open_console(guest, rate="unlimited", timeout=_BOOT_S) as console:
        console.login()
        console.run("true")
        took = []
        for _ in range(commands):
            begin = time.perf_counter()
            result = console.run("echo hello")
            took.append(time.perf_counter() - begin)
            assert (result.output, result.status) == ("hello\n", 0)
        return took


def theirs(peer: str, python: Path, guest: str, commands: int) -> list[float]:
    """Seconds for each command of a peer's, at the pty of such a machine."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "uartsim", "run", guest, "--name", "bench", "--rate", "unlimited"]
        link = f"{folder}/bench.tty"
        with process([*command, "--no-attach"], env=environment(folder), stdout=subprocess.DEVNULL):
            wait_for(lambda: os.path.exists(link))
            done = subprocess.run(
                [python, _PEERS, peer, link, str(commands)], stdout=subprocess.PIPE, timeout=3 * _BOOT_S, check=True
            )
    return list(json.loads(done.stdout))


def install_peers(folder: Path) -> Path:
    """Make a virtual environment with labgrid and pexpect; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "labgrid", "pexpect"], check=True)
    return python


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("guests", nargs="*", default=["linux", "agetty"])
    parser.add_argument("--commands", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="a virtual environment that has labgrid and pexpect")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        python = options.peers / "bin" / "python" if options.peers else install_peers(Path(folder))
        rows = []
        for guest in options.guests:
            took: dict[str, list[float]] = {"uartsim": [], "labgrid": [], "pexpect": []}
            for _ in range(options.rounds):
                took["uartsim"].append(median(ours(guest, options.commands)))
                for peer in ("labgrid", "pexpect"):
                    took[peer].append(median(theirs(peer, python, guest, options.commands)))
            for name, medians in took.items():
                rows.append([guest, name, *(f"{f(medians) * 1e3:.1f}" for f in (median, min, max))])
    table(
        "a command at a shell's prompt, in milliseconds (medians of a round)",
        ["guest", "with", "median", "least", "most"],
        rows,
    )


if __name__ == "__main__":
    main()
