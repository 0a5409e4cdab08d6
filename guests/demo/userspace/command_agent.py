"""The machine's guest agent: what a cloud asks of it without the console, done by the machine's own shell and accounts.

It answers from multi-user mode until the system goes down, as a service does.
"""

from __future__ import annotations

import re
from typing import Final

import trio

from uartsim.guest.script import CommandResult, ScriptHost, UsageError

from ..kernel.kernel import Kernel
from ..shell.builtins import BUILTINS
from ..shell.execution import Execution
from ..shell.shell_state import ShellState
from ..shell.streams import BytesSource, Streams
from . import accounts
from .program_table import PROGRAMS

#: What is kept of each of a command's outputs, in bytes.
OUTPUT_BYTES: Final = 1 << 20
_SHELLS: Final = ("sh", "bash", "dash")
_PASSWORD: Final = re.compile(r"[^\x00-\x1f\x7f:]+")


class CommandAgent:
    """The agent of a machine that has been booted; see :class:`uartsim.guest.script.ScriptAgent`.

    Args:
        host: the guest's host, which knows the agent while it runs.
        kernel: the kernel.
    """

    def __init__(self, host: ScriptHost, kernel: Kernel) -> None:
        self._host = host
        self._kernel = kernel
        self._running: set[trio.CancelScope] = set()

    def start(self) -> None:
        """Answer from now on."""
        self._host.agent = self

    def stop(self) -> None:
        """Answer no more; commands that run are ended."""
        self._host.agent = None
        for scope in self._running:
            scope.cancel()

    async def run_command(self, script: str, *, shell: str) -> CommandResult:
        """Run a script as root, in ``/``, with nothing to read.

        Raises:
            UsageError: the machine does not have this shell.
        """
        name = shell.rpartition("/")[2]
        if name not in _SHELLS:
            raise UsageError(f"demo cannot run a script in {shell!r}: its shells are {', '.join(_SHELLS)}")
        state = ShellState(self._kernel, name=name, directory="/", prompt="# ")
        state.interactive = False
        stdout, stderr = _Capture(), _Capture()
        streams = Streams({0: BytesSource(b""), 1: stdout, 2: stderr})
        with trio.CancelScope() as scope:
            self._running.add(scope)
            try:
                status = await Execution(state, {**BUILTINS, **PROGRAMS}).run_script(script, name, [], streams)
                return CommandResult(status, stdout.text(), stderr.text())
            finally:
                self._running.remove(scope)
        return CommandResult(128 + 15, stdout.text(), stderr.text())  # systemd ends a service with SIGTERM

    async def set_password(self, user: str, password: str) -> None:
        """Set a user's password; one that does not exist is created, with a home directory, and may use sudo.

        Raises:
            UsageError: the name or the password is impossible.
        """
        files = self._kernel.files
        if not accounts.is_valid_name(user):
            raise UsageError(
                f"{user!r} is not a possible user name: use a letter, then up to 31 of a-z, 0-9, '-' and '_'"
            )
        if not _PASSWORD.fullmatch(password):
            raise UsageError(
                f"the password of {user} is impossible: use 1 or more characters, but no ':' and no control"
            )
        await trio.lowlevel.checkpoint()
        if accounts.find_user(files, user) is None:
            accounts.add_user(files, user)
            accounts.add_to_group(files, user, accounts.ADMINISTRATORS)
        accounts.set_password(files, user, password)


class _Capture:
    """A sink that keeps the first :data:`OUTPUT_BYTES` that are written."""

    def __init__(self) -> None:
        self._data = bytearray()

    async def write(self, data: bytes) -> None:
        """See :class:`~demo.shell.streams.Sink`."""
        await trio.lowlevel.checkpoint()
        self._data += data[: OUTPUT_BYTES - len(self._data)]

    def text(self) -> str:
        """What has been kept."""
        return self._data.decode(errors="replace")
