"""Typing, with the echo read back: what a slow guest lost is typed anew, and nothing is entered that came out wrong.

Where a guest only sends back what it was sent (a tty, GRUB, U-Boot), the echo is the text itself, kernel lines aside.
An editor of lines (readline, BusyBox) moves the cursor where a line wraps, and may draw it anew: then the screen tells
whether the text stands before the cursor.

A text that did not come back right is taken back with the key that kills a line, and typed again in smaller pieces;
in the end character by character, each after the echo of the one before it, which no guest is too slow for.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.console.core import SETTLE_S, ConsoleCore
from uartsim.console.errors import TypingFailed
from uartsim.console.expectations import Timeout
from uartsim.errors import UsageError

#: Ctrl-U: kills the line in a tty, readline, BusyBox, agetty, GRUB and U-Boot.
KILL_LINE: Final = "\x15"
#: How much is typed before its echo is awaited, at each attempt, in characters.
_PIECES: Final = (256, 16, 1, 1)
#: How often a single character is typed that nothing comes back of.
_REPEATS: Final = 5
#: An echo that has not gone on for so long will not, in seconds.
_PATIENCE_S: Final = 1.0
#: How much of the text before the cursor is compared with the screen, in characters: an editor that scrolls sideways
#: shows no more.
_VISIBLE: Final = 20


class TypingVerbs(ConsoleCore):
    """``send``, ``sendline``, ``type``, ``send_secret``."""

    #: How an error names what is typed, where that is not what the caller gave.
    _typed_for: str | None = None

    async def send(self, data: str | bytes) -> None:
        """Send characters to the guest, over the line at its speed.

        Raises:
            GuestEnded: the guest has ended.
            ConsoleClosed: the console is closed.
        """
        __tracebackhide__ = True
        if not isinstance(data, (str, bytes, bytearray)):
            raise UsageError(f"{data!r} cannot be sent: give text or bytes")
        self._check_running("send()")
        await self._send(data)

    async def sendline(self, line: str | bytes = "") -> None:
        """Send characters and then Enter, which is ``\\r``.

        Raises:
            as :meth:`send`.
        """
        __tracebackhide__ = True
        if not isinstance(line, (str, bytes, bytearray)):
            raise UsageError(f"{line!r} cannot be sent: give text or bytes")
        await self.send(line + "\r" if isinstance(line, str) else line + b"\r")

    async def type(
        self,
        text: str,
        verify: bool = True,
        *,
        kill: str = KILL_LINE,
        timeout: Timeout = "default",  # noqa: ASYNC109 - pexpect's word, and part of the error
    ) -> None:
        """Type a text into a line that was empty, without Enter, and see that it came back as it was typed.

        Args:
            text: printable characters.
            verify: False types without looking, as :meth:`send`.
            kill: what takes back the line that is being typed: Ctrl-U; ``"\\x1b"`` (Esc) in a UEFI shell.
            timeout: seconds for all; None for ever.

        Raises:
            TypingFailed: the guest echoes nothing, or something else however slowly one types.
            UsageError: control characters are in the text; they have no echo.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        if not isinstance(text, str):
            raise UsageError(f"{text!r} cannot be typed: give text")
        if not verify:
            await self.send(text)
            return
        if not text.isprintable():
            odd = next(c for c in text if not c.isprintable())
            raise UsageError(f"{text!r} cannot be verified: {odd!r} has no echo; send() it")
        self._check_running("type()")
        with self._one_wait(f"type({text!r})"):
            deadline = self._deadline(timeout)
            await self._quiet(SETTLE_S, deadline, begin=self._last_output)  # a prompt may be on its way
            if not await self._type(text, kill, deadline):
                raise TypingFailed(
                    f"{text!r} was typed, and {self._name} echoed nothing; send() types without an echo{self._evidence()}"
                )

    async def send_secret(self, secret: str, enter: bool = True) -> None:
        """Type a password: masked in the record, and never in a message.

        It is sent when the guest has been silent for a moment, so that what asks for it has switched its echo off.

        Args:
            secret: the password.
            enter: whether Enter follows.

        Raises:
            as :meth:`send`.
        """
        __tracebackhide__ = True
        if not isinstance(secret, str):
            raise UsageError(f"send_secret(): give the password as text, not as {type(secret).__name__}")
        _utf8(secret, "send_secret(): the password")
        self._check_running("send_secret()")
        with self._one_wait("send_secret()"):
            await self._quiet(SETTLE_S, trio.current_time() + _PATIENCE_S, begin=self._last_output)
            await self._send_masked(secret, enter)

    # -- for the other verbs ------------------------------------------------------------------------------------

    async def _send(self, data: str | bytes) -> None:
        if isinstance(data, str):
            _utf8(data, "the text to send")  # before anything is noted as typed
        self._last_sent = trio.current_time()
        self._take_all()
        self._echoes.typed(data)
        self._guard.watch.typed(data)
        await self._client.send(data.encode() if isinstance(data, str) else bytes(data))

    async def _send_masked(self, secret: str, enter: bool) -> None:
        if secret:
            self._last_sent = trio.current_time()
            await self._client.send(secret.encode(), secret=True)
        if enter:
            await self._send("\r")

    async def _type(self, text: str, kill: str, deadline: float) -> bool:
        """Type and verify; False if there is no echo at all: all of the text has been sent then.

        Raises:
            TypingFailed: it could not be typed.
            ExpectTimeout, GuestEnded: it was not done by the deadline.
        """
        __tracebackhide__ = True
        begin = trio.current_time()
        prompt = self._prompt_place()
        came: str | None = ""
        typed = ""
        for attempt, size in enumerate(_PIECES):
            if attempt:
                await self._take_back(kill, prompt, deadline)
            typed = ""
            for at in range(0, len(text), size):
                piece = text[at : at + size]
                typed += piece
                came = await self._type_piece(piece, typed, deadline)
                if came is not None:
                    break
            else:
                return True
            if self._ended or trio.current_time() >= deadline:
                self._raise_unfinished(f"the echo of {self._typed_for or repr(text)} was expected", begin, deadline)
            if not came and attempt == 0 and len(typed) == len(text):
                return False
        raise TypingFailed(
            f"{self._typed_for or repr(text)} does not come back as it is typed, however slowly: {typed[-1:]!r} came as "
            f"{(came or '')[-80:]!r}{self._evidence()}"
        )

    async def _type_piece(self, piece: str, typed: str, deadline: float) -> str | None:
        """Type a piece; None if it came back, else what did.

        A single character that nothing came back of was lost, and is typed again.
        """
        for _ in range(_REPEATS if len(piece) == 1 else 1):
            mark = self._end
            await self._send(piece)
            if await self._echoed(piece, typed, mark, deadline):
                return None
            if came := self._since(mark):
                return came
        return ""

    async def _echoed(self, piece: str, typed: str, mark: int, deadline: float) -> bool:
        """Whether what came since ``mark`` shows the piece."""
        sent_at = trio.current_time()

        def look(now: float) -> tuple[bool | None, float]:
            echo = self._since(mark)
            if _is_echo(echo, piece):
                return True, now
            quiet_from = max(self._last_output, sent_at)
            if echo and now >= quiet_from + SETTLE_S and _stands(typed, self._screen.read().before_cursor):
                return True, now
            if now >= quiet_from + _PATIENCE_S:
                return False, now
            return None, quiet_from + (SETTLE_S if now < quiet_from + SETTLE_S else _PATIENCE_S)

        return bool(await self._watch(look, deadline))

    def _prompt_place(self) -> int | str:
        """Where the line begins that is typed into: the cursor's column on a drawn screen, else the prompt."""
        if self._screen.is_drawn:
            return self._screen.read().cursor[1]
        return self._matcher.plain_line.rstrip()

    async def _take_back(self, kill: str, prompt: int | str, deadline: float) -> None:
        """Kill the line, until the cursor is back where it was: the kill may be lost like any other character."""
        for _ in range(3):
            await self._send(kill)
            await self._quiet(2 * SETTLE_S, deadline)
            screen = self._screen.read()
            if screen.cursor[1] in (0, prompt):
                return
            if isinstance(prompt, str) and screen.before_cursor.rstrip().endswith(prompt[-_VISIBLE:]):
                return


def _is_echo(echo: str, piece: str) -> bool:
    """Whether a text is the echo of a piece, perhaps wrapped: readline wraps with space and CR, BusyBox with a line end."""
    if echo == piece:
        return True
    joined = echo.replace("\n", "")
    return joined.replace(" \r", "").replace("\r", "") == piece or joined.replace("\r", "") == piece


def _stands(typed: str, before_cursor: str) -> bool:
    """Whether what was typed is what stands before the cursor."""
    if before_cursor.endswith(typed):
        return True
    tail = typed[-_VISIBLE:]
    return len(typed) > _VISIBLE and "<" in before_cursor[-78:] and before_cursor.endswith(tail)


def _utf8(text: str, what: str) -> None:
    """UsageError where ``text`` cannot be written as UTF-8; the message does not say it, for it may be a password."""
    position = next((at for at, character in enumerate(text) if "\ud800" <= character <= "\udfff"), None)
    if position is not None:
        raise UsageError(
            f"{what} has a lone surrogate as its character {position + 1}, which UTF-8 cannot write: give bytes to send(), "
            "or text without it"
        )
