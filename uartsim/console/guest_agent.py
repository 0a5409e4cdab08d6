"""The guest's agent: commands and passwords without the line, as a cloud sends them to a machine."""

from __future__ import annotations

import math

from uartsim.console.expectations import Timeout
from uartsim.console.session import Session
from uartsim.errors import UsageError
from uartsim.machine import AgentGuest, CommandResult, Machine, agent_of
from uartsim.printable import quoted


class GuestAgent:
    """The agent of a console's guest: ``console.agent``.  Nothing of what it does appears on the line.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def run_command(self, script: str, *, shell: str = "sh", timeout: Timeout = "default") -> CommandResult:
        """Run a script in the guest as its administrator, and wait for its end.

        Args:
            script: the script's text, of one line or many.
            shell: the program that runs it, such as ``"sh"`` or ``"cmd"``.
            timeout: seconds; None for ever.

        Returns:
            Its ``status``, ``stdout`` and ``stderr``.

        Raises:
            UsageError: this guest cannot: it has no agent, or not this shell.
            AgentError: the agent failed, did not answer in time, or the guest was reset meanwhile.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        if not isinstance(script, str) or not isinstance(shell, str):
            raise UsageError(f"agent.run_command({quoted(script)}): give the script and its shell as text")
        agent, seconds = self._agent("agent.run_command()"), self._session.seconds(timeout)
        return await agent.run_command(script, shell=shell, timeout_s=None if seconds == math.inf else seconds)

    async def set_password(self, user: str, password: str) -> None:
        """Set a user's password.  A user that does not exist is created, as an administrator with a home directory.

        Raises:
            UsageError: this guest cannot: it has no agent; or the name or the password is impossible.
            AgentError: the agent failed, did not answer in time, or the guest was reset meanwhile.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        if not isinstance(user, str) or not isinstance(password, str):
            raise UsageError("agent.set_password(): give the user's name and the password as text")
        await self._agent("agent.set_password()").set_password(user, password)

    def _agent(self, what: str) -> AgentGuest:
        __tracebackhide__ = True
        self._session.check_running(what)
        if not isinstance(self._session.machine, Machine):
            raise UsageError(f"{what}: there is no machine behind this console, only its line")
        return agent_of(self._session.machine)
