"""What other systems do to a port: FreeBSD's ns8250, Xen's ns16550, memtest86+, written from their behaviour."""

from __future__ import annotations

from typing import Final

from uartsim.conform.steps import (
    DLL,
    DLM,
    FCR,
    FIFO_PARTS,
    IER,
    IIR,
    LCR,
    LSR,
    MCR,
    MSR,
    RBR,
    THR,
    Break,
    Check,
    Poll,
    Read,
    Receive,
    Sequence,
    Step,
    Write,
    irq,
    read,
    sent,
    write_all,
)

_SETUP_9600: Final = (Write(LCR, 0x83), Write(DLL, 0x0C), Write(DLM, 0x00), Write(LCR, 0x03))
_PROBE: Final = (
    read(IIR, 0x00, "IIR bits 5:4 are 0", "8.6", mask=0x30),
    read(MCR, 0x00, "MCR bits 7 and 5 are 0", "8.8", mask=0xA0),
)


def _count_to_overrun(depth: int) -> tuple[Step, ...]:
    """One character after the other around the loop, LSR read every tenth of a frame until it shows TEMT.

    For the character that finds the FIFO full the same read has to show OE.
    """
    steps: list[Step] = []
    for n in range(depth):
        left = Check(f"character {n} has left, no overrun", "8.4")
        steps += (Write(THR, 0x00), Poll(LSR, 0x42, 0x40, 30, left, every=1.0))
    return (*steps, Write(THR, 0x00), Poll(LSR, 0x42, 0x42, 30, Check("the next one overruns", "8.4"), every=1.0))


_FREEBSD: Final = (
    Sequence(
        "freebsd-probe",
        "is a port there, and of what kind? a part without FIFOs ends here",
        (
            *(*_PROBE, *_SETUP_9600, Write(IER, 0x00), Write(FCR, 0x00), Write(MCR, 0x08)),
            *(Poll(LSR, 0x40, 0x40, 300, Check("the transmitter is drained", "8.4")), Write(MCR, 0x1B)),
            *(Write(FCR, 0x01), read(IIR, 0x00, "IIR 7:6 are 0: no FIFO", "8.6", mask=0xC0)),
            *(Write(MCR, 0x08), Write(FCR, 0x00)),
        ),
        parts=("8250", "16450"),
        topic="FreeBSD",
    ),
    Sequence(
        "freebsd-fifo-size",
        "how deep is the FIFO? characters go around the loop one by one until LSR shows an overrun",
        (
            *(*_PROBE, *_SETUP_9600, Write(IER, 0x00), Write(FCR, 0x00), Write(MCR, 0x08)),
            *(Poll(LSR, 0x40, 0x40, 300, Check("the transmitter is drained", "8.4")), Write(MCR, 0x1B)),
            *(Write(FCR, 0x01), read(IIR, 0xC0, "IIR 7:6 are 11: FIFOs", "8.6", mask=0xC0), Write(FCR, 0x07)),
            read(LSR, 0x60, "both FIFOs are empty", "8.5"),
            *(*_count_to_overrun(16), Write(MCR, 0x08), Write(FCR, 0x00), Write(FCR, 0x07)),
            read(LSR, 0x60, "and are emptied afterwards", "8.5"),
        ),
        parts=FIFO_PARTS,
        topic="FreeBSD",
    ),
    Sequence(
        "freebsd-fifo-size-16550",
        "how deep is the FIFO? of a 16550, where it does not work: one character",
        (
            *(*_PROBE, *_SETUP_9600, Write(IER, 0x00), Write(FCR, 0x00), Write(MCR, 0x1B), Write(FCR, 0x01)),
            *(read(IIR, 0x80, "IIR 7:6 are 10", "8.6", mask=0xC0), Write(FCR, 0x07)),
            *(*_count_to_overrun(1), Write(MCR, 0x08), Write(FCR, 0x00)),
        ),
        parts=("16550",),
        topic="FreeBSD",
    ),
    Sequence(
        "freebsd-attach",
        "trigger level, FIFOs flushed, lines, and which interrupts",
        (
            *(Write(FCR, 0x81), Write(FCR, 0x87), Write(MCR, 0x0B), Read(MSR)),
            *(read(IER, 0x00, "the reserved bits of IER are 0", "8.7", mask=0xE0), Write(IER, 0x0D)),
            *(read(IIR, 0xC1, "nothing pending", "8.6"), irq(False, "inactive", "8.7")),
        ),
        parts=FIFO_PARTS,
        topic="FreeBSD",
    ),
    Sequence(
        "freebsd-interrupts",
        "what is pending, by IIR: a break, data, room to send",
        (
            *(Write(FCR, 0x81), Write(MCR, 0x0B), Read(MSR), Write(IER, 0x0D), Break()),
            *(read(IIR, 0xC6, "line status", "table IV"), read(LSR, 0x10, "a break", "8.4", mask=0x12)),
            *(read(RBR, 0x00, "its character", "8.4"), Receive(b"abcdefgh"), read(IIR, 0xC4, "data", "8.11")),
            *(step for n, c in enumerate(b"abcdefgh") for step in (Read(LSR), read(RBR, c, f"character {n}", "8.4"))),
            *(read(LSR, 0x60, "no more", "8.4"), Write(IER, 0x0F), read(IIR, 0xC2, "room to send", "table IV")),
            *(*write_all(THR, b"0123456789abcdef"), Poll(LSR, 0x60, 0x60, 300, Check("all is out", "8.4"))),
            *(Write(IER, 0x0D), sent(b"0123456789abcdef", "a FIFO full", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic="FreeBSD",
    ),
)

_XEN: Final = (
    Sequence(
        "xen-check-existence",
        "is a port there? IER and the loopback",
        (
            *(Read(IER), Write(IER, 0x00), read(IER, 0x00, "IER holds 0", "8.7", mask=0x0F)),
            *(Write(IER, 0x0F), read(IER, 0x0F, "IER holds 0F", "8.7", mask=0x0F), Write(IER, 0x00)),
            *(Write(MCR, 0x1A), read(MSR, 0x90, "loopback: CTS and DCD", "8.8", mask=0xF0), Write(MCR, 0x00)),
        ),
        topic="Xen",
    ),
    Sequence(
        "xen-setup",
        "format, divisor, lines, FIFOs at trigger 14, is it a 16550?",
        (
            *(Write(IER, 0x00), Write(LCR, 0x83), Write(DLL, 0x01), Write(DLM, 0x00), Write(LCR, 0x03)),
            *(Write(MCR, 0x03), Write(FCR, 0xC7), read(IIR, 0xC0, "IIR 7:6 are 11: FIFOs", "8.6", mask=0xC0)),
            *(Write(MCR, 0x0B), Write(IER, 0x01), read(IIR, 0xC1, "nothing pending", "8.6")),
        ),
        parts=FIFO_PARTS,
        topic="Xen",
    ),
    Sequence(
        "xen-transmit",
        "as many as the FIFO holds whenever LSR shows THRE",
        (
            *(Write(FCR, 0xC7), Write(MCR, 0x0B), read(LSR, 0x20, "room for 16", "8.4", mask=0x20)),
            *(*write_all(THR, b"(XEN) Xen versio"), Poll(LSR, 0x20, 0x20, 300, Check("room again", "8.4"))),
            *(Write(THR, 0x6E), Poll(LSR, 0x60, 0x60, 50, Check("all is out", "8.4"))),
            sent(b"(XEN) Xen version", "nothing is lost", "8.4"),
        ),
        parts=FIFO_PARTS,
        topic="Xen",
    ),
    Sequence(
        "xen-receive",
        "the handler reads while LSR shows data",
        (
            *(Write(FCR, 0x01), Write(MCR, 0x0B), Write(IER, 0x01), Receive(b"\x01"), irq(True, "active", "8.11")),
            *(read(IIR, 0xC4, "received data", "8.11"), read(LSR, 0x61, "data", "8.4"), read(RBR, 0x01, "it", "8.4")),
            *(read(LSR, 0x60, "no more", "8.4"), read(IIR, 0xC1, "nothing pending", "8.11")),
            irq(False, "inactive", "8.11"),
        ),
        parts=FIFO_PARTS,
        topic="Xen",
    ),
)

_MEMTEST: Final = (
    Sequence(
        "memtest-setup",
        "the divisor that is set is read and kept, then all is programmed",
        (
            *(Write(LCR, 0x83), read(DLL, 0x01, "the divisor's low byte", "8.3")),
            *(read(DLM, 0x00, "the divisor's high byte", "8.3"), Write(DLL, 0x01), Write(DLM, 0x00), Write(LCR, 0x03)),
            *(Read(LSR), Read(RBR), Write(IER, 0x00), read(IER, 0x00, "interrupts off", "8.7")),
            *(Read(LSR), Read(RBR), Read(IIR), Read(MSR), read(LSR, 0x60, "quiet", "8.4")),
        ),
        topic="memtest86+",
    ),
    Sequence(
        "memtest-screen",
        "both empty before each character; keys by polling",
        (
            *(
                step
                for n, character in enumerate(b"\x1b[1;1HMemtest86+")
                for step in (
                    Poll(LSR, 0x60, 0x60, 300, Check(f"ready for character {n}", "8.4")),
                    Write(THR, character),
                )
            ),
            *(Poll(LSR, 0x60, 0x60, 300, Check("all is out", "8.4")), sent(b"\x1b[1;1HMemtest86+", "the text", "8.4")),
            *(Receive(b"c"), read(LSR, 0x01, "a key", "8.4", mask=0x01), read(RBR, 0x63, "it is c", "8.4")),
        ),
        topic="memtest86+",
    ),
)

SEQUENCES: Final = (*_FREEBSD, *_XEN, *_MEMTEST)
