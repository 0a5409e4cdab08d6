"""Generate the table of guests in ``docs/guests.md``.

python tools/guests_table.py            prints it
python tools/guests_table.py --write    writes it into the page

It is made of the manifests in ``guests/``, of ``fixtures/guests.toml``, which says what was run and what was not, and of
``fixtures/guest_times.toml``, which ``python -m benchmarks.guests_boot --write`` measures.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.generated_page import with_part  # noqa: E402
from uartsim.guest.catalogue import GuestDefinition, find_guest, list_guests  # noqa: E402
from uartsim.images.build import builder_of  # noqa: E402
from uartsim.images.disk_room import bytes_text  # noqa: E402

PAGE = ROOT / "docs" / "guests.md"
WORDS = ROOT / "fixtures" / "guests.toml"
TIMES = ROOT / "fixtures" / "guest_times.toml"
_BEGIN = "<!-- guests: made by tools/guests_table.py -->\n"
_END = "<!-- end of guests -->\n"
#: Packages that every guest in QEMU needs, and that the table does not repeat.
_QEMU = ("qemu-system-x86", "qemu-system-arm")


def words() -> dict[str, Any]:
    """What ``fixtures/guests.toml`` says."""
    return tomllib.loads(WORDS.read_text())


def times() -> dict[str, Any]:
    """What ``fixtures/guest_times.toml`` says."""
    return tomllib.loads(TIMES.read_text())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def how_it_is_had(guest: GuestDefinition) -> str:
    """Where a guest comes from, in words."""
    if guest.image is not None:
        return f"built of {builder_of(guest.image).source(guest.image)}"
    if guest.distribution is not None:
        return f"your own image: {guest.distribution.image}"
    commands = [need.install for need in guest.needs if need.install.startswith("apt-get install ")]
    packages = {package for command in commands for package in command.split()[2:]}
    named = sorted(packages.difference(_QEMU))
    return f"Debian's {', '.join(named)}" if named else "Debian's QEMU" if packages else "part of uartsim"


def _seconds(measured: Mapping[str, Any], key: str) -> str:
    return f"{measured[key]:.1f}" if key in measured else "-"


def guest_row(guest: GuestDefinition, said: Mapping[str, Any], measured: Mapping[str, Any]) -> tuple[str, ...]:
    """The row of one guest."""
    what = re.sub(r" \([^()]*\)$", "", guest.description)
    size = bytes_text(measured["disk_bytes"]) if "disk_bytes" in measured else "-"
    run = f"{said['run']} (`{said['test']}`)" if "run" in said else "-"
    missing = "not run here: no image" if guest.distribution is not None else "-"
    seconds = (_seconds(measured, key) for key in ("first_byte_s", "menu_s", "prompt_s"))
    return (f"`{guest.name}`", what, how_it_is_had(guest), size, *seconds, run, said.get("not_run", missing))


def distribution_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The row of one distribution of Azure's table."""
    guest = find_guest(row["guest"])
    if guest.distribution is None:
        return (row["name"], f"`{guest.name}`", "no: by a line in /etc/inittab", f"that line (`{row['test']}`)", "-")
    procedures = (*guest.distribution.set_up.values(), *guest.distribution.recovery.values())
    stood_in: dict[str, list[str]] = {}
    for procedure in procedures:
        stood_in.setdefault(procedure.stand_in, []).append(procedure.name)
    left = stood_in.pop("", [])
    by_default = "; ".join(
        f"{default.versions}: {'yes' if default.on_by_default else 'no'}" for default in guest.distribution.console
    )
    run = "; ".join(f"{', '.join(names)} on `{name}`" for name, names in stood_in.items()) or "-"
    if "test" in row:
        run += f" (`{row['test']}`)"
    not_run = "not run here: no image" + (f"; {', '.join(left)}: nowhere" if left else "")
    return (row["name"], f"`{guest.name}`", by_default, run, not_run)


def guests_section() -> str:
    """The text between the markers."""
    said, measured = words(), times()
    head = (
        "guest",
        "what it is",
        "how it is had",
        "size",
        "first byte",
        "menu",
        "prompt",
        "what was run",
        "what was not",
    )
    guests = list_guests()
    rows = (guest_row(g, said["guests"].get(g.name, {}), measured.get(g.name, {})) for g in guests)
    lines = [f"Seconds from the start, {measured['measured']}. The size is that of the image, on the disk.", ""]
    lines += _table(head, rows)
    lines += ["The distributions in the table of Azure's documentation:", ""]
    columns = ("distribution", "guest", "serial console by default", "what was run here", "what was not")
    known = {guest.name for guest in guests}
    lines += _table(columns, (distribution_row(row) for row in said["distributions"] if row["guest"] in known))
    return "\n".join(lines)


def with_section(page: str) -> str:
    """The page with the table as it should be.

    Raises:
        ValueError: the markers are missing.
    """
    return with_part(page, _BEGIN, guests_section(), _END)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(with_section(PAGE.read_text()))
    elif not sys.argv[1:]:
        print(guests_section(), end="")
    else:
        raise SystemExit("usage: python tools/guests_table.py [--write]")
