"""The pages: made from the tables, true of QEMU, and with an example that works."""

from __future__ import annotations

import re
import shlex
import sys
from enum import IntFlag
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tools import registers_doc
from uartsim import registers
from uartsim.conform.dut import Can
from uartsim.conform.dut_command import CommandDut
from uartsim.conform.notation import NotationError, parse
from uartsim.conform.player import Finding
from uartsim.conform.register_rows import SAME, Bit
from uartsim.conform.register_table import REGISTERS
from uartsim.conform.report import Verdict
from uartsim.conform.suite import SEQUENCES
from uartsim.conform.suite_run import run_on_dut

DOCS = registers_doc.ROOT / "docs"
BITS = [(register.name, bit) for register in REGISTERS for bit in register.bits]


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / "conformance.md").read_text(), re.MULTILINE | re.DOTALL)


def test_registers_md_is_what_the_tool_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert registers_doc.main([]) == 0
    assert (DOCS / "registers.md").read_text() == capsys.readouterr().out, "python tools/registers_doc.py --write"


def test_conformance_md_lists_every_sequence() -> None:
    page = (DOCS / "conformance.md").read_text()
    assert registers_doc.with_sequences(page) == page, "python tools/registers_doc.py --write"
    assert all(f"`{sequence.name}`" in page for sequence in SEQUENCES)


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="must have the lines"):
        registers_doc.with_sequences("nothing here")


def mask(bits: str) -> int:
    high, _, low = bits.partition(":")
    return (1 << int(high) + 1) - (1 << int(low or high))


@pytest.mark.parametrize(
    "flags", [registers.IER, registers.FCR, registers.LCR, registers.MCR, registers.LSR, registers.MSR]
)
def test_every_bit_of_a_register_is_in_the_table_at_its_place(flags: type[IntFlag]) -> None:
    rows = {bit.name: mask(bit.bits) for name, bit in BITS if name == flags.__name__}
    assert {flag.name: flag.value for flag in flags}.items() <= rows.items()


def test_every_register_is_in_the_table() -> None:
    assert sorted(register.name for register in REGISTERS) == sorted(registers.Offset.__members__)


def test_every_row_names_checks_that_exist() -> None:
    keys = [f"{sequence.name}/{check.what}" for sequence in SEQUENCES for check in sequence.checks()]
    for name, bit in BITS:
        assert bit.checks, (name, bit.name)
        for pattern in bit.checks:
            assert any(fnmatchcase(key, pattern) for key in keys), pattern


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize(("register", "bit"), BITS, ids=lambda value: value.name if isinstance(value, Bit) else value)
def test_what_the_table_says_of_qemu_is_so(qemu_findings: list[Finding], register: str, bit: Bit) -> None:
    answers = [f.passed for f in qemu_findings if any(fnmatchcase(f.key, pattern) for pattern in bit.checks)]
    assert answers
    assert all(answers) == (bit.qemu == SAME)


# -- the notation --------------------------------------------------------------------------------------------


def test_sequences_on_the_page_are_those_of_the_suite() -> None:
    page = (DOCS / "conformance.md").read_text()
    shown = [
        each for block in re.findall(r"^```seq\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for each in parse(block)
    ]
    assert len(shown) == 5
    assert all(sequence in SEQUENCES for sequence in shown)


def test_every_line_of_the_notations_table_can_be_read() -> None:
    page = (DOCS / "conformance.md").read_text()
    table = page.partition("| line | what it does |")[2].partition("\n\n")[0].replace("\\|", "|")
    lines = [
        code
        for row in re.findall(r"^\| (`.+?) \| [a-z]", table, re.MULTILINE)
        for code in re.findall(r"`([^`]+)`", row)
    ]
    assert len(lines) == 19
    for line in lines:
        assert parse(f'topic t\nsteps NAME\n  SCR <- 1\nsequence s "s"\n  {line}')[0].steps


def test_the_error_on_the_page_is_the_one_that_is_raised() -> None:
    with pytest.raises(NotationError) as caught:
        parse('topic t\nsequence s "s"\n    SCR <- 1\n    LSR & THRX -> 0', "mine.seq")
    assert f"    {caught.value}\n" in (DOCS / "conformance.md").read_text()


# -- the example ---------------------------------------------------------------------------------------------


def verdict_of(tmp_path: Path, program: str) -> Verdict:
    file = tmp_path / "my_uart.py"
    file.write_text(program)
    with CommandDut(shlex.join([sys.executable, "-S", str(file)])) as uart:
        return run_on_dut(uart, SEQUENCES, 4000, seed=1)


def test_the_example_is_right_and_reported_as_the_page_says(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, python_blocks()[0])
    assert verdict.unexplained == []
    assert f"    {next(verdict.lines())}\n" in (DOCS / "conformance.md").read_text()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("self.ier = value & 0x0F", "self.ier = value & 0x1F"),
        ("self.mcr = value & 0x1F", "self.mcr = value"),
        ("if self.ier & 4 and self.errors:", "if self.ier & 8 and self.errors:"),
        ("elif offset == 2 and value == 2:", "elif offset == 2:"),
        ("errors | 2 * self.ready", "errors"),
        ("value & ~self.ier & 2", "value & self.ier & 2"),
        ("(mcr & 2) << 3 | (mcr & 1) << 5", "(mcr & 2) << 4 | (mcr & 1) << 4"),
        ("self.lines & ~new & 0x40", "~self.lines & new & 0x40"),
        ("uart.mcr & 8 != 0", "True"),
        ("if not uart.mcr & 0x10:", "if True:"),
        ("(1 << (self.lcr & 3) + 5) - 1", "0xFF"),
        ("0x1C if lcr & 0x18 == 0x08 else 0x18", "0x18"),
    ],
)
def test_the_example_with_one_thing_wrong_is_found_out(tmp_path: Path, right: str, wrong: str) -> None:
    program = python_blocks()[0]
    assert program.count(right) == 1
    assert not verdict_of(tmp_path, program.replace(right, wrong)).passed


def test_the_example_in_process_works() -> None:
    exec(compile(python_blocks()[1], "docs/conformance.md", "exec"), {})


def test_the_page_names_every_capability() -> None:
    page = (DOCS / "conformance.md").read_text()
    assert all(f"`{can.name.lower()}`" in page for can in Can if can.name)
