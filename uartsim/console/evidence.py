"""What an error of a console shows of the guest: its last lines, its screen, its losses and its problems.  No I/O.

Each thing is said once: the screen only where it shows what lines do not, and then no line that is on it; a problem's line only
if neither has it; and of the counters only those that are not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from uartsim.console.guest_output import SHOWN_LINES, GuestOutput, as_shown
from uartsim.console.problems.problem_reports import Problem
from uartsim.console.protocols import LineClient, MachineButtons
from uartsim.console.text.cleaned_text import TextCleaner
from uartsim.console.text.own_lines import Line
from uartsim.printable import counted

#: How many problems an error shows.
SHOWN_PROBLEMS: Final = 5
#: How many of the guest's lines are left out of the sentence that says how it ended.
_ENDING_LINES: Final = 40
#: How much of the guest's text the screen is compared with, in characters.
_COMPARED: Final = 20_000
#: Counters that say nothing of a failure: what the line has carried, and what is told in a sentence.
_USUAL: Final = ("missed", "bytes_in", "bytes_out", "withheld")


def line_counters(client: LineClient, machine: MachineButtons | None, dropped: int) -> dict[str, int]:
    """The counters of a line; see ``Console.counters``.

    Args:
        client: the line.
        machine: what is at its other end, or None.
        dropped: how many characters the console itself has dropped.
    """
    counters = {"missed": getattr(client, "missed", 0) + dropped}
    com1 = getattr(machine, "com1", None)
    if com1 is not None:
        com1.advance(com1.clock.now())
        counters |= {name: int(value) for name, value in com1.status()["line"].items()}
        for direction, kinds in com1.fault_counters().items():
            for done in kinds.values():
                for name, count in done.items():
                    if name not in ("characters", "bits"):  # that have passed
                        counters[f"{name}_{direction}"] = counters.get(f"{name}_{direction}", 0) + count
    return counters


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an error said of the guest.

    Attributes:
        text: the lines below the error's first.
        begin: where the first line that it shows begins in the guest's cleaned text.
        end: where that text ended then.
        screen: the screen that it shows, if it shows one.
    """

    text: str
    begin: int
    end: int
    screen: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, received: GuestOutput, counters: Mapping[str, int], now_s: float, named: Problem | None = None
    ) -> Evidence:
        """The evidence of this moment.

        Args:
            received: what the guest has sent.
            counters: those of :func:`line_counters`.
            now_s: the time, in seconds of the console's clock.
            named: the problem that the error's first line names.
        """
        screen = drawn_screen(received)
        lines = last_lines(received, SHOWN_LINES, screen)
        missed = counters["missed"]
        told = [] if lines or screen else ["It has sent nothing."]
        if missed:
            were = "were" if missed > 1 else "was"
            told.append(f"({counted(missed, 'character')} {were} lost, unread, because too many waited)")
        if lines:
            told += ["The last lines it sent:", *indented(received.shown(lines))]
        if screen:
            told += ["The screen:", *indented(screen)]
        told += findings(received, counters, now_s, [*(line.text for line in lines), *screen], named)
        end = received.transcript.text_end
        return cls("\n" + "\n".join(told), lines[0].start if lines else end, end, tuple(screen))


def last_lines(received: GuestOutput, count: int, screen: Sequence[str]) -> list[Line]:
    """The last ``count`` lines that are not on a screen that is shown beside them."""
    lines = received.own_lines.last(count + len(screen))
    rows = {_dense(row) for row in screen}
    return [line for line in lines if _dense(line.text) not in rows][-count:]


def end_in_words(end: Any, received: GuestOutput) -> str:
    """How a guest has ended, without what its last lines say.

    Args:
        end: the machine's ``GuestEnd``, or None if that is not known.
        received: what the guest has sent.
    """
    if end is None:
        return "has ended"
    said = TextCleaner().feed(str(end).encode("utf-8", "replace"))
    first, *more = said.split("\n")
    lines = {line.text for line in received.own_lines.last(_ENDING_LINES)}
    how, _, detail = first.partition(": ")
    told = [line for line in (detail, *more) if line.strip() and line.strip() not in lines]
    return f"{how}: {chr(10).join(told)}" if told else how


def findings(
    received: GuestOutput,
    counters: Mapping[str, int],
    now_s: float,
    lines: Iterable[str],
    named: Problem | None = None,
) -> list[str]:
    """What is to be said beside the last lines and the screen, as lines: the counters, the problems; nothing of what is usual.

    Args:
        received, counters, now_s, named: those of :meth:`Evidence.of`.
        lines: the lines and the rows that are shown.
    """
    told: list[str] = []
    if odd := odd_counters(counters):
        told.append(f"The line: {', '.join(f'{name} {n}' for name, n in odd.items())}")
    texts = set(lines)
    wrong = list(received.monitor.look(counters, now_s))[-SHOWN_PROBLEMS:]
    if shown := [said for problem in wrong if (said := _problem(received, problem, texts, problem == named))]:
        told += ["What went wrong:", *indented(shown)]
    excused = [f"{as_shown(problem.line)} ({problem.id})" for problem in received.monitor.watch.excused]
    if excused:
        told.append(f"Allowed or asked for: {'; '.join(excused[-SHOWN_PROBLEMS:])}")
    return told


def _problem(received: GuestOutput, problem: Problem, shown: Iterable[str], is_named: bool) -> str:
    """A problem with its time and its line, as far as they are not said already; "" if nothing is left to say."""
    at = f"{problem.at - received.opened_at:+9.3f} s  "
    is_shown = not problem.line or any(problem.line.strip() in line for line in shown)
    if is_named:
        return "" if is_shown else f"{at}{as_shown(problem.line)} ({problem.id})"
    said = f"{at}{as_shown(problem.cause)} ({problem.id})"
    return said if is_shown or problem.line.strip() in problem.cause else f"{said}: {as_shown(problem.line)}"


def odd_counters(counters: Mapping[str, int]) -> dict[str, int]:
    """The counters that say that something was lost, broken or kept waiting."""
    return {name: n for name, n in counters.items() if n and name not in _USUAL}


def drawn_screen(received: GuestOutput) -> list[str]:
    """The rows of a screen that the guest has drawn; none if they show its last lines, as on any terminal."""
    if not received.screen.is_drawn:
        return []
    screen = received.screen.read()
    sent = [_dense(line) for line in received.transcript.text[-_COMPARED:].split("\n")]
    rows = [_dense(row) for row in screen.lines]
    if "".join(rows) in "".join(sent):  # however its lines are wrapped
        return []
    columns = received.screen.columns
    shown = "".join(line if not line.endswith(" ") else f"{line.rstrip()}\n" for line in screen.lines)
    rows = [_dense(row) for row in shown.split("\n")]
    if len(screen.lines[0].rstrip()) == columns or not any(rows[0] == line for line in sent):
        rows = rows[1:]  # the rest of a line that has scrolled away
    lines = iter(sent)
    if all(row in lines for row in rows if row):
        return []
    return [as_shown(row) for row in received.own_lines.hidden_on(screen).shown()]


def _dense(line: str) -> str:
    """What a row shows of a line: what a return has not written over, and no blanks."""
    return "".join(line.replace(" \r", "").rpartition("\r")[2].split())


def indented(lines: Iterable[str]) -> list[str]:
    """Lines, set in by two blanks."""
    return [f"  {line}" for line in lines]
