"""What a guest shows at the end of its output: a menu, a question, a prompt; and what went wrong in its present boot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from uartsim.console.grub.grub_screen import at_prompt, at_prompt_with_text, countdown, has_editor, read_menu
from uartsim.console.guest_output import as_shown
from uartsim.console.login_dialogue import LOGIN, MAINTENANCE, PASSWORD, SHELL_ALONE
from uartsim.console.problems.problem_watch import Problem, ProblemWatch
from uartsim.console.sac.sac_text import HEALTH_REPORT, Place, place_of
from uartsim.console.text.cleaned_text import TextCleaner
from uartsim.console.text.kernel_lines import KernelLog
from uartsim.console.text.screen import Screen, ScreenModel

#: How much of the output is searched for problems, and how much is drawn, in bytes from its end.
PROBLEM_BYTES: Final = 256 << 10
SCREEN_BYTES: Final = 16 << 10
#: How many of the last lines are kept as evidence.
SHOWN_LINES: Final = 3

_RESCUE: Final = re.compile(r"grub rescue> ?\S*\s*\Z")
_REPAIR: Final = re.compile(r"(?i)(?:<y>\?|\(y(?:es)?/n(?:o)?\)\??|fix\?|repair\?) *\Z")
_ANY_KEY: Final = re.compile(r"(?i)\b(?:press|hit) (?:any key|enter)\b[^\n]*\Z")
#: What GRUB says, as it comes, and what shows that a kernel has started after it.
_GRUB: Final = (b"GNU GRUB", b"Welcome to GRUB!", b"GRUB loading.")
_OF_A_KERNEL: Final = re.compile(rb"\[ *\d+\.\d+\] |Linux version ")
#: What somebody has begun to type behind a question.
_BEGUN: Final = re.compile(r"(?<=: )\S{1,32}\Z")


class Shows(StrEnum):
    """What is there to be answered; the value says it in a sentence."""

    MENU = "GRUB's menu is there and waits for a key."
    EDITOR = "GRUB's editor is open."
    BOOT_PROMPT = "GRUB's command line is there and waits for a command."
    RESCUE = "GRUB has not found its files, and waits at its rescue prompt."
    LOGIN = "A login prompt is there."
    PASSWORD = "The guest asks for a password."
    MAINTENANCE = "The system has stopped in maintenance mode and waits for root's password, or for Ctrl+D."
    REPAIR = "The guest asks whether a file system is to be repaired."
    ANY_KEY = "The guest waits for a key."
    SHELL = "A shell's prompt is there."
    SAC = "The prompt of Windows' SAC is there."
    STOPPED = "Windows has stopped, and its SAC waits."
    HEALTH = "Windows sends health reports, and nothing else."
    NOTHING = "The guest asks nothing."


@dataclass(frozen=True, slots=True)
class ShownState:
    """What a guest shows.

    Attributes:
        shows: what is there to be answered.
        line: the row of the screen that the cursor is in, up to the cursor.
        countdown_s: in how many seconds GRUB boots by itself; None if it does not.
        last_lines: the last rows that are not empty.
        only_grub: GRUB has shown its menu or a message, and no kernel has said anything since.
        problems: what went wrong since the kernel started last, the oldest first.
    """

    shows: Shows
    line: str
    countdown_s: int | None
    last_lines: tuple[str, ...]
    only_grub: bool
    problems: tuple[Problem, ...]

    @property
    def fatal(self) -> Problem | None:
        """The last problem after which nothing useful can come; None if there is none."""
        return next((problem for problem in reversed(self.problems) if problem.is_fatal), None)


def shown_state(history: bytes) -> ShownState:
    """What a guest shows.

    Args:
        history: what it has sent; the end will do.
    """
    model = ScreenModel()
    model.feed(history[-SCREEN_BYTES:])
    screen = model.read()
    row, column = screen.cursor
    line = screen.lines[row][:column]
    rows = [text for text in screen.shown() if text.strip()]
    return ShownState(
        _shows(screen, line, history[-SCREEN_BYTES:]),
        as_shown(line),
        countdown(screen),
        tuple(as_shown(text.rstrip()) for text in rows[-SHOWN_LINES:]),
        _is_only_grub(history),
        tuple(_problems(history[-PROBLEM_BYTES:])),
    )


def _shows(screen: Screen, line: str, tail: bytes) -> Shows:
    if has_editor(screen):
        return Shows.EDITOR
    if read_menu(screen) is not None:
        return Shows.MENU
    if at_prompt(screen) or at_prompt_with_text(screen):
        return Shows.BOOT_PROMPT
    place = place_of(line, screen.before_cursor)
    if place in (Place.SAC, Place.STOPPED):
        return Shows.SAC if place is Place.SAC else Shows.STOPPED
    question = _BEGUN.sub("", line)
    for shows, pattern in _QUESTIONS:
        if pattern.search(question):
            return shows
    return Shows.HEALTH if HEALTH_REPORT.search(tail.decode("latin-1")) else Shows.NOTHING


_QUESTIONS: Final = (
    (Shows.RESCUE, _RESCUE),
    (Shows.MAINTENANCE, MAINTENANCE),
    (Shows.PASSWORD, PASSWORD),
    (Shows.LOGIN, LOGIN),
    (Shows.REPAIR, _REPAIR),
    (Shows.ANY_KEY, _ANY_KEY),
    (Shows.SHELL, SHELL_ALONE),
)


def _is_only_grub(history: bytes) -> bool:
    at = max(history.rfind(text) for text in _GRUB)
    return at >= 0 and _OF_A_KERNEL.search(history, at) is None


def _problems(history: bytes) -> list[Problem]:
    log = KernelLog(clocked=False)
    watch = ProblemWatch(kernel_log=log)
    watch.feed(TextCleaner().feed(history))
    watch.finish()
    started_at = log.starts[-1][0].start if log.starts else 0
    return [problem for problem in watch.problems if problem.start >= started_at]
