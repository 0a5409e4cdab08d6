"""Programs that work on files and directories: ls, mkdir, rm, mv, chmod, dd."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Mapping
from typing import Final

from ..kernel.vfs import FileError, Node
from ..shell import getopt
from ..shell.command_context import CommandFunction, Context
from ..shell.streams import TerminalFile, read_all
from . import accounts

_TYPES: Final = {"directory": "d", "link": "l", "device": "c", "file": "-"}


async def _ls(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "laAh1dFrtRS", {"all": "a", "color": "1"})
    files = context.files
    status = 0
    listed_files: list[tuple[str, Node]] = []
    directories: list[str] = []
    for name in parsed.operands or ["."]:
        path = context.path(name)
        try:
            node = files.find(path, follow="l" not in parsed or files.is_directory(path))
        except FileError as error:
            status = 2
            await context.complain(f"cannot access '{name}': {error}")
            continue
        if node.kind == "directory" and "d" not in parsed:
            directories.append(name)
        else:
            listed_files.append((name, node))
    await _list(context, listed_files, parsed)
    for name in directories:
        if len(directories) + len(listed_files) > 1:
            await context.print(f"{name}:")
        path = context.path(name)
        entries = [(each, files.find(posixpath.join(path, each), follow=False)) for each in files.names(path)]
        if not parsed.flags & {"a", "A"}:
            entries = [(each, node) for each, node in entries if not each.startswith(".")]
        if "a" in parsed:
            here = files.find(path)
            entries = [(".", here), ("..", here), *entries]
        if "l" in parsed:
            await context.print(f"total {sum(_size(node) for _, node in entries) // 1024}")
        await _list(context, entries, parsed)
    return status


def _size(node: Node) -> int:
    return 4096 if node.kind == "directory" else len(node.data)


async def _list(context: Context, entries: list[tuple[str, Node]], parsed: getopt.Parsed) -> None:
    if not entries:
        return
    if "r" in parsed:
        entries = entries[::-1]
    if "l" in parsed:
        for name, node in entries:
            arrow = f" -> {node.data.decode()}" if node.kind == "link" else ""
            modified = time.strftime("%b %e %H:%M", time.gmtime(node.modified))
            owner = accounts.name_of(context.kernel.files, node.owner)
            await context.print(f"{_mode(node)} 1 {owner} {owner} {_size(node):8d} {modified} {name}{arrow}")
        return
    names = [name + ("/" if "F" in parsed and node.kind == "directory" else "") for name, node in entries]
    if "1" in parsed or not isinstance(context.stdout, TerminalFile):
        await context.print("\n".join(names))
        return
    await context.print(_in_columns(names, context.kernel.terminal.modes.columns or 80))


def _in_columns(names: list[str], width: int) -> str:
    for rows in range(1, len(names) + 1):
        columns = [names[start : start + rows] for start in range(0, len(names), rows)]
        widths = [max(map(len, column)) + 2 for column in columns]
        if sum(widths) - 2 <= width or rows == len(names):
            return "\n".join(
                "".join(
                    f"{column[row]:<{size}}" for column, size in zip(columns, widths, strict=True) if row < len(column)
                ).rstrip()
                for row in range(rows)
            )
    return ""


def _mode(node: Node) -> str:
    bits = "".join(
        letter if node.mode >> shift & 1 else "-" for shift, letter in zip(range(8, -1, -1), "rwxrwxrwx", strict=True)
    )
    if node.mode & 0o1000:
        bits = bits[:-1] + "t"
    return _TYPES[node.kind] + bits


async def _mkdir(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "pvm:")
    status = 0
    files = context.files
    if not parsed.operands:
        return await context.complain("missing operand")
    for name in parsed.operands:
        path = context.path(name)
        try:
            if "p" in parsed:
                parts = path.strip("/").split("/")
                for index in range(1, len(parts) + 1):
                    part = "/" + "/".join(parts[:index])
                    if not files.is_directory(part):
                        files.make_directory(part)
            else:
                files.make_directory(path)
        except FileError as error:
            status = await context.complain(f"cannot create directory '{name}': {error}")
    return status


async def _rm(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "rRfvi", {"recursive": "r", "force": "f"})
    status = 0
    if not parsed.operands and "f" not in parsed:
        return await context.complain("missing operand")
    for name in parsed.operands:
        try:
            context.files.remove(context.path(name), recursive=bool(parsed.flags & {"r", "R"}))
        except FileError as error:
            if "f" not in parsed or "No such" not in str(error):
                status = await context.complain(f"cannot remove '{name}': {error}")
    return status


async def _mv(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "fv")
    if len(parsed.operands) < 2:
        return await context.complain("missing file operand")
    *sources, target = parsed.operands
    files = context.files
    status = 0
    for source in sources:
        destination = context.path(target)
        if files.is_directory(destination):
            destination = posixpath.join(destination, posixpath.basename(source))
        try:
            files.write(destination, files.read(context.path(source)))
            files.remove(context.path(source))
        except FileError as error:
            status = await context.complain(f"cannot stat '{source}': {error}")
    return status


async def _touch(context: Context) -> int:
    status = 0
    for name in [word for word in context.arguments if not word.startswith("-")]:
        try:
            context.files.write(context.path(name), b"", append=True)
        except FileError as error:
            status = await context.complain(f"cannot touch '{name}': {error}")
    return status


async def _chmod(context: Context) -> int:
    if len(context.arguments) < 2:
        return await context.complain("missing operand")
    mode, *names = context.arguments
    for name in names:
        try:
            before = context.files.find(context.path(name)).mode
        except FileError as error:
            return await context.complain(f"cannot access '{name}': {error}")
        if not re.fullmatch(r"[0-7]{1,4}|.*x.*", mode):
            continue
        after = int(mode, 8) if mode.isdigit() else before | 0o111 if "+" in mode else before & ~0o111
        try:
            context.files.change_mode(context.path(name), after)
        except FileError as error:
            return await context.complain(f"changing permissions of '{name}': {error}")
    return 0


async def _dd(context: Context) -> int:
    """Run ``dd if= of= bs= count= skip= seek= status=`` to and from files, devices and pipes."""
    values = dict(word.partition("=")[::2] for word in context.arguments)
    block = _bytes(values.get("bs", "512"))
    count = int(values["count"]) if "count" in values else None
    name = values.get("if")
    if name is None:
        data = await read_all(context.stdin)
    elif context.path(name) in ("/dev/zero", "/dev/urandom", "/dev/random"):
        if count is None:
            return await context.complain("count= is needed with an endless device here")
        unit = context.files.read(context.path(name))
        data = (unit * (block * count // len(unit) + 1))[: block * count]
    else:
        try:
            data = context.files.read(context.path(name))
        except FileError as error:
            return await context.complain(f"failed to open '{name}': {error}")
    data = data[block * int(values.get("skip", "0")) :]
    if count is not None:
        data = data[: block * count]
    if "of" in values:
        path, seek = context.path(values["of"]), block * int(values.get("seek", "0"))
        try:
            before = context.files.read(path)[:seek] if seek and context.files.exists(path) else b""
            context.files.write(path, before.ljust(seek, b"\0") + data)
        except FileError as error:
            return await context.complain(f"failed to open '{values['of']}': {error}")
    else:
        await context.stdout.write(data)
    whole, part = divmod(len(data), block)
    records = f"{whole}+{int(part > 0)}"
    if values.get("status") != "none":
        await context.stderr.write(
            f"{records} records in\n{records} records out\n{len(data)} bytes copied, 0.001 s\n".encode()
        )
    return 0


def _bytes(text: str) -> int:
    factor = {"k": 1024, "K": 1024, "M": 1024**2}.get(text[-1:], 1)
    return getopt.number(text.rstrip("kKM")) * factor


#: These programs, by name.
FILE_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "ls": _ls,
    "mkdir": _mkdir,
    "rm": _rm,
    "mv": _mv,
    "touch": _touch,
    "chmod": _chmod,
    "dd": _dd,
}
