"""What Linux's 8250 driver (6.1) does to a port: probing, sizing, start-up, interrupt probe, console, written from its
behaviour.

The driver decides by what it reads; the sequences hold the way that it takes with each part, so a UART that answers
otherwise is taken for another one, or for none.
"""

from __future__ import annotations

from typing import Final

from uartsim import registers
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
    SCR,
    THR,
    Break,
    Check,
    Poll,
    Read,
    Receive,
    Sequence,
    Settle,
    Step,
    Write,
    irq,
    read,
    sent,
    speed,
    write_all,
)

_TOPIC: Final = "Linux"

_PROBE: Final[tuple[Step, ...]] = (
    *(Read(IER), Write(IER, 0x00), read(IER, 0x00, "IER holds 0", "8.7", mask=0x0F)),
    *(Write(IER, 0x0F), read(IER, 0x0F, "IER holds 0F: a port is there", "8.7", mask=0x0F), Write(IER, 0x00)),
    *(Read(MCR), Read(LCR), Write(MCR, 0x1A)),
    read(MSR, 0x90, "loopback shows RTS as CTS and OUT2 as DCD", "8.8", mask=0xF0),
    Write(MCR, 0x00),
    # An EFR, were there one, is cleared: LCR is BF for a moment, which also holds SOUT at space.
    *(Write(LCR, 0xBF), Write(FCR, 0x00), Write(LCR, 0x00), Write(FCR, 0x01)),
)

_NO_EFR: Final[tuple[Step, ...]] = (
    Write(LCR, 0x80),
    read(IIR, 0xC1, "LCR 80: offset 2 is IIR and no EFR", "table II"),
    Write(LCR, 0xBF),
    read(IIR, 0xC1, "LCR BF: offset 2 is IIR and no EFR", "table II"),
)

_NO_EXTENDED_CONTROL: Final[tuple[Step, ...]] = (
    *(Write(LCR, 0x00), Read(MCR), Write(LCR, 0xE0), read(IIR, 0xC1, "LCR E0: IIR", "table II")),
    *(Write(LCR, 0x00), Write(MCR, 0x10), Write(LCR, 0xE0)),
    read(IIR, 0xC1, "LCR E0: offset 2 does not follow MCR", "table II"),
    *(Write(LCR, 0x00), Write(MCR, 0x00)),
)

_DEEP_PROBE: Final[tuple[Step, ...]] = (
    *(Write(LCR, 0x00), Write(FCR, 0x21), read(IIR, 0xC0, "FCR 21: IIR.5", "8.6", mask=0xE0), Write(FCR, 0x01)),
    *(Write(LCR, 0x80), Write(FCR, 0x21)),
    read(IIR, 0xC0, "FCR 21 while DLAB is set: IIR.5", "8.6", mask=0xE0, parts={"16750": 0xE0}),
    *(Write(FCR, 0x01), Write(LCR, 0x00)),
)

_NO_UART_UNIT_ENABLE: Final[tuple[Step, ...]] = (
    *(Read(IER), Write(IER, 0x00), Write(IER, 0x40), read(IER, 0x00, "IER.6 cannot be set", "8.7"), Write(IER, 0x00)),
)

_CLEAR_FIFOS: Final = write_all(FCR, b"\x01\x07\x00")
_READ_ALL: Final = (Read(LSR), Read(RBR), Read(IIR), Read(MSR))


def _size_fifo(depth: int) -> tuple[Step, ...]:
    return (
        *(Write(LCR, 0x00), Read(IIR), Read(MCR), Write(FCR, 0x07), Write(MCR, 0x10)),
        *(Write(LCR, 0x80), Read(DLL), Read(DLM), Write(DLL, 1), Write(DLM, 0), Write(LCR, 0x03)),
        *(*write_all(THR, bytes(range(256))), Settle(230)),  # 20 ms
        *(
            step
            for n in range(depth)
            for step in (
                read(LSR, 0x01, f"character {n} is there", "8.8", mask=0x01),
                read(RBR, n, f"it is {n:02X}", "8.8"),
            )
        ),
        read(LSR, 0x00, f"no more than {depth} came around the loop", "8.4", mask=0x01),
        *(Write(FCR, 0xC1), Write(MCR, 0x00), Write(LCR, 0x80), Write(DLL, 1), Write(DLM, 0), Write(LCR, 0x03)),
    )


SEQUENCES: Final = (
    Sequence(
        "linux-autoconfig-8250",
        "what is at this address? an 8250 or a 16450, by the scratch register",
        (
            *_PROBE,
            read(IIR, 0x00, "IIR 7:6 are 0: no FIFO", "8.6", mask=0xC0),
            *(Read(SCR), Write(SCR, 0xA5), read(SCR, 0xA5, "SCR holds A5", "8.10", parts={"8250": 0xFF})),
            *(Write(SCR, 0x5A), read(SCR, 0x5A, "SCR holds 5A", "8.10", parts={"8250": 0xFF}), Write(SCR, 0x00)),
            *(Write(LCR, 0x03), Write(MCR, 0x00), Read(RBR), Write(IER, 0x00)),
            read(LSR, 0x60, "the port is quiet afterwards", "8.4"),
        ),
        parts=("8250", "16450"),
        topic=_TOPIC,
    ),
    Sequence(
        "linux-autoconfig-16550",
        "what is at this address? a 16550 whose FIFOs do not work",
        (
            *_PROBE,
            read(IIR, 0x80, "IIR 7:6 are 10", "8.6", mask=0xC0),
            *(Write(LCR, 0x03), Write(MCR, 0x00), Read(RBR), Write(IER, 0x00)),
            read(LSR, 0x60, "the port is quiet afterwards", "8.4"),
        ),
        parts=("16550",),
        topic=_TOPIC,
    ),
    Sequence(
        "linux-autoconfig-16550a",
        "what is at this address? a 16550A, or a 16750: no EFR, no EXCR, no UART unit enable",
        (
            *_PROBE,
            read(IIR, 0xC0, "IIR 7:6 are 11: working FIFOs", "8.6", mask=0xC0),
            *_NO_EFR,
            *_NO_EXTENDED_CONTROL,
            *_DEEP_PROBE,
            *_NO_UART_UNIT_ENABLE,
            *(Write(LCR, 0x03), Write(MCR, 0x00), *_CLEAR_FIFOS, Read(RBR), Write(IER, 0x00)),
            read(LSR, 0x60, "the port is quiet afterwards", "8.4"),
            sent(b"", "probing has sent nothing", "8.1"),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence("linux-size-fifo", "how deep is the FIFO?", _size_fifo(16), parts=FIFO_PARTS, topic=_TOPIC),
    Sequence(
        "linux-startup",
        "opening the port: is it there, does THRE interrupt reliably, then the first interrupts",
        (
            *(*_CLEAR_FIFOS, *_READ_ALL),
            read(LSR, 0x60, "LSR is not FF: the port is there", "8.4"),
            # The THRE test: does it interrupt each time that it is enabled?
            *(Write(MCR, 0x08), Write(IER, 0x02)),
            read(IIR, 0x02, "THRE interrupts when enabled", "8.7", mask=0x0F),
            *(Write(IER, 0x00), Write(IER, 0x02)),
            read(IIR, 0x02, "and when enabled again", "8.7", mask=0x0F),
            *(Write(IER, 0x00), Write(LCR, 0x03), Write(MCR, 0x08), Write(IER, 0x02)),
            # The transmit enable test: an idle transmitter must have an interrupt to show.
            read(LSR, 0x60, "the transmitter is idle", "8.4"),
            read(IIR, 0x02, "and THRE is pending", "8.7", mask=0x0F),
            *(Write(IER, 0x00), *_READ_ALL, Write(IER, 0x05)),
            read(IIR, 0x01, "nothing pending when reception is enabled", "8.6", mask=0x0F),
            irq(False, "inactive", "8.7"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "linux-set-termios",
        "programming 9600 7E2, trigger 8, and back",
        (
            *(Write(IER, 0x05), Write(LCR, 0x9E), Write(DLL, 12), Write(DLM, 0), Write(LCR, 0x1E)),
            *(Write(FCR, 0x01), Write(FCR, 0x81), Write(MCR, 0x0B)),
            read(LCR, 0x1E, "the format is set", "8.1"),
            read(IER, 0x05, "IER was not touched by the divisor", "8.1"),
            *(*write_all(THR, b"\xc1\xc2"), Settle(), sent(b"AB", "7 bits leave", "8.1")),
            *(Receive(b"\x41\x42"), read(LSR, 0x61, "characters come in", "8.4"), *_READ_ALL),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "linux-irq-probe",
        "which interrupt is it? every source is enabled and a character sent",
        (
            *(Write(MCR, 0x0C), Write(MCR, 0x0B), Write(IER, 0x0F)),
            irq(True, "the interrupt comes", "8.7"),
            *(*_READ_ALL, Write(THR, 0xFF), Settle()),
            irq(True, "and again when the character has left", "table IV"),
            *(Write(MCR, 0x00), Write(IER, 0x00)),
            irq(False, "and goes", "8.7"),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "linux-interrupt-handler",
        "serving the interrupt: data up to the last character, then the FIFO is filled",
        (
            *(Write(FCR, 0x01), Write(FCR, 0x81), Write(MCR, 0x0B), Read(MSR), Write(IER, 0x05)),
            *(Receive(b"12345678"), irq(True, "received data", "8.11")),
            read(IIR, 0xC4, "IIR says so", "8.11"),
            *(
                step
                for n, character in enumerate(b"12345678")
                for step in (
                    read(LSR, 0x61, f"LSR before character {n}", "8.4"),
                    read(RBR, character, f"character {n}", "8.4"),
                )
            ),
            *(read(LSR, 0x60, "LSR after the last", "8.4"), read(MSR, 0x00, "no deltas", "8.9", mask=0x0F)),
            *(irq(False, "served", "8.11"), Write(IER, 0x07), irq(True, "THRE when sending starts", "8.7")),
            read(IIR, 0xC2, "IIR says THRE", "table IV"),
            *(*write_all(THR, b"0123456789abcdef"), Settle(40), irq(True, "THRE when the FIFO is empty", "8.11")),
            *(Write(IER, 0x05), sent(b"0123456789abcdef", "all 16 have left", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "linux-sysrq-break",
        "a break, then a key: how SysRq arrives",
        (
            *(Write(FCR, 0x81), Write(MCR, 0x0B), Write(IER, 0x05), Break(), irq(True, "the break", "8.4")),
            read(IIR, 0xC6, "line status", "table IV"),
            read(LSR, int(registers.LSR.BI | registers.LSR.DR), "LSR: BI and a character", "8.4", mask=0x11),
            *(read(RBR, 0x00, "the character of the break", "8.4"), read(LSR, 0x60, "no other", "8.4")),
            *(Receive(b"h"), read(LSR, 0x61, "the key", "8.4"), read(RBR, 0x68, "is h", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "linux-console-write",
        "printk: interrupts off, each character when THR is empty, then wait until all is out",
        (
            *(Write(FCR, 0x81), Write(IER, 0x05), read(IER, 0x05, "IER is saved", "8.7"), Write(IER, 0x00)),
            *(
                step
                for n, character in enumerate(b"[    0.000000] Li")
                for step in (
                    Poll(LSR, 0x20, 0x20, 300, Check(f"THR is empty before character {n}", "8.4")),
                    Write(THR, character),
                )
            ),
            Poll(LSR, 0x60, 0x60, 300, Check("all is out", "8.4")),
            *(Write(IER, 0x05), sent(b"[    0.000000] Li", "the line as it was written", "8.4")),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "linux-console-write-by-fifo",
        "printk where the FIFO may be filled: 16 characters for each empty THR",
        (
            *(Write(FCR, 0x81), Write(IER, 0x00), Poll(LSR, 0x20, 0x20, 300, Check("THR is empty at first", "8.4"))),
            *(*write_all(THR, b"0123456789abcdef"), Poll(LSR, 0x20, 0x20, 300, Check("THR is empty again", "8.4"))),
            *(*write_all(THR, b"ghij"), Poll(LSR, 0x60, 0x60, 300, Check("all is out", "8.4"))),
            sent(b"0123456789abcdefghij", "nothing is lost", "8.4"),
        ),
        parts=FIFO_PARTS,
        topic=_TOPIC,
    ),
    Sequence(
        "linux-console-poll",
        "kgdb: characters are fetched and sent without interrupts",
        (
            *(*speed(1), Write(IER, 0x00), read(LSR, 0x00, "nothing to fetch", "8.4", mask=0x01)),
            *(Receive(b"g"), read(LSR, 0x01, "a character", "8.4", mask=0x01), read(RBR, 0x67, "it is g", "8.4")),
            *(Write(THR, 0x2B), Poll(LSR, 0x60, 0x60, 50, Check("all is out", "8.4")), sent(b"+", "the answer", "8.4")),
        ),
        topic=_TOPIC,
    ),
    Sequence(
        "linux-shutdown",
        "closing the port",
        (
            *(Write(FCR, 0x81), Write(MCR, 0x0B), Write(IER, 0x07), irq(True, "THRE is pending", "8.7")),
            *(Write(IER, 0x00), irq(False, "inactive once disabled", "8.7"), Write(MCR, 0x00)),
            *(Write(LCR, 0x03), *_CLEAR_FIFOS, Read(RBR), read(LSR, 0x60, "quiet", "8.4")),
            read(IIR, 0x01, "no FIFO, nothing pending", "8.6"),
        ),
        topic=_TOPIC,
    ),
)
