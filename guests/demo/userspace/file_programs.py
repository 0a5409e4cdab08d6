"""Commands on files and directories: ls, mkdir, rm, touch, cp, mv, chmod, dd, df, mount."""

from __future__ import annotations

import posixpath
import time
from typing import TYPE_CHECKING, Final

from ..kernel.procfs import MOUNTS
from ..kernel.vfs import FileError, Node
from ..shell import getopt as options
from ..shell.streams import read_all
from .text_programs import checked

if TYPE_CHECKING:
    from ..shell.command_context import CommandFunction, Context

_TYPES: Final = {"directory": "d", "link": "l", "device": "c", "file": "-"}


async def _ls(context: Context) -> int:
    parsed = options.parse(context.arguments, "laAh1dFrtRS", {"all": "a", "color": "1"})
    files = context.machine.files
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


async def _list(context: Context, entries: list[tuple[str, Node]], parsed: options.Parsed) -> None:
    if not entries:
        return
    if "r" in parsed:
        entries = entries[::-1]
    if "l" in parsed:
        for name, node in entries:
            arrow = f" -> {node.data.decode()}" if node.kind == "link" else ""
            modified = time.strftime("%b %e %H:%M", time.gmtime(node.modified))
            await context.print(f"{_mode(node)} 1 root root {_size(node):8d} {modified} {name}{arrow}")
        return
    names = [name + ("/" if "F" in parsed and node.kind == "directory" else "") for name, node in entries]
    to_terminal = hasattr(context.stdout, "_terminal")
    if "1" in parsed or not to_terminal:
        await context.print("\n".join(names))
        return
    await context.print(_in_columns(names, context.machine.terminal.modes.columns or 80))


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
    parsed = options.parse(context.arguments, "pvm:")
    status = 0
    files = context.machine.files
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
    parsed = options.parse(context.arguments, "rRfvi", {"recursive": "r", "force": "f"})
    status = 0
    if not parsed.operands and "f" not in parsed:
        return await context.complain("missing operand")
    for name in parsed.operands:
        try:
            context.machine.files.remove(context.path(name), recursive=bool(parsed.flags & {"r", "R"}))
        except FileError as error:
            if "f" not in parsed or "No such" not in str(error):
                status = await context.complain(f"cannot remove '{name}': {error}")
    return status


async def _rmdir(context: Context) -> int:
    status = 0
    for name in context.arguments:
        try:
            context.machine.files.remove(context.path(name), directory=True)
        except FileError as error:
            status = await context.complain(f"failed to remove '{name}': {error}")
    return status


async def _touch(context: Context) -> int:
    status = 0
    for name in [word for word in context.arguments if not word.startswith("-")]:
        try:
            context.machine.files.write(context.path(name), b"", append=True)
        except FileError as error:
            status = await context.complain(f"cannot touch '{name}': {error}")
    return status


async def _cp(context: Context) -> int:
    parsed = options.parse(context.arguments, "afprRv")
    if len(parsed.operands) < 2:
        return await context.complain("missing file operand")
    *sources, target = parsed.operands
    files = context.machine.files
    status = 0
    for source in sources:
        destination = context.path(target)
        if files.is_directory(destination):
            destination = posixpath.join(destination, posixpath.basename(source))
        try:
            files.write(destination, files.read(context.path(source)))
            if context.name == "mv":
                files.remove(context.path(source))
        except FileError as error:
            status = await context.complain(f"cannot stat '{source}': {error}")
    return status


async def _chmod(context: Context) -> int:
    if len(context.arguments) < 2:
        return await context.complain("missing operand")
    mode, *names = context.arguments
    for name in names:
        try:
            node = context.machine.files.find(context.path(name))
        except FileError as error:
            return await context.complain(f"cannot access '{name}': {error}")
        if mode.isdigit():
            node.mode = int(mode, 8)
        elif "x" in mode:
            node.mode = node.mode | 0o111 if "+" in mode else node.mode & ~0o111
    return 0


async def _dd(context: Context) -> int:
    """dd if= of= bs= count= skip= seek=, to and from files, devices and pipes."""
    values = dict(word.partition("=")[::2] for word in context.arguments)
    block = _bytes(values.get("bs", "512"))
    count = int(values["count"]) if "count" in values else None
    name = values.get("if")
    if name is None:
        data = await read_all(context.stdin)
    elif context.path(name) in ("/dev/zero", "/dev/urandom", "/dev/random"):
        if count is None:
            return await context.complain("count= is needed with an endless device here")
        unit = context.machine.files.read(context.path(name))
        data = (unit * (block * count // len(unit) + 1))[: block * count]
    else:
        try:
            data = context.machine.files.read(context.path(name))
        except FileError as error:
            return await context.complain(f"failed to open '{name}': {error}")
    data = data[block * int(values.get("skip", "0")) :]
    if count is not None:
        data = data[: block * count]
    if "of" in values:
        path, seek = context.path(values["of"]), block * int(values.get("seek", "0"))
        try:
            before = context.machine.files.read(path)[:seek] if seek and context.machine.files.exists(path) else b""
            context.machine.files.write(path, before.ljust(seek, b"\0") + data)
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
    return options.number(text.rstrip("kKM")) * factor


async def _df(context: Context) -> int:
    human = "-h" in context.arguments
    rows = (
        ("udev", 228872, 0, "/dev"),
        ("tmpfs", 48132, 268, "/run"),
        ("/dev/vda1", 888472, 318080, "/"),
        ("tmpfs", 240640, 0, "/dev/shm"),
    )
    await context.print("Filesystem      Size  Used Avail Use% Mounted on" if human else
                        "Filesystem     1K-blocks   Used Available Use% Mounted on")  # fmt: skip
    for name, size, used, place in rows:
        share = round(100 * used / size)
        if human:
            await context.print(
                f"{name:<14} {size // 1024:4d}M {used // 1024:4d}M {(size - used) // 1024:4d}M {share:3d}% {place}"
            )
        else:
            await context.print(f"{name:<14} {size:9d} {used:6d} {size - used:9d} {share:3d}% {place}")
    return 0


async def _mount(context: Context) -> int:
    if context.arguments:
        return 0
    for line in MOUNTS.splitlines():
        device, place, kind, flags, *_ = line.split()
        await context.print(f"{device} on {place} type {kind} ({flags})")
    return 0


async def _name(context: Context) -> int:
    if not context.arguments:
        return await context.complain("missing operand")
    path = context.arguments[0].rstrip("/") or "/"
    if context.name == "dirname":
        await context.print(posixpath.dirname(path) or ".")
    else:
        base = posixpath.basename(path) or "/"
        await context.print(base.removesuffix(context.arguments[1]) if len(context.arguments) > 1 else base)
    return 0


async def _readlink(context: Context) -> int:
    names = [word for word in context.arguments if not word.startswith("-")]
    for name in names:
        try:
            node = context.machine.files.find(context.path(name), follow=False)
        except FileError:
            return 1
        if node.kind != "link":
            if "-f" not in context.arguments:
                return 1
            await context.print(context.path(name))
        else:
            await context.print(node.data.decode())
    return 0


async def _sync(_context: Context) -> int:
    return 0


COMMANDS: Final[dict[str, CommandFunction]] = {
    name: checked(function)
    for name, function in {
        "ls": _ls,
        "dir": _ls,
        "mkdir": _mkdir,
        "rm": _rm,
        "rmdir": _rmdir,
        "touch": _touch,
        "cp": _cp,
        "mv": _cp,
        "chmod": _chmod,
        "dd": _dd,
        "df": _df,
        "mount": _mount,
        "umount": _sync,
        "basename": _name,
        "dirname": _name,
        "readlink": _readlink,
        "sync": _sync,
    }.items()
}
