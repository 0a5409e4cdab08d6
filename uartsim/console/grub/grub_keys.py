"""Pressing GRUB's keys, and reading what they did.

Under some firmware, such as OVMF with its console driver, GRUB loses keys, with any UART.  So what a key did is read from
the screen, and a key without an effect is pressed again.  All keys are single characters, as in Emacs: part of an escape
sequence might be lost, and the rest mean something else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from uartsim.console.console_errors import GrubFailed
from uartsim.console.grub.grub_screen import picture
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.console.text.screen import Screen

UP: Final = "\x10"
DOWN: Final = "\x0e"
LEFT: Final = "\x02"
RIGHT: Final = "\x06"
LINE_END: Final = "\x05"
BACKSPACE: Final = "\x08"
KILL_LINE: Final = "\x15"
BOOT_EDITED: Final = "\x18"
ENTER: Final = "\r"
ESCAPE: Final = "\x1b"
#: A key that does nothing in the menu except stop the countdown.
NO_KEY: Final = " "
#: How long GRUB may take to show what a key did, in seconds; multiplied by the console's scale of time-outs.
KEY_S: Final = 1.0
#: The same for keys that leave the screen: pressed twice, they would go too far.
LEAVE_S: Final = 3.0
_LEAVE: Final = (ENTER, ESCAPE, BOOT_EDITED)
#: How many times a key is pressed that must have an effect, and one that may have none.
PRESSES: Final = 8
PROBES: Final = 3


class Keys:
    """The keyboard.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def screen(self) -> Screen:
        """What GRUB shows now."""
        return self._session.read_screen()

    async def press(self, keys: str, done: Callable[[Screen], bool]) -> bool:
        """Press keys once, and wait until the screen shows their effect; False if it does not.

        Without keys it only waits, for a screen that may still be drawn: a busy machine stops anywhere in it.

        Raises:
            GuestEnded: the guest has ended.
            ProblemFound: the guest has met a fatal problem.
        """
        __tracebackhide__ = True
        session = self._session
        session.check_running("grub")
        if keys:
            await session.send(keys)
        pressed = trio.current_time()
        patience = (KEY_S if keys not in _LEAVE else LEAVE_S) * session.timeout_scale

        def look(now: float) -> tuple[bool | None, float]:
            settled = max(session.received.last_output, pressed) + SETTLE_S
            if now >= settled and done(session.received.screen.read()):
                return True, now
            # a guest that is still drawing may show it yet
            late = min(max(pressed + patience, session.received.last_output + patience / 4), pressed + 5 * patience)
            if now >= late:
                return False, now
            return None, settled if now < settled else late

        return bool(await session.watch(look, float("inf")))

    async def press_until(self, key: str, done: Callable[[Screen], bool], most: int = PRESSES) -> bool:
        """Press a key until the screen shows its effect; False if it never does."""
        __tracebackhide__ = True
        for _ in range(most):
            if await self.press(key, done):
                return True
        return False

    async def change(
        self, key: str, most: int = PRESSES, shows: Callable[[Screen], bool] = lambda screen: True
    ) -> bool:
        """Press a key until anything on the screen changes, and the screen shows what it must; False if nothing does."""
        __tracebackhide__ = True
        before = picture(self.screen)
        return await self.press_until(key, lambda screen: picture(screen) != before and shows(screen), most)

    def fail(self, what: str) -> GrubFailed:
        """The error that something did not work, with the guest's last output."""
        return GrubFailed(f"{what}{self._session.evidence()}")

    def evidence(self) -> str:
        """What an error shows of the guest, as lines below its first."""
        return self._session.evidence()
