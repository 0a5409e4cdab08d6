"""Causes that lie in the line, or in how the guest uses its port: each is found from facts alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from uartsim.console.diagnosis.line_facts import LineFacts, seconds_in_words
from uartsim.console.diagnosis.verdict import Diagnosis
from uartsim.printable import counted
from uartsim.registers import IER, LCR, MCR

_Check = Callable[[LineFacts], Diagnosis | None]

#: How long a guest may be silent before something is taken to be missing, in seconds.
QUIET_S: Final = 10.0
#: How long a guest may be silent from GRUB to the login prompt, in seconds: its kernel may have the option quiet.
QUIET_BOOT_S: Final = 90.0
#: How soon after an XOFF the last output has come, in seconds: what was in the transmitter still leaves it.
_LEFT_S: Final = 0.5

USE_THE_PORT: Final = (
    "The image is likely misconfigured for serial console access. Add console=ttyS0,115200 to the kernel's command line"
    " (GRUB_CMDLINE_LINUX in /etc/default/grub, then grub2-mkconfig or update-grub), and have a terminal run on ttyS0:"
    " systemctl enable --now serial-getty@ttyS0, or in /etc/inittab"
    " S0:12345:respawn:/sbin/agetty -L 115200 console vt102. Until then, restart the machine and take GRUB's menu:"
    " press e, and add console=ttyS0,115200 to the line that begins with linux."
)
#: Before that, where it is early.
_WAIT_FIRST: Final = "If the machine is still booting, wait: a quiet kernel says nothing until the login prompt. "
_USE_SAC: Final = (
    "Enable SAC: run bcdedit /ems {current} on and bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200"
    " at an administrative command prompt, by Remote Desktop or run-command, and restart the machine."
)


def line_cause(facts: LineFacts, *, is_windows: bool) -> Diagnosis | None:
    """What is wrong with the line, or with the guest's use of it; None if nothing is.

    Args:
        facts: the state of the line.
        is_windows: whether the guest is Windows.
    """
    for check in (*_OF_THE_LINE, *(() if facts.by_bytes else _OF_REGISTERS)):
        if (found := check(facts)) is not None:
            return found
    return _not_used(facts, is_windows) or _not_read(facts, is_windows) or _hangs(facts)


def is_silent(facts: LineFacts) -> bool:
    """Whether the guest has had time to say something, and has not."""
    return silent_for_s(facts) >= QUIET_S


def silent_for_s(facts: LineFacts) -> float:
    """How long the guest has been silent, in seconds; from its start, if it has sent nothing."""
    return facts.up_s if facts.silent_s is None else facts.silent_s


def silence(facts: LineFacts) -> str:
    """When the guest has sent something last, in a sentence."""
    if facts.silent_s is None:
        return f"The guest has sent nothing since it was switched on {seconds_in_words(facts.up_s)} ago."
    return f"The guest's last character came {seconds_in_words(facts.silent_s)} ago."


def _faults(facts: LineFacts) -> Diagnosis | None:
    if not facts.faults:
        return None
    return Diagnosis(
        "line-fault",
        "A line fault is active.",
        (f"Faults of the line that are on: {', '.join(facts.faults)}.", silence(facts)),
        "Clear the fault. It was put on the line on purpose: in the machine's port settings, by a test, or by"
        " 'uartsim fault'.",
    )


def _stands_still(facts: LineFacts) -> Diagnosis | None:
    if not facts.stands_still:
        return None
    return Diagnosis(
        "paused",
        "The machine stands still: its disk cannot be written, because the file system that it is on is full.",
        ("QEMU has stopped the guest after an error of its disk.", silence(facts)),
        "Make room on the computer that runs the service; the machine then goes on by itself.",
    )


def _paused(facts: LineFacts) -> Diagnosis | None:
    if not facts.is_paused:
        return None
    return Diagnosis(
        "paused",
        "The machine is paused: its processor stands still.",
        ("QEMU has stopped the guest, as 'uartsim pause' does.", silence(facts)),
        "Let it go on: 'uartsim resume', or resume() in a test. What was typed meanwhile is answered then.",
    )


def _garbage(facts: LineFacts) -> Diagnosis | None:
    if not facts.garbled:
        return None
    return Diagnosis(
        "wrong-speed",
        "Guest and client use different formats, so that what arrives is garbage.",
        (
            f"The guest has set {facts.line_format}.",
            *(f"{one}." for one in facts.garbled),
            f"{facts.errors} characters had parity or framing errors.",
        ),
        "Set the client to the guest's speed, or the guest's to 115200: console=ttyS0,115200.",
    )


def _xoff(facts: LineFacts) -> Diagnosis | None:
    if facts.xoff_s is None or facts.xoff_s < _LEFT_S:
        return None
    if facts.silent_s is not None and facts.silent_s < facts.xoff_s - _LEFT_S:
        return None  # it has gone on all the same
    return Diagnosis(
        "xoff",
        "The guest's output is stopped by XOFF (Ctrl+S).",
        (
            f"XOFF was sent to the guest {seconds_in_words(facts.xoff_s)} ago, and no XON since.",
            silence(facts),
        ),
        "Press Ctrl+Q, which sends XON.",
    )


def _no_cts(facts: LineFacts) -> Diagnosis | None:
    if facts.cts or not is_silent(facts):
        return None
    return Diagnosis(
        "cts",
        "CTS is inactive at the guest, and a guest with hardware flow control does not send then.",
        ("The modem line CTS is inactive.", silence(facts)),
        "Make RTS of the far end active, or switch hardware flow control off in the guest: stty -F /dev/ttyS0 -crtscts.",
    )


def _no_rts(facts: LineFacts) -> Diagnosis | None:
    if not facts.flow_control or facts.rts or not facts.queued:
        return None
    return Diagnosis(
        "rts",
        "The guest has withdrawn RTS: it takes no more characters.",
        (
            "The modem line RTS is inactive.",
            f"{counted(facts.queued, 'typed character')} {'wait' if facts.queued > 1 else 'waits'} for it.",
        ),
        "The program in the guest does not read. If it does not come back, restart the machine.",
    )


def _loopback(facts: LineFacts) -> Diagnosis | None:
    if not facts.mcr & MCR.LOOP:
        return None
    return Diagnosis(
        "loopback",
        "The guest has switched its UART to loopback: what it sends comes back to it, and nothing reaches the line.",
        (f"MCR is {int(facts.mcr):#04x}: its bit LOOP is set.",),
        "Loopback is for a driver's own test. If it stays, the driver hangs in that test: restart the machine.",
    )


def _break(facts: LineFacts) -> Diagnosis | None:
    if not facts.lcr & LCR.BREAK:
        return None
    return Diagnosis(
        "break",
        "The guest holds the line in a break, so that no character can leave it.",
        (f"LCR is {int(facts.lcr):#04x}: its bit BREAK is set.",),
        "A program in the guest has begun a break (TIOCSBRK) and not ended it: end the program, or restart the machine.",
    )


_OF_THE_LINE: Final[tuple[_Check, ...]] = (
    _faults,
    _stands_still,
    _paused,
    _garbage,
    _xoff,
    _no_cts,
    _no_rts,
)
#: These look at what the guest has programmed.
_OF_REGISTERS: Final[tuple[_Check, ...]] = (_loopback, _break)


def _not_used(facts: LineFacts, is_windows: bool) -> Diagnosis | None:
    if facts.sent or not is_silent(facts):
        return None
    touched = "The guest has programmed its UART, and sent nothing." if facts.is_programmed else None
    if not facts.by_bytes and not facts.is_programmed:
        touched = "The guest has never programmed its UART: no driver has the port open."
    return Diagnosis(
        "port-not-used",
        "The guest does not use the serial port.",
        (silence(facts), *((touched,) if touched else ())),
        _USE_SAC if is_windows else USE_THE_PORT,
    )


def _not_read(facts: LineFacts, is_windows: bool) -> Diagnosis | None:
    if facts.by_bytes or facts.ier & IER.ERBFI or not is_silent(facts):
        return None
    evidence = [
        f"IER is {int(facts.ier):#04x}: the interrupt for received characters is off, so that no driver waits for any.",
        silence(facts),
    ]
    if not facts.mcr & MCR.DTR:
        evidence.append("DTR is inactive: no program has the port open.")
    if facts.waiting or facts.queued:
        evidence.append(f"{facts.waiting + facts.queued} typed characters wait, and nobody reads them.")
    return Diagnosis(
        "no-reader",
        "Nothing in the guest reads from the serial port, so that Enter does nothing.",
        tuple(evidence),
        _USE_SAC if is_windows else f"{_WAIT_FIRST if silent_for_s(facts) < QUIET_BOOT_S else ''}{USE_THE_PORT}",
    )


def _hangs(facts: LineFacts) -> Diagnosis | None:
    if not facts.is_full or not facts.queued:
        return None
    return Diagnosis(
        "hangs",
        "The guest does not read what was typed: it hangs, or is too busy.",
        (
            f"{facts.waiting} characters wait in its UART, which has room for no more, and {facts.queued} before it.",
            silence(facts),
        ),
        "Send SysRq w or l, which show what it is doing, or an NMI. If nothing comes, reset the machine.",
    )
