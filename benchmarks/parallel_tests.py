"""Whether console tests on QEMU hold when eight workers run them at once, again and again.

    python -m benchmarks.parallel_tests [--rounds 10] [--workers 8]

25 tests on the guest ``linux``, which pytest-xdist deals out: logged in by a snapshot, booted by themselves, with noise on
the line, with breaks, panics and resets, and with a machine that a module shares.  Ends with status 1 if one of them has
failed in any round, and prints that test's report.  Goal: none in ten rounds.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rig import compile_all, environment, median, table

#: Tests that begin logged in, each in a machine of its own that goes back to that moment.
RESTORED = """
import pytest

from uartsim import ProblemFound


def logged_in(console):
    console.login("root", "toor")


pytestmark = pytest.mark.uartsim(guest="linux", restore=logged_in)


@pytest.mark.parametrize("number", range(6))
def test_a_command_writes_and_nobody_else_sees_it(console, number):
    assert console.run(f"ls /tmp; echo {number} > /tmp/mine").output == ""
    assert console.run("cat /tmp/mine").output == f"{number}\\n"


@pytest.mark.parametrize("lines", [10, 1000, 5000])
def test_long_output_arrives_whole(console, lines):
    assert console.run(f"seq {lines}").output == "".join(f"{number}\\n" for number in range(1, lines + 1))


@pytest.mark.parametrize("status", [0, 3, 255])
def test_a_status_is_told(console, status):
    assert console.run(f"exit_with() {{ return {status}; }}; exit_with").status == status


def test_a_file_goes_there_and_back(console, tmp_path):
    (tmp_path / "sent").write_bytes(bytes(range(256)) * 40)
    console.put_file(tmp_path / "sent", "/tmp/sent")
    assert console.get_file("/tmp/sent") == (tmp_path / "sent").read_bytes()


@pytest.mark.parametrize("keys", ["h", "m", "t"])
def test_sysrq_is_answered(console, keys):
    console.sysrq(keys)
    console.expect("sysrq: ")
    console.sendline("")
    assert console.run("true").status == 0


def test_a_panic_that_was_asked_for_is_found(console):
    console.sendline("echo c > /proc/sysrq-trigger")
    console.expect("Kernel panic - not syncing")


def test_a_panic_ends_what_waits(console):
    console.sendline("key=$(printf '\\\\143'); echo $key > /proc/sysrq-trigger")  # nobody can see that it is asked for
    with pytest.raises(ProblemFound):
        console.expect("never", timeout=60)


def test_kernel_lines_between_do_not_disturb(console):
    for number in range(5):
        console.sendline(f"(sleep 0.2; echo noise {number} > /dev/kmsg) &")
        assert console.run(f"sleep 0.3; echo answer {number}").output.endswith(f"answer {number}\\n")


def test_several_lines_in_any_order(console):
    console.sendline("for i in 3 1 2; do echo line $i; done")
    console.expect_all(["line 1", "line 2", "line 3"])
"""

#: Tests that boot, or share a machine.
BOOTED = """
import pytest

pytestmark = pytest.mark.uartsim(guest="linux")


@pytest.mark.parametrize("options", [{}, {"rate": "unlimited"}])
def test_a_boot_ends_at_a_prompt(uartsim_factory, options):
    console = uartsim_factory("linux", **options)
    console.login("root", "toor")
    assert console.run("uname -s").output == "Linux\\n"


def test_a_reset_boots_again(console_module):
    console_module.login("root", "toor")
    console_module.sendline("echo b > /proc/sysrq-trigger")
    console_module.login("root", "toor")


def test_a_shared_machine_goes_on(console_module):
    console_module.login("root", "toor")
    assert console_module.run("true").status == 0


def test_noise_on_the_line_is_counted_and_survived(uartsim_factory):
    console = uartsim_factory("linux", fault="noise:rate=1e-5,seed=7")
    console.expect("login: ", timeout=120)
"""


def one_round(folder: Path, workers: int) -> tuple[float, dict[str, int], str]:
    """Run all tests once; returns the seconds, the count of each outcome, and what pytest printed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        str(workers),
        "--dist",
        "worksteal",
    ]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--uartsim-strict", f"--basetemp={folder / 'base'}", str(folder)],
        cwd=folder,
        env=environment(str(folder / "rt")),
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    counts = {outcome: int(count) for count, outcome in re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout)}
    return took, counts, done.stdout + done.stderr


def main() -> None:
    """Run the rounds, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    compile_all()
    rounds, failures = [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "rt").mkdir(mode=0o700)
        (folder / "test_restored.py").write_text(RESTORED)
        (folder / "test_booted.py").write_text(BOOTED)
        for number in range(1, options.rounds + 1):
            seconds, counts, printed = one_round(folder, options.workers)
            rounds.append(
                [str(number), f"{seconds:.0f} s", ", ".join(f"{count} {what}" for what, count in counts.items())]
            )
            print(*rounds[-1], flush=True)
            if set(counts) != {"passed"}:
                failures.append(printed)
    middle = median([float(took.removesuffix(" s")) for _, took, _ in rounds])
    table(
        f"{options.workers} workers, tests of linux in QEMU; median {middle:.0f} s",
        ["round", "took", "outcome"],
        rounds,
    )
    if failures:
        print(*failures, sep="\n\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
