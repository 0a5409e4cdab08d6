"""What an idle machine costs: how often its process wakes up when nothing happens.

    python -m benchmarks.idle [--rounds 7] [--seconds 10]

Goal: 0 wake-ups in 10 s.  A wake-up is a voluntary context switch of any of the process's threads (/proc/PID/task):
a process that waits in epoll and is not woken makes none.  All machines of a round are idle in the same window:
``echo`` waits for a byte with its pty open and closed, ``demo`` waits in GRUB without a countdown, and socat is the
peer.

A machine whose pty is open also wakes when any pty of the system is opened or closed (see
uartsim.access.pty_device).  Where others work on the same computer, give the benchmark ptys of its own, as root:

    unshare -m --propagation unchanged sh -c 'mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts &&
        mount --bind /dev/pts/ptmx /dev/ptmx && exec python -m benchmarks.idle'
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.rig import ROOT, cpu_seconds, median, open_raw, socat_machine, table, uartsim_machine


def switches(pid: int) -> tuple[int, int]:
    """Voluntary and involuntary context switches of all threads of a process."""
    counts = [0, 0]
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        counts[0] += int(fields["voluntary_ctxt_switches"])
        counts[1] += int(fields["nonvoluntary_ctxt_switches"])
    return counts[0], counts[1]


@contextmanager
def idle_machines() -> Iterator[dict[str, int]]:
    """Idle machines of each sort, by process id."""
    with ExitStack() as stack:
        enter = stack.enter_context
        _, detached = enter(uartsim_machine("echo"))
        link, attached = enter(uartsim_machine("echo"))
        enter(open_raw(link))
        _, demo = enter(uartsim_machine(str(ROOT / "guests" / "demo"), "--set", "grub_timeout=-1"))
        link, socat = enter(socat_machine("echo"))
        enter(open_raw(link))
        yield {"uartsim": detached, "uartsim, pty open": attached, "uartsim, demo in GRUB": demo, "socat": socat}


def wait_idle(pids: list[int], timeout_s: float = 20.0) -> None:
    """Wait until all have been quiet for a second: a start has echoes."""
    give_up = time.monotonic() + timeout_s
    before = [switches(pid) for pid in pids]
    while time.monotonic() < give_up:
        time.sleep(1)
        now = [switches(pid) for pid in pids]
        if now == before:
            return
        before = now


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    found: dict[str, list[tuple[int, int, float]]] = {}
    for _ in range(options.rounds):
        with idle_machines() as machines:
            wait_idle(list(machines.values()))
            before = {name: (*switches(pid), cpu_seconds(pid)) for name, pid in machines.items()}
            time.sleep(options.seconds)
            for name, pid in machines.items():
                after = (*switches(pid), cpu_seconds(pid))
                old = before[name]
                found.setdefault(name, []).append((after[0] - old[0], after[1] - old[1], after[2] - old[2]))
    rows = [
        [
            name,
            f"{median([value[0] for value in values]):.0f}",
            f"{max(value[0] for value in values)}",
            f"{median([value[1] for value in values]):.0f}",
            f"{median([value[2] for value in values]) * 1e3:.2f}",
        ]
        for name, values in found.items()
    ]
    table(
        f"idle for {options.seconds:g} s, {options.rounds} rounds",
        ["peer", "wake-ups", "worst round", "involuntary switches", "CPU ms"],
        rows,
    )


if __name__ == "__main__":
    main()
