"""The steps of a console: each verb that a test called, when, how long it took, and how it ended.  No I/O.

Only what the caller called is a step: a verb that calls another one is one step.  What was sent is shown as text only
where the guest has echoed it; else as a number of characters, for it may be a password.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import trio

from uartsim.console.guest_output import GuestOutput
from uartsim.console.live_log import log_step
from uartsim.console.text.echoes import echo_expression
from uartsim.printable import quoted

#: How many steps are kept; of earlier ones only their number.
KEPT: Final = 1000
#: How far behind the place where it was typed an echo may end, in characters, besides its own length.
_REACH: Final = 4096
#: What a key such as an arrow sends: it is no text.
_KEY: Final = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z~]|O[A-Za-z])|[^ -~\xa0-\U0010ffff]")


@dataclass(slots=True)
class _Typed:
    """What a step sent, and the end of the guest's text then."""

    verb: str
    data: str | bytes
    place: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the guest's output, from which the screen can be drawn again.

    Attributes:
        life: which record of the guest's bytes it is in: another one after a snapshot was restored.
        raw_end: how many bytes had come.
        boot_at: how many of them came before the last reset.
        size: rows and columns of the screen.
    """

    life: int
    raw_end: int
    boot_at: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One verb that was called.

    Attributes:
        what: the call, such as ``expect('login: ')``; what was typed is in it only if the guest has echoed it.
        at: when it began, in seconds after the console was opened.
        seconds: how long it took; None while it is under way.
        outcome: the name of the error that ended it; empty if none did.
    """

    what: str
    at: float
    seconds: float | None = None
    outcome: str = ""

    def __str__(self) -> str:
        took = "         -" if self.seconds is None else f"{self.seconds:8.3f} s"
        return f"{self.at:+9.3f} s {took}  {self.what}{f'  {self.outcome}' if self.outcome else ''}"


class _Begun:
    """A step as it is kept."""

    __slots__ = ("at", "moment", "outcome", "seconds", "what")

    def __init__(self, what: str | _Typed, at: float) -> None:
        self.what = what
        self.at = at
        self.seconds: float | None = None
        self.outcome = ""
        self.moment: Moment | None = None


class Steps:
    """The steps of one console.

    Args:
        received: what its guest has sent.
    """

    def __init__(self, received: GuestOutput) -> None:
        self._received = received
        self._kept: deque[_Begun] = deque(maxlen=KEPT)
        #: How many there were.
        self.count = 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A block that is the step ``what``, unless it is part of another step of this console."""
        __tracebackhide__ = True
        with self._step(what, what, waits=True):
            yield

    @contextmanager
    def sending(self, verb: str, data: str | bytes) -> Iterator[None]:
        """A block that is the step of sending ``data`` by ``verb``, unless it is part of another step."""
        __tracebackhide__ = True
        typed = _Typed(verb, bytes(data) if isinstance(data, (bytes, bytearray)) else data, self._received.end)
        with self._step(typed, _counted(typed), waits=False):
            yield

    @contextmanager
    def _step(self, what: str | _Typed, shown: str, *, waits: bool) -> Iterator[None]:
        __tracebackhide__ = True
        if _inside.get() is self:
            yield
            return
        received = self._received
        begun = _Begun(what, trio.current_time() - received.opened_at)
        self._kept.append(begun)
        self.count += 1
        if waits:
            log_step(received.name, begun.at, shown)
        token = _inside.set(self)
        try:
            yield
        except BaseException as error:
            begun.outcome = type(error).__name__
            raise
        finally:
            _inside.reset(token)
            now = trio.current_time() - received.opened_at
            begun.seconds = max(0.0, now - begun.at)
            begun.moment = moment_of(received)
            log_step(received.name, now, shown, begun.seconds, begun.outcome)

    def shown(self) -> list[Step]:
        """All that are kept, oldest first."""
        return [step for step, _ in self.with_moments()]

    def with_moments(self) -> list[tuple[Step, Moment | None]]:
        """The same, each with the moment of its end; None while it is under way."""
        return [
            (Step(self._text(begun.what), begun.at, begun.seconds, begun.outcome), begun.moment) for begun in self._kept
        ]

    def _text(self, what: str | _Typed) -> str:
        if isinstance(what, str):
            return what
        return f"{what.verb}({quoted(what.data)})" if self._was_echoed(what) else _counted(what)

    def _was_echoed(self, typed: _Typed) -> bool:
        transcript = self._received.transcript
        start = transcript.text_end - len(transcript.text)
        place = typed.place - start
        if place < 0:  # it is not kept any more
            return not _characters(typed)
        for part in _KEY.split(_as_text(typed)):
            text = transcript.text[place : place + _REACH + 3 * len(part)]
            if part and not (found := echo_expression(part).search(text)):
                return False
            place += found.end() if part and found else 0
        return True


#: The steps of the console whose verb runs in this task.
_inside: ContextVar[Steps | None] = ContextVar("_inside", default=None)


def moment_of(received: GuestOutput) -> Moment:
    """The present moment."""
    screen = received.screen
    return Moment(received.life, received.transcript.raw_end, received.boot_at, (screen.rows, screen.columns))


def _as_text(typed: _Typed) -> str:
    text = typed.data.decode("utf-8", "replace") if isinstance(typed.data, bytes) else typed.data
    return text + "\r" if typed.verb == "sendline" else text


def _characters(typed: _Typed) -> int:
    return sum(map(len, _KEY.split(_as_text(typed))))


def _counted(typed: _Typed) -> str:
    """The call without what was sent, unless that is keys and no text."""
    count = _characters(typed)
    if not count:
        return f"{typed.verb}({quoted(typed.data) if typed.data else ''})"
    return f"{typed.verb}({count} character{'s' if count > 1 else ''} without an echo)"
