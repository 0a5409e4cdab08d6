"""The shell: expansion, execution, and the loop that reads commands at a prompt.

A small bash: what a tester types by hand or sends from a script works as in bash; `shell_syntax` says which grammar.
Job control is reduced to the foreground job, Ctrl-C, Ctrl-\\ and ``&``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from ..kernel.vfs import FileError
from .command_context import BackgroundJob, ExitShell, Streams
from .execution import Execution
from .grammar import Command, parse
from .lexer import Incomplete, ShellSyntaxError
from .readline import Interrupted, LineEditor
from .streams import TerminalFile

if TYPE_CHECKING:
    from ..linux_system import Machine

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RESERVED: Final = ("if", "then", "else", "elif", "fi", "for", "do", "done", "while", "until")


class Shell(Execution):
    """One shell.

    Args:
        machine: the machine it runs on.
        prompt: PS1, in which ``\\u \\h \\w \\$`` are understood.
        directory: where it starts.
        name: what it calls itself in messages; a leading dash makes it a login shell.
        job_control: whether Ctrl-C reaches it (not for process 1).
    """

    def __init__(self, machine: Machine, *, prompt: str, directory: str, name: str, job_control: bool = True) -> None:
        from ..userspace.program_table import COMMANDS

        self.machine = machine
        self.name = name
        self.directory = directory
        self.job_control = job_control
        #: Whether this is the shell at the prompt, and no subshell or script of it.
        self.interactive = True
        self.commands = COMMANDS
        self.functions: dict[str, Command] = {}
        self.aliases: dict[str, str] = {}
        self.options: set[str] = set()
        self.status = 0
        self.last_substitution_status = 0
        self.parameters: list[str] = []
        self.exported = {"HOME", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "USER", "LANG"}
        self.variables = {
            "HOME": "/root",
            "IFS": " \t\n",
            "LANG": "C.UTF-8",
            "LOGNAME": "root",
            "PATH": DEFAULT_PATH,
            "PS1": prompt,
            "PS2": "> ",
            "PWD": directory,
            "SHELL": "/bin/bash",
            "SHLVL": "1",
            "TERM": "vt220",
            "USER": "root",
        }
        terminal = machine.terminal
        self.streams = Streams(dict.fromkeys((0, 1, 2), TerminalFile(terminal)))
        self.editor = LineEditor(terminal, self._complete, bracketed_paste=machine.settings.bracketed_paste)
        self.background: list[BackgroundJob] = []
        self.last_background = 412
        self._depth = 0
        self._nursery: trio.Nursery | None = None

    def child(self) -> Shell:
        """A subshell: a copy whose changes stay its own."""
        copy = Shell.__new__(Shell)
        copy.__dict__.update(self.__dict__)
        copy.interactive = False
        copy.variables = dict(self.variables)
        copy.exported = set(self.exported)
        copy.functions = dict(self.functions)
        copy.options = set(self.options)
        copy.parameters = list(self.parameters)
        return copy

    # ------------------------------------------------------------------------------------------ the prompt's loop
    async def run_interactive(self) -> int:
        """Read and run commands from the tty until ``exit`` or Ctrl-D; returns the exit status."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await self._loop()
            except ExitShell as leave:
                self.status = leave.status
            nursery.cancel_scope.cancel()
        return self.status

    async def _loop(self) -> None:
        is_login = self.name.startswith("-")
        while True:
            try:
                text = await self._read_command()
            except Interrupted:
                self.status = 130
                continue
            if text is None:
                await self.write_error("\nlogout\n" if is_login else "\nexit\n")
                return
            await self._run_foreground(text)

    async def _read_command(self) -> str | None:
        """A complete command, asking for more lines while it is not; None at Ctrl-D."""
        text = await self.editor.read_line(self._expand_prompt("PS1"), interruptible=self.job_control)
        if text is None:
            return None
        while True:
            try:
                parse(self.expand_alias(text))
            except Incomplete:
                more = await self.editor.read_line(self._expand_prompt("PS2"), interruptible=self.job_control)
                if more is None:
                    await self.write_error(f"{self.name}: syntax error: unexpected end of file\n")
                    self.status = 2
                    return ""
                text = text[:-1] + more if text.endswith("\\") and not text.endswith("\\\\") else f"{text}\n{more}"
                continue
            except ShellSyntaxError:
                pass
            return text

    async def _run_foreground(self, text: str) -> None:
        terminal = self.machine.terminal
        killed = ""
        with trio.CancelScope() as scope:

            def kill(signal: str) -> None:
                nonlocal killed
                if self.job_control and signal in ("INT", "QUIT"):
                    killed = signal
                    scope.cancel()

            with terminal.foreground(kill):
                await self.run_text(text)
        if killed and scope.cancelled_caught:
            self.status = 130 if killed == "INT" else 131
            await terminal.write("\n" if killed == "INT" else "Quit\n")

    def _expand_prompt(self, name: str) -> str:
        home = self.variables.get("HOME", "/root")
        directory = self.directory
        if directory == home or directory.startswith(home + "/"):
            directory = "~" + directory[len(home) :]
        text = self.variables.get(name, "$ ")
        values = {
            "u": "root",
            "h": self.machine.hostname,
            "H": self.machine.hostname,
            "w": directory,
            "W": posixpath.basename(directory) or "/",
            "$": "#",
            "n": "\n",
            "r": "\r",
            "e": "\x1b",
            "a": "\a",
            "s": self.name,
            "t": self.machine.files.date("%H:%M:%S"),
            "[": "",
            "]": "",
            "\\": "\\",
        }
        text = re.sub(r"\\(.)", lambda match: values.get(match[1], match[0]), text)
        return re.sub(r"\$\{?(\w+|\?)\}?", lambda match: self.value(match[1]) or "", text)

    def _complete(self, before: str) -> tuple[int, Sequence[str]]:
        start = max(before.rfind(character) for character in " \t;|&<>") + 1
        word = before[start:]
        if not before[:start].strip() and "/" not in word:
            names = {*self.commands, *self.functions, *_RESERVED}
            return start, sorted(name for name in names if name.startswith(word))
        _folder, _, beginning = word.rpartition("/")
        prefix = word[: len(word) - len(beginning)]
        path = posixpath.join(self.directory, prefix or ".")
        with suppress(FileError):
            files = self.machine.files
            found = [name for name in files.names(path) if name.startswith(beginning)]
            found = [name for name in found if beginning or not name.startswith(".")]
            return start, [
                prefix + name + ("/" if files.is_directory(posixpath.join(path, name)) else "") for name in found
            ]
        return start, []
