"""The shell's builtins: commands that change the shell itself or run other commands."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Final

from ..kernel.vfs import FileError
from .command_context import CommandFunction, Context, ExitShell, LoopControl
from .lexer import encoded
from .value_builtins import VALUE_BUILTINS


async def _true(_context: Context) -> int:
    return 0


async def _false(_context: Context) -> int:
    return 1


async def _cd(context: Context) -> int:
    shell = context.shell
    target = context.arguments[0] if context.arguments else shell.variables.get("HOME", "/root")
    if target == "-":
        target = shell.variables.get("OLDPWD", shell.directory)
        await context.print(target)
    path = context.path(target)
    try:
        if context.files.find(path).kind != "directory":
            raise FileError("Not a directory")
    except FileError as error:
        return await context.complain_as_shell(f"{target}: {error}")
    shell.variables["OLDPWD"] = shell.directory
    shell.directory = shell.variables["PWD"] = path
    return 0


async def _pwd(context: Context) -> int:
    await context.print(context.shell.directory)
    return 0


async def _export(context: Context) -> int:
    shell = context.shell
    if not context.arguments or context.arguments == ["-p"]:
        for name in sorted(shell.exported & shell.variables.keys()):
            await context.print(f'declare -x {name}="{shell.variables[name]}"')
        return 0
    for argument in context.arguments:
        name, equals, value = argument.partition("=")
        if not name.isidentifier():
            return await context.complain_as_shell(f"`{argument}': not a valid identifier")
        shell.exported.add(name)
        if equals:
            shell.variables[name] = value
    return 0


async def _local(context: Context) -> int:
    """Assign variables; here they are not local to the function."""
    for argument in context.arguments:
        name, equals, value = argument.partition("=")
        if equals and name.isidentifier():
            context.shell.variables[name] = value
    return 0


async def _unset(context: Context) -> int:
    for name in context.arguments:
        context.shell.variables.pop(name, None)
        context.shell.functions.pop(name, None)
    return 0


async def _set(context: Context) -> int:
    shell = context.shell
    if not context.arguments:
        for name in sorted(shell.variables):
            await context.print(f"{name}={shell.variables[name]!r}")
        return 0
    arguments = list(context.arguments)
    long = {"errexit": "e", "xtrace": "x", "nounset": "u"}
    while arguments and re.fullmatch(r"[-+][A-Za-z]+", arguments[0]):
        argument = arguments.pop(0)
        letters = argument[1:]
        if letters == "o" and arguments:
            letters = long.get(arguments.pop(0), "")
        if argument[0] == "-":
            shell.options.update(letters)
        else:
            shell.options.difference_update(letters)
    if arguments[:1] == ["--"]:
        shell.parameters = arguments[1:]
    elif arguments:
        shell.parameters = arguments
    return 0


async def _shift(context: Context) -> int:
    count = int(context.arguments[0]) if context.arguments else 1
    if count > len(context.shell.parameters):
        return 1
    del context.shell.parameters[:count]
    return 0


async def _exit(context: Context) -> int:
    shell = context.shell
    if shell.interactive:
        await context.stderr.write(b"logout\n" if shell.name.startswith("-") else b"exit\n")
    raise ExitShell(_status(context))


def _status(context: Context) -> int:
    if context.arguments and re.fullmatch(r"-?\d+", context.arguments[0]):
        return int(context.arguments[0]) & 0xFF
    return context.shell.status


async def _return(context: Context) -> int:
    return _status(context)


async def _break(context: Context) -> int:
    raise LoopControl(context.name)


async def _alias(context: Context) -> int:
    aliases = context.shell.aliases
    for argument in context.arguments or sorted(aliases):
        name, equals, value = argument.partition("=")
        if equals:
            aliases[name] = value
        elif name in aliases:
            await context.print(f"alias {name}='{aliases[name]}'")
    return 0


async def _unalias(context: Context) -> int:
    for name in context.arguments:
        context.shell.aliases.pop(name, None)
    return 0


async def _eval(context: Context) -> int:
    return await context.runner.run_text(" ".join(context.arguments), context.streams)


async def _source(context: Context) -> int:
    if not context.arguments:
        return await context.complain("filename argument required", 2)
    name = context.arguments[0]
    try:
        text = context.files.read(context.path(name)).decode(errors="replace")
    except FileError as error:
        await context.stderr.write(encoded(f"{context.shell.name}: {name}: {error}\n"))
        return 1
    return await context.runner.run_text(text, context.streams)


async def _command(context: Context) -> int:
    """Run the arguments as a command; ``command -v`` says where a command is."""
    if context.arguments[:1] == ["-v"]:
        return await _where(context, context.arguments[1:])
    words = [word for word in context.arguments if word != "--"]
    return await context.runner.run_words(words, context.streams) if words else 0


async def _where(context: Context, names: list[str]) -> int:
    status = 0
    for name in names:
        if name in context.shell.functions or name in BUILTINS:
            await context.print(name)
        elif posixpath.basename(name) in context.runner.commands:
            await context.print(name if "/" in name else f"/usr/bin/{name}")
        else:
            status = 1
    return status


async def _exec(context: Context) -> int:
    """Run the arguments as a command; without any, redirections are the shell's from now on."""
    if not context.arguments:
        context.shell.streams = context.streams
        return 0
    return await context.runner.run_words(context.arguments, context.streams)


async def _wait(context: Context) -> int:
    while context.shell.background:
        await context.shell.background[0].done.wait()
    return 0


async def _help(context: Context) -> int:
    await context.print("The commands of `demo', the scripted guest of uartsim (no real programs run here):\n")
    names = sorted(name for name in context.runner.commands if name[0].isalpha())
    for start in range(0, len(names), 5):
        await context.print("".join(f"{name:<15}" for name in names[start : start + 5]).rstrip())
    return 0


#: Every builtin, by name.
BUILTINS: Final[Mapping[str, CommandFunction]] = {
    **VALUE_BUILTINS,
    ":": _true,
    "true": _true,
    "false": _false,
    "cd": _cd,
    "pwd": _pwd,
    "export": _export,
    "local": _local,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "exit": _exit,
    "logout": _exit,
    "return": _return,
    "break": _break,
    "continue": _break,
    "alias": _alias,
    "unalias": _unalias,
    "eval": _eval,
    "source": _source,
    ".": _source,
    "command": _command,
    "exec": _exec,
    "wait": _wait,
    "help": _help,
}
