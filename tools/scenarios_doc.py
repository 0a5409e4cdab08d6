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

AZURE = ROOT / "docs" / "azure.md"
#: The tables of the documents whose rows are listed, by their headings in ``docs/azure.md``.
TABLES = ("Common scenarios", "Known issues")
_FSTAB = ("broken-fstab", "root-locked", "single-user", "single-user-locked-root")
_FIREWALLS = ("iptables-blocks-ssh", "firewalld-blocks-ssh")
_NETWORK = ("interfaces-down", "no-interface", "no-network-driver")
_SSH = ("sshd-misconfigured", "ssh-key-only", "ssh-key-only-demo")
_LOADER = ("grub-menu", "hidden-menu", "countdown-missed", "restart", "reset-to-menu")
_NO_ANSWER = (
    "no-console-argument",
    "getty-masked",
    "securetty",
    "grub-without-serial",
    "kernel-without-serial",
    "plymouth",
)
#: The scenarios that show a row.  The other rows are about the service or Windows: their tests are those of ``docs/azure.md``.
SHOWN_BY = {
    "A-051": _FSTAB,
    "A-052": _FSTAB[2:],
    "A-053": _FIREWALLS[:1],
    "A-054": _FIREWALLS[1:],
    "A-055": ("corrupt-file-system",),
    "A-056": (*_SSH, *_NETWORK),
    "A-057": _LOADER,
    "A-107": _NO_ANSWER,
    "A-108": _NO_ANSWER,
    "A-109": ("wrong-size",),
    "A-110": ("wrong-size",),
    "P-029": _FSTAB,
    "P-030": _FIREWALLS,
    "P-032": ("corrupt-file-system",),
    "P-034": _SSH,
    "P-036": _NETWORK,
    "P-037": _LOADER,
    "P-061": _NO_ANSWER,
}
#: Tests that show a row beside those that its scenarios name.
MORE_TESTS = {"A-110": ("test_resize_asks_the_terminal_how_large_it_is",)}
_ROW = re.compile(r"\| (?P<row>[AP]-\d{3}) \| (?P<says>.*) \| .*? \| (?P<tests>.*) \|")
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


def document_rows() -> Iterator[tuple[str, str, str]]:
    """The rows of the documents' tables: their names in ``docs/azure.md``, what they say, and the tests named there."""
    listed = False
    for line in AZURE.read_text().splitlines():
        if line.startswith("#"):
            listed = line.removeprefix("### ") in TABLES
        elif listed and (found := _ROW.fullmatch(line)):
            yield found["row"], found["says"], found["tests"]


def _documents() -> Iterator[str]:
    by_name = {scenario.name: scenario for scenario in list_scenarios()}
    yield "## The documents' tables"
    yield ""
    yield 'All rows of "Common scenarios" and "Known issues"; the names of the rows are those of [the page](azure.md).'
    yield ""
    yield "| row | what it says | scenarios | tests |"
    yield "|---|---|---|---|"
    for row, says, tests in document_rows():
        names = SHOWN_BY.get(row, ())
        if names:
            of_row = (*(by_name[name].test for name in names), *MORE_TESTS.get(row, ()))
            tests = ", ".join(f"`{test}`" for test in of_row)
        yield f"| {row} | {says} | {', '.join(f'`{name}`' for name in names)} | {tests} |"


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
