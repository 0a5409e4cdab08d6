"""A small PowerShell: its prompt, pipelines of a few cmdlets, and PSReadLine's trouble with what is pasted.

What is no cmdlet is started as at cmd's prompt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from ..programs.program_context import AccessDenied, ProgramContext, Sink
from ..terminal.text_terminal import EndOfInput, Interrupted, Key
from .cmd_builtins import ExitRequested
from .cmdlet_lines import CmdletCall, CmdletError, CmdletSyntaxError, PipedObject, parse_call, split_at
from .cmdlet_list import ALIASES, CMDLETS
from .cmdlet_shell import SWITCHES, Shell
from .object_output import object_lines

BANNER: Final = "Windows PowerShell\nCopyright (C) 2016 Microsoft Corporation. All rights reserved.\n\n"
#: Characters that come closer together than this were pasted, in seconds; nobody types one key twice so fast.
PASTE_GAP_S: Final = 0.03
_NATIVE_LINE = Callable[[str, Sink, Sink], Awaitable[None]]


class RepeatedCharacters:
    """What PSReadLine makes of a paste on SAC's screen: a third one where the text had a character twice.

    Source: Microsoft's page "Azure Serial Console for Windows", known issues.  Of a longer run there is one more too.
    """

    def __init__(self) -> None:
        self._last = Key("", float("-inf"))
        self._added = False

    def __call__(self, key: Key) -> str:
        """What is taken as typed for a key."""
        last, self._last = self._last, key
        if key.character != last.character or key.time_s - last.time_s > PASTE_GAP_S:
            self._added = False
            return key.character
        added, self._added = self._added, True
        return key.character if added else key.character * 2


class PowerShell:
    """One start of powershell.

    Args:
        context: the context that it was started in.
        native: does a line as cmd does.
    """

    def __init__(self, context: ProgramContext, native: _NATIVE_LINE) -> None:
        self._context = context
        self._native = native
        self._shell = Shell(context)

    async def run(self) -> int:
        """Run the command of ``-Command``, or prompt until ``exit``; returns the exit status."""
        command = self._command()
        if command is not None:
            return await self.run_script(command)
        terminal = self._context.terminal
        process = self._context.windows.tasks.start("powershell.exe", user=self._context.token.user)
        repeated = RepeatedCharacters()
        try:
            with terminal.uninterruptible():
                await terminal.write(BANNER)
                while True:
                    await terminal.write(f"PS {self._context.session.folder}> ")
                    try:
                        line = await terminal.read_line(key_filter=repeated if self._shell.has_readline else None)
                    except Interrupted:
                        continue
                    with terminal.interruptible() as scope:
                        await self.do_line(line)
                    if scope.cancelled_caught:
                        await terminal.write("^C\n")
        except EndOfInput:
            return 0
        except ExitRequested as request:
            return request.status
        finally:
            self._context.windows.tasks.end(process.pid)

    async def run_script(self, script: str) -> int:
        """Do the lines of a script; returns 0, or 1 if the last one failed."""
        try:
            for line in script.splitlines():
                await self.do_line(line)
        except ExitRequested as request:
            return request.status
        return self._context.session.status

    async def do_line(self, line: str) -> None:
        """Do a line.

        Raises:
            ExitRequested: it was ``exit``.
        """
        try:
            for statement in split_at(line, ";"):
                if statement.strip() and not statement.strip().startswith("#"):
                    await self._do_statement(statement.strip())
        except CmdletSyntaxError as error:
            self._context.session.status = 1
            await self._context.error(f"{error}\n")

    def _command(self) -> str | None:
        tail = self._context.tail.strip()
        for option in ("-command", "-c", "/command", "/c"):
            at = (" " + tail.lower()).find(f" {option} ")
            if at >= 0:
                command = tail[at + len(option) :].strip()
                return command[1:-1] if len(command) > 1 and command[0] == command[-1] == '"' else command
        words = [word for word in tail.split() if not word.startswith(("-", "/"))]
        return tail if words and not tail.startswith(("-", "/")) else None

    async def _do_statement(self, statement: str) -> None:
        if statement.startswith("$"):
            await self._do_variable(statement)
            return
        calls = [parse_call(part, SWITCHES) for part in split_at(statement, "|")]
        if _cmdlet_name(calls[0]) not in CMDLETS:
            await self._native(statement, self._context.out, self._context.error)
            return
        await self._do_pipeline(calls)

    async def _do_pipeline(self, calls: Iterable[CmdletCall]) -> None:
        objects: list[PipedObject] | None = None
        shell = self._shell
        shell.as_list = False
        self._context.session.status = 0
        name = ""
        try:
            for call in calls:
                name = _cmdlet_name(call)
                if name not in CMDLETS:
                    raise CmdletError(
                        f"The term '{call.name}' is not recognized as the name of a cmdlet in a pipeline."
                    )
                objects = await CMDLETS[name](shell, call, objects)
        except AccessDenied:
            await self._fail(f"{name} : Access is denied.")
        except CmdletError as error:
            await self._fail(f"{name} : {error}")
        else:
            await self._context.write_lines(object_lines(objects or [], shell.as_list))

    async def _fail(self, text: str) -> None:
        self._context.session.status = 1
        await self._context.error(f"{text}\n")

    async def _do_variable(self, statement: str) -> None:
        """``$x = value`` is kept nowhere; ``$PSVersionTable`` and the environment can be seen."""
        name, equals, _ = statement.partition("=")
        lowered = name.strip().lower()
        if equals:
            return
        if lowered == "$psversiontable":
            await self._context.write("\nName                           Value\n----                           -----\n")
            await self._context.write("PSVersion                      5.1.14393\n\n")
        elif lowered.startswith("$env:"):
            await self._context.write(f"{self._context.session.variables.get(lowered[5:].upper(), '')}\n")


def _cmdlet_name(call: CmdletCall) -> str:
    lowered = call.name.lower()
    return ALIASES.get(lowered, lowered)
