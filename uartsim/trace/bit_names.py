"""The names of registers and of the bits in their values, for people who read about accesses."""

from __future__ import annotations

from typing import Final

from uartsim.registers import FCR, IER, LCR, LSR, MCR, MSR, VARIANTS, InterruptId

_READ: Final = ("RBR", "IER", "IIR", "LCR", "MCR", "LSR", "MSR", "SCR")
_WRITTEN: Final = ("THR", "IER", "FCR", "LCR", "MCR", "LSR", "MSR", "SCR")
_LATCH: Final = ("DLL", "DLM")
_FLAGS: Final = {"IER": IER, "MCR": MCR, "LSR": LSR, "MSR": MSR}
_INTERRUPTS: Final = {
    InterruptId.NONE: "none pending",
    InterruptId.LINE_STATUS: "line status",
    InterruptId.RECEIVED_DATA: "received data",
    InterruptId.CHARACTER_TIMEOUT: "character timeout",
    InterruptId.THR_EMPTY: "THR empty",
    InterruptId.MODEM_STATUS: "modem status",
}
_FIFOS: Final = VARIANTS["16750"]
_PARITIES: Final = ("odd", "even", "mark", "space")
_ESCAPES: Final = {8: r"\b", 9: r"\t", 10: r"\n", 12: r"\f", 13: r"\r", 27: r"\e", ord("\\"): r"\\"}


def register_name(offset: int, written: bool, dlab: bool) -> str:
    """The register at ``offset`` (0 to 7) for a write or a read, with LCR.DLAB set or not."""
    if dlab and offset < 2:
        return _LATCH[offset]
    return (_WRITTEN if written else _READ)[offset]


def bit_names(register: str, value: int) -> str:
    """The meaning of a register's value, in a few words; empty for registers that hold plain numbers."""
    if register in ("RBR", "THR"):
        return f"'{printable(bytes((value,)), quote=chr(39))}'"
    if register == "IIR":
        return _iir(value)
    if register == "FCR":
        return _fcr(value)
    if register == "LCR":
        return _lcr(value)
    flags = _FLAGS.get(register)
    return "" if flags is None else " ".join(str(flag.name) for flag in flags if value & flag)


def _iir(value: int) -> str:
    try:
        text = _INTERRUPTS[InterruptId(value & 0x0F)]
    except ValueError:
        text = f"unknown interrupt {value & 0x0F:X}"
    fifo = {0xC0: ", FIFOs on", 0x80: ", FIFOs on but not working"}.get(value & 0xC0, "")
    return f"{text}{fifo}{', 64 bytes' * bool(value & 0x20)}"


def _fcr(value: int) -> str:
    if not value & FCR.FIFO_ENABLE:
        return "FIFOs off"
    levels = _FIFOS.deep_triggers if value & FCR.FIFO_64 else _FIFOS.triggers
    words = [f"FIFOs on, trigger {levels[value >> 6]}"]
    if value & FCR.RCVR_RESET:
        words.append("reset receive FIFO")
    if value & FCR.XMIT_RESET:
        words.append("reset transmit FIFO")
    if value & FCR.DMA_MODE:
        words.append("DMA mode 1")
    if value & FCR.FIFO_64:
        words.append("64 bytes")
    return ", ".join(words)


def _lcr(value: int) -> str:
    data_bits = (value & LCR.WLS) + 5
    stop = "1" if not value & LCR.STB else "1.5" if data_bits == 5 else "2"
    parity = _PARITIES[value >> 4 & 3][0].upper() if value & LCR.PEN else "N"
    return f"{data_bits}{parity}{stop}{' BREAK' * bool(value & LCR.BREAK)}{' DLAB' * bool(value & LCR.DLAB)}"


def printable(data: bytes, quote: str = '"') -> str:
    """The characters as in a string literal: everything but printable ASCII is escaped, and so is ``quote``."""
    return "".join(
        f"\\{quote}"
        if chr(byte) == quote
        else _ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
        for byte in data
    )
