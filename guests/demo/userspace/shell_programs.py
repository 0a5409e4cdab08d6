"""The shell and ``env`` as programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..kernel.vfs import FileError
from ..shell.command_context import CommandFunction, Context, ExitShell
from ..shell.interactive import Shell
from ..shell.shell_state import ShellState
from ..shell.streams import TerminalFile, read_all


async def _sh(context: Context) -> int:
    options = {letter for word in context.arguments if re.fullmatch(r"-[A-Za-z]+", word) for letter in word[1:]}
    words = [word for word in context.arguments if not re.fullmatch(r"-[A-Za-z]+|--login", word)]
    runner = context.runner
    if "c" in options:
        return await _run_argument(context, options & {"e", "x", "u"}, words)
    if words:
        try:
            text = context.files.read(context.path(words[0])).decode(errors="replace")
        except FileError as error:
            return await context.complain(f"{words[0]}: {error}", 127)
        return await runner.run_script(text, words[0], words[1:], context.streams)
    if isinstance(context.stdin, TerminalFile):
        return await _at_prompt(context)
    text = (await read_all(context.stdin)).decode(errors="replace")
    return await runner.run_script(text, context.name, [], context.streams)


async def _run_argument(context: Context, options: set[str], words: list[str]) -> int:
    """Run ``sh -c TEXT [NAME [PARAMETER...]]``."""
    if not words:
        return await context.complain("-c: option requires an argument", 2)
    child = context.runner.child()
    child.state.options = options
    child.state.name = words[1] if len(words) > 1 else context.name
    child.state.parameters = words[2:]
    try:
        return await child.run_text(words[0], context.streams)
    except ExitShell as leave:
        return leave.status


async def _at_prompt(context: Context) -> int:
    outer = context.shell
    inner = ShellState(
        outer.kernel,
        name=context.name,
        directory=outer.directory,
        prompt=outer.variables["PS1"] if context.name == "bash" else "# ",
        job_control=outer.job_control,
        bracketed_paste=outer.bracketed_paste,
    )
    inner.variables.update({name: outer.variables[name] for name in outer.exported if name in outer.variables})
    return await Shell(inner, context.runner.commands).run()


async def _env(context: Context) -> int:
    shell = context.shell
    words = list(context.arguments)
    given: dict[str, str] = {}
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        given[name] = value
    if words:
        child = context.runner.child()
        child.state.variables.update(given)
        return await child.run_words(words, context.streams)
    inherited = {name: shell.variables[name] for name in sorted(shell.exported) if name in shell.variables}
    for name, value in {**inherited, **given}.items():
        await context.print(f"{name}={value}")
    return 0


#: These programs, by name.
SHELL_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "sh": _sh,
    "bash": _sh,
    "dash": _sh,
    "env": _env,
}
