"""How long each guest takes to its first byte, its menu and its prompt, from the start.

    python -m benchmarks.guests_boot [NAME ...] [--write]

``fixtures/guests.toml`` says which texts are waited for.  ``--write`` puts the figures into ``fixtures/guest_times.toml``,
from which ``tools/guests_table.py`` makes the table of the page; guests that were not measured keep theirs.  An image is
built before its guest is measured.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from typing import Any, Final

import trio

from benchmarks.rig import ROOT, table
from uartsim.errors import UartsimError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.images.build import build_image
from uartsim.machine import Machine, open_machine
from uartsim.machine.sides import QuietFarEnd

TIMES: Final = ROOT / "fixtures" / "guest_times.toml"
WORDS: Final = ROOT / "fixtures" / "guests.toml"
#: How long a guest may take to its prompt, in seconds.
TIMEOUT_S: Final = 600.0
FIGURES: Final = ("first_byte_s", "menu_s", "prompt_s")


class Watcher(QuietFarEnd):
    """The far end of the line: notes when the texts come, and presses the keys at the menu.

    Args:
        words: the guest's table in ``fixtures/guests.toml``.
    """

    def __init__(self, words: dict[str, Any]) -> None:
        self._waiting = {key: words[key].encode() for key in ("menu", "prompt") if key in words}
        self._keys = words.get("menu_keys", "").encode()
        self._started = time.monotonic()
        self._seen = b""
        self._machine: Machine | None = None
        self.seconds: dict[str, float] = {}
        self.arrived = trio.Event()

    def listen(self, machine: Machine) -> None:
        """Attach to a machine before its power comes on."""
        self._machine = machine
        machine.com1.far_end = self

    def output(self, data: bytes, at: int) -> None:
        """The guest has sent something."""
        now = round(time.monotonic() - self._started, 2)
        self.seconds.setdefault("first_byte_s", now)
        self._seen += data
        while self._waiting:
            key, text = next(iter(self._waiting.items()))
            _, found, rest = self._seen.partition(text)
            if not found:
                return
            self._seen = rest
            self.seconds[f"{key}_s"] = now
            del self._waiting[key]
            if key == "menu" and self._keys and self._machine is not None:
                self._machine.com1.far_send(self._keys)
        self.arrived.set()


_told: list[str] = [""]


def tell(text: str) -> None:
    """Print what is being done, each step once."""
    if text != _told[0]:
        print(text, file=sys.stderr, flush=True)
    _told[0] = text


async def measure(guest: GuestDefinition, words: dict[str, Any]) -> dict[str, float]:
    """The figures of one guest."""
    figures: dict[str, float] = {}
    if guest.image is not None:
        figures["disk_bytes"] = build_image(guest.image, guest.folder, tell).disk_bytes
    watcher = Watcher(words)
    async with open_machine(make_guest(guest), guest.name, log=tell, prepare=watcher.listen):
        with trio.move_on_after(TIMEOUT_S):
            await watcher.arrived.wait()
    return {**figures, **watcher.seconds}


def write(measured: dict[str, dict[str, float]]) -> None:
    """Put the figures into the file."""
    known: dict[str, Any] = {**tomllib.loads(TIMES.read_text()), **measured}
    lines = [
        "# Seconds from the start, and the size of the image: written by python -m benchmarks.guests_boot --write",
        f'measured = "{known.pop("measured")}"',
    ]
    for name, figures in sorted(known.items()):
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in figures.items())]
    TIMES.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Measure the guests that are named, or all, and print a table."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {TIMES.relative_to(ROOT)}")
    options = parser.parse_args()
    words = tomllib.loads(WORDS.read_text())["guests"]
    measured: dict[str, dict[str, float]] = {}
    for name in options.names or words:
        try:
            guest = find_guest(name)
            guest.check_needs()
            measured[name] = trio.run(measure, guest, words[name])
        except UartsimError as error:
            tell(f"{name}: {error}")
            continue
        if options.write:
            write({name: measured[name]})
    rows = [[name, *(f"{figures.get(key, '-')}" for key in FIGURES)] for name, figures in measured.items()]
    table("seconds from the start", ["guest", "first byte", "menu", "prompt"], rows)


if __name__ == "__main__":
    main()
