"""How long it takes until a guest that is restored logged in has answered a command.

    python -m benchmarks.restore [--rounds 9] [GUEST ...]

A guest (``linux`` and ``debian-12`` unless named) is booted once, logged in and saved.  Then, in turns: a new QEMU is
started from the snapshot; and the QEMU that runs goes back in place.  Each is measured from the call to the answer of
``true``.  Goals: 3 s and 1 s.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.rig import median, table
from uartsim import blocking

BOOT_TIMEOUT_S = 900.0


def measure(guest: str, rounds: int, folder: Path) -> list[str]:
    """One row of the table."""
    began = time.monotonic()
    new: list[float] = []
    gone_back: list[float] = []
    with blocking.open_console(guest, timeout=BOOT_TIMEOUT_S) as console:
        console.login()
        console.run("true")
        booted = time.monotonic() - began
        checkpoint = console.snapshots.checkpoint()
        began = time.monotonic()
        console.snapshots.save(folder)
        saved = time.monotonic() - began
        size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        for _ in range(rounds):
            began = time.monotonic()
            with blocking.open_console(guest, restore=folder) as other:
                assert other.run("true").status == 0
                new.append(time.monotonic() - began)
            began = time.monotonic()
            console.snapshots.restore(checkpoint)
            assert console.run("true").status == 0
            gone_back.append(time.monotonic() - began)
    return [
        guest,
        f"{booted:.1f} s",
        f"{saved:.2f} s, {size:.0f} MB",
        *(f"{median(each):.2f} s ({max(each):.2f})" for each in (new, gone_back)),
    ]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("guests", nargs="*", default=["linux", "debian-12"])
    options = parser.parse_args()
    rows = []
    for guest in options.guests:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            rows.append(measure(guest, options.rounds, Path(folder) / "saved"))
    head = ["guest", "booted once", "saved", "new QEMU: median (longest)", "in place: median (longest)"]
    table("From the call to the answer of a command, in a guest that is restored logged in", head, rows)


if __name__ == "__main__":
    main()
