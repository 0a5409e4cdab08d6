"""A shell at a prompt: it reads commands from the tty and runs them.

The shell is a small bash: what a tester types by hand or sends from a script works as in bash; `grammar` says what is
not supported.  Job control is reduced to the foreground job, Ctrl-C, Ctrl-\\ and ``&``.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

import trio

from ..kernel.vfs import FileError
from .builtins import BUILTINS
from .command_context import CommandFunction, ExitShell
from .execution import Execution
from .grammar import parse
from .lexer import Incomplete, ShellSyntaxError
from .readline import Interrupted, LineEditor
from .shell_state import ShellState

#: Words that Tab completes besides commands.
_RESERVED = ("if", "then", "else", "elif", "fi", "for", "do", "done", "while", "until")


class Shell:
    """A shell at a prompt.

    Args:
        state: the shell's state; PS1 and PS2 are its prompts, in which ``\\u``, ``\\h``, ``\\w`` and so on are
            understood.
        programs: the programs that it can start, by name, besides its builtins.
    """

    def __init__(self, state: ShellState, programs: Mapping[str, CommandFunction]) -> None:
        self._state = state
        self._execution = Execution(state, {**BUILTINS, **programs})
        self._editor = LineEditor(state.kernel.terminal, self._complete, bracketed_paste=state.bracketed_paste)

    async def run(self) -> int:
        """Read and run commands until ``exit`` or Ctrl-D; returns the exit status."""
        async with trio.open_nursery() as nursery:
            self._state.nursery = nursery
            try:
                await self._read_startup_files()
                await self._loop()
            except ExitShell as leave:
                self._state.status = leave.status
            nursery.cancel_scope.cancel()
        return self._state.status

    @property
    def _is_login(self) -> bool:
        return self._state.name.startswith("-")

    async def _read_startup_files(self) -> None:
        """Run the user's start-up files: those of a login shell, or ``.bashrc``."""
        home, files = self._state.variables["HOME"], self._state.files
        names = [".bash_profile", ".bash_login", ".profile"] if self._is_login else [".bashrc"]
        found = [path for path in (f"{home}/{name}" for name in names) if files.exists(path)][:1]
        for path in (["/etc/profile"] if self._is_login else []) + found:
            await self._execution.run_text(files.read_text(path))

    async def _loop(self) -> None:
        is_login = self._is_login
        while True:
            try:
                text = await self._read_command()
            except Interrupted:
                self._state.status = 130
                continue
            if text is None:
                await self._execution.write_error("\nlogout\n" if is_login else "\nexit\n")
                return
            await self._run_foreground(text)

    async def _read_command(self) -> str | None:
        """Read lines until they are a complete command; return None for Ctrl-D."""
        with trio.move_on_after(self._input_limit_s()) as scope:
            text = await self._editor.read_line(self._expand_prompt("PS1"), interruptible=self._state.job_control)
        if scope.cancelled_caught:
            await self._state.kernel.terminal.write("\atimed out waiting for input: auto-logout\n")
            raise ExitShell(self._state.status)
        if text is None:
            return None
        while True:
            try:
                parse(self._execution.expand_alias(text))
            except Incomplete:
                more = await self._editor.read_line(self._expand_prompt("PS2"), interruptible=self._state.job_control)
                if more is None:
                    await self._execution.write_error(f"{self._state.name}: syntax error: unexpected end of file\n")
                    self._state.status = 2
                    return ""
                text = text[:-1] + more if text.endswith("\\") and not text.endswith("\\\\") else f"{text}\n{more}"
                continue
            except ShellSyntaxError:
                pass
            return text

    def _input_limit_s(self) -> float:
        """How long a command may be awaited (TMOUT), in seconds."""
        text = self._state.variables.get("TMOUT", "")
        return float(text) if text.isdecimal() and int(text) > 0 else math.inf

    async def _run_foreground(self, text: str) -> None:
        terminal = self._state.kernel.terminal
        killed = ""
        with trio.CancelScope() as scope:

            def kill(signal: str) -> None:
                nonlocal killed
                if self._state.job_control and signal in ("INT", "QUIT"):
                    killed = signal
                    scope.cancel()

            with terminal.foreground(kill):
                await self._execution.run_text(text)
        if killed and scope.cancelled_caught:
            self._state.status = 130 if killed == "INT" else 131
            await terminal.write("\n" if killed == "INT" else "Quit\n")

    def _expand_prompt(self, name: str) -> str:
        home = self._state.variables.get("HOME", "/root")
        directory = self._state.directory
        if directory == home or directory.startswith(home + "/"):
            directory = "~" + directory[len(home) :]
        text = self._state.variables.get(name, "$ ")
        values = {
            "u": self._state.user.name,
            "h": self._state.kernel.host_name,
            "H": self._state.kernel.host_name,
            "w": directory,
            "W": posixpath.basename(directory) or "/",
            "$": "#" if self._state.user.is_root else "$",
            "n": "\n",
            "r": "\r",
            "e": "\x1b",
            "a": "\a",
            "s": self._state.name,
            "t": self._state.kernel.date("%H:%M:%S"),
            "[": "",
            "]": "",
            "\\": "\\",
        }
        text = re.sub(r"\\(.)", lambda match: values.get(match[1], match[0]), text)
        return re.sub(r"\$\{?(\w+|\?)\}?", lambda match: self._state.value(match[1]) or "", text)

    def _complete(self, before: str) -> tuple[int, Sequence[str]]:
        start = max(before.rfind(character) for character in " \t;|&<>") + 1
        word = before[start:]
        if not before[:start].strip() and "/" not in word:
            names = {*self._execution.commands, *self._state.functions, *_RESERVED}
            return start, sorted(name for name in names if name.startswith(word))
        _folder, _, beginning = word.rpartition("/")
        prefix = word[: len(word) - len(beginning)]
        path = self._state.path(prefix or ".")
        with suppress(FileError):
            files = self._state.files
            found = [name for name in files.names(path) if name.startswith(beginning)]
            found = [name for name in found if beginning or not name.startswith(".")]
            return start, [
                prefix + name + ("/" if files.is_directory(posixpath.join(path, name)) else "") for name in found
            ]
        return start, []
