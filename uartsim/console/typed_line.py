"""Types a text into a line and reads the echo back: only what came back counts as typed.

Where a guest only sends back what it was sent (a tty, GRUB, U-Boot), the echo is the text itself, apart from kernel
lines.  A line editor (readline, BusyBox) moves the cursor where a line wraps, and may redraw it: then a screen that the
kernel does not write on shows whether the text is before the cursor.

A text that came back wrong is deleted with the key that kills a line, and typed again in smaller pieces, in the end
character by character.  No part of a line is repaired, because a lost character cannot be told from a lost echo.
"""

from __future__ import annotations

import itertools
import random
import re
import string
from collections import Counter
from typing import Final

import trio

from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.console.text.echo_check import Echo, compare
from uartsim.console.text.kernel_prefix import may_become_prefix, without_kernel_lines

#: How many characters are typed before their echo is awaited, at each attempt; then from the beginning again.
_PIECES: Final = (256, 16, 1)
#: How many times a text is typed.
_ATTEMPTS: Final = 30
#: How many times it may fail at the same character when it is typed character by character.
_REPEATS: Final = 4
#: After how long without progress an echo counts as lost, and one that differs from the text, in seconds.
_PATIENCE_S: Final = 1.0
_OTHER_S: Final = 0.25
#: How long the guest may take to show that it has processed all that was typed, in seconds.
_SYNC_S: Final = 3.0
#: How long an echo may take altogether, in seconds.
_MOST_S: Final = 10.0
#: The echo of a text of fewer characters counts only when the guest pauses: the end of other text may look like it.
_TELLING: Final = 4
#: How many characters before the cursor an editor that scrolls sideways is sure to show.
_VISIBLE: Final = 20


class TypedLine:
    """One text for one line.

    Args:
        session: the session of the console that is typed at.
        text: printable characters.
        kill: the key that kills the line.
        deadline: when to give up.
        typed_behind: what was before the text that was typed last in its row; empty if that is not known.

    Attributes:
        typed: what has been typed of the text in this attempt.
        came: what came instead of its last piece.
        begin: what is before the text in its row.
    """

    def __init__(self, session: Session, text: str, kill: str, deadline: float, typed_behind: str = "") -> None:
        self.typed = ""
        self.came = ""
        self._session = session
        self._received = session.received
        self._text = text
        self._kill = kill
        self._deadline = deadline
        self._place = 0  # in the text as sent: all before it is the echo of what has been typed, or came earlier
        self._patience_s = _PATIENCE_S
        self._typed_behind = typed_behind
        session.take_all()
        self.begin = self._prompt = self._row()

    @property
    def is_over(self) -> bool:
        """Whether there is no time left, or the guest has ended."""
        return self._session.ended or trio.current_time() >= self._deadline

    async def type(self, guest_echoes: bool) -> bool | None:
        """Type the text until it has come back right.

        Args:
            guest_echoes: whether the guest has echoed before.

        Returns:
            True if it came back right; None if there is no echo at all, and all of the text was sent; False if it failed.
        """
        failed_at: Counter[int] = Counter()
        for attempt, size in zip(range(_ATTEMPTS), itertools.cycle(_PIECES), strict=False):
            if attempt and not await self._take_back():
                return False
            if await self._type_in_pieces(size):
                return True
            if self.is_over:
                return False
            if attempt == 0 and self._is_silent():
                if not guest_echoes:
                    return await self._type_unseen(self._text[len(self.typed) :])
                if not await self._answers_kill():
                    return await self._type_unseen(self._kill + self._text)
            failed_at[len(self.typed)] += size == 1
            if failed_at[len(self.typed)] >= _REPEATS:
                return False
        return False

    async def clear(self) -> None:
        """Delete the text from the guest's line, without checking that."""
        session = self._session
        if not session.ended:
            await session.send(self._kill)
            await session.quiet(2 * SETTLE_S, trio.current_time() + _OTHER_S)

    # -- typing -------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start an attempt: from here on, all that comes is the echo, except for kernel lines."""
        self._session.take_all()
        self.typed = self.came = ""
        self._place = self._decided()

    def _decided(self) -> int:
        """The place up to which it is known what is a kernel line."""
        matcher = self._received.matcher
        return matcher.buffer.end - len(matcher.held)

    async def _type_in_pieces(self, size: int) -> bool:
        """Type the text into the empty line, each piece after the echo of the one before it."""
        self._start()
        while len(self.typed) < len(self._text):
            at = len(self.typed)
            end = at + size
            # what could begin a kernel line is typed together with the next characters, which decide
            while end < len(self._text) and may_become_prefix(self._text[at:end]) < end - at:
                end += 1
            piece = self._text[at:end]
            self.typed += piece
            await self._session.send(piece)
            if not await self._echoed(piece):
                return False
        return True

    async def _echoed(self, piece: str) -> bool:
        """Wait for the echo of a piece; returns whether it came."""
        session, sent_at = self._session, trio.current_time()
        steps_s = (SETTLE_S, _OTHER_S, self._patience_s)

        def look(now: float) -> tuple[bool | None, float]:
            echo, decided = compare(self._received.matcher.buffer.slice(self._place, self._received.end), piece)
            # damaged kernel lines may never cease
            spoke_at = min(max(self._received.spoke_at, sent_at), sent_at + _MOST_S)
            settled, late = now >= spoke_at + SETTLE_S, now >= spoke_at + self._patience_s
            if (echo is Echo.WHOLE and (settled or len(self._text) >= _TELLING)) or (echo is Echo.LIKELY and late):
                self._place += decided
                return True, now
            if settled and echo is not Echo.NOTHING and self._stands(piece):
                self._place = self._decided()
                return True, now
            if late or (echo is Echo.OTHER and now >= spoke_at + _OTHER_S):
                return False, now
            return None, min(spoke_at + step_s for step_s in steps_s if now < spoke_at + step_s)

        if await session.watch(look, self._deadline):
            return True
        self.came = without_kernel_lines(self._received.matcher.buffer.slice(self._place, self._received.end), piece)[0]
        return False

    def _row(self) -> str:
        """What a line editor believes to be before the cursor in its row."""
        edited, screen = self._received.edited, self._received.screen
        if (edited.rows, edited.columns) != (screen.rows, screen.columns):
            edited.resize(screen.rows, screen.columns)
        return edited.row_before_cursor()

    def _stands(self, piece: str) -> bool:
        """Whether what was typed is before the cursor, however it got there."""
        row = self._row()
        if self._received.edited.before_cursor().endswith(self.begin + self.typed):
            return True
        # an editor that scrolls sideways shows only the end of the text: enough for a piece that is not longer
        return len(piece) <= _VISIBLE < len(self.typed) and "<" in row and row.endswith(self.typed[-_VISIBLE:])

    # -- deleting it -----------------------------------------------------------------------------------------

    async def _take_back(self) -> bool:
        """Kill the line, and check that nothing is left of it and nothing more comes; returns whether that is so.

        The kill key may be lost like any other, and the echo of what was typed before may still be coming.  So a random
        word is typed behind the kill: once it is where the text began, all that came before has been processed.  Then it is
        killed too.
        """
        session = self._session
        for _ in range(_REPEATS):
            word = "".join(random.choices(string.ascii_lowercase, k=3))
            begun_at = trio.current_time()
            place = self._received.end
            await session.send(self._kill)
            await session.quiet(SETTLE_S, min(self._deadline, trio.current_time() + _OTHER_S))
            for length in range(1, len(word) + 1):
                await session.send(word[length - 1])
                if not await self._shows(word[:length], place, _SYNC_S if length == 1 else _PATIENCE_S):
                    break
                if length == 1:  # the echo of the text may be as slow
                    self._patience_s = max(self._patience_s, 2 * (trio.current_time() - begun_at))
            else:
                place = self._received.end
                await session.send(self._kill)
                if await self._shows("", place, self._patience_s):
                    self.begin = self._row()
                    return True
            if self.is_over:
                break
        return False

    async def _shows(self, word: str, place: int, seconds: float) -> bool:
        """Wait until a word is where the text began, or on a new line that the kill began at ``place``; False if it is not."""
        session, sent_at = self._session, trio.current_time()
        begins = {self.begin, self._prompt, self._typed_behind or self.begin}  # the prompt may have come late

        def look(now: float) -> tuple[bool | None, float]:
            row = self._row()
            came = without_kernel_lines(self._received.matcher.buffer.slice(place, self._received.end), "")[0]
            shows = any(_stands_behind(row, begin, word) for begin in begins)
            shows |= row == word and came.removeprefix("^U") == "\n" + word
            # A tty erases what it has echoed character by character; if a character of the echo was lost, a piece of the
            # prompt is erased too, and the text is not where it began.
            shows |= came != word and came.strip(" ") == word
            late_at = sent_at + seconds
            # while a line is erased it may look empty before all of that has come
            settled_at = self._received.spoke_at + SETTLE_S if shows and not word else now
            if now >= min(settled_at, late_at):
                return (True if shows else False if now >= late_at else None), late_at
            return None, min(settled_at, late_at)

        return bool(await session.watch(look, self._deadline))

    # -- guests without an echo ---------------------------------------------------------------------------------

    def _is_silent(self) -> bool:
        """Whether nothing has come since the attempt began, except perhaps the prompt."""
        sent = self._received.matcher.buffer.slice(self._place, self._received.end)
        plain, _, undecided = without_kernel_lines(sent, self._text)
        return all(part.strip() in ("", self._prompt.strip()) for part in re.split(r"[\r\n]", plain + undecided))

    async def _answers_kill(self) -> bool:
        """Whether a guest that has echoed before still does; then the text was lost, or its echo is late."""
        self._start()
        await self._session.send(self._kill + "x")
        late_at = trio.current_time() + _SYNC_S

        def look(now: float) -> tuple[bool | None, float]:
            return (None if self._is_silent() else True), late_at

        return bool(await self._session.watch(look, min(late_at, self._deadline)))

    async def _type_unseen(self, keys: str) -> bool | None:
        """Type the rest at a guest that echoes nothing.

        Returns:
            True if the text came back after all; None if nothing came; False if something else did.
        """
        self.typed = self._text
        if keys:
            await self._session.send(keys)
            if await self._echoed(self._text):
                return True
        return None if self._is_silent() else False


def _stands_behind(row: str, begin: str, word: str) -> bool:
    """Whether a word is all that is behind what the text began at.

    A shell that reports the end of a job prints its prompt again, in the row in which characters were echoed meanwhile.
    """
    return row == begin + word or (bool(begin.strip()) and row[max(0, row.find(begin)) :] == begin + word)
