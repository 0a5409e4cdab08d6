"""The registers, bit by bit: what they do here, in the datasheet, and in QEMU 7.2.

The table behind ``docs/registers.md``.  What it says about QEMU is measured: a row names the checks that show it, and QEMU
has to pass all of them where the row says that it does the same, and to fail at least one where the row says otherwise.
Names and places of bits are those of :mod:`uartsim.registers`.
"""

from __future__ import annotations

from typing import Final

from uartsim.conform.register_rows import SAME, Bit, Register

REGISTERS: Final = (
    Register(
        "RBR",
        "receiver buffer",
        "read, DLAB = 0",
        "8.4, table II",
        (
            Bit(
                "data",
                "7:0",
                "the oldest character; the upper bits of short words are 0",
                "empty: the last character without FIFO, 00 with",
                "8 bits whatever the word length; empty: 00 without FIFO after a break in FIFO mode",
                ("word-of-*-bits-looped/*", "empty-rbr-after-a-break/*"),
            ),
        ),
    ),
    Register(
        "THR",
        "transmitter holding",
        "write, DLAB = 0",
        "8.4",
        (
            Bit(
                "data",
                "7:0",
                "the next character; 16 in FIFO mode, and one in the shift register",
                "a full FIFO drops the new character",
                "sent at once, 8 bits whatever the word length; nothing ever waits",
                ("a-frame-takes-its-time/THR is full", "word-of-*-bits-sent/*", "transmitter-fifo-depth/*"),
            ),
        ),
    ),
    Register(
        "DLL",
        "divisor latch, low byte",
        "read and write, DLAB = 1",
        "8.3",
        (
            Bit("data", "7:0", "reads back; a write counts at once", "", SAME, ("divisor-holds-all-bits/DLL *",)),
            Bit(
                "reset",
                "7:0",
                "not touched by a reset",
                "12 when power comes on",
                "12 after a reset",
                ("reset-spares-the-divisor/DLL *",),
            ),
            Bit(
                "zero",
                "7:0",
                "a divisor of 0 is not recommended",
                "counts 65536",
                "keeps the previous speed",
                ("divisor-zero/*",),
            ),
        ),
    ),
    Register(
        "DLM",
        "divisor latch, high byte",
        "read and write, DLAB = 1",
        "8.3",
        (
            Bit("data", "7:0", "reads back; a write counts at once", "", SAME, ("divisor-holds-all-bits/DLM *",)),
            Bit(
                "reset",
                "7:0",
                "not touched by a reset",
                "0 when power comes on",
                "0 after a reset",
                ("reset-spares-the-divisor/DLM *",),
            ),
        ),
    ),
    Register(
        "IER",
        "interrupt enable",
        "read and write, DLAB = 0",
        "8.7",
        (
            Bit(
                "ERBFI", "0", "received data, and the timeout in FIFO mode", "", SAME, ("disable-hides/*", "timeout/*")
            ),
            Bit(
                "ETBEI",
                "1",
                "THR empty; raised when enabled while THR is empty",
                "a 1 written over a 1 raises nothing",
                SAME,
                ("thre-on-enable/*", "thre-rewrite/*"),
            ),
            Bit("ELSI", "2", "receiver line status", "", SAME, ("line-status-ended-by-lsr/*",)),
            Bit(
                "EDSSI",
                "3",
                "modem status",
                "",
                "changes in loopback cause no interrupt",
                ("modem-status-in-loopback/RTS has changed CTS",),
            ),
            Bit("0", "7:4", "always 0", "", SAME, ("ier-mask/*",)),
        ),
    ),
    Register(
        "IIR",
        "interrupt identification",
        "read",
        "8.6, table IV",
        (
            Bit("pending", "0", "0 while an interrupt is pending", "", SAME, ("thre-on-enable/*",)),
            Bit(
                "identification",
                "3:0",
                "06 line status, 04 received data, 0C timeout, 02 THRE, 00 modem status, in this order",
                "received data and timeout both true: 0C",
                SAME,
                ("priority/*", "timeout-above-trigger/*"),
            ),
            Bit(
                "THRE latch",
                "3:0",
                "a read ends THRE if that is what it shows; so does a write to THR",
                "",
                "a write to THR raises it again at once: the character is gone",
                ("thre-kept-while-another-is-shown/*", "thre-ended-by-a-write/*"),
            ),
            Bit(
                "timeout",
                "3:2",
                "4 character times since the last character came in and since RBR was last read",
                'timeout_rule="word": 4 words and 12 bits',
                "5 data bits with LCR.2 count as 8 bits, not 7.5",
                ("timeout-of-short-frames/*",),
            ),
            Bit("0", "5:4", "always 0; bit 5 of a 16750: 64-byte FIFOs", "", SAME, ("fcr-reserved-bits/*",)),
            Bit("FIFOs on", "7:6", "11 while FCR0 is set", "10 in a 16550", SAME, ("fifo-identification/*",)),
        ),
    ),
    Register(
        "FCR",
        "FIFO control",
        "write",
        "8.5",
        (
            Bit(
                "FIFO_ENABLE",
                "0",
                "enables both FIFOs; a change empties them; the other bits count only when it is written 1",
                "",
                "bits 1 and 2 empty the FIFOs even when it is written 0",
                ("fcr0-change-empties/*", "fcr-needs-fcr0/*"),
            ),
            Bit("RCVR_RESET", "1", "empties the receiver's FIFO, once", "", SAME, ("fcr1-empties-the-receiver/*",)),
            Bit(
                "XMIT_RESET",
                "2",
                "empties the transmitter's FIFO, not the shift register, once",
                "raises THRE also if the FIFO was empty",
                "there is nothing to empty: all has been sent",
                ("transmitter-fifo-reset/*",),
            ),
            Bit(
                "DMA_MODE",
                "3",
                "mode of RXRDY and TXRDY",
                "kept, without effect: there are no such pins",
                SAME,
                ("fifo-identification/with *",),
            ),
            Bit(
                "FIFO_64",
                "5",
                "reserved; 64-byte FIFOs of a 16750, written while DLAB = 1",
                "",
                SAME,
                ("fcr-reserved-bits/*", "linux-autoconfig-16550a/FCR 21*"),
            ),
            Bit("TRIGGER", "7:6", "1, 4, 8 or 14 characters", "16750: 1, 16, 32, 56", SAME, ("trigger-*/*",)),
        ),
    ),
    Register(
        "LCR",
        "line control",
        "read, write",
        "8.1",
        (
            Bit(
                "WLS", "1:0", "5, 6, 7 or 8 bits", "", "always 8", ("word-of-*-bits-sent/*", "word-of-*-bits-looped/*")
            ),
            Bit(
                "STB",
                "2",
                "2 stop bits, 1.5 with 5 data bits; the receiver checks the first",
                "",
                "counts in the timeout only, and 1.5 as 2",
                ("timeout-of-long-frames/*", "timeout-of-short-frames/*"),
            ),
            Bit(
                "PEN",
                "3",
                "parity",
                "",
                "no parity error ever comes in; counts in the timeout",
                ("break-is-a-framing-error/*",),
            ),
            Bit("EPS", "4", "even, if set", "", SAME, ("loopback-parity/*",)),
            Bit("STICK", "5", "the parity bit is the opposite of EPS", "", SAME, ("loopback-parity/*",)),
            Bit(
                "BREAK",
                "6",
                "forces SOUT to 0, and nothing else",
                "",
                "characters leave in spite of it; without effect in loopback",
                ("break-sent/*", "loopback-break/*"),
            ),
            Bit("DLAB", "7", "offsets 0 and 1 are the divisor latch", "", SAME, ("dlab-window/*", "dll-read-*/*")),
        ),
    ),
    Register(
        "MCR",
        "modem control",
        "read, write",
        "8.8",
        (
            Bit("DTR", "0", "the DTR output; DSR in loopback", "", SAME, ("loopback-lines/*",)),
            Bit("RTS", "1", "the RTS output; CTS in loopback", "", SAME, ("loopback-lines/*",)),
            Bit("OUT1", "2", "a spare output; RI in loopback", "", SAME, ("loopback-lines/*",)),
            Bit(
                "OUT2",
                "3",
                "an output that gates the interrupt on a PC; DCD in loopback",
                'by the bit also in loopback; out2_gate="pin": by the pin',
                "the interrupt comes out whatever it is; set after a reset",
                ("out2-gates-the-interrupt/*", "reset-values/MCR is 00"),
            ),
            Bit(
                "LOOP",
                "4",
                "the transmitter feeds the receiver, SIN is cut off, outputs are inactive, inputs are MCR 3:0",
                "a frame that is in the loop when MCR.4 is cleared is lost",
                "SIN stays connected; takes no time; no deltas",
                ("loopback-cuts-sin/*", "loopback-takes-line-time/*", "loopback-deltas/*"),
            ),
            Bit("AFE", "5", "always 0; automatic flow control of a 16750", "", SAME, ("mcr-mask/*",)),
            Bit("0", "7:6", "always 0", "", SAME, ("mcr-mask/*",)),
        ),
    ),
    Register(
        "LSR",
        "line status",
        "read",
        "8.4",
        (
            Bit("DR", "0", "a character is there", "", SAME, ("data-ready/*",)),
            Bit(
                "OE",
                "1",
                "a character was lost: with FIFO the new one, without the old one; read once, gone",
                "",
                "around the loop only: QEMU takes in no more from the line than fits",
                ("overrun-of-the-line/*", "overrun-without-fifo/*"),
            ),
            Bit(
                "PE",
                "2",
                "wrong parity of the character at the top; read once, gone",
                "",
                "never",
                ("break-is-a-framing-error/with odd parity PE too",),
            ),
            Bit(
                "FE",
                "3",
                "no stop bit after the character at the top; read once, gone",
                "",
                "never, not even with a break",
                ("break-is-a-framing-error/BI, FE and LSR.7", "break-without-fifo/*"),
            ),
            Bit(
                "BI",
                "4",
                "the line was at space for longer than a frame: one 00; at its turn in the FIFO; read once, gone",
                "",
                "shown at once; reading RBR clears it too",
                ("break-waits-its-turn/*", "break-stays-until-lsr/*"),
            ),
            Bit(
                "THRE",
                "5",
                "THR, or the FIFO, is empty; late for a lone character in FIFO mode (delay circuit)",
                "delay circuit: on; thre_delay=False switches it off",
                "always 1",
                ("a-frame-takes-its-time/THR is full", "delay-circuit/not *"),
            ),
            Bit(
                "TEMT",
                "6",
                "the shift register is empty too",
                "",
                "always 1",
                ("a-frame-takes-its-time/the shift register has it",),
            ),
            Bit(
                "FIFO_ERROR",
                "7",
                "FIFO mode: PE, FE or BI of any character in the FIFO",
                "goes when the last bad character has left",
                "always 0",
                ("break-is-a-framing-error/BI, FE and LSR.7",),
            ),
        ),
    ),
    Register(
        "MSR",
        "modem status",
        "read",
        "8.9",
        (
            Bit(
                "DCTS",
                "0",
                "CTS has changed; read once, gone",
                "",
                "not in loopback",
                ("loopback-deltas/all lines drop",),
            ),
            Bit("DDSR", "1", "DSR has changed; read once, gone", "", "not in loopback", ("loopback-deltas/DSR rises",)),
            Bit("TERI", "2", "RI has gone inactive", "", "not in loopback", ("loopback-deltas/RI drops: TERI",)),
            Bit(
                "DDCD",
                "3",
                "DCD has changed; read once, gone",
                "",
                "not in loopback",
                ("loopback-deltas/all lines drop",),
            ),
            Bit("CTS", "4", "the line; RTS in loopback", "", SAME, ("loopback-lines/*",)),
            Bit("DSR", "5", "the line; DTR in loopback", "", SAME, ("loopback-lines/*",)),
            Bit("RI", "6", "the line; OUT1 in loopback", "", SAME, ("loopback-lines/*",)),
            Bit("DCD", "7", "the line; OUT2 in loopback", "", SAME, ("loopback-lines/*",)),
        ),
    ),
    Register(
        "SCR",
        "scratch",
        "read, write",
        "8.10",
        (
            Bit("data", "7:0", "holds a byte, without effect", "an 8250 has none: FF", SAME, ("scratch/*",)),
            Bit(
                "reset", "7:0", "table I does not name it", "not touched", "00 after a reset", ("reset-and-scratch/*",)
            ),
        ),
    ),
)

#: What a 16550A has and our chip does not.
NOT_EMULATED: Final = (
    "the DMA signals RXRDY and TXRDY, and what FCR3 changes about them",
    "the factory test: writing LSR, which the datasheet advises against, is ignored",
    "the one to three clocks between the sample of a stop bit and its indication, and the eight of the timeout",
    "the 8 to 24 clocks between a write to an idle THR and the start bit are always 16 without FIFO, and none with",
    "a crystal other than 1.8432 MHz, and its tolerance",
    "a receiver clock (RCLK) other than BAUDOUT",
    "the chip select, address strobe and bus cycles: an access takes no time",
)
