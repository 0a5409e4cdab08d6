"""cmd's own commands on files and folders: dir, type, cd, md, rd, del, copy, ren, vol."""

from __future__ import annotations

import fnmatch
import re
from typing import Final

from ..disk.local_users import Token
from ..disk.volume import LABEL, ROOM, SERIAL_NUMBER, VolumeError, absolute, parent_of
from .program_context import Program, ProgramContext

_NO_SYNTAX: Final = "The syntax of the command is incorrect."
#: What only administrators write to.
_PROTECTED: Final = re.compile(r"c:\\(windows(?!\\temp(\\|$))|windowsazure|program files|program files \(x86\))(\\|$)")
#: What a switch looks like.
_SWITCH: Final = re.compile(r"/[a-z?][a-z0-9:-]{0,16}", re.IGNORECASE)


def _arguments(context: ProgramContext) -> tuple[list[str], set[str]]:
    """The paths in full, and the switches in lower case with their slash."""
    words = context.words
    switches = {word.lower() for word in words if _SWITCH.fullmatch(word)}
    paths = [absolute(context.session.folder, word) for word in words if not _SWITCH.fullmatch(word)]
    return paths, switches


def check_writable(token: Token, path: str) -> None:
    """Refuse to write where only administrators do.

    Raises:
        VolumeError: the path is such a one, and the token is not an administrator's.
    """
    if not token.administrator and _PROTECTED.match(path.lower()):
        raise VolumeError("Access is denied.")


async def change_folder(context: ProgramContext) -> int:
    """``cd``: show or change the current folder."""
    path = re.sub(r"^\s*/d\s+", "", context.tail.strip(), flags=re.IGNORECASE).strip().strip('"')
    if not path:
        await context.write(f"{context.session.folder}\n")
        return 0
    wanted = absolute(context.session.folder, path)
    if not context.disk.volume.is_folder(wanted):
        return await context.fail("The system cannot find the path specified.")
    context.session.folder = context.disk.volume.written(wanted)
    return 0


async def list_folder(context: ProgramContext) -> int:
    """``dir``."""
    paths, switches = _arguments(context)
    for path in paths or [context.session.folder]:
        volume, pattern = context.disk.volume, "*"
        if not volume.is_folder(path):
            path, pattern = parent_of(path), path.rpartition("\\")[2]
        if not volume.is_folder(path):
            return await context.fail("The system cannot find the path specified.")
        folders, files = volume.entries(path)
        folders = [name for name in folders if fnmatch.fnmatchcase(name.lower(), pattern.lower())]
        files = [entry for entry in files if fnmatch.fnmatchcase(entry[0].lower(), pattern.lower())]
        if "/b" in switches:
            await context.write_lines([*folders, *(name for name, _ in files)])
            continue
        await context.write(
            f" Volume in drive C is {LABEL}\n Volume Serial Number is {SERIAL_NUMBER}\n\n Directory of {path}\n\n"
        )
        if not folders and not files:
            return await context.fail("File Not Found")
        stamp = f"{context.windows.now():%m/%d/%Y  %I:%M %p}"
        await context.write_lines(f"{stamp}    <DIR>          {name}" for name in folders)
        await context.write_lines(f"{stamp} {size:17,} {name}" for name, size in files)
        size = sum(size for _, size in files)
        await context.write(
            f"{len(files):16} File(s) {size:14,} bytes\n{len(folders):16} Dir(s)  {ROOM:14,} bytes free\n"
        )
    return 0


async def show_file(context: ProgramContext) -> int:
    """``type``."""
    paths, _ = _arguments(context)
    if not paths:
        return await context.fail(_NO_SYNTAX)
    for path in paths:
        text = context.disk.volume.read(path)
        await context.write(text if text.endswith("\n") else text + "\n")
    return 0


async def make_folder(context: ProgramContext) -> int:
    """``md``."""
    paths, _ = _arguments(context)
    for path in paths:
        check_writable(context.token, path)
        context.disk.volume.make_folder(path)
    return 0 if paths else await context.fail(_NO_SYNTAX)


async def remove_folder(context: ProgramContext) -> int:
    """``rd``."""
    paths, _ = _arguments(context)
    for path in paths:
        check_writable(context.token, path)
        context.disk.volume.remove_folder(path)
    return 0 if paths else await context.fail(_NO_SYNTAX)


async def delete_files(context: ProgramContext) -> int:
    """``del``."""
    paths, _ = _arguments(context)
    for path in paths:
        check_writable(context.token, path)
        folder, pattern = parent_of(path), path.rpartition("\\")[2].lower()
        names = [
            name for name, _ in context.disk.volume.entries(folder)[1] if fnmatch.fnmatchcase(name.lower(), pattern)
        ]
        if not names:
            await context.error(f"Could Not Find {path}\n")
        for name in names:
            context.disk.volume.remove_file(folder.rstrip("\\") + "\\" + name)
    return 0 if paths else await context.fail(_NO_SYNTAX)


async def copy_file(context: ProgramContext) -> int:
    """``copy`` of one file."""
    return await _copy(context, "copied")


async def move_file(context: ProgramContext) -> int:
    """``move`` and ``ren`` of one file."""
    return await _copy(context, "moved")


async def _copy(context: ProgramContext, done: str) -> int:
    paths, _ = _arguments(context)
    volume = context.disk.volume
    if len(paths) != 2:
        return await context.fail(_NO_SYNTAX)
    source, target = paths
    if context.name in ("ren", "rename"):
        target = parent_of(source).rstrip("\\") + "\\" + target.rpartition("\\")[2]
    if volume.is_folder(target):
        target = target.rstrip("\\") + "\\" + source.rpartition("\\")[2]
    check_writable(context.token, target)
    text = volume.read(source)
    if done == "moved":
        check_writable(context.token, source)
        volume.remove_file(source)
    volume.write(target, text)
    if context.name not in ("ren", "rename"):
        await context.write(f"        1 file(s) {done}.\n")
    return 0


async def show_label(context: ProgramContext) -> int:
    """``vol``."""
    await context.write(f" Volume in drive C is {LABEL}\n Volume Serial Number is {SERIAL_NUMBER}\n")
    return 0


FILE_COMMANDS: Final[dict[str, Program]] = {
    "cd": change_folder, "chdir": change_folder, "dir": list_folder, "type": show_file, "md": make_folder,
    "mkdir": make_folder, "rd": remove_folder, "rmdir": remove_folder, "del": delete_files, "erase": delete_files,
    "copy": copy_file, "move": move_file, "ren": move_file, "rename": move_file, "vol": show_label,
}  # fmt: skip
