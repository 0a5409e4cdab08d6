"""Puts the causes in order: what has stopped the guest, what asks for a key, what is wrong with the line, what is there.

The order matters.  A kernel that has panicked reads nothing, and GRUB reads without interrupts: both look like a guest
without a reader.  A login prompt on the screen is no help while XOFF holds back what follows.
"""

from __future__ import annotations

from typing import Final

from uartsim.console.diagnosis.line_causes import (
    QUIET_BOOT_S,
    USE_THE_PORT,
    is_silent,
    line_cause,
    silence,
    silent_for_s,
)
from uartsim.console.diagnosis.line_facts import LineFacts
from uartsim.console.diagnosis.shown_state import ShownState, Shows, shown_state
from uartsim.console.diagnosis.verdict import Diagnosis

#: How many problems are named as evidence.
_NAMED: Final = 3
#: What to do where something is there to be answered.
_REMEDIES: Final = {
    Shows.MENU: "Choose an entry with the arrow keys and press Enter; e edits it, c opens the command line.",
    Shows.EDITOR: "Ctrl+X boots what is shown; Esc leaves the editor without keeping the change.",
    Shows.BOOT_PROMPT: "Type normal and press Enter to come to the menu, or boot a kernel by linux, initrd and boot.",
    Shows.RESCUE: "Find the partition with ls, then: set root=(hd0,1), set prefix=(hd0,1)/boot/grub, insmod normal, normal.",
    Shows.LOGIN: "Press Enter, and sign in with a local user and a password. A machine that has an SSH public key only"
    " needs one first: select Reset password and create a local user.",
    Shows.PASSWORD: "Type the password, which is not shown, and press Enter. If it is lost, select Reset password.",
    Shows.MAINTENANCE: "Give root's password, or press Enter if root has none, and fix what failed: often a line of"
    " /etc/fstab. Ctrl+D goes on with the boot.",
    Shows.REPAIR: "Answer y to repair, or a for all questions of the same kind.",
    Shows.ANY_KEY: "Press Enter to continue.",
    Shows.SHELL: "Type a command. If nothing happens, press Enter.",
    Shows.SAC: "Type cmd for a command prompt, then ch -si 1 and Enter; ? lists the commands.",
    Shows.STOPPED: "Type restart and press Enter; d shows what Windows has logged.",
    Shows.HEALTH: "SAC is off. Run bcdedit /ems {current} on and bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200"
    " at an administrative command prompt, by Remote Desktop or run-command, and restart the machine.",
}
#: These read without interrupts, or are not an operating system yet: the causes that ask for a driver do not fit.
_BEFORE_THE_SYSTEM: Final = frozenset({Shows.MENU, Shows.EDITOR, Shows.BOOT_PROMPT, Shows.RESCUE, Shows.STOPPED})
#: A system that has come so far has got over what looked fatal before.
_IS_UP: Final = frozenset({Shows.LOGIN, Shows.PASSWORD, Shows.SAC})


def diagnose(facts: LineFacts, history: bytes, *, is_windows: bool = False) -> Diagnosis:
    """What is the matter with a machine's console.

    This takes some tenths of a second for a long history: where other tasks run, call it in a thread.

    Args:
        facts: the state of the line.
        history: what the guest has sent since it was switched on; the end will do.
        is_windows: whether the guest is Windows.
    """
    state = shown_state(history)
    if facts.stands_still or facts.is_paused or facts.faults:
        cause = line_cause(facts, is_windows=is_windows)
        assert cause is not None
        return cause
    if (fatal := state.fatal) is not None and state.shows not in _IS_UP:
        asks = () if state.shows is Shows.NOTHING else (state.shows.value,)
        evidence = (f"The guest said: {fatal.line}" if fatal.line else silence(facts), *asks, *_last(state))
        return Diagnosis(fatal.id, _sentence(fatal.cause), evidence, fatal.advice)
    if state.shows in _BEFORE_THE_SYSTEM:
        return _asks(facts, state)
    if state.only_grub and state.shows is Shows.NOTHING and not is_windows:
        return _after_grub(facts, state)
    if (cause := line_cause(facts, is_windows=is_windows)) is not None:
        return Diagnosis(cause.cause, cause.verdict, (*cause.evidence, *_last(state)), cause.remedy)
    return _asks(facts, state) if state.shows is not Shows.NOTHING else _nothing(facts, state)


def _asks(facts: LineFacts, state: ShownState) -> Diagnosis:
    """Something is there, and waits for a person."""
    verdict = state.shows.value
    if state.shows is Shows.MENU and state.countdown_s is not None:
        verdict = f"GRUB's menu is there, and boots by itself in {state.countdown_s} s."
    evidence = (f"The cursor is behind: {state.line.rstrip()}",) if state.line.strip() else _last(state)
    return Diagnosis(
        state.shows.name.lower().replace("_", "-"),
        verdict,
        (*evidence, silence(facts), *_named(state)),
        _REMEDIES[state.shows],
    )


def _after_grub(facts: LineFacts, state: ShownState) -> Diagnosis:
    """GRUB has started something that does not use the port, or not yet."""
    evidence = ("GRUB has used the port, and no kernel has said anything since.", silence(facts), *_last(state))
    if silent_for_s(facts) < QUIET_BOOT_S:
        text = "GRUB has started the system, and it may still be booting: a quiet kernel says nothing until its login prompt."
        return Diagnosis("starting", text, evidence, "Wait, and press Enter.")
    text = "GRUB has started the system, and neither its kernel nor a login uses the serial port."
    return Diagnosis("kernel-silent", text, evidence, USE_THE_PORT)


def _nothing(facts: LineFacts, state: ShownState) -> Diagnosis:
    if not is_silent(facts):
        return Diagnosis(
            "starting",
            "The guest is starting, or at work: it has sent something a moment ago, or was switched on just now.",
            (silence(facts), *_named(state), *_last(state)),
            "Wait until it is silent, and press Enter.",
        )
    return Diagnosis(
        "silent",
        "The guest reads from the serial port, and asks nothing: a program is running, or it waits for Enter.",
        (silence(facts), *_named(state), *_last(state)),
        "Press Enter: that will often fix it. If nothing comes, Ctrl+C ends a program; SysRq h tells whether the kernel"
        " lives, and SysRq w what it waits for.",
    )


def _named(state: ShownState) -> tuple[str, ...]:
    return tuple(_sentence(problem.cause) for problem in state.problems if problem.is_severe)[-_NAMED:]


def _last(state: ShownState) -> tuple[str, ...]:
    return (f"The last lines: {' | '.join(state.last_lines)}",) if state.last_lines else ()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
