"""Editing an ext2, ext3 or ext4 file system in a file, without root and without mounting it: debugfs and e2fsck.

The file holds the file system alone, from its first byte.  Each operation is a debugfs of its own (``-R``), because a file
of commands has a limit of 255 characters a line, shorter than some paths.  debugfs exits with 0 whatever happens, so
anything that it says besides its version is an error.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.images.guest_files import FileState
from uartsim.images.host_tools import ToolResult, run_tool
from uartsim.printable import printable

#: The command that installs debugfs and e2fsck.
INSTALL: Final = "apt-get install e2fsprogs"
#: How long one operation may take, in seconds.  e2fsck reads all inodes of a disk.
TIMEOUT_S: Final = 600.0

_BANNER: Final = re.compile(r"\A(?:debugfs|e2fsck) \d\S* \(.*\)\n?")
_STATE: Final = re.compile(
    r"Inode: \d+\s+Type: (.+?)\s+Mode:\s+([0-7]+).*?User:\s+(\d+)\s+Group:\s+(\d+).*?Links: (\d+)", re.DOTALL
)
_KINDS: Final = {"regular": "file", "directory": "folder", "symlink": "link"}
_ENTRY: Final = re.compile(r"/\d+/\d+/\d+/\d+/(.*)/\d*/")
_ATTRIBUTE: Final = re.compile(r"  (\S.*?) \(\d+\)(?: = .*)?")
_INLINE_DATA: Final = "system.data"
_NO_ROOM: Final = ("Could not allocate block", "Could not allocate inode", "No free space", "No space left")
#: Fields of the superblock, by their offset from the start of the file system (ext4's Documentation, "Super Block").
_SUPERBLOCK: Final = 1024
_STATE_OFFSET: Final = _SUPERBLOCK + 0x3A
_INCOMPAT_OFFSET: Final = _SUPERBLOCK + 0x60
_NEEDS_RECOVERY: Final = 0x4
_CLEAN: Final = 0x1


class ExtFiles:
    """The files of an ext file system; see :class:`uartsim.images.guest_files.GuestFiles`.

    Args:
        fd: a descriptor of the file that holds the file system, open for reading and writing.
        what: what messages call the file system, such as ``"partition 1"``.
        written_at: the time of all that is written, in seconds since 1970; by default it is the clock's.
    """

    def __init__(self, fd: int, what: str, written_at: int | None = None) -> None:
        self._fd = fd
        self._what = what
        self._variables = {} if written_at is None else {"E2FSPROGS_FAKE_TIME": str(written_at)}

    def prepare(self) -> bool:
        """Bring the file system into a state in which it can be edited.

        One that was not unmounted is first repaired as at a boot (``e2fsck -p``): its journal is replayed.

        Returns: whether that was necessary.

        Raises:
            UartsimError: the file system is damaged in a way that takes a decision.
        """
        (incompatible,) = struct.unpack("<I", os.pread(self._fd, 4, _INCOMPAT_OFFSET))
        (state,) = struct.unpack("<H", os.pread(self._fd, 2, _STATE_OFFSET))
        unclean = bool(incompatible & _NEEDS_RECOVERY) or state != _CLEAN
        if unclean:
            done = self._run("e2fsck", "-p")
            if done.status not in (0, 1):
                raise self._damaged(done)
        self.check()
        return unclean

    def check(self) -> None:
        """Check the file system.

        Raises:
            UartsimError: it is damaged.
        """
        done = self._run("e2fsck", "-fn")
        if done.status:
            raise self._damaged(done)

    def state(self, path: str) -> FileState | None:
        """What is there; None if there is nothing."""
        done = self._debugfs("stat", path)
        if "File not found by ext2_lookup" in done.complaints:
            return None
        found = _STATE.search(self._text(done))
        if found is None:
            raise self._failed(done)
        kind, mode, uid, gid, links = found.groups()
        return FileState(_KINDS.get(kind, "other"), int(mode, 8) & 0o7777, int(uid), int(gid), int(links))

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads."""
        short = re.search(
            r'^Fast link dest: "(.*)"$', self._text(self._debugfs("stat", path)), re.DOTALL | re.MULTILINE
        )
        return short[1] if short else self._text(self._debugfs("cat", path))

    def names(self, folder: str) -> list[str]:
        """The names in a folder; see :class:`uartsim.images.guest_files.GuestFiles`."""
        lines = self._text(self._debugfs("ls -p", folder)).split("\n")
        names = {entry[1] for line in lines if (entry := _ENTRY.fullmatch(line))} - {".", ".."}
        return sorted(name for name in names if name.isprintable())

    def read(self, path: str) -> bytes:
        """The content of a file."""
        done = self._debugfs("cat", path)
        self._text(done)
        return done.output

    def write(self, path: str, content: bytes) -> None:
        """Make a file, or replace one by a file of the same mode, owner and extended attributes.

        Raises:
            UsageError: the file system is full, or the file has a second name, which would keep the old content.
        """
        before = self.state(path)
        mode, uid, gid = (0o644, 0, 0) if before is None else (before.mode, before.uid, before.gid)
        attributes: dict[str, bytes] = {}
        if before is not None:
            if before.links > 1:
                raise UsageError(
                    f"{printable(path)} has {before.links} names in the guest (hard links), and the others would keep the old "
                    "content: change it in the running guest"
                )
            attributes = self._attributes(path)
            self._change("rm", path)
        with _in_memory(content) as fd:
            self._change(f"write /proc/self/fd/{fd}", path, fds=(fd,))
        self._set_owner(path, 0o100000 | mode, uid, gid)
        for name, value in attributes.items():
            with _in_memory(value) as fd:
                self._change(f"ea_set -f /proc/self/fd/{fd}", path, name, fds=(fd,))

    def make_folder(self, path: str) -> None:
        """Make a folder (mode 0755, root's)."""
        self._change("mkdir", path)
        self._set_owner(path, 0o040755, 0, 0)

    def remove(self, path: str) -> None:
        """Remove a file or a symbolic link."""
        self._change("rm", path)

    def debugfs(self, command: str, *words: str, write: bool = False) -> str:
        """What debugfs prints for a command; UartsimError if it complains."""
        return self._text(self._debugfs(command, *words, write=write))

    def _attributes(self, path: str) -> dict[str, bytes]:
        listed = self._text(self._debugfs("ea_list", path)).split("\n")
        names = [found[1] for line in listed if (found := _ATTRIBUTE.fullmatch(line))]
        values = {}
        for name in names:
            if name == _INLINE_DATA:
                continue
            with _in_memory(b"") as fd:
                self._text(self._debugfs(f"ea_get -f /proc/self/fd/{fd}", path, name, fds=(fd,)))
                values[name] = os.pread(fd, os.fstat(fd).st_size, 0)
        return values

    def _set_owner(self, path: str, mode: int, uid: int, gid: int) -> None:
        for field, value in (("mode", f"0{mode:o}"), ("uid", str(uid)), ("gid", str(gid))):
            self._change("sif", path, field, value)

    def _change(self, command: str, *words: str, fds: tuple[int, ...] = ()) -> None:
        done = self._debugfs(command, *words, write=True, fds=fds)
        if any(text in done.complaints for text in _NO_ROOM):
            raise UsageError(
                f"the file system on {self._what} is full, and {printable(words[0])} does not fit: give less, or make room in "
                "a copy of the image"
            )
        self._text(done)

    def _text(self, done: ToolResult) -> str:
        """The output of a command that has succeeded, as text."""
        if done.status or done.complaints:
            raise self._failed(done)
        return done.output.decode(errors="surrogateescape")

    def _debugfs(self, command: str, *words: str, write: bool = False, fds: tuple[int, ...] = ()) -> ToolResult:
        request = " ".join([command, *(_quoted(word) for word in words)])
        return self._run("debugfs", *(["-w"] if write else []), "-R", request, fds=fds)

    def _run(self, program: str, *arguments: str, fds: tuple[int, ...] = ()) -> ToolResult:
        command = [program, *arguments, f"/proc/self/fd/{self._fd}"]
        done = run_tool(command, INSTALL, timeout_s=TIMEOUT_S, pass_fds=(self._fd, *fds), variables=self._variables)
        return ToolResult(done.status, done.output, _BANNER.sub("", done.complaints).strip())

    def _failed(self, done: ToolResult) -> UartsimError:
        why = done.complaints or f"status {done.status}"
        return UartsimError(f"debugfs cannot edit the file system on {self._what}: {printable(why[-300:])}")

    def _damaged(self, done: ToolResult) -> UartsimError:
        said = [
            line for line in done.output.decode(errors="replace").splitlines() if line and not line.startswith("Pass ")
        ]
        why = printable("; ".join([*said[:3], *done.complaints.splitlines()[:1]])[:300])
        return UartsimError(
            f"the file system on {self._what} is damaged, so it is not edited (e2fsck: {why}): repair a copy of the image with "
            "e2fsck, or run it without --edit and --grub"
        )


def _quoted(word: str) -> str:
    """A word for debugfs, whose parser takes a doubled quote inside quotes for a quote, and nothing else as special."""
    return '"' + word.replace('"', '""') + '"'


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """A file without a name, so that nothing is left if this process is killed; yields its descriptor."""
    fd = os.memfd_create("uartsim")
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(content)
        yield fd
    finally:
        os.close(fd)
