"""Which of what is typed the guest echoes: only that is recorded as text.  No I/O, no clock.

A password is typed where the guest echoes nothing.  Nobody tells the record so, neither a person's terminal nor a program
that opens the pty.  So the record waits for the echo.

What is typed is divided into *stretches* of characters, which end at a control character, such as that of Enter, or when
nothing was typed for a while.  A stretch is echoed if all its characters come back, in their order, as the first that the
guest sends after they were typed.  Anything else, such as a line of the kernel's in between, makes it hidden, and with it
what is typed up to the next Enter: text that happens to be like a part of a password is not its echo.

Control characters and the sequences of keys, such as those of the arrows, are no secret, and are passed on as they are.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from uartsim.control_sequences import ControlSequenceParser, Kind
from uartsim.line_format import TICKS_PER_SECOND

#: How long a stretch waits for its echo, or for its next character, in ticks.
PATIENCE: Final = 2 * TICKS_PER_SECOND
#: The longest stretch, in characters; a longer one is several.
LONGEST: Final = 4096
#: How many stretches wait at most: with more, as when a file is poured into the line, all that waits is hidden.
MOST_WAITING: Final = 1024
#: What is typed: a key's sequence or control characters, or characters.
_TYPED: Final = re.compile(
    rb"(?P<keys>(?:\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])|[\x00-\x1f\x7f])+)|(?P<text>[^\x00-\x1f\x7f]+)"
)
#: What stands in an echo beside the characters: an erased character, a line that is wrapped, and single controls.
_NO_ECHO: Final = re.compile(rb"\x08 \x08| \r(?!\n)|[\x00-\x09\x0b-\x1f\x7f]")

#: Before a line feed, a space that was typed; before anything else, where a line is wrapped.
_MAY_BE_WRAPPED: Final = b" \r"


class Typed(NamedTuple):
    """What a record says of something that was typed.

    Attributes:
        at: when it was typed, in ticks.
        data: the bytes; empty if they are hidden.
        hidden: how many bytes are hidden.
    """

    at: int
    data: bytes
    hidden: int = 0


@dataclass(slots=True)
class _Stretch:
    """Something typed that waits for its turn.

    Attributes:
        at: when it was typed; ``last`` is when its last character was.
        is_text: whether an echo is needed.
        echoed: how many of its characters have come back.
        closed: whether no more characters can belong to it.
        hidden: whether it has become clear that it is not echoed.
        passed: whether everything before it is decided, and so the line end that it brings may come next.
    """

    at: int
    last: int
    data: bytes
    is_text: bool
    closed: bool
    echoed: int = 0
    hidden: bool = False
    passed: bool = False

    @property
    def is_open(self) -> bool:
        return self.is_text and not self.closed

    @property
    def is_decided(self) -> bool:
        return not self.is_text or (self.closed and (self.hidden or self.echoed == len(self.data)))


class EchoWitness:
    """Decides what of the input is recorded."""

    def __init__(self) -> None:
        self._waiting: deque[_Stretch] = deque()
        self._parser = ControlSequenceParser()
        self._hiding = False  # what is typed up to the next Enter
        self._line_ends = 0  # Enters whose line end the guest has not sent yet
        self._held = b""  # what the guest has sent and only its next character explains

    @property
    def undecided(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def typed(self, data: bytes, at: int, *, secret: bool = False, plain: bool = False) -> list[Typed]:
        """``data`` was sent to the guest.

        Args:
            data: what was sent.
            at: when, in ticks.
            secret: it is hidden, whatever the guest echoes.
            plain: it is no secret, whether the guest echoes it or not.

        Returns:
            What is decided now.
        """
        self._give_up(at)
        if secret or plain:
            self._add(_Stretch(at, at, data, is_text=secret, closed=True, hidden=secret))
            return self._decided()
        flood: list[Typed] = []
        for found in _TYPED.finditer(data):
            if found["text"] is None:
                self._add(_Stretch(at, at, found[0], is_text=False, closed=True))
                if _ends_line(found[0]):
                    self._hiding = False
                continue
            last = self._waiting[-1] if self._waiting else None
            if last is not None and last.is_open and len(last.data) < LONGEST:
                last.data += found[0]
                last.last = at
            else:
                self._add(_Stretch(at, at, found[0], is_text=True, closed=False, hidden=self._hiding))
            if len(self._waiting) > MOST_WAITING:
                flood += self.finish()
        return flood + self._decided()

    def _add(self, stretch: _Stretch) -> None:
        self._close_last()
        self._waiting.append(stretch)

    def heard(self, data: bytes, at: int) -> list[Typed]:
        """The guest has sent ``data``; returns what is decided now."""
        if not self._waiting:
            self._held = b""
            if self._line_ends and b"\n" in data:
                self._line_ends = 0
            return []
        self._give_up(at)
        text = self._held + b"".join(token.data for token in self._parser.feed(data) if token.kind is Kind.TEXT)
        self._held = _MAY_BE_WRAPPED if text.endswith(_MAY_BE_WRAPPED) else b""
        self._compare(text.removesuffix(self._held))
        return self._decided()

    def _compare(self, text: bytes) -> None:
        """Compare what the guest has sent with what waits for its echo."""
        text = _NO_ECHO.sub(b"", text)
        for stretch in self._waiting:
            self._pass(stretch)
            if self._line_ends and text.startswith(b"\n"):
                text, self._line_ends = text[1:], self._line_ends - 1
            if not text or not stretch.is_text or stretch.hidden or stretch.echoed == len(stretch.data):
                continue
            wanted = stretch.data[stretch.echoed :]
            if text.startswith(wanted):
                stretch.echoed = len(stretch.data)
                text = text[len(wanted) :]
            elif wanted.startswith(text):
                stretch.echoed += len(text)
                text = b""
            else:
                self._hide(stretch)
                break

    def overdue(self, at: int) -> list[Typed]:
        """What is decided by ``at`` ticks because no echo has come."""
        self._give_up(at)
        return self._decided()

    def finish(self) -> list[Typed]:
        """Decide everything that waits: it is not waited for any longer."""
        self._release()
        self._close_last()
        for stretch in self._waiting:
            stretch.hidden |= not stretch.is_decided
        return self._decided()

    def _release(self) -> None:
        """Nothing follows what was held: it was a space, and no wrapped line."""
        held, self._held = self._held, b""
        if held:
            self._compare(held[:1])

    def _close_last(self) -> None:
        if self._waiting:
            self._waiting[-1].closed = True

    def _hide(self, first: _Stretch) -> None:
        """Hide a stretch and what follows it up to an Enter."""
        begun = False
        for stretch in self._waiting:
            begun = begun or stretch is first
            if begun and stretch.is_text:
                stretch.hidden = True
            elif begun and _ends_line(stretch.data):
                stretch.passed = True  # where its line end was is not known
                return
        self._hiding = True

    def _pass(self, stretch: _Stretch) -> None:
        if not stretch.is_text and not stretch.passed:
            stretch.passed = True
            self._line_ends += _ends_line(stretch.data)

    def _give_up(self, at: int) -> None:
        for stretch in self._waiting:
            if at - stretch.last <= PATIENCE:
                return  # what was typed later is not overdue either
            self._release()
            if stretch.is_text:
                stretch.closed = True
                self._line_ends = 0
                if stretch.echoed < len(stretch.data) and not stretch.hidden:
                    self._hide(stretch)

    def _decided(self) -> list[Typed]:
        """Take out what is decided; nothing overtakes what is not."""
        decided = []
        while self._waiting and self._waiting[0].is_decided:
            stretch = self._waiting.popleft()
            self._pass(stretch)
            hidden = stretch.is_text and stretch.hidden
            decided.append(Typed(stretch.at, b"", len(stretch.data)) if hidden else Typed(stretch.at, stretch.data))
        return decided


def _ends_line(data: bytes) -> bool:
    """Whether the characters of control keys end a line."""
    return b"\r" in data or b"\n" in data
