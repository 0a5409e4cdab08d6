"""Writes sequences in the notation, so that the tests can compare what the parser reads back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from uartsim.conform.notation.scanner import VALUE_NAMES
from uartsim.conform.steps import (
    ALL_PARTS,
    Break,
    Check,
    Irq,
    Modem,
    Poll,
    Read,
    Receive,
    Reset,
    Sent,
    Sequence,
    Settle,
    Step,
    Wait,
    Write,
)

#: What is written to, and read from, each offset.
WRITTEN = ("THR", "IER", "FCR", "LCR", "MCR", "LSR", "MSR", "SCR")
READ = ("RBR", "IER", "IIR", "LCR", "MCR", "LSR", "MSR", "SCR")
LEVELS = ("inactive", "active")
ESCAPES = {"\n": "\\n", "\r": "\\r", "\x1b": "\\e", "\\": "\\\\", "'": "\\'"}


def value_text(register: str, value: int) -> str:
    """A value by the names of its bits where they make up the whole, as a number otherwise."""
    names, left = [], value
    for name, bits in sorted(VALUE_NAMES.get(register, {}).items(), key=lambda item: -item[1]):
        if bits and left & bits == bits:
            names.append(name)
            left &= ~bits
    return " | ".join(reversed(names)) if names and not left else f"0x{value:02X}" if value else "0"


def data_text(data: bytes) -> str:
    """Bytes as characters in single quotes."""
    return "'" + "".join(character_text(chr(byte)) for byte in data) + "'"


def character_text(character: str) -> str:
    """One character, escaped where the notation needs it."""
    if character in ESCAPES:
        return ESCAPES[character]
    return character if " " <= character <= "~" and character not in "{}" else f"\\x{ord(character):02X}"


def check_text(check: Check) -> str:
    """What an expectation is about, and its section."""
    return f'"{check.what}" [{check.section}{", silent" if check.silent else ""}]'


def answer_text(offset: int, mask: int, value: int) -> str:
    """``LSR & (THRE | TEMT) -> THRE``."""
    register = READ[offset]
    masked = f" & ({value_text(register, mask)})" if mask != 0xFF else ""
    return f"{register}{masked} -> {value_text(register, value)}"


def step_text(step: Step) -> str:  # noqa: C901 - one case for each kind of step
    """One step as one line."""
    match step:
        case Write(offset, value):
            return f"{WRITTEN[offset]} <- {value_text(WRITTEN[offset], value)}"
        case Read(offset, check=None):
            return f"read {READ[offset]}"
        case Read(offset, expect, Check() as check, mask, parts):
            others = ", ".join(f"{part}: {value_text(READ[offset], value)}" for part, value in parts.items())
            return f"{answer_text(offset, mask, expect)} {f'({others}) ' if others else ''}{check_text(check)}"
        case Poll(offset, mask, value, bits, check, every):
            return f"poll {answer_text(offset, mask, value)} within {bits} bits every {every} bits {check_text(check)}"
        case Wait(bits, slack):
            return f"wait {bits} bits, at most {slack} bits more"
        case Settle(frames):
            return f"settle {frames} frames"
        case Irq(level, check):
            return f"INTR -> {LEVELS[level]} {check_text(check)}"
        case Sent(data, check):
            return f"SOUT -> {data_text(data) if data else 'nothing'} {check_text(check)}"
        case Receive(data, errors):
            return f"SIN <- {data_text(data)}" + (f" with {value_text('LSR', errors)}" if errors else "")
        case Modem(inputs):
            return f"modem <- {value_text('MSR', inputs)}"
        case Break():
            return "SIN <- break"
        case Reset():
            return "MR <- active"
        case _:
            raise TypeError(f"{step!r} is not a step")


def sequence_lines(sequence: Sequence) -> Iterator[str]:
    """One sequence, line by line."""
    yield f"topic {sequence.topic}"
    yield f'sequence {sequence.name} "{sequence.title}"'
    if sequence.parts != ALL_PARTS:
        yield f"    parts {', '.join(sequence.parts)}"
    yield from (f"    {step_text(step)}" for step in sequence.steps)


def text_of(sequences: Iterable[Sequence]) -> str:
    """A file that holds sequences."""
    return "".join(f"{line}\n" for sequence in sequences for line in sequence_lines(sequence))
