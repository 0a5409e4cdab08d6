"""The speed table: what a byte, a busy line, a virtual hour and a start cost, each beside a named peer.

    python -m benchmarks.speed [ROW ...] [--rounds 5] [--beside CHECKOUT]

Each row takes a minute or less.  A figure is the median of the rounds.  CPU time and ratios within one round are steadier
than wall time where others use the same computer, so these are what the table has, but for the start and the flood.

- ``echo``: CPU of the process for each character of an echo, typed one by one into the pty, with the guest a script, at
  115200 and at unlimited rate; the peer is two bare trio tasks over a pty (``benchmarks/peers/two_tasks.py``).
- ``lines-100``, ``lines-10``: that many lines flat out at 115200, in percent of a core and in microseconds a character;
  and how long a key's echo takes on one more line among them.
- ``watchers``: one line flat out, read by 100 watchers.
- ``hour``: an hour of a busy 9600 baud line in virtual time, with trio's events.
- ``start``: from the start of the process to the first byte of the guest ``demo``; the peer is ``python -c 'import trio'``.
- ``flood``: 16 MB from the guest at unlimited rate, with the record on, from a script in our process and from a program
  on a tty of its own; the peer is socat at its best block size, with that program.

With ``--beside``, every round measures another checkout too, such as the commit before a change: it has to have this
benchmark.  The last column then says how many times its figure ours is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import trio

from benchmarks import many, relay, startup, virtual_hour
from benchmarks.rig import (
    ROOT,
    compile_all,
    cpu_seconds,
    environment,
    median,
    open_raw,
    table,
    two_tasks,
    uartsim_machine,
)

Figures = dict[str, float]
#: An echo is measured in so many turns of each side, with so many keys each.
TURNS, KEYS = 20, 100


def cpu_of_keys(pid: int, fd: int, keys: int) -> float:
    """The CPU time of a process that echoes so many keys, in seconds."""
    before = cpu_seconds(pid)
    for _ in range(keys):
        os.write(fd, b"k")
        os.read(fd, 16)
    return cpu_seconds(pid) - before


def echo() -> Figures:
    """CPU of an echo, and its ratio to that of two bare trio tasks, on a line that takes time and on one that does not."""
    figures = {}
    for rate in ("line", "unlimited"):
        ours = theirs = 0.0
        with (
            two_tasks() as (their_link, their_pid),
            uartsim_machine("echo", "--rate", rate) as (our_link, our_pid),
            open_raw(their_link) as their_fd,
            open_raw(our_link) as our_fd,
        ):
            processor = min(os.sched_getaffinity(0))
            for pid in (0, their_pid, our_pid):  # where the scheduler puts them is worth a factor of 2, by chance
                os.sched_setaffinity(pid, {processor})
            relay.settle(their_fd)
            relay.settle(our_fd)
            for _ in range(TURNS):
                theirs += cpu_of_keys(their_pid, their_fd, KEYS)
                ours += cpu_of_keys(our_pid, our_fd, KEYS)
        figures[f"CPU us a key, rate {rate}"] = ours / TURNS / KEYS * 1e6
        figures[f"x two trio tasks, rate {rate}"] = ours / theirs
    return figures


def busy_lines(lines: int) -> Figures:
    """CPU of busy lines, and how prompt another line is among them."""
    seen = trio.run(many.flat_out, lines, 4.0)
    delays = trio.run(many.keys_among, lines, 40)
    return {
        "CPU % of a core": seen.cpu_percent,
        "CPU us a character": seen.cpu_us,
        "key's echo among them, ms (median)": median(delays) * 1e3,
        "key's echo among them, ms (9 in 10)": sorted(delays)[len(delays) * 9 // 10] * 1e3,
    }


def watchers() -> Figures:
    """CPU of one line with 100 watchers."""
    return {"CPU % of a core": trio.run(many.watched, 100, 4.0)}


def hour() -> Figures:
    """CPU seconds of an hour in virtual time."""
    before = time.process_time()
    characters = virtual_hour.with_events(60)
    took = time.process_time() - before
    virtual_hour.check_count(characters, 60)
    return {"CPU s": took}


def start() -> Figures:
    """Wall time to the first byte, and its ratio to that of importing trio."""
    floors, firsts, cpu = [], [], []
    for _ in range(4):
        floors.append(startup.measure_python("import trio"))
        folder = tempfile.mkdtemp(prefix="bench-")
        command = [sys.executable, "-m", "uartsim", "run", "demo", "--name", "bench", "--no-attach"]
        try:
            started = startup.measure(command, f"{folder}/bench.tty", folder, b"")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        firsts.append(started.ready_s)
        cpu.append(started.cpu_s)
    ratio = median([first / floor for first, floor in zip(firsts, floors, strict=True)])
    return {"first byte, ms": median(firsts) * 1e3, "of it CPU, ms": median(cpu) * 1e3, "x import trio": ratio}


def flood() -> Figures:
    """Speed of a flood as a part of socat's, and its CPU."""
    floods = relay.measure_floods(16_000_000)
    socat, program, script = floods["socat"], floods["uartsim"], floods["a script in it"]
    return {
        "from a script, x socat": script.mb_per_s / socat.mb_per_s,
        "from a script, CPU ms/MB": script.cpu_ms_per_mb,
        "from a program, x socat": program.mb_per_s / socat.mb_per_s,
        "from a program, CPU ms/MB": program.cpu_ms_per_mb,
        "socat, CPU ms/MB": socat.cpu_ms_per_mb,
    }


ROWS: dict[str, Callable[[], Figures]] = {
    "echo": echo,
    "lines-100": lambda: busy_lines(100),
    "lines-10": lambda: busy_lines(10),
    "watchers": watchers,
    "hour": hour,
    "start": start,
    "flood": flood,
}


def measure(row: str, checkout: Path) -> Figures:
    """One round of a row, with the code of a checkout."""
    command = [sys.executable, "-m", "benchmarks.speed", "--once", row]
    variables = {**environment("/nonexistent"), "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=variables, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"{row} cannot be measured with the code of {checkout}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all if none is given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="measure this checkout's code in turns with ours"
    )
    parser.add_argument("--once", action="store_true", help="print one round's figures as JSON")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if options.once:
        print(json.dumps({name: value for row in options.rows for name, value in ROWS[row]().items()}))
        return
    compile_all()
    checkouts = [ROOT] if options.beside is None else [options.beside.resolve(), ROOT]
    rows = []
    for row in options.rows or ROWS:
        rounds = [[measure(row, checkout) for checkout in checkouts] for _ in range(options.rounds)]
        for name in rounds[0][-1]:
            values = [[figures[name] for figures in found] for found in zip(*rounds, strict=True)]
            ratio = median([new / old for old, new in zip(values[0], values[-1], strict=True)])
            shown = [f"{median(found):.3g}" for found in values]
            spread = f"{min(values[-1]):.3g} to {max(values[-1]):.3g}"
            rows.append([row, name, *shown, spread, *[f"{ratio:.2f}"] * (len(checkouts) - 1)])
    head = ["row", "figure", *[f"in {checkout.name}" for checkout in checkouts], "spread"]
    table(f"speed, medians of {options.rounds} rounds", [*head, *["x"] * (len(checkouts) - 1)], rows)


if __name__ == "__main__":
    main()
