"""The shell's builtins: what changes the shell itself, or runs other commands."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from ..kernel.vfs import FileError
from ..tty.tty_device import Terminal
from .command_context import ExitShell, LoopControl

if TYPE_CHECKING:
    from .command_context import CommandFunction, Context


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
        node = context.machine.files.find(path)
        if node.kind != "directory":
            raise FileError("Not a directory")
    except FileError as error:
        await context.stderr.write(f"{shell.name}: cd: {target}: {error}\n".encode())
        return 1
    shell.variables["OLDPWD"] = shell.directory
    shell.directory = shell.variables["PWD"] = path
    return 0


async def _pwd(context: Context) -> int:
    await context.print(context.shell.directory)
    return 0


async def _export(context: Context) -> int:
    shell = context.shell
    if not context.arguments or context.arguments == ["-p"]:
        for name in sorted(shell.exported):
            if name in shell.variables:
                await context.print(f'declare -x {name}="{shell.variables[name]}"')
        return 0
    for argument in context.arguments:
        name, equals, value = argument.partition("=")
        if not name.isidentifier():
            await context.stderr.write(f"{shell.name}: export: `{argument}': not a valid identifier\n".encode())
            return 1
        shell.exported.add(name)
        if equals:
            shell.variables[name] = value
    return 0


async def _assign(context: Context) -> int:
    """local, declare and readonly: plain assignments here."""
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


async def _env(context: Context) -> int:
    shell = context.shell
    words = list(context.arguments)
    given: dict[str, str] = {}
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        given[name] = value
    if words:
        child = shell.child()
        child.variables.update(given)
        return await child.run_words(words, context.streams)
    inherited = {name: shell.variables[name] for name in sorted(shell.exported) if name in shell.variables}
    for name, value in {**inherited, **given}.items():
        await context.print(f"{name}={value}")
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


async def _history(context: Context) -> int:
    if context.arguments == ["-c"]:
        context.shell.editor.history.clear()
        return 0
    for number, line in enumerate(context.shell.editor.history, 1):
        await context.print(f"{number:5d}  {line}")
    return 0


async def _alias(context: Context) -> int:
    shell = context.shell
    for argument in context.arguments:
        name, equals, value = argument.partition("=")
        if equals:
            shell.aliases[name] = value
        elif name in shell.aliases:
            await context.print(f"alias {name}='{shell.aliases[name]}'")
    if not context.arguments:
        for name, value in sorted(shell.aliases.items()):
            await context.print(f"alias {name}='{value}'")
    return 0


async def _unalias(context: Context) -> int:
    for name in context.arguments:
        context.shell.aliases.pop(name, None)
    return 0


async def _eval(context: Context) -> int:
    return await context.shell.run_text(" ".join(context.arguments), context.streams)


async def _sh(context: Context) -> int:
    from .interactive import Shell
    from .streams import read_all

    arguments = list(context.arguments)
    options = {letter for word in arguments if re.fullmatch(r"-[A-Za-z]+", word) for letter in word[1:]}
    words = [word for word in arguments if not re.fullmatch(r"-[A-Za-z]+|--login", word)]
    shell = context.shell
    if "c" in options:
        if not words:
            return await context.complain("-c: option requires an argument", 2)
        child = shell.child()
        child.options = options & {"e", "x", "u"}
        child.name = words[1] if len(words) > 1 else context.name
        child.parameters = words[2:]
        child.editor = shell.editor
        try:
            return await child.run_text(words[0], context.streams)
        except ExitShell as leave:
            return leave.status
    if words:
        try:
            text = context.machine.files.read(context.path(words[0])).decode(errors="replace")
        except FileError as error:
            return await context.complain(f"{words[0]}: {error}", 127)
        return await shell.run_script(text, words[0], words[1:], context.streams)
    if isinstance(getattr(context.stdin, "_terminal", None), Terminal):
        prompt = shell.variables["PS1"] if context.name == "bash" else "# "
        inner = Shell(
            context.machine, prompt=prompt, directory=shell.directory, name=context.name, job_control=shell.job_control
        )
        inner.variables.update({name: shell.variables[name] for name in shell.exported if name in shell.variables})
        return await inner.run_interactive()
    text = (await read_all(context.stdin)).decode(errors="replace")
    return await shell.run_script(text, context.name, [], context.streams)


async def _source(context: Context) -> int:
    if not context.arguments:
        return await context.complain("filename argument required", 2)
    try:
        text = context.machine.files.read(context.path(context.arguments[0])).decode(errors="replace")
    except FileError as error:
        await context.stderr.write(f"{context.shell.name}: {context.arguments[0]}: {error}\n".encode())
        return 1
    return await context.shell.run_text(text, context.streams)


async def _command(context: Context) -> int:
    """command, builtin, exec, nohup, time: run the rest; ``command -v`` says where it is."""
    if context.arguments[:1] in (["-v"], ["-V"]):
        return await _type(context)
    words = [word for word in context.arguments if word != "--"]
    if not words and context.name == "exec":
        context.shell.streams = context.streams  # its redirections are the shell's from now on
    return await context.shell.run_words(words, context.streams) if words else 0


async def _type(context: Context) -> int:
    status = 0
    for name in [word for word in context.arguments if not word.startswith("-")]:
        place = _where(context, name)
        if place is None:
            status = 1
            if context.name == "type":
                await context.stderr.write(f"{context.shell.name}: type: {name}: not found\n".encode())
        elif context.name == "type":
            kind = "a shell builtin" if place == name else place
            await context.print(f"{name} is {kind}")
        else:
            await context.print(place)
    return status


def _where(context: Context, name: str) -> str | None:
    if name in context.shell.functions or (name in COMMANDS and name not in _PROGRAMS):
        return name
    if posixpath.basename(name) in context.shell.commands:
        return name if "/" in name else f"/usr/bin/{name}"
    return None


async def _which(context: Context) -> int:
    status = 0
    for name in context.arguments:
        if name in context.shell.commands:
            await context.print(f"/usr/bin/{name}")
        else:
            status = 1
    return status


async def _wait(context: Context) -> int:
    while context.shell.background:
        await context.shell.background[0].done.wait()
    return 0


async def _jobs(context: Context) -> int:
    for number, job in enumerate(context.shell.background, 1):
        await context.print(f"[{number}]   Running                 pid {job.pid}")
    return 0


async def _help(context: Context) -> int:
    await context.print("The commands of `demo', the scripted guest of uartsim (no real programs run here):\n")
    names = sorted(name for name in context.shell.commands if name[0].isalpha())
    width = 15
    for start in range(0, len(names), 5):
        await context.print("".join(f"{name:<{width}}" for name in names[start : start + 5]).rstrip())
    return 0


#: Names in this table that are programs and no builtins.
_PROGRAMS: Final = frozenset(("env", "sh", "bash", "which", "nohup", "dash"))

COMMANDS: Final[dict[str, CommandFunction]] = {
    ":": _true,
    "true": _true,
    "false": _false,
    "cd": _cd,
    "pwd": _pwd,
    "export": _export,
    "local": _assign,
    "declare": _assign,
    "readonly": _assign,
    "unset": _unset,
    "env": _env,
    "printenv": _env,
    "set": _set,
    "shift": _shift,
    "exit": _exit,
    "logout": _exit,
    "return": _return,
    "break": _break,
    "continue": _break,
    "history": _history,
    "alias": _alias,
    "unalias": _unalias,
    "eval": _eval,
    "sh": _sh,
    "bash": _sh,
    "dash": _sh,
    "source": _source,
    ".": _source,
    "command": _command,
    "builtin": _command,
    "exec": _command,
    "nohup": _command,
    "time": _command,
    "type": _type,
    "which": _which,
    "trap": _true,
    "umask": _true,
    "ulimit": _true,
    "bind": _true,
    "shopt": _true,
    "hash": _true,
    "wait": _wait,
    "jobs": _jobs,
    "help": _help,
}
