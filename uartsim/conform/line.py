"""Datasheet checks: the transmitter's time, received errors and breaks, overrun, loopback."""

from __future__ import annotations

from typing import Final

from uartsim import registers
from uartsim.conform.steps import (
    FCR,
    FIFO_PARTS,
    IER,
    IIR,
    LCR,
    LSR,
    MCR,
    MSR,
    RBR,
    SLOW,
    THR,
    Break,
    Read,
    Receive,
    Sequence,
    Settle,
    Wait,
    Write,
    irq,
    read,
    sent,
    speed,
    write_all,
)

_PE: Final = int(registers.LSR.PE)
_FE: Final = int(registers.LSR.FE)

_TRANSMITTER: Final = (
    Sequence(
        "a-frame-takes-its-time",
        "without FIFO: THR empties into the shift register, which takes a frame",
        (
            *(*speed(SLOW), Write(THR, 0x41)),
            read(LSR, 0x00, "THR is full", "8.4", mask=0x60),
            *(Wait(4), read(LSR, 0x20, "the shift register has it", "8.4", mask=0x60)),
            *(Wait(3), read(LSR, 0x20, "and is still at it", "8.4", mask=0x60)),
            *(Wait(6), read(LSR, 0x60, "all is out", "8.4", mask=0x60)),
            sent(b"A", "the character was sent", "8.4"),
        ),
        topic="transmitter",
    ),
    Sequence(
        "two-characters-in-the-fifo",
        "THRE comes when the second of two enters the shift register",
        (
            *(*speed(SLOW), Write(FCR, 0x01), *write_all(THR, b"xy"), Settle(3), *write_all(THR, b"AB")),
            read(LSR, 0x00, "the FIFO holds something", "8.4", mask=0x60),
            *(Wait(7), read(LSR, 0x00, "during the first frame", "8.4", mask=0x60)),
            *(Wait(5), read(LSR, 0x20, "during the second", "8.4", mask=0x60)),
            *(Wait(11), read(LSR, 0x60, "after the second", "8.4", mask=0x60)),
            sent(b"xyAB", "all four were sent", "8.4"),
        ),
        parts=FIFO_PARTS,
        topic="transmitter",
    ),
    Sequence(
        "delay-circuit",
        "THRE of a lone character comes a frame less its last stop bit late",
        (
            *(*speed(SLOW), Write(FCR, 0x01), *write_all(THR, b"xy"), Settle(3), Write(THR, 0x41)),
            read(LSR, 0x00, "not at once", "8.11", mask=0x20),
            *(Wait(6), read(LSR, 0x00, "not in mid-frame", "8.11", mask=0x20)),
            *(Wait(6), read(LSR, 0x60, "when the frame is over", "8.11", mask=0x60)),
        ),
        parts=FIFO_PARTS,
        topic="transmitter",
    ),
    Sequence(
        "transmitter-fifo-depth",
        "16 in the FIFO and one in the shift register",
        (
            *(Write(FCR, 0x01), *write_all(THR, bytes(range(0x41, 0x41 + 40))), Settle(50)),
            sent(bytes(range(0x41, 0x41 + 17)), "17 of 40 leave; the others found it full", "8.4", silent=True),
        ),
        parts=FIFO_PARTS,
        topic="transmitter",
    ),
    Sequence(
        "transmitter-fifo-reset",
        "FCR2 empties the FIFO and not the shift register",
        (
            *(*speed(SLOW), Write(FCR, 0x01), *write_all(THR, b"ABCD"), Wait(2, slack=5), Write(FCR, 0x05)),
            read(LSR, 0x20, "empty FIFO, busy shift register", "8.5", mask=0x60),
            *(Settle(5), sent(b"A", "the character in the shift register leaves whole, the others do not", "8.5")),
        ),
        parts=FIFO_PARTS,
        topic="transmitter",
    ),
    *(
        Sequence(
            f"word-of-{bits}-bits-sent",
            f"a character of {bits} bits leaves with {bits} bits",
            (
                *(*speed(1, bits - 5), Write(THR, 0xF5), Settle()),
                sent(bytes((0xF5 & (1 << bits) - 1,)), "the upper bits are not sent", "8.1"),
            ),
            topic="transmitter",
        )
        for bits in (5, 6, 7)
    ),
    Sequence(
        "break-sent",
        "LCR.6 holds SOUT at space; what the transmitter shifts out meanwhile does not arrive",
        (
            *(Write(LCR, 0x43), Write(THR, 0x41), Settle()),
            read(LSR, 0x60, "the transmitter runs on underneath", "8.1", mask=0x60),
            sent(b"", "no character leaves under a break", "8.1"),
            *(Write(LCR, 0x03), Settle(), Write(THR, 0x42), Settle()),
            sent(b"B", "characters leave again after it", "8.1"),
        ),
        topic="transmitter",
    ),
)

_RECEIVER: Final = (
    Sequence(
        "data-ready",
        "DR is set while there is something",
        (
            *(Write(FCR, 0x01), Receive(b"A"), read(LSR, 0x61, "one character: DR", "8.4")),
            *(read(RBR, 0x41, "the character", "8.4"), read(LSR, 0x60, "none: no DR", "8.4")),
        ),
        topic="receiver",
    ),
    Sequence(
        "overrun-of-the-line",
        "the 17th character from the line is lost, and OE says so at once",
        (
            *(Write(FCR, 0x01), Receive(bytes(range(16))), read(LSR, 0x61, "16 fit", "8.4")),
            *(Receive(b"\x10"), read(LSR, 0x63, "the 17th is an overrun", "8.4")),
            read(LSR, 0x61, "a read clears OE", "8.4"),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "overrun-without-fifo",
        "without FIFO the later character overwrites the earlier",
        (
            *(Receive(b"A"), Receive(b"B"), read(LSR, 0x63, "overrun", "8.4")),
            *(read(RBR, 0x42, "the later one", "8.4"), read(LSR, 0x60, "and no other", "8.4")),
        ),
        topic="receiver",
    ),
    Sequence(
        "overrun-around-the-loop",
        "what comes around the loop overruns too",
        (
            *(Write(FCR, 0x01), Write(MCR, 0x10), *write_all(THR, bytes(range(16))), Settle(40)),
            *(read(LSR, 0x61, "16 fit", "8.8"), Write(THR, 0x10), Settle()),
            *(read(LSR, 0x63, "the 17th is an overrun", "8.4"), read(LSR, 0x61, "a read clears OE", "8.4")),
            *(read(RBR, n, f"character {n} is kept", "8.4") for n in range(16)),
            read(LSR, 0x60, "the 17th is not there", "8.4"),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "errors-belong-to-their-character",
        "PE and FE show when their character is at the top; LSR.7 while one is anywhere in the FIFO",
        (
            *(Write(FCR, 0xC1), Write(IER, 0x04), Receive(b"A"), Receive(b"B", _PE), Receive(b"C", _FE)),
            read(IIR, 0xC1, "no interrupt for what is not at the top", "8.4"),
            read(LSR, 0xE1, "an error is in the FIFO", "8.4"),
            *(Read(RBR), read(IIR, 0xC6, "B at the top: line status", "8.4")),
            *(read(LSR, 0xE5, "PE of B", "8.4"), read(LSR, 0xE1, "read once, gone", "8.4")),
            *(read(RBR, 0x42, "B", "8.4"), read(LSR, 0xE9, "FE of C", "8.4")),
            *(read(RBR, 0x43, "C", "8.4"), read(LSR, 0x60, "nothing left", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "errors-without-fifo",
        "without FIFO errors show when the character comes in, and LSR.7 is 0",
        (
            *(Write(IER, 0x04), Receive(b"A", _PE), read(IIR, 0x06, "line status", "8.4")),
            *(read(LSR, 0x65, "PE", "8.4"), read(LSR, 0x61, "read once, gone", "8.4"), Read(RBR)),
            *(Receive(b"B", _FE), read(LSR, 0x69, "FE", "8.4")),
        ),
        topic="receiver",
    ),
    Sequence(
        "break-received",
        "a break is one 00 with BI and FE, once",
        (
            *(Write(FCR, 0x01), Write(IER, 0x04), Break(), read(IIR, 0xC6, "line status", "8.4")),
            read(LSR, 0x71, "BI with its character", "8.4", mask=0x73),
            read(LSR, 0x01, "BI is shown once", "8.4", mask=0x13),
            *(read(RBR, 0x00, "the character is 00", "8.4"), read(LSR, 0x60, "only one", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "break-is-a-framing-error",
        "a break has no stop bit: FE with it, and LSR.7 while it is in the FIFO",
        (
            *(Write(FCR, 0x01), Break(), read(LSR, 0xF9, "BI, FE and LSR.7", "8.4")),
            *(Read(RBR), Read(LSR), Write(LCR, 0x0B), Break(), read(LSR, 0xFD, "with odd parity PE too", "8.4")),
            *(Read(RBR), Read(LSR), Write(LCR, 0x1B), Break(), read(LSR, 0xF9, "with even parity not", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "fifo-error-of-the-last",
        "LSR.7 when the only bad character is at the top and LSR has been read",
        (
            *(Write(FCR, 0x01), Receive(b"A", _FE), read(LSR, 0xE9, "FE and LSR.7", "8.4")),
            read(LSR, 0xE1, "LSR.7 stays until the character is read", "8.4", silent=True),
            *(read(RBR, 0x41, "the character", "8.4"), read(LSR, 0x60, "nothing left", "8.4")),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "break-without-fifo",
        "without FIFO a break is 00 with BI and FE",
        (
            *(Break(), read(LSR, 0x79, "BI and FE, LSR.7 is 0", "8.4")),
            *(read(RBR, 0x00, "00", "8.4"), read(LSR, 0x60, "nothing left", "8.4")),
        ),
        topic="receiver",
    ),
    Sequence(
        "break-waits-its-turn",
        "BI shows when its character is at the top",
        (
            *(Write(FCR, 0x41), Receive(b"A"), Break()),
            read(LSR, 0x01, "A at the top: no BI", "8.4", mask=0x11),
            *(read(RBR, 0x41, "A", "8.4"), read(LSR, 0x11, "the break at the top: BI", "8.4", mask=0x11)),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
    Sequence(
        "break-stays-until-lsr",
        "BI stays until LSR is read, also when its character is read first",
        (
            *(Write(FCR, 0x01), Write(IER, 0x04), Break(), Read(RBR)),
            *(read(IIR, 0xC6, "still line status", "table IV"), read(LSR, 0x10, "BI", "8.4", mask=0x10)),
            read(IIR, 0xC1, "LSR has ended it", "table IV"),
        ),
        parts=FIFO_PARTS,
        topic="receiver",
    ),
)

_LOOPBACK: Final = (
    Sequence(
        "loopback-data",
        "in loopback what is sent comes in, and does not leave",
        (
            *(Write(FCR, 0x01), Write(MCR, 0x10), *write_all(THR, b"loop"), Settle()),
            *(read(RBR, c, f"character {n}", "8.8") for n, c in enumerate(b"loop")),
            *(read(LSR, 0x60, "no more", "8.8"), sent(b"", "nothing on SOUT", "8.8")),
        ),
        parts=FIFO_PARTS,
        topic="loopback",
    ),
    Sequence(
        "loopback-takes-line-time",
        "the loop runs at line speed",
        (
            *(*speed(SLOW), Write(MCR, 0x10), Write(THR, 0x55), read(LSR, 0x00, "not at once", "8.8", mask=0x01)),
            *(Wait(5), read(LSR, 0x00, "not in mid-frame", "8.8", mask=0x01)),
            *(Wait(9), read(LSR, 0x01, "after a frame", "8.8", mask=0x01), read(RBR, 0x55, "the character", "8.8")),
        ),
        topic="loopback",
    ),
    *(
        Sequence(
            f"word-of-{bits}-bits-looped",
            f"a character of {bits} bits comes around the loop with {bits} bits",
            (
                *(*speed(1, bits - 5), Write(MCR, 0x10), Write(THR, 0xFF), Settle()),
                read(RBR, (1 << bits) - 1, "the upper bits are 0", "8.1"),
            ),
            topic="loopback",
        )
        for bits in (5, 6, 7)
    ),
    Sequence(
        "loopback-parity",
        "the loop's own parity is right",
        tuple(
            step
            for lcr, name in ((0x0B, "odd"), (0x1B, "even"), (0x2B, "mark"), (0x3B, "space"))
            for step in (
                *(*speed(1, lcr), Write(MCR, 0x10), Write(THR, 0x57), Settle()),
                *(read(LSR, 0x61, f"{name}: no error", "8.1"), read(RBR, 0x57, f"{name}: the character", "8.1")),
            )
        ),
        topic="loopback",
    ),
    Sequence(
        "loopback-lines",
        "in loopback RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD",
        tuple(
            step
            for mcr, msr in ((0x10, 0x00), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80), (0x1F, 0xF0))
            for step in (Write(MCR, mcr), read(MSR, msr, f"MCR {mcr:02X}: the lines", "8.9", mask=0xF0))
        ),
        topic="loopback",
    ),
    Sequence(
        "loopback-deltas",
        "changes of the looped lines set the deltas, and TERI on RI's trailing edge only",
        (
            *(Write(MCR, 0x1F), Read(MSR), read(MSR, 0xF0, "no deltas at rest", "8.9")),
            *(Write(MCR, 0x10), read(MSR, 0x0F, "all lines drop", "8.9"), read(MSR, 0x00, "read once, gone", "8.9")),
            *(Write(MCR, 0x11), read(MSR, 0x22, "DSR rises", "8.9")),
            *(Write(MCR, 0x15), read(MSR, 0x60, "RI rises: no event", "8.9")),
            *(Write(MCR, 0x11), read(MSR, 0x24, "RI drops: TERI", "8.9")),
        ),
        topic="loopback",
    ),
    Sequence(
        "loopback-cuts-sin",
        "in loopback nothing comes in from the line",
        (
            *(Write(FCR, 0x01), Write(MCR, 0x10), Receive(b"A")),
            read(LSR, 0x60, "SIN is disconnected", "8.8"),
        ),
        topic="loopback",
    ),
    Sequence(
        "loopback-break",
        "LCR.6 in loopback is a break for our own receiver, once",
        (
            *(Write(FCR, 0x01), Write(MCR, 0x10), Write(LCR, 0x43), Settle(4)),
            read(LSR, 0x19, "BI and FE and a character", "8.1, 8.8", mask=0x1F),
            *(read(RBR, 0x00, "it is 00", "8.4"), Settle(4), read(LSR, 0x00, "only one", "8.4", mask=0x1F)),
        ),
        topic="loopback",
    ),
    Sequence(
        "loopback-interrupts",
        "receiver and transmitter interrupts work in loopback",
        (
            *(Write(MCR, 0x18), Write(IER, 0x03), read(IIR, 0x02, "THRE", "8.8")),
            *(Write(THR, 0x41), Settle(), read(IIR, 0x04, "received data", "8.8")),
            *(read(RBR, 0x41, "the character", "8.8"), read(IIR, 0x02, "THRE again", "8.8")),
            irq(False, "inactive at the end", "8.8"),
        ),
        topic="loopback",
    ),
)

SEQUENCES: Final = (*_TRANSMITTER, *_RECEIVER, *_LOOPBACK)
