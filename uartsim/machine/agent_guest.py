"""A guest with an agent: a program in the guest that runs commands and sets passwords without the console.

The cloud's "run command" and "reset password" reach a virtual machine in this way.  Which guests have an agent stands a
floor higher: a script offers one of its own, QEMU has qemu-guest-agent in images that contain it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from uartsim.errors import UartsimError, UsageError

if TYPE_CHECKING:
    from uartsim.machine.machine import Machine

#: How long a command in the guest may take unless the caller says otherwise, in seconds.
COMMAND_TIMEOUT_S: Final = 60.0


class AgentError(UartsimError):
    """The guest's agent did not answer, answered with something that is no answer, or reported a failure."""


class AgentNotRunningError(UsageError):
    """No agent runs in the guest now; where there is one, it comes up with the guest's system."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command in the guest came to.

    Attributes:
        status: its exit status; 128 and the signal's number if a signal ended it.
        stdout: its standard output; bytes that are not UTF-8 are replaced.
        stderr: its standard error, in the same way.
    """

    status: int
    stdout: str
    stderr: str


@runtime_checkable
class AgentGuest(Protocol):
    """A guest whose agent can be asked."""

    async def run_command(
        self, script: str, *, shell: str = "sh", timeout_s: float | None = COMMAND_TIMEOUT_S
    ) -> CommandResult:
        """Run a script in the guest as its administrator, and wait for its end.

        Args:
            script: the script's text, of one line or many.
            shell: the program that runs it, such as ``"sh"`` or ``"cmd"``.
            timeout_s: how long it may take, in seconds; None for no limit.

        Raises:
            UsageError: this guest cannot: it has no agent, or not this shell.
            AgentError: the agent failed, did not answer in time, or the guest was reset meanwhile.
        """

    async def set_password(self, user: str, password: str) -> None:
        """Set a user's password.  A user that does not exist is created, as an administrator with a home directory.

        Raises:
            UsageError: this guest cannot: it has no agent; or the name or the password is impossible.
            AgentError: the agent failed, did not answer in time, or the guest was reset meanwhile.
        """


def agent_of(machine: Machine) -> AgentGuest:
    """The machine's guest, as one whose agent can be asked.

    Raises:
        UsageError: a guest of this kind never has an agent.
    """
    if isinstance(machine.guest, AgentGuest):
        return machine.guest
    raise UsageError(
        f"{machine.name} cannot run commands or set passwords from outside: a guest of kind {machine.guest.kind} has no "
        "guest agent; use its console"
    )
