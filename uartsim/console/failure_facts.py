"""What a console knows that explains a failure: its steps, its lines, its screens, its problems, as plain values.

An error has said a part of it already (``evidence.py``), which the facts leave out, so that a report says each thing once.
Nothing here waits; it can be called when the console is closed and its clock is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import trio

from uartsim.console.console_steps import Moment, Step
from uartsim.console.evidence import drawn_screen, findings, last_lines, line_counters, odd_counters
from uartsim.console.guest_output import GuestOutput, as_shown
from uartsim.console.session import Session
from uartsim.console.text.screen import Screen, ScreenModel
from uartsim.errors import UartsimError

#: How many lines of a console a report shows, those that an error has said among them.
REPORTED_LINES: Final = 40
#: How many of the last steps a report shows.
REPORTED_STEPS: Final = 40
#: More lines than anybody has.
_ALL: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """The facts about one console, without what an error has said of it.

    Attributes:
        name: the machine's name.
        before: the last lines, with their times, up to those that the error has said.
        since: the lines that came after that.
        is_told: whether an error has said lines, screen, counters and problems.
        screen: the rows of the screen, if no error has said them and they are not the last lines.
        findings: what there is to say of counters and problems, if no error has; as lines.
        steps: the verbs that were called.
        forgotten: how many there were before these.
        problems: the ids of the problems that were found, each once.
        counters: those counters of the line that are not usual.
    """

    name: str
    before: tuple[str, ...]
    since: tuple[str, ...]
    is_told: bool
    screen: tuple[str, ...]
    findings: tuple[str, ...]
    steps: tuple[Step, ...]
    forgotten: int
    problems: tuple[str, ...]
    counters: dict[str, int]

    @classmethod
    def of(cls, session: Session, told: str = "") -> FailureFacts:
        """The facts of this moment.

        Args:
            session: the console's session.
            told: the texts of the errors that are reported beside the facts.
        """
        received, evidence = session.received, session.evidence_told
        is_told = evidence is not None and evidence.text in told
        counters, now = counters_of(session), now_of(session)
        screen = drawn_screen(received)
        lines = last_lines(received, REPORTED_LINES, screen)
        before, since = lines, lines[:0]
        if is_told and evidence is not None:
            lines = last_lines(received, REPORTED_LINES, evidence.screen)
            before = [line for line in lines if line.start < evidence.begin]
            since = [line for line in lines if line.start >= evidence.end]
        steps = session.steps.shown()
        problems = dict.fromkeys(problem.id for problem in received.monitor.look(counters, now))
        return cls(
            session.name,
            tuple(received.shown(before)),
            tuple(received.shown(since)),
            is_told,
            () if is_told else tuple(screen),
            () if is_told else tuple(findings(received, counters, now, [*(line.text for line in lines), *screen])),
            tuple(steps[-REPORTED_STEPS:]),
            session.steps.count - len(steps[-REPORTED_STEPS:]),
            tuple(problems),
            odd_counters(counters),
        )


@dataclass(frozen=True, slots=True)
class SeenScreen:
    """What the terminal showed when a step ended.

    Attributes:
        step: the step.
        screen: the screen; None where the bytes that drew it are not kept.
    """

    step: Step
    screen: Screen | None


@dataclass(frozen=True, slots=True)
class ConsoleRecord:
    """All that a console has kept of its guest.

    Attributes:
        name: the machine's name.
        log: every line, cleaned, with its time in seconds after the opening.
        pieces: every byte, in pieces, with the same times.
        lost: how many bytes came before those that are kept.
        screens: what the terminal showed at the end of each step.
        last: what it shows now; None if that is its last lines, or what it showed at the end of the last step.
        size: rows and columns of the terminal.
    """

    name: str
    log: tuple[str, ...]
    pieces: tuple[tuple[float, bytes], ...]
    lost: int
    screens: tuple[SeenScreen, ...]
    last: Screen | None
    size: tuple[int, int]

    @classmethod
    def of(cls, session: Session) -> ConsoleRecord:
        """The record of this moment."""
        received = session.received
        transcript, opened = received.transcript, received.opened_at
        screens = _screens(received, session.steps.with_moments())
        last = received.own_lines.hidden_on(received.screen.read()) if drawn_screen(received) else None
        return cls(
            session.name,
            tuple(
                f"{line.at - opened:+9.3f} s  {_whole(line.text)}" for line in received.own_lines.last(_ALL, own=True)
            ),
            tuple((at - opened, data) for at, data in transcript.pieces()),
            transcript.raw_start,
            screens,
            None if screens and screens[-1].screen == last else last,
            (received.screen.rows, received.screen.columns),
        )


def _whole(line: str) -> str:
    """A line of any length as a file shows it."""
    return "".join(as_shown(line[at : at + 100]) for at in range(0, len(line), 100))


def _screens(received: GuestOutput, steps: list[tuple[Step, Moment | None]]) -> tuple[SeenScreen, ...]:
    raw, start = received.transcript.raw, received.transcript.raw_start
    seen: list[SeenScreen] = []
    model, drawn, drawn_as = ScreenModel(), 0, (-1, (0, 0))
    for step, moment in steps:
        if moment is None:
            seen.append(SeenScreen(step, received.own_lines.hidden_on(received.screen.read())))
            continue
        begin = max(moment.boot_at, start)
        if moment.life != received.life or moment.raw_end < begin:
            seen.append(SeenScreen(step, None))
            continue
        if drawn_as != (moment.boot_at, moment.size) or drawn > moment.raw_end:
            model, drawn, drawn_as = ScreenModel(*moment.size), begin, (moment.boot_at, moment.size)
        model.feed(raw[drawn - start : moment.raw_end - start])
        drawn = moment.raw_end
        seen.append(SeenScreen(step, received.own_lines.hidden_on(model.read())))
    return tuple(seen)


def counters_of(session: Session) -> dict[str, int]:
    """The counters of a session's line, also when its machine is off."""
    try:
        return session.counters
    except (UartsimError, RuntimeError):  # its clock is gone
        return line_counters(session.client, None, session.received.matcher.dropped)


def now_of(session: Session) -> float:
    """The time, in seconds of the console's clock; when that is gone, the time of the last output."""
    try:
        return trio.current_time()
    except RuntimeError:
        return session.received.last_output
