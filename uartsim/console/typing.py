"""Typing: a text, a line, a password.

What is typed is read back (``typed_line.py``): what a slow guest lost is typed again, and nothing is entered that came
out wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

from uartsim.console.arguments import check_utf8
from uartsim.console.console_errors import TypingFailed
from uartsim.console.expectations import Timeout
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.console.typed_line import TypedLine
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: Ctrl-U: kills the line in a tty, readline, BusyBox, agetty, GRUB and U-Boot.
KILL_LINE: Final = "\x15"
#: How long to wait for a guest to fall silent before a password is sent, in seconds.
_PATIENCE_S: Final = 1.0


class Typing:
    """``send``, ``sendline``, ``type`` and ``send_secret`` of a console, and how other verbs type.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._typed_for: str | None = None  # what messages call the text that is typed
        self._guest_echoes = False  # it has sent back what was typed last
        self._typed_behind = ""  # what stood in its row before the text that was typed last

    async def send(self, data: str | bytes) -> None:
        """See ``Console.send``."""
        __tracebackhide__ = True
        if not isinstance(data, (str, bytes, bytearray)):
            raise UsageError(f"{quoted(data)} cannot be sent: give text or bytes")
        self._session.check_running("send()")
        with self._session.steps.sending("send", data):
            await self._session.send(data)

    async def sendline(self, line: str | bytes) -> None:
        """See ``Console.sendline``."""
        __tracebackhide__ = True
        if not isinstance(line, (str, bytes, bytearray)):
            raise UsageError(f"{quoted(line)} cannot be sent: give text or bytes")
        self._session.check_running("sendline()")
        with self._session.steps.sending("sendline", line):
            await self._session.send(line + "\r" if isinstance(line, str) else line + b"\r")

    async def type(self, text: str, verify: bool, kill: str, timeout: Timeout) -> None:
        """See ``Console.type``."""
        __tracebackhide__ = True
        session = self._session
        if not isinstance(text, str):
            raise UsageError(f"{quoted(text)} cannot be typed: give text")
        if not isinstance(kill, str):
            raise UsageError(f"type(): kill is {quoted(kill)}: give the keys as text, such as '\\x15' for Ctrl-U")
        if not verify:
            await self.send(text)
            return
        if not text.isprintable():
            odd = next(c for c in text if not c.isprintable())
            raise UsageError(f"{text!r} cannot be verified: {odd!r} has no echo; send() it")
        session.check_running("type()")
        with session.one_wait(f"type({text!r})"):
            deadline = session.deadline(timeout)
            # a prompt may be on its way
            await self._settle(min(deadline, trio.current_time() + _PATIENCE_S))
            if not await self.type_line(text, kill, deadline):
                await session.send(kill)
                raise TypingFailed(
                    f"{text!r} was typed, and {session.name} echoed nothing; send() types without an "
                    f"echo{session.evidence()}"
                )

    async def send_secret(self, secret: str, enter: bool) -> None:
        """See ``Console.send_secret``."""
        __tracebackhide__ = True
        session = self._session
        if not isinstance(secret, str):
            raise UsageError(f"send_secret(): give the password as text, not as {type(secret).__name__}")
        check_utf8(secret, "send_secret(): the password")
        session.check_running("send_secret()")
        with session.one_wait("send_secret()"):
            await self._settle(trio.current_time() + _PATIENCE_S)
            await session.send_masked(secret, enter)

    async def _settle(self, deadline: float) -> None:
        """Wait until the guest has said what it was saying."""
        await self._session.quiet(SETTLE_S, deadline, begin=self._session.received.spoke_at)

    # -- for the other verbs ------------------------------------------------------------------------------------

    @contextmanager
    def named(self, what: str) -> Iterator[None]:
        """A block in which errors say that ``what`` was typed, whatever the lines are that are typed for it."""
        self._typed_for = what
        try:
            yield
        finally:
            self._typed_for = None

    async def enter(self, line: str, kill: str, deadline: float) -> bool:
        """Type a line, see it come back, and press Enter; False if there is no echo, so that it cannot be verified."""
        __tracebackhide__ = True
        echoed = await self.type_line(line, kill, deadline)
        await self._session.send("\r")
        return echoed

    async def type_line(self, text: str, kill: str, deadline: float) -> bool:
        """Type and verify; False if there is no echo at all: all of the text has been sent then.

        Nothing of the text is left on the guest's line by a failure, as far as the kill key reaches it.

        Raises:
            TypingFailed: the text does not come back as it is typed.
            ExpectTimeout: it was not typed by the deadline.
            GuestEnded: the guest ended meanwhile.
        """
        __tracebackhide__ = True
        session = self._session
        line = TypedLine(session, text, kill, deadline, self._typed_behind)
        stands = await line.type(self._guest_echoes)
        if stands is None:
            self._guest_echoes = False
            return False
        if stands:
            self._guest_echoes, self._typed_behind = True, line.begin
            return True
        is_over, what = line.is_over, self._typed_for or repr(text)
        evidence = session.evidence()
        await line.clear()
        if is_over:
            session.raise_unfinished(f"the echo of {what} was expected", session.began, deadline)
        raise TypingFailed(
            f"{what} does not come back as it is typed, however slowly: {line.typed[-1:]!r} came as "
            f"{line.came[-80:]!r}{evidence}"
        )
