"""Generate the sections of docs/distributions.md about each distribution from the manifests in guests/.

python tools/distributions_doc.py            prints them
python tools/distributions_doc.py --write    writes them into the page, between its two marks
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.generated_page import with_part  # noqa: E402
from uartsim.guest.catalogue import GuestDefinition, list_guests  # noqa: E402
from uartsim.guest.distribution import Distribution, Procedure  # noqa: E402
from uartsim.guest.distribution_text import console_sentence, run_sentence  # noqa: E402

PAGE = ROOT / "docs" / "distributions.md"
BEGIN = "<!-- made by tools/distributions_doc.py -->\n"
END = "<!-- end -->\n"


def sections() -> str:
    """All sections: a table of what was run, and a section for each distribution."""
    described = [(guest, guest.distribution) for guest in list_guests() if guest.distribution is not None]
    lines = [
        "| distribution | serial console by default | run on a stand-in | not run here: no image |",
        "|---|---|---|---|",
    ]
    for guest, about in described:
        run, not_run = (
            ", ".join(f"`{each.name}`" for each in about.procedures.values() if bool(each.stand_in) is was_run) or "-"
            for was_run in (True, False)
        )
        defaults = "; ".join(f"{each.versions}: {'on' if each.on_by_default else 'off'}" for each in about.console)
        lines.append(f"| {about.title} (`{guest.name}`) | {defaults} | {run} | {not_run} |")
    for guest, about in described:
        lines += ["", *_section(guest, about)]
    return "\n".join(lines) + "\n"


def _section(guest: GuestDefinition, about: Distribution) -> Iterator[str]:
    yield f"## {about.title}"
    yield ""
    yield f"`uartsim run {guest.name} --set image=PATH`, with {about.image}."
    yield ""
    for default in about.console:
        yield f"- Serial console in {console_sentence(default)}."
    own = {name: each for name, each in about.procedures.items() if not _is_inherited(about, each)}
    if len(own) < len(about.procedures):
        yield f"- The procedures of `{about.based_on}` hold here, too; GRUB's menu is caught so: {about.menu}."
    for name, procedure in own.items():
        kind = "Set-up" if name in about.set_up else "Recovery"
        versions = f" Versions: {procedure.versions}." if procedure.versions else ""
        yield ""
        yield f"**{kind} `{name}`**: {procedure.title}.{versions} {_capital(run_sentence(procedure))}."
        yield ""
        for number, step in enumerate(procedure.steps, 1):
            yield f"{number}. {step.sentence(about.menu)}"
        if procedure.note:
            yield ""
            yield procedure.note


def _is_inherited(about: Distribution, procedure: Procedure) -> bool:
    if not about.based_on:
        return False
    base = next(guest.distribution for guest in list_guests() if guest.name == about.based_on)
    return base is not None and base.procedures.get(procedure.name) == procedure


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def page_with(page: str) -> str:
    """The page with the sections as the manifests have them now.

    Raises:
        ValueError: the page lacks the two marks.
    """
    return with_part(page, BEGIN, f"{sections()}\n", END)


def main(arguments: list[str]) -> int:
    """Run the program with these arguments; returns the exit status."""
    if arguments == ["--write"]:
        PAGE.write_text(page_with(PAGE.read_text()))
    elif arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    else:
        sys.stdout.write(sections())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
