"""What firmware and boot loaders do to a port: SeaBIOS, OVMF, U-Boot and GRUB, written from their behaviour."""

from __future__ import annotations

from typing import Final

from uartsim.conform.steps import (
    DLL,
    DLM,
    FCR,
    IER,
    IIR,
    LCR,
    LSR,
    MCR,
    MSR,
    RBR,
    SCR,
    THR,
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
    write_all,
)

_WITH_SCRATCH: Final = ("16450", "16550", "16550A", "16750")


def _both_empty(what: str, bits: int = 300) -> Poll:
    return Poll(LSR, 0x60, 0x60, bits, Check(what, "8.4"))


def _each_when_empty(data: bytes, mask: int) -> tuple[Step, ...]:
    return tuple(
        step
        for n, character in enumerate(data)
        for step in (
            Poll(LSR, mask, mask, 300, Check(f"ready for character {n}", "8.4")),
            Write(THR, character),
        )
    )


_SEABIOS: Final = (
    Sequence(
        "seabios-detect",
        "is a port there? THRE interrupts when it is enabled",
        (
            *(Write(IER, 0x02), read(IER, 0x02, "IER holds 02", "8.7")),
            read(IIR, 0x02, "IIR shows THRE", "table IV", mask=0x3F),
            *(Write(IER, 0x00), irq(False, "left quiet", "8.7")),
        ),
        topic="SeaBIOS",
    ),
    Sequence(
        "seabios-debug-port",
        "log output at 115200: both empty before each character",
        (
            *(Write(LCR, 0x80), Write(DLL, 0x01), Write(DLM, 0x00), Write(LCR, 0x03)),
            *(*_each_when_empty(b"SeaBIOS\r\n", 0x60), _both_empty("flushed at the end")),
            sent(b"SeaBIOS\r\n", "the log line", "8.4"),
        ),
        topic="SeaBIOS",
    ),
    Sequence(
        "seabios-int14",
        "the BIOS call: set up at 9600 8N1, send, receive, status",
        (
            *(Read(LCR), Write(LCR, 0x83), Write(DLL, 0x0C), Write(DLM, 0x00), Write(LCR, 0x03)),
            *(read(LSR, 0x60, "line status to the caller", "8.4"), Read(MSR)),
            *(*_each_when_empty(b"!", 0x60), _both_empty("sent"), sent(b"!", "one character", "8.4")),
            *(Receive(b"?"), read(LSR, 0x01, "a character is there", "8.4", mask=0x01)),
            *(read(RBR, 0x3F, "the character", "8.4"), read(LSR, 0x60, "line status after it", "8.4")),
        ),
        topic="SeaBIOS",
    ),
)

_OVMF: Final = (
    Sequence(
        "ovmf-initialize",
        "set up unless it is already: format and divisor are looked at, then programmed",
        (
            *(read(LCR, 0x03, "the format is looked at", "8.1", mask=0x3F), Write(LCR, 0x83)),
            *(read(DLM, 0x00, "the divisor's high byte", "8.3"), read(DLL, 0x01, "the divisor's low byte", "8.3")),
            *(Write(LCR, 0x03), _both_empty("ready to be set up")),
            *(Write(LCR, 0x80), Write(DLM, 0x00), Write(DLL, 0x01), Write(LCR, 0x03)),
            *(Write(FCR, 0x00), Write(FCR, 0x01), Write(IER, 0x00), Write(MCR, 0x00)),
            *(read(IER, 0x00, "polled mode", "8.12"), read(MCR, 0x00, "no modem outputs", "8.8")),
        ),
        topic="OVMF",
    ),
    Sequence(
        "ovmf-write",
        "both empty, then 16 characters at a time",
        (
            *(Write(FCR, 0x01), _both_empty("empty at first"), *write_all(THR, b"UEFI Interactive")),
            *(_both_empty("empty after 16"), *write_all(THR, b" Shell"), _both_empty("flushed at the end")),
            sent(b"UEFI Interactive Shell", "nothing is lost", "8.4"),
        ),
        parts=("16550A", "16750"),
        topic="OVMF",
    ),
    Sequence(
        "ovmf-read-and-control",
        "poll, read, and the state of the lines",
        (
            *(Write(FCR, 0x01), read(LSR, 0x60, "input empty, output empty", "8.4")),
            *(Receive(b"\x1b"), read(LSR, 0x61, "input", "8.4"), read(RBR, 0x1B, "the key", "8.4")),
            *(Write(MCR, 0x03), read(MCR, 0x03, "DTR and RTS are set", "8.8"), Read(MSR)),
            *(Write(MCR, 0x00), read(MCR, 0x00, "DTR and RTS are cleared", "8.8")),
        ),
        topic="OVMF",
    ),
)

_U_BOOT: Final = (
    Sequence(
        "u-boot-init",
        "wait until idle, interrupts off, DTR and RTS, FIFOs reset, divisor",
        (
            *(Poll(LSR, 0x40, 0x40, 300, Check("the transmitter is idle", "8.4")), Write(IER, 0x00)),
            *(Write(MCR, 0x03), Write(FCR, 0x07), Write(LCR, 0x83), Write(DLL, 0x01), Write(DLM, 0x00)),
            *(Write(LCR, 0x03), read(LSR, 0x60, "ready", "8.4")),
        ),
        topic="U-Boot",
    ),
    Sequence(
        "u-boot-console",
        "putc when THR is empty; tstc and getc",
        (
            *(Write(FCR, 0x07), *_each_when_empty(b"U-Boot 2023.01\r\n=> ", 0x20), _both_empty("all is out")),
            sent(b"U-Boot 2023.01\r\n=> ", "the banner", "8.4"),
            *(read(LSR, 0x00, "no key", "8.4", mask=0x01), Receive(b"\r")),
            *(read(LSR, 0x01, "a key", "8.4", mask=0x01), read(RBR, 0x0D, "it is Enter", "8.4")),
        ),
        topic="U-Boot",
    ),
)

_GRUB: Final = (
    Sequence(
        "grub-probe",
        "is a port there? by the scratch register",
        (
            *(Write(SCR, 0x5A), read(SCR, 0x5A, "SCR holds 5A", "8.10")),
            *(Write(SCR, 0xA5), read(SCR, 0xA5, "SCR holds A5", "8.10")),
        ),
        parts=_WITH_SCRATCH,
        topic="GRUB",
    ),
    Sequence(
        "grub-configure",
        "interrupts off, divisor, format, FIFOs, lines; then what is there is thrown away",
        (
            *(Receive(b"x"), Write(IER, 0x00), Write(LCR, 0x80), Write(DLL, 0x01), Write(DLM, 0x00), Write(LCR, 0x03)),
            *(Write(FCR, 0x07), Write(MCR, 0x0B)),
            read(LSR, 0x60, "the FIFO was emptied", "8.5", parts={"8250": 0x61, "16450": 0x61, "16550": 0x60}),
        ),
        parts=_WITH_SCRATCH,
        topic="GRUB",
    ),
    Sequence(
        "grub-terminal",
        "characters out when THR is empty, keys in by polling",
        (
            *(Write(FCR, 0x07), Write(MCR, 0x0B), *_each_when_empty(b"\x1b[H\x1b[J GNU GRUB", 0x20), Settle()),
            sent(b"\x1b[H\x1b[J GNU GRUB", "the menu", "8.4"),
            *(Receive(b"e"), read(LSR, 0x01, "a key", "8.4", mask=0x01), read(RBR, 0x65, "it is e", "8.4")),
            read(LSR, 0x00, "no other", "8.4", mask=0x01),
        ),
        topic="GRUB",
    ),
)

SEQUENCES: Final = (*_SEABIOS, *_OVMF, *_U_BOOT, *_GRUB)
