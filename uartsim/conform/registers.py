"""Datasheet checks: reset, masks, the divisor latch window, identification, scratch."""

from __future__ import annotations

from typing import Final

from uartsim.conform.steps import (
    DLL,
    DLM,
    FCR,
    FIFO_PARTS,
    IER,
    IIR,
    IIR_FIFO_ON,
    LCR,
    LSR,
    MCR,
    MSR,
    RBR,
    SCR,
    THR,
    Break,
    Modem,
    Read,
    Receive,
    Reset,
    Sequence,
    Settle,
    Wait,
    Write,
    read,
    speed,
    write_all,
)

_TOPIC: Final = "registers"
_WITH_SCRATCH: Final = ("16450", "16550", "16550A", "16750")

SEQUENCES: Final = (
    Sequence(
        "reset-values",
        "what master reset puts into the registers",
        (
            *(Write(IER, 0x0F), Write(FCR, 0x01), Write(LCR, 0x1B), Write(MCR, 0x0F), Reset()),
            read(IER, 0x00, "IER is 00", "table I"),
            read(IIR, 0x01, "IIR is 01: nothing pending, FIFOs off", "table I"),
            read(LCR, 0x00, "LCR is 00", "table I"),
            read(MCR, 0x00, "MCR is 00", "table I"),
            read(LSR, 0x60, "LSR is 60", "table I"),
            read(MSR, 0x00, "MSR has no deltas", "table I", mask=0x0F),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "reset-spares-the-divisor",
        "master reset leaves the divisor latch alone",
        (
            *(*speed(0x1234), Reset(), Write(LCR, 0x80)),
            read(DLL, 0x34, "DLL keeps what it held", "6, pin MR"),
            read(DLM, 0x12, "DLM keeps what it held", "6, pin MR"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "reset-and-scratch",
        "master reset and the scratch register: table I does not name it",
        (Write(SCR, 0x5A), Reset(), read(SCR, 0x5A, "SCR keeps what it held", "6, pin MR", silent=True)),
        parts=_WITH_SCRATCH,
        topic=_TOPIC,
    ),
    Sequence(
        "ier-mask",
        "IER has four bits",
        (
            Write(IER, 0xFF),
            read(IER, 0x0F, "bits 7:4 read 0, bits 3:0 are kept", "8.7"),
            Write(IER, 0x00),
            read(IER, 0x00, "it can be cleared", "8.7"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "mcr-mask",
        "MCR has five bits",
        (
            Write(MCR, 0xFF),
            read(MCR, 0x1F, "bits 7:5 read 0, bits 4:0 are kept", "8.8", parts={"16750": 0x3F}),
            Write(MCR, 0x00),
            read(MCR, 0x00, "it can be cleared", "8.8"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "lcr-holds-all-bits",
        "LCR reads back what was written",
        tuple(
            step
            for value in (0x00, 0x3F, 0x80, 0xBF, 0x55, 0x2A, 0x03)
            for step in (Write(LCR, value), read(LCR, value, f"LCR reads back {value:02X}", "8.1"))
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "scratch",
        "SCR holds a byte",
        tuple(
            step
            for value in (0x00, 0xFF, 0x55, 0xAA)
            for step in (Write(SCR, value), read(SCR, value, f"SCR reads back {value:02X}", "8.10"))
        ),
        parts=_WITH_SCRATCH,
        topic=_TOPIC,
    ),
    Sequence(
        "no-scratch",
        "an 8250 has no scratch register",
        (
            *(Write(SCR, 0x5A), read(SCR, 0xFF, "SCR does not hold 5A", "8250")),
            *(Write(SCR, 0xA5), read(SCR, 0xFF, "SCR does not hold A5", "8250")),
        ),
        parts=("8250",),
        topic=_TOPIC,
    ),
    Sequence(
        "dlab-window",
        "LCR.7 exchanges offsets 0 and 1 for the divisor latch, and nothing else",
        (
            *(Write(IER, 0x05), Write(SCR, 0x5A), Write(LCR, 0x83), Write(DLL, 0xCD), Write(DLM, 0xAB)),
            read(DLL, 0xCD, "DLL reads back", "8.3"),
            read(DLM, 0xAB, "DLM reads back, not IER", "8.3"),
            read(IIR, 0x01, "IIR is not shadowed", "table II", mask=0x0F),
            read(LSR, 0x60, "LSR is not shadowed", "table II"),
            read(MCR, 0x00, "MCR is not shadowed", "table II"),
            read(SCR, 0x5A, "SCR is not shadowed", "table II", parts={"8250": 0xFF}),
            Write(LCR, 0x03),
            read(IER, 0x05, "IER was not touched", "8.1"),
            Write(LCR, 0x83),
            read(DLL, 0xCD, "DLL is still there", "8.3"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "divisor-holds-all-bits",
        "the divisor latch has 16 bits",
        (
            Write(LCR, 0x80),
            *(
                step
                for value in (0xFF, 0x55, 0xAA, 0x01)
                for step in (
                    *(Write(DLL, value), Write(DLM, value ^ 0xFF)),
                    read(DLL, value, f"DLL reads back {value:02X}", "8.3"),
                    read(DLM, value ^ 0xFF, f"DLM reads back {value ^ 0xFF:02X}", "8.3"),
                )
            ),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "dll-read-pops-nothing",
        "reading DLL does not take a character out of the receiver",
        (
            *(Write(FCR, 0x01), Receive(b"AB"), Write(LCR, 0x83)),
            read(DLL, 0x01, "offset 0 is DLL", "8.1"),
            Write(LCR, 0x03),
            read(RBR, 0x41, "the first character is still there", "8.1"),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "fifo-identification",
        "IIR bits 7:6 say that the FIFOs are on; bits 5:4 are 0",
        (
            read(IIR, 0x01, "FIFOs off: 01", "8.6"),
            Write(FCR, 0x01),
            read(IIR, 0xC1, "FIFOs on: C1", "8.6", parts=IIR_FIFO_ON),
            Write(FCR, 0xC9),
            read(IIR, 0xC1, "with a trigger level: C1", "8.6", parts=IIR_FIFO_ON),
            Write(FCR, 0x00),
            read(IIR, 0x01, "off again: 01", "8.6"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "fcr-reserved-bits",
        "FCR bits 5:4 have no effect with DLAB clear",
        (
            Write(FCR, 0x31),
            read(IIR, 0xC1, "IIR bits 5:4 stay 0", "8.6", parts=IIR_FIFO_ON),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "fcr-needs-fcr0",
        "FCR bits other than 0 are not programmed while FCR0 is written 0",
        (
            *(Receive(b"A"), Write(FCR, 0x06)),
            read(LSR, 0x61, "the received character is still there", "8.5"),
            read(RBR, 0x41, "and can be read", "8.5"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "fcr-resets-clear-themselves",
        "FCR1 and FCR2 act once",
        (
            *(Write(FCR, 0x01), Write(FCR, 0x07), Receive(b"A")),
            read(LSR, 0x61, "a character after the reset stays", "8.5"),
            read(RBR, 0x41, "and is the right one", "8.5"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "fcr0-change-empties",
        "a change of FCR0 empties the FIFOs",
        (
            *(Write(FCR, 0x01), Receive(b"A"), Write(FCR, 0x00)),
            read(LSR, 0x60, "switched off: empty", "8.5"),
            *(Receive(b"B"), Write(FCR, 0x01)),
            read(LSR, 0x60, "switched on: empty", "8.5"),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "fcr1-empties-the-receiver",
        "FCR1 empties the receiver's FIFO",
        (
            *(Write(FCR, 0x01), Write(IER, 0x01), Receive(b"A")),
            read(IIR, 0xC4, "a character is announced", "8.6"),
            Write(FCR, 0x03),
            read(LSR, 0x60, "no data", "8.5"),
            read(IIR, 0xC1, "nothing is announced any more", "8.11"),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "status-is-read-only",
        "writing LSR and MSR changes nothing",
        (
            Write(LSR, 0x00),
            read(LSR, 0x60, "LSR after 00", "8.4", silent=True),
            Write(LSR, 0x1F),
            read(LSR, 0x60, "LSR after 1F", "8.4", silent=True),
            Write(MSR, 0x0F),
            read(MSR, 0x00, "MSR after 0F", "8.9", mask=0x0F, silent=True),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "empty-rbr",
        "RBR read when there is nothing",
        (
            *(Receive(b"A"), read(RBR, 0x41, "the character", "8.4")),
            read(RBR, 0x41, "without FIFO: the last character again", "8.4", silent=True),
            Write(FCR, 0x01),
            read(RBR, 0x00, "with FIFO: 00", "8.4", silent=True, parts={"8250": 0x41, "16450": 0x41, "16550": 0x41}),
            read(LSR, 0x60, "LSR shows no data", "8.4"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "empty-rbr-after-a-break",
        "without FIFO RBR still holds the last character that came in without FIFO",
        (
            *(Receive(b"A"), Read(RBR), Write(FCR, 0x01), Break(), Read(LSR), Read(RBR), Write(FCR, 0x00)),
            read(RBR, 0x41, "the last character again", "8.4", silent=True),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "modem-inputs",
        "the modem lines, their deltas, and TERI",
        (
            *(Modem(0x00), Read(MSR), Modem(0x30)),
            read(MSR, 0x33, "CTS and DSR come up, with deltas", "8.9"),
            read(MSR, 0x30, "a read clears the deltas", "8.9"),
            Modem(0xF0),
            read(MSR, 0xF8, "DCD comes up; RI going active is no event", "8.9"),
            Modem(0xB0),
            read(MSR, 0xB4, "RI going inactive is TERI", "8.9"),
            *(Modem(0x30), Modem(0xB0)),
            read(MSR, 0xB8, "DCD that dropped and came back has left its delta", "8.9"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "modem-interrupt",
        "deltas interrupt; reading MSR ends it",
        (
            *(Modem(0xB0), Read(MSR), Write(MCR, 0x08), Write(IER, 0x08)),
            read(IIR, 0x01, "nothing pending", "8.6"),
            Modem(0xA0),
            read(IIR, 0x00, "modem status", "table IV"),
            read(MSR, 0xA1, "CTS has dropped", "8.9"),
            read(IIR, 0x01, "nothing pending after the read", "table IV"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "divisor-zero",
        "a divisor of 0: ours counts 65536",
        (
            *(Write(FCR, 0xC1), Write(IER, 0x01), *speed(0), Receive(b"A"), Wait(0.05, slack=1.0)),
            read(IIR, 0xC1, "no timeout after a fraction of a bit of 1.76 baud", "8.3", silent=True),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "deep-fifo-switch",
        "a 16750's 64-byte mode can be entered while DLAB is set only",
        (
            Write(FCR, 0x21),
            read(IIR, 0xC1, "not with DLAB clear", "TL16C750"),
            *(Write(LCR, 0x83), Write(FCR, 0x21)),
            read(IIR, 0xE1, "with DLAB set: IIR.5", "TL16C750"),
            *(Write(LCR, 0x03), Write(FCR, 0x01)),
            read(IIR, 0xE1, "kept by a write with DLAB clear", "TL16C750"),
            Write(FCR, 0x00),
            read(IIR, 0x01, "gone with the FIFOs", "TL16C750"),
        ),
        parts=("16750",),
        topic=_TOPIC,
    ),
    Sequence(
        "deep-fifo-trigger",
        "a 16750's 64-byte FIFO triggers at 1, 16, 32 or 56",
        (
            *(Write(LCR, 0x83), Write(FCR, 0x61), Write(LCR, 0x03), Write(IER, 0x01), Receive(bytes(range(15)))),
            read(IIR, 0xE1, "15 characters: not yet", "TL16C750"),
            Receive(b"\x0f"),
            read(IIR, 0xE4, "16 characters", "TL16C750"),
            Receive(bytes(range(16, 64))),
            read(LSR, 0x61, "64 characters fit", "TL16C750"),
            Receive(b"\x40"),
            read(LSR, 0x63, "the 65th is an overrun", "TL16C750"),
        ),
        parts=("16750",),
        topic=_TOPIC,
    ),
    Sequence(
        "auto-cts",
        "a 16750 with MCR.5 holds the next character while CTS is inactive",
        (
            *(Modem(0xA0), Write(FCR, 0x01), Write(MCR, 0x20), Write(THR, 0x41), Settle()),
            read(LSR, 0x00, "the character waits", "TL16C750", mask=0x40),
            *(Modem(0xB0), Settle()),
            read(LSR, 0x60, "CTS lets it go", "TL16C750"),
        ),
        parts=("16750",),
        topic=_TOPIC,
    ),
    Sequence(
        "fcr-ignored",
        "a part without FIFOs ignores FCR",
        (
            *(Receive(b"A"), Write(FCR, 0x07)),
            read(LSR, 0x61, "the character stays", "16450"),
            read(RBR, 0x41, "and is the right one", "16450"),
            *(*write_all(FCR, b"\xc7\x00\xff"), read(IIR, 0x01, "IIR bits 7:4 stay 0", "16450")),
        ),
        parts=("8250", "16450"),
        topic=_TOPIC,
    ),
)
