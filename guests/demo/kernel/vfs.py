"""The file system: a tree in memory, lost at power off.  Files of /proc and /dev are made by functions: see `procfs`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from . import disk_contents

#: The size of the disk, and so the largest file, in bytes.
CAPACITY_BYTES: Final = 16 << 20


class FileError(Exception):
    """An operation has failed.  The message is strerror's, such as ``No such file or directory``."""


@dataclass
class Node:
    """A file, a directory or a device.

    Attributes:
        kind: "file", "directory", "device" or "link".
        data: a file's content, a link's target.
        read: makes the content of a generated file.
        write: takes what is written to a device or a setting; raises `FileError` for a value that it refuses.
        mode: the permission bits.
        modified: the time of the last change, in seconds since 1970.
        children: what is in a directory, by name.
    """

    kind: str = "file"
    data: bytes = b""
    read: Callable[[], bytes] | None = None
    write: Callable[[bytes], None] | None = None
    mode: int = 0o644
    modified: float = 0.0
    children: dict[str, Node] = field(default_factory=dict)


class FileSystem:
    """The tree, with the files of a freshly installed machine in it.

    Args:
        clock: the time that new files get, in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.root = Node("directory", mode=0o755)
        for path in disk_contents.DIRECTORIES:
            self._make(path, Node("directory", mode=0o1777 if path == "/tmp" else 0o755))
        for path, text in disk_contents.FILES.items():
            self._make(path, Node(data=text.encode()))
        for path, target in disk_contents.LINKS.items():
            self._make(path, Node("link", data=target.encode(), mode=0o777))

    def _make(self, path: str, node: Node) -> None:
        parent, name = posixpath.split(path)
        self._directory(parent).children[name] = node
        node.modified = disk_contents.INSTALLED

    def make_generated(
        self,
        path: str,
        read: Callable[[], bytes] | None,
        write: Callable[[bytes], None] | None = None,
        kind: str = "file",
    ) -> None:
        """Create a file whose content is not stored.

        Args:
            path: where; its directory must be there.
            read: makes the content; None if the file cannot be read.
            write: takes what is written; None if the file cannot be written.
            kind: "file" or "device".
        """
        mode = 0o644 if read and write else 0o444 if read else 0o200
        self._make(path, Node(kind, read=read, write=write, mode=mode if kind == "file" else 0o620))

    # ----------------------------------------------------------------------------------------------------------- lookup
    def find(self, path: str, *, follow: bool = True) -> Node:
        """The node at an absolute path.

        Raises:
            FileError: nothing is there, or a part of the path is not a directory.
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
            FileError: nothing is there, or it is a directory, or it cannot be read.
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
        """A file's content as text; empty if it cannot be read."""
        try:
            return self.read(path).decode(errors="replace")
        except FileError:
            return ""

    def write(self, path: str, data: bytes, *, append: bool = False) -> None:
        """Write a whole file, or add to it.

        Raises:
            FileError: a part of the path is not a directory, or the file cannot be written, or the disk is full.
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
        node.modified = self._clock()

    def write_text(self, path: str, text: str) -> None:
        """Write a whole file of text."""
        self.write(path, text.encode())

    def make_directory(self, path: str) -> None:
        """Make a directory, as mkdir(2) does.

        Raises:
            FileError: something is at ``path`` already, or its parent is not a directory.
        """
        if self.exists(path):
            raise FileError("File exists")
        parent, name = posixpath.split(posixpath.normpath(path))
        self._directory(parent).children[name] = Node("directory", mode=0o755, modified=self._clock())

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file; with ``recursive`` also a directory and all that is in it.

        Raises:
            FileError: nothing is there, or it is a directory that must not be removed.
        """
        if self.find(path, follow=False).kind == "directory" and not recursive:
            raise FileError("Is a directory")
        parent, name = posixpath.split(posixpath.normpath(path))
        if not name:
            raise FileError("Device or resource busy")
        del self._directory(parent).children[name]

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted.

        Raises:
            FileError: nothing is there, or it is not a directory.
        """
        return sorted(self._directory(path).children)
