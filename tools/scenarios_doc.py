"""Generate the tables of docs/scenarios.md from the scenarios, their tests and their transcripts.

python tools/scenarios_doc.py            prints them
python tools/scenarios_doc.py --write    writes them into the page, between its two marks
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.generated_page import with_part  # noqa: E402
from uartsim.scenarios import GROUPS, Scenario, list_scenarios  # noqa: E402
from uartsim.scenarios.staging import fitting_guests  # noqa: E402

PAGE = ROOT / "docs" / "scenarios.md"
TRANSCRIPTS = ROOT / "docs" / "scenarios"
BEGIN = "<!-- made by tools/scenarios_doc.py -->\n"
END = "<!-- end -->\n"

#: The rows of the documents' tables "Common scenarios" and "Known issues" that are about a guest, and what shows each.
#: ``docs/azure.md`` has those that are about the service.
DOCUMENTS = (
    ("Broken fstab", "broken-fstab", "root-locked", "single-user", "single-user-locked-root"),
    ("Incorrect firewall rules", "iptables-blocks-ssh"),
    ("Filesystem corruption, check", "corrupt-file-system"),
    ("SSH configuration issues", "sshd-misconfigured", "ssh-key-only"),
    ("Network lock down system", "interfaces-down", "no-interface"),
    ("Interacting with the boot loader", "grub-menu", "hidden-menu", "countdown-missed", "restart", "reset-to-menu"),
    (
        "Enter after the banner brings no sign-in prompt: custom VM, hardened appliance, GRUB's configuration",
        "no-console-argument",
        "getty-masked",
        "securetty",
        "grub-without-serial",
        "kernel-without-serial",
    ),
    ("The text takes up a portion of the screen only", "wrong-size"),
)
_HEAD = re.compile(r"(?P<name>\S+) on (?P<guest>\S+), (?P<seconds>\d+) s")


def tables() -> str:
    """A table for each group, and one for the documents' rows."""
    lines: list[str] = []
    for group, title in GROUPS.items():
        lines += [f"## {title}", "", "| scenario | cause | COM1 shows | way out | guests | test | s |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [_row(scenario) for scenario in list_scenarios() if scenario.group == group]
        lines += [""]
    return "\n".join([*lines, *_documents()]) + "\n"


def _row(scenario: Scenario) -> str:
    seconds = seconds_of(scenario.name)
    name = f"`{scenario.name}`" if seconds is None else f"[`{scenario.name}`](scenarios/{scenario.name}.txt)"
    guests = ", ".join(f"`{guest.name}`" for guest in fitting_guests(scenario))
    if scenario.not_run:
        return _cells(name, scenario.cause, scenario.shown, scenario.way_out, f"not run: {scenario.not_run}", "", "")
    shown = "" if seconds is None else str(seconds)
    return _cells(name, scenario.cause, scenario.shown, scenario.way_out, guests, f"`{scenario.test}`", shown)


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def seconds_of(name: str) -> int | None:
    """How long the scenario's test took, by its transcript; None if there is none."""
    try:
        with (TRANSCRIPTS / f"{name}.txt").open(encoding="utf-8") as file:
            head = _HEAD.fullmatch(file.readline().strip())
    except FileNotFoundError:
        return None
    return None if head is None else int(head["seconds"])


def _documents() -> Iterator[str]:
    by_name = {scenario.name: scenario for scenario in list_scenarios()}
    yield "## The documents' tables"
    yield ""
    yield "| row of the documents | scenarios | tests |"
    yield "|---|---|---|"
    for row, *names in DOCUMENTS:
        tests = ", ".join(f"`{by_name[name].test}`" for name in names)
        yield _cells(row, ", ".join(f"`{name}`" for name in names), tests)


def page_with(page: str) -> str:
    """The page with the tables as the scenarios are now.

    Raises:
        ValueError: the page lacks the two marks.
    """
    return with_part(page, BEGIN, f"\n{tables()}\n", END)


def main(arguments: list[str]) -> int:
    """Run the program with these arguments; returns the exit status."""
    if arguments == ["--write"]:
        PAGE.write_text(page_with(PAGE.read_text()))
    elif arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    else:
        sys.stdout.write(tables())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
