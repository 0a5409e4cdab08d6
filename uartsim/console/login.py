"""Logging in from wherever a guest is: a boot still running, a getty to come, a prompt, or a shell already.

``login_dialogue.py`` decides what to answer; here it is shown the line whenever the guest pauses, and its answers are
typed.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.console.console_errors import LoginFailed
from uartsim.console.expectations import Timeout
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.login_dialogue import Does, LoginDialogue, Step
from uartsim.console.session import Session
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: How much of the output the dialogue looks back at, in characters.
_TAIL: Final = 4096
#: The account of those of our guests that have no seed.
_ACCOUNT: Final = ("root", "toor")


class Login:
    """``login`` of a console.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _account(self) -> tuple[str, str]:
        """The account that the guest is known to have."""
        guest = getattr(self._session.machine, "guest", None)
        account: tuple[str, str] = getattr(guest, "account", None) or _ACCOUNT
        return account

    async def login(self, user: str | None, password: str | None, timeout: Timeout, new_password: str | None) -> None:
        """See ``Console.login``."""
        __tracebackhide__ = True
        known = self._account()
        user = known[0] if user is None else user
        password = (known[1] if user == known[0] else _ACCOUNT[1]) if password is None else password
        if not isinstance(user, str) or not isinstance(password, str) or not user.isprintable() or not user:
            raise UsageError(f"login(): give a user's name and a password as text, not {quoted(user)} and its password")
        if new_password is not None and not isinstance(new_password, str):
            raise UsageError(f"login(): new_password is {quoted(new_password)}: give text, or None")
        session, received = self._session, self._session.received
        with session.one_wait(f"login({user!r})"):
            kind = getattr(getattr(session.machine, "guest", None), "kind", "")
            dialogue = LoginDialogue(user, password, new_password, elsewhere=kind in ("device", "socket"))
            begin = acted = trio.current_time()
            deadline = session.deadline(timeout)
            mark = received.matcher.position
            await trio.lowlevel.checkpoint()

            def look(now: float) -> tuple[Step | None, float]:
                quiet_from = max(received.last_output, acted)
                settled = quiet_from + SETTLE_S
                if now < settled and not session.ended:
                    return None, settled
                tail = received.boot_from(received.end - _TAIL)
                step = dialogue.see(received.since(tail), received.since(max(mark, tail)), now - quiet_from)
                if step.does is not Does.WAIT:
                    return step, now
                again = quiet_from + step.until_quiet_s
                return None, again if again > now else now + SETTLE_S

            while True:
                step = await session.watch(look, deadline, copes_with={"systemd.emergency"})
                if step is None or (session.ended and step.does is Does.SEND):
                    session.raise_unfinished(
                        f"{dialogue.waits_for} was expected, to log in as {user!r}", begin, deadline
                    )
                if step.does is Does.REFUSE:
                    raise LoginFailed(f"login as {user!r} failed: {step.text}{session.evidence()}")
                if step.does is Does.FINISH:
                    session.before, session.after = received.matcher.consume_all(), ""
                    return
                mark = received.end
                if step.secret:
                    await session.send_masked(step.text, enter=True)
                else:
                    await session.send(step.text + "\r")
                acted = trio.current_time()
