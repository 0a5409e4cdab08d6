"""How the shell runs what it has parsed: lists, pipelines, compound commands, functions, builtins and programs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import trio

from ..kernel.vfs import FileError
from .arithmetic import ArithmeticFailure
from .command_context import CommandFunction, Context, ExitShell, LoopControl, ShellError
from .expansion import Expansion
from .getopt import UsageFailure
from .grammar import Block, Command, Compound, Pipeline, Simple, parse
from .lexer import Incomplete, ShellSyntaxError, encoded
from .redirections import redirected
from .shell_state import BackgroundJob, ShellState
from .streams import BrokenPipe, BytesSink, BytesSource, Pipe, Sink, Source, Streams

#: How deep commands may nest.
MAX_DEPTH: Final = 40


class Execution:
    """Runs the commands of one shell.

    Args:
        state: the shell's state.
        commands: every builtin and program, by name.
    """

    def __init__(self, state: ShellState, commands: Mapping[str, CommandFunction]) -> None:
        self.state = state
        self.commands = commands
        self._expansion = Expansion(state, self._substitute)

    def child(self) -> Execution:
        """A subshell, whose changes do not reach this shell."""
        return Execution(self.state.child(), self.commands)

    def expand_alias(self, text: str) -> str:
        """``text`` with an alias at its start replaced."""
        first, space, rest = text.partition(" ")
        return self.state.aliases[first] + space + rest if first in self.state.aliases else text

    async def write_error(self, text: str) -> None:
        """Write to the shell's error output."""
        await self.state.streams.stderr.write(encoded(text))

    async def run_text(self, text: str, streams: Streams | None = None) -> int:
        """Parse and run ``text``.

        Args:
            text: one or more lines.
            streams: the open files; None for the shell's own.

        Returns:
            The status, which is the shell's from now on.

        Raises:
            ExitShell: ``exit`` was run.
        """
        before = self.state.streams
        given = streams is not None and streams is not before
        self.state.streams = streams or before
        try:
            await self._run_block(parse(self.expand_alias(text)))
        except Incomplete:
            await self.write_error(f"{self.state.name}: syntax error: unexpected end of file\n")
            self.state.status = 2
        except ShellSyntaxError as error:
            await self.write_error(f"{self.state.name}: syntax error {error}\n")
            self.state.status = 2
        except LoopControl:
            pass
        finally:
            if given:  # otherwise what ``exec`` has opened stays open
                self.state.streams = before
        return self.state.status

    async def _run_block(self, block: Block) -> None:
        for item in block.items:
            if (item.connector == "&&" and self.state.status) or (item.connector == "||" and not self.state.status):
                continue
            if item.background and self.state.nursery is not None:
                await self._start_background(item.pipeline)
                continue
            await self._run_pipeline(item.pipeline)
            if self.state.status and "e" in self.state.options and item.connector == ";":
                raise ExitShell(self.state.status)

    async def _start_background(self, pipeline: Pipeline) -> None:
        assert self.state.nursery is not None
        self.state.last_background += 1
        number, pid = len(self.state.background) + 1, self.state.last_background
        job = BackgroundJob(pid)
        self.state.background.append(job)
        shell = self.child()
        shell.state.streams = self.state.streams.replaced({0: BytesSource(b"")})

        async def run() -> None:
            with suppress(ExitShell):
                await shell._run_pipeline(pipeline)
            self.state.background.remove(job)
            job.done.set()

        self.state.nursery.start_soon(run)
        await self.write_error(f"[{number}] {pid}\n")
        self.state.status = 0

    async def _run_pipeline(self, pipeline: Pipeline) -> None:
        if len(pipeline.commands) == 1:
            await self._run_command(pipeline.commands[0])
        else:
            await self._run_pipes(pipeline.commands)
        if pipeline.negated:
            self.state.status = int(not self.state.status)

    async def _run_pipes(self, commands: list[Command]) -> None:
        statuses = [0] * len(commands)

        async def stage(index: int, command: Command, source: Source, sink: Sink) -> None:
            shell = self.child()
            shell.state.streams = self.state.streams.replaced({0: source, 1: sink})
            try:
                await shell._run_command(command)
                statuses[index] = shell.state.status
            except ExitShell as leave:
                statuses[index] = leave.status
            except BrokenPipe:
                statuses[index] = 141
            finally:
                if isinstance(sink, Pipe):
                    sink.close_writer()
                if isinstance(source, Pipe):
                    source.close_reader()

        async with trio.open_nursery() as nursery:
            source = self.state.streams.stdin
            for index, command in enumerate(commands):
                is_last = index == len(commands) - 1
                sink: Sink = self.state.streams.stdout if is_last else Pipe()
                nursery.start_soon(stage, index, command, source, sink)
                if isinstance(sink, Pipe):
                    source = sink
        self.state.status = statuses[-1]

    async def _run_command(self, command: Command) -> None:
        self.state.depth += 1
        try:
            if self.state.depth > MAX_DEPTH:
                raise ShellError("maximum nesting level exceeded")
            if isinstance(command, Simple):
                await self._run_simple(command)
            else:
                await self._run_compound(command)
        except (ShellError, FileError, ArithmeticFailure) as error:
            await self.write_error(f"{self.state.name}: {error}\n")
            self.state.status = 1
        finally:
            self.state.depth -= 1

    async def _run_compound(self, command: Compound) -> None:
        before = self.state.streams
        self.state.streams = await redirected(self.state, self._expansion, command.redirections)
        try:
            await _COMPOUNDS[command.kind](self, command)
        finally:
            if command.redirections:  # otherwise what ``exec`` has opened stays open
                self.state.streams = before

    async def _run_group(self, command: Compound) -> None:
        await self._run_block(command.blocks[0])

    async def _run_subshell(self, command: Compound) -> None:
        shell = self.child()
        try:
            await shell._run_block(command.blocks[0])
            self.state.status = shell.state.status
        except ExitShell as leave:
            self.state.status = leave.status

    async def _run_if(self, command: Compound) -> None:
        blocks = command.blocks
        for index in range(0, len(blocks) - 1, 2):
            await self._run_block(blocks[index])
            if self.state.status == 0:
                await self._run_block(blocks[index + 1])
                return
        self.state.status = 0
        if len(blocks) % 2:
            await self._run_block(blocks[-1])

    async def _run_loop(self, command: Compound) -> None:
        condition, body = command.blocks
        status = 0
        while True:
            await trio.lowlevel.checkpoint()
            await self._run_block(condition)
            if bool(self.state.status) == (command.kind == "while"):
                break
            try:
                await self._run_block(body)
            except LoopControl as control:
                if control.kind == "break":
                    break
            status = self.state.status
        self.state.status = status

    async def _run_for(self, command: Compound) -> None:
        words = self.state.parameters if command.words is None else await self._expansion.expand_words(command.words)
        self.state.status = 0
        for word in words:
            await trio.lowlevel.checkpoint()
            self.state.variables[command.name] = word
            try:
                await self._run_block(command.blocks[0])
            except LoopControl as control:
                if control.kind == "break":
                    break

    async def _define_function(self, command: Compound) -> None:
        self.state.functions[command.name] = command.blocks[0].items[0].pipeline.commands[0]
        self.state.status = 0
        await trio.lowlevel.checkpoint()

    async def _run_simple(self, command: Simple) -> None:
        self.state.substitution_status = 0
        words = await self._expansion.expand_words(command.words)
        assignments = [(name, await self._expansion.expand_to_text(word)) for name, word in command.assignments]
        if "x" in self.state.options:
            shown = [f"{name}={_quote(value)}" for name, value in assignments] + [_quote(word) for word in words]
            await self.write_error(f"+ {' '.join(shown)}\n")
        streams = await redirected(self.state, self._expansion, command.redirections)
        if not words:
            self.state.variables.update(assignments)
            self.state.status = self.state.substitution_status
            return
        saved = {name: self.state.variables.get(name) for name, _ in assignments}
        self.state.variables.update(assignments)
        try:
            await self.run_words(words, streams)
        finally:
            for name, value in saved.items():
                if value is None:
                    self.state.variables.pop(name, None)
                else:
                    self.state.variables[name] = value

    async def run_words(self, words: list[str], streams: Streams | None = None) -> int:
        """Run a command whose words are expanded.

        Args:
            words: the command's name and its arguments.
            streams: the open files; None for the shell's own.

        Returns:
            The status, which is the shell's from now on.

        Raises:
            ExitShell: ``exit`` was run.
        """
        streams = streams or self.state.streams
        name, *arguments = words
        if name in self.state.functions:
            await self._call_function(name, arguments, streams)
            return self.state.status
        function = self.commands.get(posixpath.basename(name) if "/" in name else name)
        if "/" in name and (function is None or not name.startswith(("/bin/", "/sbin/", "/usr/"))):
            await self._run_file(name, arguments, streams)
            return self.state.status
        if function is None:
            await streams.stderr.write(encoded(f"{self.state.name}: {name}: command not found\n"))
            self.state.status = 127
            return self.state.status
        context = Context(self, posixpath.basename(name), arguments, streams)
        await trio.lowlevel.checkpoint()
        try:
            self.state.status = await function(context)
        except UsageFailure as error:
            self.state.status = await context.complain(str(error), 2)
        return self.state.status

    async def _call_function(self, name: str, arguments: list[str], streams: Streams) -> None:
        before, parameters = self.state.streams, self.state.parameters
        self.state.streams, self.state.parameters = streams, arguments
        try:
            await self._run_command(self.state.functions[name])
        finally:
            self.state.parameters = parameters
            if streams is not before:  # otherwise what ``exec`` has opened stays open
                self.state.streams = before

    async def _run_file(self, name: str, arguments: list[str], streams: Streams) -> None:
        """Run a script by its path."""
        path = self.state.path(name)
        files = self.state.files
        try:
            node = files.find(path)
        except FileError as error:
            await streams.stderr.write(encoded(f"{self.state.name}: {name}: {error}\n"))
            self.state.status = 127
            return
        if node.kind != "file" or not node.mode & 0o111:
            message = "Is a directory" if node.kind == "directory" else "Permission denied"
            await streams.stderr.write(encoded(f"{self.state.name}: {name}: {message}\n"))
            self.state.status = 126
            return
        await self.run_script(files.read(path).decode(errors="replace"), name, arguments, streams)

    async def run_script(self, text: str, name: str, arguments: list[str], streams: Streams) -> int:
        """Run ``text`` in a subshell with a name and parameters of its own; returns the status."""
        shell = self.child()
        shell.state.parameters = arguments
        shell.state.name = name
        try:
            self.state.status = await shell.run_text(text, streams)
        except ExitShell as leave:
            self.state.status = leave.status
        return self.state.status

    async def _substitute(self, text: str) -> str:
        """Run a command in a subshell; return its output, without the trailing newlines."""
        sink = BytesSink()
        shell = self.child()
        try:
            status = await shell.run_text(text, self.state.streams.replaced({1: sink}))
        except ExitShell as leave:
            status = leave.status
        self.state.substitution_status = self.state.status = status
        return sink.data.decode(errors="replace").rstrip("\n")


_COMPOUNDS: Final = {
    "group": Execution._run_group,
    "subshell": Execution._run_subshell,
    "if": Execution._run_if,
    "while": Execution._run_loop,
    "until": Execution._run_loop,
    "for": Execution._run_for,
    "function": Execution._define_function,
}


def _quote(word: str) -> str:
    return word if re.fullmatch(r"[\w./:=@%+,-]+", word) else "'" + word.replace("'", "'\\''") + "'"
