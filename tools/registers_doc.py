"""Generate ``docs/registers.md`` and the list of sequences in ``docs/conformance.md`` from the tables in the code.

python tools/registers_doc.py            prints docs/registers.md
python tools/registers_doc.py --write    writes both pages
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.generated_page import with_part  # noqa: E402
from uartsim.conform.qemu_deviations import RULES  # noqa: E402
from uartsim.conform.register_rows import Register  # noqa: E402
from uartsim.conform.register_table import NOT_EMULATED, REGISTERS  # noqa: E402
from uartsim.conform.steps import ALL_PARTS, Sequence  # noqa: E402
from uartsim.conform.suite import BY_FILE  # noqa: E402
from uartsim.registers import (  # noqa: E402
    RESET_VALUES,
    VARIANTS,
    Offset,
    Variant,
)

_BEGIN = "<!-- sequences: made by tools/registers_doc.py -->\n"
_END = "<!-- end -->\n"


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def register_lines(register: Register) -> Iterator[str]:
    """The section of one register, line by line."""
    yield f"## {register.name}, {register.title}"
    yield ""
    reset = f"; {RESET_VALUES[register.name]:02X} after a reset" if register.name in RESET_VALUES else ""
    yield f"Offset {Offset[register.name].value}, {register.access}{reset}. Datasheet {register.section}."
    yield ""
    yield from table(
        ("bit", "name", "datasheet", "here", "QEMU 7.2"),
        ((bit.bits, bit.name, bit.datasheet, bit.here or "as the datasheet", bit.qemu) for bit in register.bits),
    )


def variant_row(variant: Variant) -> tuple[str, ...]:
    """The row of one variant of the chip."""
    fifo = f"{variant.fifo_depth}" if variant.fifo_works else "none" if not variant.has_fcr else "does not work"
    if variant.deep_fifo:
        fifo += f", or {variant.deep_fifo}"
    return (
        variant.name,
        fifo,
        f"{variant.iir_fifo_bits >> 6:02b}",
        "yes" if variant.has_scratch else "no",
        "yes" if variant.auto_flow else "no",
    )


def registers_page() -> str:
    """The text of ``docs/registers.md``."""
    lines = [
        "# Registers",
        "",
        "For every bit, this page gives the text of the PC16550D datasheet (June 1995), the choice that our chip makes",
        "where the datasheet leaves one, and the behaviour of QEMU 7.2. `tools/registers_doc.py` generates it from the",
        "tables in the code. The statements about QEMU are measured: each row names checks of `uartsim conform`, and a",
        "test runs them on QEMU.",
        "",
    ]
    for register in REGISTERS:
        lines += register_lines(register)
    lines += ["## Variants", ""]
    head = ("part", "FIFO", "IIR 7:6 with FCR0", "scratch register", "automatic flow control")
    lines += table(head, (variant_row(variant) for variant in VARIANTS.values()))
    lines += ["## Not emulated", "", *(f"- {what}" for what in NOT_EMULATED), ""]
    lines += [
        "## QEMU's differences",
        "",
        "Each is a rule: `uartsim conform qemu` accepts the difference and checks it.",
        "",
    ]
    lines += table(
        ("rule", "datasheet", "what QEMU does, and what the datasheet says"),
        ((rule.name, rule.section, rule.reason) for rule in RULES.values()),
    )
    return "\n".join(lines).rstrip() + "\n"


def parts_of(sequence: Sequence) -> str:
    """The parts that a sequence applies to, in short."""
    return "all" if sequence.parts == ALL_PARTS else ", ".join(sequence.parts)


def sequence_list() -> str:
    """The sequences, file by file, for ``docs/conformance.md``."""
    lines: list[str] = []
    for file, sequences in BY_FILE.items():
        topic = sequences[0].topic
        lines += [f"### {topic[0].upper()}{topic[1:]}" if topic != "memtest86+" else f"### {topic}", ""]
        lines += [f"In `uartsim/conform/sequences/{file}`.", ""]
        rows = ((f"`{s.name}`", s.title, parts_of(s), str(len(list(s.checks())))) for s in sequences)
        lines += table(("sequence", "what", "parts", "checks"), rows)
    return "\n".join(lines).rstrip() + "\n"


def with_sequences(page: str) -> str:
    """The text ``page`` of ``docs/conformance.md`` with the current list of sequences.

    Raises:
        ValueError: the page lacks the two marks around the list.
    """
    return with_part(page, _BEGIN, f"{sequence_list()}\n", _END)


def main(arguments: list[str]) -> int:
    """Run the program with these arguments; returns the exit status."""
    if arguments == ["--write"]:
        (ROOT / "docs" / "registers.md").write_text(registers_page())
        conformance = ROOT / "docs" / "conformance.md"
        conformance.write_text(with_sequences(conformance.read_text()))
    elif arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    else:
        sys.stdout.write(registers_page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
