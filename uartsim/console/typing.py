"""Typing: a text, a line, a password.

What is typed is read back (``typed_line.py``): what a slow guest lost is typed anew, and nothing is entered that came
out wrong.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.console.console_errors import TypingFailed
from uartsim.console.core import SETTLE_S, ConsoleCore
from uartsim.console.expectations import Timeout
from uartsim.console.typed_line import TypedLine
from uartsim.errors import UsageError

#: Ctrl-U: kills the line in a tty, readline, BusyBox, agetty, GRUB and U-Boot.
KILL_LINE: Final = "\x15"
#: How long a guest may take to fall silent before a password is sent, in seconds.
_PATIENCE_S: Final = 1.0


class TypingVerbs(ConsoleCore):
    """``send``, ``sendline``, ``type``, ``send_secret``."""

    #: How an error names what is typed, where that is not what the caller gave.
    _typed_for: str | None = None
    #: The guest has sent back what was typed last.
    _guest_echoes: bool = False
    #: What stood before the text in its row that was typed last.
    _typed_behind: str = ""

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
            # a prompt may be on its way
            await self._quiet(SETTLE_S, min(deadline, trio.current_time() + _PATIENCE_S), begin=self._spoke_at)
            if not await self._type(text, kill, deadline):
                await self._send(kill)
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
            await self._quiet(SETTLE_S, trio.current_time() + _PATIENCE_S, begin=self._spoke_at)
            await self._send_masked(secret, enter)

    # -- for the other verbs ------------------------------------------------------------------------------------

    async def _send(self, data: str | bytes) -> None:
        if isinstance(data, str):
            _utf8(data, "the text to send")  # before anything is noted as typed
        self._last_sent = trio.current_time()
        self._take_all()
        self._echoes.typed(data)
        self._monitor.watch.typed(data)
        await self._client.send(data.encode() if isinstance(data, str) else bytes(data))

    async def _send_masked(self, secret: str, enter: bool) -> None:
        if secret:
            self._last_sent = trio.current_time()
            await self._client.send(secret.encode(), secret=True)
        if enter:
            await self._send("\r")

    async def _type(self, text: str, kill: str, deadline: float) -> bool:
        """Type and verify; False if there is no echo at all: all of the text has been sent then.

        Nothing of the text is left on the guest's line by a failure, as far as the kill key reaches it.

        Raises:
            TypingFailed: it could not be typed.
            ExpectTimeout, GuestEnded: it was not done by the deadline.
        """
        __tracebackhide__ = True
        line = TypedLine(self, text, kill, deadline)
        stands = await line.type(self._guest_echoes)
        if stands is None:
            self._guest_echoes = False
            return False
        if stands:
            self._guest_echoes, self._typed_behind = True, line.begin
            return True
        is_over, what = line.is_over, self._typed_for or repr(text)
        evidence = self._evidence()
        await line.clear()
        if is_over:
            self._raise_unfinished(f"the echo of {what} was expected", self._began, deadline)
        raise TypingFailed(
            f"{what} does not come back as it is typed, however slowly: {line.typed[-1:]!r} came as "
            f"{line.came[-80:]!r}{evidence}"
        )


def _utf8(text: str, what: str) -> None:
    """UsageError where ``text`` cannot be written as UTF-8; the message does not say it, for it may be a password."""
    position = next((at for at, character in enumerate(text) if "\ud800" <= character <= "\udfff"), None)
    if position is not None:
        raise UsageError(
            f"{what} has a lone surrogate as its character {position + 1}, which UTF-8 cannot write: give bytes to send(), "
            "or text without it"
        )
