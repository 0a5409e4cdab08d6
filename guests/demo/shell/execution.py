"""How the shell runs what it has parsed: lists, pipelines, compounds, redirections, programs and functions."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

import trio

from ..kernel.vfs import FileError
from .arithmetic import ArithmeticFailure
from .command_context import BackgroundJob, CommandFunction, Context, ExitShell, LoopControl, ShellError, Streams
from .expansion import Expansion
from .grammar import Block, Command, Compound, Pipeline, Simple, parse
from .lexer import Incomplete, ShellSyntaxError
from .redirections import redirected
from .streams import BrokenPipe, BytesSink, BytesSource, Pipe, Sink, Source

if TYPE_CHECKING:
    from .interactive import Shell

#: How deep commands may nest.
DEPTH: Final = 40


class Execution(Expansion):
    """The part of a shell that runs things; `shell.Shell` adds the prompt."""

    commands: dict[str, CommandFunction]
    functions: dict[str, Command]
    aliases: dict[str, str]
    background: list[BackgroundJob]
    _depth: int
    _nursery: trio.Nursery | None

    def child(self) -> Shell:
        """A subshell: a copy whose changes stay its own."""
        raise NotImplementedError

    def expand_alias(self, text: str) -> str:
        """``text`` with an alias at its start replaced."""
        first, space, rest = text.partition(" ")
        return self.aliases[first] + space + rest if first in self.aliases else text

    async def write_error(self, text: str) -> None:
        """Write to the error output."""
        await self.streams.stderr.write(text.encode())

    # ------------------------------------------------------------------------------------------------------- running
    async def run_text(self, text: str, streams: Streams | None = None) -> int:
        """Parse and run ``text``; the status is returned and kept.

        Raises:
            ExitShell: ``exit`` was run.
        """
        before = self.streams
        given = streams is not None and streams is not before
        self.streams = streams or before
        try:
            await self._run_block(parse(self.expand_alias(text)))
        except Incomplete:
            await self.write_error(f"{self.name}: syntax error: unexpected end of file\n")
            self.status = 2
        except ShellSyntaxError as error:
            await self.write_error(f"{self.name}: syntax error {error}\n")
            self.status = 2
        except LoopControl:
            pass
        finally:
            if given:  # else what ``exec`` has opened stays open
                self.streams = before
        return self.status

    async def _run_block(self, block: Block) -> None:
        for item in block.items:
            if (item.connector == "&&" and self.status) or (item.connector == "||" and not self.status):
                continue
            if item.background and self._nursery is not None:
                await self._start_background(item.pipeline)
                continue
            await self._run_pipeline(item.pipeline)
            if self.status and "e" in self.options and item.connector == ";":
                raise ExitShell(self.status)

    async def _start_background(self, pipeline: Pipeline) -> None:
        assert self._nursery is not None
        self.last_background += 1
        number, pid = len(self.background) + 1, self.last_background
        job = BackgroundJob(pid)
        self.background.append(job)
        shell = self.child()
        shell.streams = self.streams.replaced({0: BytesSource(b"")})

        async def run() -> None:
            with suppress(ExitShell):
                await shell._run_pipeline(pipeline)
            self.background.remove(job)
            job.done.set()

        self._nursery.start_soon(run)
        await self.write_error(f"[{number}] {pid}\n")
        self.status = 0

    async def _run_pipeline(self, pipeline: Pipeline) -> None:
        if len(pipeline.commands) == 1:
            await self._run_command(pipeline.commands[0])
        else:
            await self._run_pipes(pipeline.commands)
        if pipeline.negated:
            self.status = int(not self.status)

    async def _run_pipes(self, commands: list[Command]) -> None:
        statuses = [0] * len(commands)

        async def stage(index: int, command: Command, source: Source, sink: Sink) -> None:
            shell = self.child()
            shell.streams = self.streams.replaced({0: source, 1: sink})
            try:
                await shell._run_command(command)
                statuses[index] = shell.status
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
            source = self.streams.stdin
            for index, command in enumerate(commands):
                is_last = index == len(commands) - 1
                sink: Sink = self.streams.stdout if is_last else Pipe()
                nursery.start_soon(stage, index, command, source, sink)
                if isinstance(sink, Pipe):
                    source = sink
        self.status = statuses[-1]

    async def _run_command(self, command: Command) -> None:
        self._depth += 1
        try:
            if self._depth > DEPTH:
                raise ShellError("maximum nesting level exceeded")
            if isinstance(command, Simple):
                await self._run_simple(command)
            else:
                await self._run_compound(command)
        except (ShellError, FileError, ArithmeticFailure) as error:
            await self.write_error(f"{self.name}: {error}\n")
            self.status = 1
        finally:
            self._depth -= 1

    async def _run_compound(self, command: Compound) -> None:
        before = self.streams
        self.streams = await redirected(self, command.redirections)
        try:
            await self._COMPOUNDS[command.kind](self, command)
        finally:
            if command.redirections:  # else what ``exec`` has opened stays open
                self.streams = before

    async def _run_group(self, command: Compound) -> None:
        await self._run_block(command.blocks[0])

    async def _run_subshell(self, command: Compound) -> None:
        shell = self.child()
        try:
            await shell._run_block(command.blocks[0])
            self.status = shell.status
        except ExitShell as leave:
            self.status = leave.status

    async def _run_if(self, command: Compound) -> None:
        blocks = command.blocks
        for index in range(0, len(blocks) - 1, 2):
            await self._run_block(blocks[index])
            if self.status == 0:
                await self._run_block(blocks[index + 1])
                return
        self.status = 0
        if len(blocks) % 2:
            await self._run_block(blocks[-1])

    async def _run_loop(self, command: Compound) -> None:
        condition, body = command.blocks
        status = 0
        while True:
            await trio.lowlevel.checkpoint()
            await self._run_block(condition)
            if bool(self.status) == (command.kind == "while"):
                break
            try:
                await self._run_block(body)
            except LoopControl as control:
                if control.kind == "break":
                    break
            status = self.status
        self.status = status

    async def _run_for(self, command: Compound) -> None:
        words = self.parameters if command.words is None else await self.expand_words(command.words)
        self.status = 0
        for word in words:
            await trio.lowlevel.checkpoint()
            self.variables[command.name] = word
            try:
                await self._run_block(command.blocks[0])
            except LoopControl as control:
                if control.kind == "break":
                    break

    async def _define(self, command: Compound) -> None:
        self.functions[command.name] = command.blocks[0].items[0].pipeline.commands[0]
        self.status = 0
        await trio.lowlevel.checkpoint()

    _COMPOUNDS: Final = {
        "group": _run_group,
        "subshell": _run_subshell,
        "if": _run_if,
        "while": _run_loop,
        "until": _run_loop,
        "for": _run_for,
        "function": _define,
    }

    async def _run_simple(self, command: Simple) -> None:
        self.last_substitution_status = 0
        words = await self.expand_words(command.words)
        assignments = [(name, await self.expand_to_text(word)) for name, word in command.assignments]
        if "x" in self.options:
            shown = [f"{name}={_quote(value)}" for name, value in assignments] + [_quote(word) for word in words]
            await self.write_error(f"+ {' '.join(shown)}\n")
        streams = await redirected(self, command.redirections)
        if not words:
            self.variables.update(assignments)
            self.status = self.last_substitution_status
            return
        saved = {name: self.variables.get(name) for name, _ in assignments}
        self.variables.update(assignments)
        try:
            await self.run_words(words, streams)
        finally:
            for name, value in saved.items():
                if value is None:
                    self.variables.pop(name, None)
                else:
                    self.variables[name] = value

    async def run_words(self, words: list[str], streams: Streams | None = None) -> int:
        """Run a command whose words are expanded already; returns its status.

        Raises:
            ExitShell: it was ``exit``.
        """
        streams = streams or self.streams
        name, *arguments = words
        if name in self.functions:
            await self._call_function(name, arguments, streams)
            return self.status
        function = self.commands.get(posixpath.basename(name) if "/" in name else name)
        if "/" in name and (function is None or not name.startswith(("/bin/", "/sbin/", "/usr/"))):
            await self._run_file(name, arguments, streams)
            return self.status
        if function is None:
            await streams.stderr.write(f"{self.name}: {name}: command not found\n".encode())
            self.status = 127
            return self.status
        context = Context(cast("Shell", self), posixpath.basename(name), arguments, streams)
        await trio.lowlevel.checkpoint()
        self.status = await function(context)
        return self.status

    async def _call_function(self, name: str, arguments: list[str], streams: Streams) -> None:
        before, parameters = self.streams, self.parameters
        self.streams, self.parameters = streams, arguments
        try:
            await self._run_command(self.functions[name])
        finally:
            self.parameters = parameters
            if streams is not before:  # else what ``exec`` has opened stays open
                self.streams = before

    async def _run_file(self, name: str, arguments: list[str], streams: Streams) -> None:
        """Run a script by its path."""
        path = posixpath.normpath(posixpath.join(self.directory, name))
        files = self.machine.files
        try:
            node = files.find(path)
        except FileError as error:
            await streams.stderr.write(f"{self.name}: {name}: {error}\n".encode())
            self.status = 127
            return
        if node.kind != "file" or not node.mode & 0o111:
            message = "Is a directory" if node.kind == "directory" else "Permission denied"
            await streams.stderr.write(f"{self.name}: {name}: {message}\n".encode())
            self.status = 126
            return
        await self.run_script(files.read(path).decode(errors="replace"), name, arguments, streams)

    async def run_script(self, text: str, name: str, arguments: list[str], streams: Streams) -> int:
        """Run ``text`` in a child shell with its own parameters; returns the status."""
        shell = self.child()
        shell.parameters = arguments
        shell.name = name
        try:
            self.status = await shell.run_text(text, streams)
        except ExitShell as leave:
            self.status = leave.status
        return self.status

    async def substitute(self, text: str) -> str:
        """The output of a command, without its trailing newlines."""
        sink = BytesSink()
        shell = self.child()
        try:
            status = await shell.run_text(text, self.streams.replaced({1: sink}))
        except ExitShell as leave:
            status = leave.status
        self.last_substitution_status = self.status = status
        return sink.data.decode(errors="replace").rstrip("\n")


def _quote(word: str) -> str:
    return word if re.fullmatch(r"[\w./:=@%+,-]+", word) else "'" + word.replace("'", "'\\''") + "'"
