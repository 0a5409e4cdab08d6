"""cmd.exe: the prompt, and what a command line does."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from ..disk.local_users import Token
from ..disk.volume import VolumeError, absolute
from ..programs.file_commands import check_writable
from ..programs.program_context import AccessDenied, Program, ProgramContext, SessionState, Sink
from ..programs.program_list import PROGRAMS
from ..system.running_windows import VERSION, RunningWindows
from ..terminal.text_terminal import EndOfInput, Interrupted, TextTerminal
from .cmd_builtins import BUILTINS, ExitRequested
from .command_lines import CommandSyntaxError, Pipeline, SimpleCommand, expand, parse
from .powershell_prompt import PowerShell

BANNER: Final = f"Microsoft Windows [Version {VERSION}]\n(c) 2016 Microsoft Corporation. All rights reserved.\n"
#: How much of the output of one command is kept for the next one in a pipe, in characters.
PIPE_ROOM: Final = 1 << 20
#: How deep one cmd may start another.
_DEEPEST: Final = 20
_TOO_DEEP: Final = "Not enough memory resources are available to process this command."
_NOT_A_COMMAND: Final = "'{}' is not recognized as an internal or external command,\noperable program or batch file.\n"


class CommandProcessor:
    """A session of cmd.

    Args:
        windows: the running system.
        token: who is logged on.
        terminal: the window.
        depth: how many cmds it was started by.
    """

    def __init__(self, windows: RunningWindows, token: Token, terminal: TextTerminal, depth: int = 0) -> None:
        self._windows = windows
        self._token = token
        self._terminal = terminal
        self._depth = depth
        self.session = SessionState(variables=environment(windows, token))
        self._programs: Mapping[str, Program] = {
            **PROGRAMS,
            **BUILTINS,
            "cmd": self._cmd,
            "powershell": self._powershell,
        }

    async def run(self, banner: str = BANNER) -> int:
        """Prompt and do what is typed until ``exit``; returns its status."""
        process = self._windows.tasks.start("cmd.exe", user=self._token.user)
        try:
            await self._terminal.write(banner)
            while True:
                await self._terminal.write(f"\n{self.session.folder}>")
                try:
                    line = await self._terminal.read_line()
                except Interrupted:
                    continue
                await self._do_interruptible(line)
        except EndOfInput:
            return self.session.status
        except ExitRequested as request:
            return request.status
        finally:
            self._windows.tasks.end(process.pid)

    async def run_script(self, script: str, out: Sink, error: Sink) -> int:
        """Do the lines of a script; returns the last status, or the one that ``exit`` gives."""
        try:
            for line in script.splitlines():
                if line.strip() and not line.strip().startswith("::"):
                    await self.do_line(line, out, error)
        except ExitRequested as request:
            return request.status
        return self.session.status

    async def _do_interruptible(self, line: str) -> None:
        write = self._terminal.write
        with self._terminal.interruptible() as scope:
            await self.do_line(line, write, write)
        if scope.cancelled_caught:
            await write("^C\n")

    async def do_line(self, line: str, out: Sink, error: Sink) -> None:
        """Do a command line.

        Raises:
            ExitRequested: it was ``exit``.
        """
        try:
            pipelines = parse(expand(line, self._value))
        except CommandSyntaxError as problem:
            await error(f"{problem}\n")
            self.session.status = 1
            return
        for pipeline in pipelines:
            failed = self.session.status != 0
            if (pipeline.operator == "&&" and failed) or (pipeline.operator == "||" and not failed):
                continue
            self.session.status = await self._run_pipeline(pipeline, out, error)

    async def _run_pipeline(self, pipeline: Pipeline, out: Sink, error: Sink) -> int:
        piped: str | None = None
        *first, last = pipeline.commands
        for command in first:
            kept: list[str] = []

            async def keep(text: str, kept: list[str] = kept) -> None:
                if sum(map(len, kept)) < PIPE_ROOM:
                    kept.append(text)

            await self._run_redirected(command, piped, keep, error)
            piped = "".join(kept)
        return await self._run_redirected(last, piped, out, error)

    async def _run_redirected(self, command: SimpleCommand, piped: str | None, out: Sink, error: Sink) -> int:
        volume = self._windows.disk.volume
        sinks = {1: out, 2: error}
        try:
            for redirection in command.redirections:
                if redirection.operator == ">&":
                    sinks[redirection.stream] = sinks.get(int(redirection.target[:1] in "2") + 1, out)
                elif redirection.operator == "<":
                    piped = volume.read(absolute(self.session.folder, redirection.target))
                elif redirection.target.lower() == "nul":
                    sinks[redirection.stream] = _nowhere
                else:
                    path = absolute(self.session.folder, redirection.target)
                    check_writable(self._token, path)
                    if redirection.operator == ">" or not volume.is_file(path):
                        volume.write(path, "")
                    sinks[redirection.stream] = self._file_sink(path)
            return await self._run(command.text, piped, sinks[1], sinks[2])
        except VolumeError as problem:
            await error(f"{problem}\n")
            return 1

    def _file_sink(self, path: str) -> Sink:
        async def append(text: str) -> None:
            self._windows.disk.volume.write(path, text, append=True)

        return append

    async def _run(self, text: str, piped: str | None, out: Sink, error: Sink) -> int:
        if not text:
            return 0
        name, tail = split_name(text)
        program = self._programs.get(name)
        if program is None:
            if len(name) == 2 and name[1] == ":":
                return 0 if name == "c:" else await _say(error, "The system cannot find the drive specified.\n")
            return await _say(error, _NOT_A_COMMAND.format(text.split()[0].strip('"')), 9009)
        lines = None if piped is None else piped.splitlines()
        context = ProgramContext(
            self._windows, self._token, self.session, name, tail, self._terminal, out, error, lines
        )
        try:
            return await program(context)
        except AccessDenied:
            return await _say(error, "Access is denied.\n", 5)
        except EndOfInput:
            return 1
        except Interrupted:
            return 1

    async def _cmd(self, context: ProgramContext) -> int:
        option, _, command = context.tail.strip().partition(" ")
        if self._depth >= _DEEPEST:
            return await context.fail(_TOO_DEEP)
        inner = CommandProcessor(self._windows, self._token, self._terminal, self._depth + 1)
        inner.session.folder = self.session.folder
        inner.session.variables.update(self.session.variables)
        if option.lower() in ("/c", "/k"):
            command = command.strip()
            if len(command) > 1 and command[0] == command[-1] == '"':
                command = command[1:-1]
            status = await inner.run_script(command, context.out, context.error)
            if option.lower() == "/c":
                return status
        with self._terminal.uninterruptible():
            return await inner.run("" if option.lower() == "/k" else BANNER)

    async def _powershell(self, context: ProgramContext) -> int:
        if self._depth >= _DEEPEST:
            return await context.fail(_TOO_DEEP)
        self._depth += 1
        try:
            return await PowerShell(context, self.do_line).run()
        finally:
            self._depth -= 1

    def _value(self, name: str) -> str | None:
        """A variable's value, also of those that cmd makes itself."""
        now = self._windows.now()
        made = {
            "CD": self.session.folder,
            "DATE": f"{now:%a %m/%d/%Y}",
            "TIME": f"{now:%H:%M:%S.00}",
            "ERRORLEVEL": str(self.session.status),
            "RANDOM": str(random.randrange(32768)),
        }
        return self.session.variables.get(name.upper(), made.get(name.upper()))


def environment(windows: RunningWindows, token: Token) -> dict[str, str]:
    """The variables of a new session."""
    profile = f"C:\\Users\\{token.user}"
    made = {
        "COMPUTERNAME": windows.disk.host_name,
        "COMSPEC": r"C:\Windows\system32\cmd.exe",
        "NUMBER_OF_PROCESSORS": "2",
        "OS": "Windows_NT",
        "PATH": r"C:\Windows\system32;C:\Windows;C:\Windows\System32\Wbem",
        "PROCESSOR_ARCHITECTURE": "AMD64",
        "PROGRAMDATA": r"C:\ProgramData",
        "PROGRAMFILES": r"C:\Program Files",
        "PROMPT": "$P$G",
        "SYSTEMDRIVE": "C:",
        "SYSTEMROOT": r"C:\Windows",
        "TEMP": r"C:\Windows\Temp",
        "USERDOMAIN": token.host,
        "USERNAME": token.user,
        "USERPROFILE": profile,
        "WINDIR": r"C:\Windows",
    }
    if windows.options.safeboot:
        made["SAFEBOOT_OPTION"] = windows.options.safeboot.upper()
    return made


def split_name(text: str) -> tuple[str, str]:
    """A command's name in lower case, without a folder and ``.exe``, and what stands behind it."""
    if text.startswith('"'):
        name, _, tail = text[1:].partition('"')
    else:
        end = next((n for n, character in enumerate(text) if character in ' \t"/' and n), len(text))
        name, tail = text[:end], text[end:]
        builtin = next((n for n, character in enumerate(name) if character in "./\\,;=:([+"), len(name))
        if name[:builtin].lower() in BUILTINS and name[builtin:].lower() not in (".exe", ".com"):
            name, tail = name[:builtin], name[builtin:] + tail
    plain = name.replace("/", "\\").rpartition("\\")[2].lower()
    for ending in (".exe", ".com"):
        plain = plain.removesuffix(ending)
    return plain or name, tail


async def _say(sink: Sink, text: str, status: int = 1) -> int:
    await sink(text)
    return status


async def _nowhere(_text: str) -> None:
    """Takes what goes to ``nul``."""
