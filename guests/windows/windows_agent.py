"""The guest agent: what the cloud's run-command and password reset do in the machine, as its administrator."""

from __future__ import annotations

from uartsim.guest.script import CommandResult, UsageError

from .disk.local_users import ADMINISTRATORS, AccountError, Token
from .programs.program_context import ProgramContext
from .system.running_windows import RunningWindows
from .terminal.text_terminal import RecordedTerminal

#: Who a run-command runs as.
_SYSTEM_USER = "SYSTEM"


class WindowsAgent:
    """The agent of one running system.

    Args:
        windows: the system.
    """

    def __init__(self, windows: RunningWindows) -> None:
        self._windows = windows

    async def run_command(self, script: str, *, shell: str) -> CommandResult:
        """Run a script in cmd or PowerShell; see :class:`uartsim.machine.AgentGuest`.

        Raises:
            UsageError: it is another shell.
        """
        from .shell.command_processor import CommandProcessor
        from .shell.powershell_prompt import PowerShell

        if shell not in ("cmd", "powershell"):
            raise UsageError(f"windows runs scripts by cmd or powershell, not by {shell}: use shell='cmd'")
        out, error = RecordedTerminal(), RecordedTerminal()
        token = Token(_SYSTEM_USER, self._windows.disk.host_name, administrator=True)
        processor = CommandProcessor(self._windows, token, out)
        if shell == "cmd":
            status = await processor.run_script(script, out.write, error.write)
        else:
            context = ProgramContext(
                self._windows, token, processor.session, "powershell", "", out, out.write, error.write
            )
            status = await PowerShell(context, processor.do_line).run_script(script)
        return CommandResult(status, out.text, error.text)

    async def set_password(self, user: str, password: str) -> None:
        """Set a user's password; one who is not there is made, as an administrator.

        Raises:
            UsageError: the name or the password cannot be.
        """
        users = self._windows.disk.users
        if not password:
            raise UsageError("the password is empty: give one, because nobody logs on without a password")
        try:
            if user.lower() not in users.accounts:
                users.create(user, password)
                users.add_member(ADMINISTRATORS, user)
            account = users.find(user)
            account.set_password(password)
            account.active = True
        except AccountError as error:
            raise UsageError(f"the password of {user!r} cannot be set: {error}") from error
