"""What each kind of line in a sequence means.

A line begins with a register, with a pin by its name in the datasheet (``INTR``, ``SIN``, ``SOUT``, ``MR``), or with a word
such as ``wait``.  ``<-`` drives a value, ``->`` reads one and says what it has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from uartsim.conform.notation.scanner import Scanner, SourceLine
from uartsim.conform.steps import (
    Break,
    Check,
    Irq,
    Modem,
    Poll,
    Read,
    Receive,
    Reset,
    Sent,
    Settle,
    Step,
    Wait,
    Write,
)
from uartsim.registers import LCR, Offset

_REGISTERS: Final = tuple(Offset.__members__)
_WRITE_ONLY: Final = ("THR", "FCR")
_READ_ONLY: Final = ("RBR", "IIR")
_LEVELS: Final = MappingProxyType({"active": True, "inactive": False})
#: Eight bits, no parity, one stop bit.
_8N1: Final = 0x03

Steps: TypeAlias = tuple[Step, ...]


def _check(scanner: Scanner) -> Check:
    what = scanner.text("what is checked")
    section, silent = scanner.section()
    return Check(what, section, silent)


def _readable(scanner: Scanner) -> str:
    return scanner.one_of((name for name in _REGISTERS if name not in _WRITE_ONLY), "a register that can be read")


def _read(scanner: Scanner) -> Steps:
    """``read LSR, RBR``: reads without an expectation."""
    registers = [_readable(scanner)]
    while scanner.take(","):
        registers.append(_readable(scanner))
    return tuple(Read(int(Offset[name])) for name in registers)


def _register(register: str) -> Callable[[Scanner], Steps]:
    """``LCR <- BITS_8`` and ``LSR & THRE -> THRE "THR is empty" [8.4]``."""

    offset = int(Offset[register])

    def parse(scanner: Scanner) -> Steps:
        if register not in _READ_ONLY and scanner.take("<-"):
            return tuple(Write(offset, value) for value in scanner.data(register))
        if register in _WRITE_ONLY:
            raise scanner.error("<- and what is written")
        mask = scanner.mask(register) if scanner.take("&") else 0xFF
        if not scanner.take("->"):
            also = ", or <- and what is written" if register not in _READ_ONLY and mask == 0xFF else ""
            raise scanner.error(f"-> and what is read{also}")
        expect = scanner.value(register)
        return (Read(offset, expect, mask=mask, parts=_parts(scanner, register), check=_check(scanner)),)

    return parse


def _parts(scanner: Scanner, register: str) -> Mapping[str, int]:
    """``(8250: 0xFF, 16450: 0)``: what other parts answer."""
    parts: dict[str, int] = {}
    if not scanner.take("("):
        return parts
    while True:
        part = scanner.part()
        scanner.need(":")
        parts[part] = scanner.value(register)
        if not scanner.take(","):
            break
    scanner.need(")")
    return parts


def _poll(scanner: Scanner) -> Steps:
    """``poll LSR & THRE -> THRE within 300 bits "THR is empty" [8.4]``."""
    register = _readable(scanner)
    mask = scanner.mask(register) if scanner.take("&") else 0xFF
    scanner.need("->")
    value = scanner.value(register)
    scanner.need("within")
    bits = scanner.number("bit times")
    scanner.need("bits")
    if not scanner.take("every"):
        return (Poll(int(Offset[register]), mask, value, bits, _check(scanner)),)
    every = _bits(scanner)
    if not every:
        raise scanner.line.error("'every 0 bits' would read for ever: use a fraction such as 0.25")
    return (Poll(int(Offset[register]), mask, value, bits, _check(scanner), every),)


def _bits(scanner: Scanner) -> float:
    bits = scanner.decimal("bit times")
    if not scanner.take("bits"):
        scanner.need("bit")
    return bits


def _wait(scanner: Scanner) -> Steps:
    """``wait 4 bits`` and ``wait 29 bits, at most 0.7 bits more``."""
    bits = _bits(scanner)
    if not scanner.take(","):
        return (Wait(bits),)
    scanner.need("at most")
    slack = _bits(scanner)
    scanner.need("more")
    return (Wait(bits, slack),)


def _settle(scanner: Scanner) -> Steps:
    """``settle`` and ``settle 3 frames``."""
    if scanner.at_end:
        return (Settle(),)
    frames = scanner.number("frames")
    if not scanner.take("frames"):
        scanner.need("frame")
    return (Settle(frames),)


def _intr(scanner: Scanner) -> Steps:
    """``INTR -> active "received data" [8.11]``."""
    scanner.need("->")
    level = _LEVELS[scanner.one_of(_LEVELS, "the level of the pin")]
    return (Irq(level, _check(scanner)),)


def _sout(scanner: Scanner) -> Steps:
    """``SOUT -> 'AB' "both have left" [8.4]`` and ``SOUT -> nothing "none has left" [8.4]``."""
    scanner.need("->")
    data = b"" if scanner.take("nothing") else scanner.data("THR")
    return (Sent(data, _check(scanner)),)


def _sin(scanner: Scanner) -> Steps:
    """``SIN <- 'AB'``, ``SIN <- 'B' with PE`` and ``SIN <- break``."""
    scanner.need("<-")
    if scanner.take("break"):
        return (Break(),)
    data = scanner.data("RBR")
    return (Receive(data, scanner.value("LSR") if scanner.take("with") else 0),)


def _modem(scanner: Scanner) -> Steps:
    """``modem <- CTS | DSR``."""
    scanner.need("<-")
    return (Modem(scanner.value("MSR")),)


def _mr(scanner: Scanner) -> Steps:
    """``MR <- active``: master reset."""
    scanner.need("<-")
    scanner.need("active")
    return (Reset(),)


def _divisor(scanner: Scanner) -> Steps:
    """``divisor 384``, 8N1, and ``divisor 384, LCR <- BITS_8 | PEN``."""
    divisor = scanner.number("a divisor", most=0xFFFF)
    lcr = _8N1
    if scanner.take(","):
        scanner.need("LCR")
        scanner.need("<-")
        lcr = scanner.value("LCR")
    writes = ((Offset.LCR, lcr | LCR.DLAB), (Offset.DLL, divisor & 0xFF), (Offset.DLM, divisor >> 8), (Offset.LCR, lcr))
    return tuple(Write(int(offset), int(value)) for offset, value in writes)


#: What a line may begin with.
_KINDS: Final[Mapping[str, Callable[[Scanner], Steps]]] = MappingProxyType(
    {name: _register(name) for name in _REGISTERS}
    | {"read": _read, "poll": _poll, "wait": _wait, "settle": _settle, "divisor": _divisor}
    | {"INTR": _intr, "SIN": _sin, "SOUT": _sout, "modem": _modem, "MR": _mr}
)


def steps_of(line: SourceLine) -> Steps:
    """The steps that one line stands for.

    Raises:
        NotationError: it cannot be read.
    """
    scanner = Scanner(line)
    steps = _KINDS[scanner.one_of((*_KINDS, "do", "for"), "a register, a pin or a step")](scanner)
    scanner.finish()
    return steps
