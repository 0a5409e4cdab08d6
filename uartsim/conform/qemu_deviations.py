"""Where QEMU is known to differ from the datasheet: named, narrow, and asserted in both directions.

A rule says what QEMU does and what the datasheet says.  It has two uses.  In random programs
(:mod:`uartsim.conform.differential`) it either keeps a program away from what QEMU cannot do, or says exactly what our
chip must show where QEMU shows something else.  And it names the checks of sequences that show the difference: QEMU must
fail these checks and no others, or else a rule is wrong or missing.  Sections are those of the PC16550D datasheet (June
1995).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from uartsim.conform.player import Finding


@dataclass(frozen=True, slots=True)
class Rule:
    """One known difference.

    Attributes:
        name: a short name for the difference.
        section: of the datasheet.
        reason: what QEMU does, and what the datasheet says.
        shown_by: the checks that QEMU fails because of the difference, as ``SEQUENCE/what``; each may hold ``*``.
    """

    name: str
    section: str
    reason: str
    shown_by: tuple[str, ...]

    def explains(self, finding: Finding) -> bool:
        """Whether this rule names a failed check."""
        return any(fnmatchcase(finding.key, pattern) for pattern in self.shown_by)


#: The rules by name.
RULES: Final = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule(
                "reset values",
                "table I; 6, pin MR",
                "a reset leaves 08 in MCR, 12 in the divisor latch and 00 in SCR; MCR has to be 00 and the latch unchanged "
                "(SCR is left open, and ours keeps its value)",
                ("reset-values/MCR is 00", "reset-spares-the-divisor/*", "reset-and-scratch/*"),
            ),
            Rule(
                "transmitting takes time",
                "8.4, 8.11",
                "a written character leaves at once: THRE and TEMT never go down, nothing waits in the FIFO and the "
                "loop takes no time; a frame lasts as long as its bits",
                (
                    *("thre-ended-by-a-write/*", "a-frame-takes-its-time/*", "two-characters-in-the-fifo/*"),
                    *("delay-circuit/not *", "transmitter-fifo-reset/*", "transmitter-fifo-depth/*"),
                    "loopback-takes-line-time/not *",
                ),
            ),
            Rule(
                "word length",
                "8.1",
                "8 bits are passed whatever the word length; a word has 5 to 8 bits",
                ("word-of-*-bits-sent/*", "word-of-*-bits-looped/*", "linux-set-termios/7 bits leave"),
            ),
            Rule(
                "loopback makes deltas",
                "8.8, 8.9",
                "the looped modem lines show in MSR but set no deltas and cause no interrupt; modem status interrupts "
                "are operational in loopback",
                ("modem-status-in-loopback/*", "loopback-deltas/*"),
            ),
            Rule(
                "loopback cuts SIN",
                "8.8",
                "characters from the line come in during loopback too; SIN is disconnected then",
                ("loopback-cuts-sin/*",),
            ),
            Rule(
                "transmit break",
                "8.1",
                "LCR.6 is ignored in loopback, and characters written under a break arrive; SOUT is forced to 0",
                ("break-sent/no character leaves under a break", "loopback-break/*"),
            ),
            Rule(
                "break is an error of its character",
                "8.4",
                "a break shows DR and BI alone, BI at once, and reading RBR clears it; it has no stop bit (FE; PE where "
                "0 is the wrong parity), shows when its character is at the top, sets LSR.7, and stays until LSR is read",
                (
                    *("break-is-a-framing-error/*", "break-without-fifo/*", "break-waits-its-turn/*"),
                    "break-stays-until-lsr/*",
                ),
            ),
            Rule(
                "RBR while empty",
                "8.4, silent",
                "after a break in FIFO mode an empty RBR without FIFO reads as 00; the datasheet leaves open what an "
                "empty RBR reads as, and ours keeps the last character",
                ("empty-rbr-after-a-break/*",),
            ),
            Rule(
                "FCR without FCR0",
                "8.5",
                "FCR1 and FCR2 empty the FIFOs even when FCR0 is written 0; the other bits are not programmed then",
                ("fcr-needs-fcr0/*",),
            ),
            Rule(
                "divisor 0",
                "8.3, silent",
                "a divisor of 0 keeps the previous speed; the datasheet advises against it, and ours counts 65536",
                ("divisor-zero/*",),
            ),
            Rule(
                "1.5 stop bits",
                "8.1",
                "5 data bits with LCR.2 count as 2 stop bits; they are one and a half",
                ("timeout-of-short-frames/after 31",),
            ),
            Rule(
                "withheld bytes",
                "8.4",
                "no more comes in than the trigger level, or one character without FIFO: QEMU leaves the rest outside, "
                "and the line never overruns; a real line does not wait",
                ("overrun-of-the-line/*", "overrun-without-fifo/*"),
            ),
            Rule(
                "OUT2 gates the interrupt",
                "6, pin OUT 2; IBM PC",
                "the interrupt comes out whatever OUT2 is; on a PC OUT2 gates it",
                ("out2-gates-the-interrupt/inactive*",),
            ),
        )
    }
)


def explain(finding: Finding) -> Rule | None:
    """The rule that names a failed check, or None."""
    return next((rule for rule in RULES.values() if rule.explains(finding)), None)


def not_shown(findings: Iterable[Finding]) -> list[str]:
    """The patterns of rules that match no failed check: there the rules claim more than was found."""
    failed = {finding.key for finding in findings if not finding.passed}
    return [
        pattern
        for rule in RULES.values()
        for pattern in rule.shown_by
        if not any(fnmatchcase(key, pattern) for key in failed)
    ]
