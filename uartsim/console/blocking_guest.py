"""The guest's agent and Windows' SAC on a console, for blocking code.  Made by tools/derive_blocking.py.

Each call is handed to the console's background thread (``trio_thread.py``), and its outcome is awaited.  Call-backs, such
as ``progress``, are called on that thread.
"""

from __future__ import annotations

from uartsim.console.expectations import Timeout
from uartsim.console.guest_agent import GuestAgent as AsyncGuestAgent
from uartsim.console.sac.sac import Sac as AsyncSac
from uartsim.console.sac.sac_text import Channel
from uartsim.console.trio_thread import TrioThread
from uartsim.machine import CommandResult

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class GuestAgent:
    """The agent of a console's guest, for blocking code; see :class:`uartsim.console.guest_agent.GuestAgent`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncGuestAgent

    def __init__(self, made: AsyncGuestAgent, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def run_command(self, script: str, *, shell: str = "sh", timeout: Timeout = "default") -> CommandResult:
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
        return self._thread.call(self._async.run_command, script, shell=shell, timeout=timeout)

    def set_password(self, user: str, password: str) -> None:
        """Set a user's password.  A user that does not exist is created, as an administrator with a home directory.

        Raises:
            UsageError: this guest cannot: it has no agent; or the name or the password is impossible.
            AgentError: the agent failed, did not answer in time, or the guest was reset meanwhile.
            GuestEnded: the guest has ended.
        """
        self._thread.call(self._async.set_password, user, password)


class Sac:
    """Windows' SAC on a console, for blocking code; see :class:`uartsim.console.sac.sac.Sac`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncSac

    def __init__(self, made: AsyncSac, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def wait_for_prompt(self, timeout: Timeout = "default") -> None:
        """Wait until SAC can be given a command; a channel that is shown is left first, and goes on."""
        self._thread.call(self._async.wait_for_prompt, timeout)

    def back(self, timeout: Timeout = "default") -> None:
        """Go back to SAC's prompt from the channel that is shown, which goes on; the same as :meth:`wait_for_prompt`."""
        self._thread.call(self._async.back, timeout)

    def command(self, command: str, timeout: Timeout = "default") -> str:
        """Run a command of SAC, such as ``"id"``; pages are turned.

        ``restart``, ``shutdown`` and ``crashdump`` do not come back to the prompt: send these with ``sendline``.

        Returns:
            Its output, without the blanks at the ends of lines and without events that SAC tells afterwards.

        Raises:
            RunFailed: nothing that is typed comes back, such as with kernel debugging on.
            UsageError: it is not one line of printable text.
        """
        return self._thread.call(self._async.command, command, timeout)

    def channels(self, timeout: Timeout = "default") -> list[Channel]:
        """The channels that there are, with their numbers, names and status letters; SAC's own is the first.

        Raises:
            RunFailed: nothing that is typed comes back.
        """
        return self._thread.call(self._async.channels, timeout)

    def open_cmd(self, user: str, password: str, domain: str = "", timeout: Timeout = "default") -> None:
        """Create a Command Prompt channel, switch to it, and log in; its prompt is shown then.

        Args:
            user: the user's name.
            password: the password; it is masked in the record.
            domain: the domain; empty for the machine's own accounts.
            timeout: seconds; None waits for ever.

        Raises:
            LoginFailed: Windows refuses the log-in.
            SacFailed: no channel can be created.
            RunFailed: nothing that is typed comes back.
            UsageError: the name, the domain or the password is not printable text.
        """
        self._thread.call(self._async.open_cmd, user, password, domain, timeout)

    def switch(self, channel: int | str, timeout: Timeout = "default") -> None:
        """Show another channel.

        Args:
            channel: its number or name; 0 and ``"SAC"`` are SAC itself.
            timeout: seconds; None waits for ever.

        Raises:
            SacFailed: there is no such channel.
            RunFailed: nothing that is typed comes back.
            UsageError: neither a number nor a name.
        """
        self._thread.call(self._async.switch, channel, timeout)

    def close(self, channel: int | str, timeout: Timeout = "default") -> None:
        """Close a channel, and end what runs in it; SAC's prompt is shown then.

        Args:
            channel: its number or name.
            timeout: seconds; None waits for ever.

        Raises:
            SacFailed: there is no such channel, or it is SAC itself.
            RunFailed: nothing that is typed comes back.
            UsageError: neither a number nor a name.
        """
        self._thread.call(self._async.close, channel, timeout)

    def run(self, command: str, timeout: Timeout = "default") -> str:
        """Run a command in the Command Prompt that is shown (see :meth:`open_cmd` and :meth:`switch`).

        ``console.run(command, shell="cmd")`` does the same, and also returns the exit status.

        Returns:
            Its output, without the blanks at the ends of lines.  A line of more than 80 characters comes as several.

        Raises:
            SacFailed: no Command Prompt is shown, or its session has ended meanwhile, such as by its time-out.
            TypingFailed: the command could not be typed.
            UsageError: it is not one line of printable text.
        """
        return self._thread.call(self._async.run, command, timeout)
