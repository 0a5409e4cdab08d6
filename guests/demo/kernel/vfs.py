"""The file system: a tree in memory, lost at power off, with /proc and /dev entries that act on the machine."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from . import procfs as disk
from .kernel import RELEASE, VERSION

if TYPE_CHECKING:
    from ..linux_system import Machine

#: More than this the disk does not hold, in bytes.
CAPACITY_BYTES: Final = 16 << 20


class FileError(Exception):
    """An operation failed; the message is strerror's: ``No such file or directory`` and so on."""


@dataclass
class Node:
    """A file, a directory or a device.

    Attributes:
        kind: "file", "directory", "device" or "link".
        data: a file's content, a link's target.
        read: makes the content of a generated file.
        write: what writing to a device or setting does; raises `FileError` for a value it does not take.
        mode: the permission bits.
        modified: when, in seconds since 1970.
    """

    kind: str = "file"
    data: bytes = b""
    read: Callable[[], bytes] | None = None
    write: Callable[[bytes], None] | None = None
    mode: int = 0o644
    modified: float = 0.0
    children: dict[str, Node] = field(default_factory=dict)


class FileSystem:
    """The tree.

    Args:
        machine: whose settings and counters /proc shows.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.root = Node("directory", mode=0o755)
        self.passwords = {"root": machine.settings.password}
        #: When somebody logged in before, in seconds since 1970.
        self.last_login: float | None = None
        for path in disk.DIRECTORIES:
            self._make(path, Node("directory", mode=0o1777 if path == "/tmp" else 0o755))
        for path, text in disk.FILES.items():
            self._make(path, Node(data=text.encode(), mode=0o755 if "/bin/" in path else 0o644))
        for path, target in disk.LINKS.items():
            self._make(path, Node("link", data=target.encode(), mode=0o777))
        self.write_text("/etc/hostname", machine.hostname + "\n")
        disk.add_proc(self._make_generated, machine)
        disk.add_devices(self._make_generated, machine)

    def _make(self, path: str, node: Node) -> None:
        parent, name = posixpath.split(path)
        self._directory(parent).children[name] = node
        node.modified = disk.INSTALLED

    def _make_generated(
        self,
        path: str,
        read: Callable[[], bytes] | None,
        write: Callable[[bytes], None] | None = None,
        kind: str = "file",
    ) -> None:
        mode = 0o644 if read and write else 0o444 if read else 0o200
        self._make(path, Node(kind, read=read, write=write, mode=mode if kind == "file" else 0o620))

    # ----------------------------------------------------------------------------------------------------------- lookup
    def find(self, path: str, *, follow: bool = True) -> Node:
        """The node at an absolute path.

        Raises:
            FileError: there is none, or a part of the path is no directory.
        """
        node = self.root
        parts = [part for part in posixpath.normpath(path).split("/") if part]
        for index, part in enumerate(parts):
            if node.kind != "directory":
                raise FileError("Not a directory")
            if part not in node.children:
                raise FileError("No such file or directory")
            node = node.children[part]
            if node.kind == "link" and (follow or index < len(parts) - 1):
                here = "/" + "/".join(parts[:index])
                node = self.find(posixpath.join(here, node.data.decode()))
        return node

    def exists(self, path: str) -> bool:
        """Whether there is something at ``path``."""
        try:
            self.find(path)
        except FileError:
            return False
        return True

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory at ``path``."""
        return self.exists(path) and self.find(path).kind == "directory"

    def _directory(self, path: str) -> Node:
        node = self.find(path)
        if node.kind != "directory":
            raise FileError("Not a directory")
        return node

    # ------------------------------------------------------------------------------------------------------ operations
    def read(self, path: str) -> bytes:
        """A file's content.

        Raises:
            FileError: see `find`; or it is a directory, or cannot be read.
        """
        node = self.find(path)
        if node.kind == "directory":
            raise FileError("Is a directory")
        if node.read is not None:
            return node.read()
        if node.write is not None:
            raise FileError("Permission denied" if node.kind == "file" else "Invalid argument")
        return node.data

    def read_text(self, path: str) -> str:
        """A file's content as text; nothing if there is no such file."""
        try:
            return self.read(path).decode(errors="replace")
        except FileError:
            return ""

    def write(self, path: str, data: bytes, *, append: bool = False) -> None:
        """Write a whole file, or add to it.

        Raises:
            FileError: see `find`; or it cannot be written, or the disk is full.
        """
        try:
            node = self.find(path)
        except FileError:
            parent, name = posixpath.split(posixpath.normpath(path))
            node = self._directory(parent).children.setdefault(name, Node())
        if node.kind == "directory":
            raise FileError("Is a directory")
        if node.write is not None:
            node.write(data)
            return
        if node.read is not None:
            raise FileError("Permission denied")
        if len(data) + (len(node.data) if append else 0) > CAPACITY_BYTES:
            raise FileError("No space left on device")
        node.data = node.data + data if append else data
        node.modified = self._machine.wall_time()

    def write_text(self, path: str, text: str) -> None:
        """Write a whole file of text."""
        self.write(path, text.encode())

    def make_directory(self, path: str) -> None:
        """mkdir(2).

        Raises:
            FileError: there is something already, or no parent.
        """
        if self.exists(path):
            raise FileError("File exists")
        parent, name = posixpath.split(posixpath.normpath(path))
        self._directory(parent).children[name] = Node("directory", mode=0o755, modified=self._machine.wall_time())

    def remove(self, path: str, *, recursive: bool = False, directory: bool = False) -> None:
        """unlink(2), or rmdir(2) with ``directory``.

        Raises:
            FileError: there is nothing, or it is a directory (with something in it).
        """
        node = self.find(path, follow=False)
        if node.kind == "directory" and not recursive:
            if not directory:
                raise FileError("Is a directory")
            if node.children:
                raise FileError("Directory not empty")
        elif node.kind != "directory" and directory:
            raise FileError("Not a directory")
        parent, name = posixpath.split(posixpath.normpath(path))
        if not name:
            raise FileError("Device or resource busy")
        del self._directory(parent).children[name]

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted.

        Raises:
            FileError: it is none.
        """
        return sorted(self._directory(path).children)

    # -------------------------------------------------------------------------------------------------- helpers
    def check_password(self, name: str, password: str) -> bool:
        """Whether ``name`` may log in with ``password``."""
        return self.passwords.get(name) == password

    def uname(self, options: str) -> str:
        """What uname(1) prints for options such as ``-a`` or ``-snr``."""
        values = {
            "s": "Linux",
            "n": self._machine.hostname,
            "r": RELEASE,
            "v": VERSION,
            "m": "x86_64",
            "o": "GNU/Linux",
        }
        wanted = options.lstrip("-") or "s"
        if "a" in wanted:
            wanted = "snrvmo"
        return " ".join(values[letter] for letter in values if letter in wanted)

    def date(self, layout: str = "%a %b %e %H:%M:%S UTC %Y") -> str:
        """The time of the machine's clock, as strftime(3) lays it out."""
        return time.strftime(layout, time.gmtime(self._machine.wall_time()))
