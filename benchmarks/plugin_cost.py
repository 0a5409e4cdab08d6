"""What the pytest plugin costs: a session that does not use it, a test on ``demo`` in virtual time, Ctrl-C.

    python -m benchmarks.plugin_cost [--pairs 30]

Goals: a session that does not use the plugin takes at most 20 ms of processor time more than with ``-p no:uartsim``, in pairs
that take turns; a test with ``console`` on ``demo`` in virtual time, logged in, takes under 0.6 s; Ctrl-C ends a session with a
console that waits in under 1 s.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rig import compile_all, environment, median, table

GOAL_UNUSED_S, GOAL_DEMO_S, GOAL_INTERRUPT_S = 0.02, 0.6, 1.0
DEMO_TESTS = 10
UNUSED = "def test_it(): pass\n"
DEMO = f"""
import pytest

@pytest.mark.parametrize("number", range({DEMO_TESTS}))
@pytest.mark.uartsim(guest="demo", clock="virtual")
def test_it(console, number):
    console.login()
"""
WAITING = """
def test_it(console):
    console.login()
    print("\\nready", flush=True)
    console.expect("never", timeout=None)
"""
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def run(folder: Path, tests: str, *arguments: str) -> tuple[float, str]:
    """Run a module of tests; returns the seconds that it took, and what it printed."""
    (folder / "test_it.py").write_text(tests)
    begin = time.perf_counter()
    done = subprocess.run(
        [*PYTEST, *arguments], cwd=folder, env=environment(str(folder)), capture_output=True, text=True, check=True
    )
    return time.perf_counter() - begin, done.stdout


def processor_s(folder: Path, *arguments: str) -> float:
    """The processor time of a session that uses no console, in seconds: other programs do not disturb it as they do its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(folder, UNUSED, *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def unused(folder: Path, pairs: int) -> list[float]:
    """How much more processor time a session takes with the plugin than without, of each pair, in seconds."""
    found = []
    for number in range(pairs):
        order = ((), ("-p", "no:uartsim")) if number % 2 else (("-p", "no:uartsim"), ())
        took = {arguments: processor_s(folder, *arguments) for arguments in order}
        found.append(took[()] - took["-p", "no:uartsim"])
    return found


def demo(folder: Path) -> list[float]:
    """How long tests that log in to ``demo`` take, with set-up and end, in seconds."""
    _, printed = run(folder, DEMO, "--durations=0", "-vv")
    phases: dict[str, float] = {}
    for seconds, test in re.findall(r"([\d.]+)s (?:setup|call|teardown) +\S+\[(\d+)\]", printed):
        phases[test] = phases.get(test, 0) + float(seconds)
    return list(phases.values())


def interrupt(folder: Path) -> float:
    """How long a session takes to end after Ctrl-C, in seconds."""
    (folder / "test_it.py").write_text(WAITING)
    with subprocess.Popen(
        [*PYTEST, "-s"], cwd=folder, env=environment(str(folder)), stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdout is not None
        for line in session.stdout:
            if line.strip() == "ready":
                break
        begin = time.perf_counter()
        os.kill(session.pid, signal.SIGINT)
        session.stdout.read()
        session.wait()
        return time.perf_counter() - begin


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=30)
    pairs = parser.parse_args().pairs
    compile_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, UNUSED)
        rows = [
            ("a session that does not use it, more processor time", median(unused(folder, pairs)), GOAL_UNUSED_S),
            ("a test logged in to demo, virtual time", median(demo(folder)), GOAL_DEMO_S),
            ("Ctrl-C to the end of the session", median([interrupt(folder) for _ in range(5)]), GOAL_INTERRUPT_S),
        ]
    table(
        "The pytest plugin, medians",
        ["what", "seconds", "goal"],
        [[what, f"{seconds:.3f}", f"{goal:g}"] for what, seconds, goal in rows],
    )


if __name__ == "__main__":
    main()
