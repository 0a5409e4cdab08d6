"""A text that is typed into a line, with the echo read back: nothing is taken for typed that did not come back.

Where a guest only sends back what it was sent (a tty, GRUB, U-Boot), the echo is the text itself, kernel lines aside.
An editor of lines (readline, BusyBox) moves the cursor where a line wraps, and may draw it anew: then a screen that the
kernel does not write on tells whether the text stands before the cursor.

A text that did not come back right is taken back with the key that kills a line, and typed again in smaller pieces, in
the end character by character.  No part of a line is mended: whether a character or its echo was lost cannot be told.
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

#: How much is typed before its echo is awaited, at each attempt, in characters; then the same again.
_PIECES: Final = (256, 16, 1)
#: How often a text is typed.
_ATTEMPTS: Final = 30
#: How often it may fail at the same character when it is typed character by character.
_REPEATS: Final = 4
#: An echo that has not gone on for so long will not, in seconds; and one that is not that of the text.
_PATIENCE_S: Final = 1.0
_OTHER_S: Final = 0.25
#: How long the guest may take to show that it has done with all that was typed, in seconds.
_SYNC_S: Final = 3.0
#: How long an echo may take to come to its end, in seconds.
_MOST_S: Final = 10.0
#: A text of fewer characters is awaited until the guest pauses: the end of something else may look like it.
_TELLING: Final = 4
#: How much of the text before the cursor an editor that scrolls sideways shows for sure, in characters.
_VISIBLE: Final = 20


class TypedLine:
    """One text for one line.

    Args:
        session: the session of the console that is typed at.
        text: printable characters.
        kill: the key that kills the line.
        deadline: when to give up.
        typed_behind: what stood in its row before the text that was typed last; empty if that is not known.

    Attributes:
        typed: what has been typed of the text in this attempt.
        came: what came instead of its last piece.
        begin: what stands in the row before the text.
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
        """There is no time left, or nobody to type to."""
        return self._session.ended or trio.current_time() >= self._deadline

    async def type(self, guest_echoes: bool) -> bool | None:
        """Type the text until it stands.

        Args:
            guest_echoes: it has done so before.

        Returns:
            True if it stands; None if there is no echo at all, and all of the text was sent; False if it failed.
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
        """Leave nothing of the text on the guest's line, as far as can be told at once."""
        session = self._session
        if not session.ended:
            await session.send(self._kill)
            await session.quiet(2 * SETTLE_S, trio.current_time() + _OTHER_S)

    # -- typing -------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """From here on all that comes is the echo, but for kernel lines."""
        self._session.take_all()
        self.typed = self.came = ""
        self._place = self._decided()

    def _decided(self) -> int:
        """Where what has come is known not to be the beginning of a kernel line."""
        matcher = self._received.matcher
        return matcher.buffer.end - len(matcher.held)

    async def _type_in_pieces(self, size: int) -> bool:
        """Type the text into the clean line, each piece after the echo of the one before it."""
        self._start()
        while len(self.typed) < len(self._text):
            at = len(self.typed)
            end = at + size
            # what could begin a kernel line is typed together with what follows it, which tells
            while end < len(self._text) and may_become_prefix(self._text[at:end]) < end - at:
                end += 1
            piece = self._text[at:end]
            self.typed += piece
            await self._session.send(piece)
            if not await self._echoed(piece):
                return False
        return True

    async def _echoed(self, piece: str) -> bool:
        """Whether the piece that was typed comes back."""
        session, sent_at = self._session, trio.current_time()
        steps_s = (SETTLE_S, _OTHER_S, self._patience_s)

        def look(now: float) -> tuple[bool | None, float]:
            echo, decided = compare(self._received.matcher.buffer.slice(self._place, self._received.end), piece)
            # what the line makes of kernel lines may never cease
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
        """What an editor of lines believes to stand before the cursor in its row."""
        edited, screen = self._received.edited, self._received.screen
        if (edited.rows, edited.columns) != (screen.rows, screen.columns):
            edited.resize(screen.rows, screen.columns)
        return edited.row_before_cursor()

    def _stands(self, piece: str) -> bool:
        """Whether what was typed is what stands before the cursor, however it got there."""
        row = self._row()
        if self._received.edited.before_cursor().endswith(self.begin + self.typed):
            return True
        # an editor that scrolls sideways shows only the end of the text: enough for a piece that is not longer
        return len(piece) <= _VISIBLE < len(self.typed) and "<" in row and row.endswith(self.typed[-_VISIBLE:])

    # -- taking it back -----------------------------------------------------------------------------------------

    async def _take_back(self) -> bool:
        """Kill the line, and see that nothing is left of it and nothing is under way.

        The kill may be lost like any other character, and the echo of what was typed before may yet come.  So a word
        made by chance is typed behind the kill: once it stands where the text began, all before it is done with.  Then
        it is killed too.
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
                if length == 1:  # it may be as slow to echo the text
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
        """Whether a word comes to stand where the text began, or on a new line where the kill began one at ``place``."""
        session, sent_at = self._session, trio.current_time()
        begins = {self.begin, self._prompt, self._typed_behind or self.begin}  # the prompt may have come late

        def look(now: float) -> tuple[bool | None, float]:
            row = self._row()
            if row in {begin + word for begin in begins}:
                return True, now
            came = without_kernel_lines(self._received.matcher.buffer.slice(place, self._received.end), "")[0]
            if row == word and came.removeprefix("^U") == "\n" + word:
                return True, now
            # A tty wipes what it has echoed, character by character; where one was lost on its way, a piece of the
            # prompt goes too, and the text does not stand where it began.
            if came != word and came.strip(" ") == word:
                return True, now
            late_at = sent_at + seconds
            return (False if now >= late_at else None), late_at

        return bool(await session.watch(look, self._deadline))

    # -- guests without an echo ---------------------------------------------------------------------------------

    def _is_silent(self) -> bool:
        """Nothing has come since the text began to be typed, but perhaps the prompt, late."""
        sent = self._received.matcher.buffer.slice(self._place, self._received.end)
        plain, _, undecided = without_kernel_lines(sent, self._text)
        return all(part.strip() in ("", self._prompt.strip()) for part in re.split(r"[\r\n]", plain + undecided))

    async def _answers_kill(self) -> bool:
        """Whether a guest that has echoed before does so now: then the text was lost, or is late."""
        self._start()
        await self._session.send(self._kill + "x")
        late_at = trio.current_time() + _SYNC_S

        def look(now: float) -> tuple[bool | None, float]:
            return (None if self._is_silent() else True), late_at

        return bool(await self._session.watch(look, min(late_at, self._deadline)))

    async def _type_unseen(self, keys: str) -> bool | None:
        """Type what is missing at a guest that shows nothing; but the text stands if it is shown after all."""
        self.typed = self._text
        if keys:
            await self._session.send(keys)
            if await self._echoed(self._text):
                return True
        return None if self._is_silent() else False
