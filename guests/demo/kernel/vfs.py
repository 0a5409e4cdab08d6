"""The file system: a tree in memory, which is kept on the machine's disk over resets and reboots.

Files of /proc and /dev are made by functions: see `procfs`.  These directories, /run, /sys and /tmp are new at each boot.
Permissions are checked for the owner and for everybody else; groups have none of their own.
"""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from . import disk_contents

#: The size of the disk, and so the largest file, in bytes.
CAPACITY_BYTES: Final = 16 << 20
#: The directories whose content is not on the disk.
_NOT_ON_DISK: Final = ("/dev", "/proc", "/run", "/sys", "/tmp")
_TREE: Final = "root file system"
_STICKY: Final = 0o1000
_READ, _WRITE, _SEARCH = 4, 2, 1


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
        owner: the number of the user to whom it belongs.
        children: what is in a directory, by name.
    """

    kind: str = "file"
    data: bytes = b""
    read: Callable[[], bytes] | None = None
    write: Callable[[bytes], None] | None = None
    mode: int = 0o644
    modified: float = 0.0
    owner: int = 0
    children: dict[str, Node] = field(default_factory=dict)


class FileSystem:
    """The tree, as root sees it.

    Args:
        clock: the time that new files get, in seconds since 1970.
        disk: where the tree is kept; if there is none yet, it gets the files of a freshly installed machine.

    Attributes:
        root: the root directory.
        is_new: whether the machine has just been installed.
    """

    def __init__(self, clock: Callable[[], float], disk: dict[str, Any]) -> None:
        self._clock = clock
        self._uid = 0
        self.is_new = _TREE not in disk
        self.root: Node = disk.setdefault(_TREE, Node("directory", mode=0o755))
        for path in disk_contents.DIRECTORIES:
            if self.is_new or path.startswith(_NOT_ON_DISK):
                self._make(path, Node("directory", mode=disk_contents.MODES.get(path, 0o755)))
        if self.is_new:
            for path, text in disk_contents.FILES.items():
                self._make(path, Node(data=text.encode(errors="surrogateescape")))
            for path, target in disk_contents.LINKS.items():
                self._make(path, Node("link", data=target.encode(errors="surrogateescape"), mode=0o777))

    def seen_by(self, uid: int) -> FileSystem:
        """The same tree, for a process of another user."""
        view = copy.copy(self)
        view._uid = uid
        return view

    def _check(self, node: Node, wanted: int) -> None:
        """Check that the user has a permission.

        Raises:
            FileError: he does not.
        """
        granted = node.mode >> 6 if node.owner == self._uid else node.mode
        if self._uid != 0 and not granted & wanted:
            raise FileError("Permission denied")

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
        mode: int | None = None,
    ) -> None:
        """Create a file whose content is not stored.

        Args:
            path: where; its directory must be there.
            read: makes the content; None if the file cannot be read.
            write: takes what is written; None if the file cannot be written.
            kind: "file" or "device".
            mode: the permission bits; None for those of a file that root alone may change.
        """
        if mode is None:
            mode = 0o644 if read and write else 0o444 if read else 0o200
        self._make(path, Node(kind, read=read, write=write, mode=mode))

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
            self._check(node, _SEARCH)
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
        self._check(node, _READ)
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
            directory = self._directory(parent)
            if name not in directory.children:
                self._check(directory, _WRITE)
            node = directory.children.setdefault(name, Node(owner=self._uid))
        if node.kind == "directory":
            raise FileError("Is a directory")
        self._check(node, _WRITE)
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
        self.write(path, text.encode(errors="surrogateescape"))

    def make_directory(self, path: str) -> None:
        """Make a directory, as mkdir(2) does.

        Raises:
            FileError: something is at ``path`` already, or its parent is not a directory.
        """
        if self.exists(path):
            raise FileError("File exists")
        parent, name = posixpath.split(posixpath.normpath(path))
        directory = self._directory(parent)
        self._check(directory, _WRITE)
        directory.children[name] = Node("directory", mode=0o755, modified=self._clock(), owner=self._uid)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file; with ``recursive`` also a directory and all that is in it.

        Raises:
            FileError: nothing is there, or it is a directory that must not be removed.
        """
        node = self.find(path, follow=False)
        if node.kind == "directory" and not recursive:
            raise FileError("Is a directory")
        parent, name = posixpath.split(posixpath.normpath(path))
        if not name:
            raise FileError("Device or resource busy")
        directory = self._directory(parent)
        self._check(directory, _WRITE)
        if directory.mode & _STICKY and self._uid not in (0, node.owner, directory.owner):
            raise FileError("Operation not permitted")
        del directory.children[name]

    def change_mode(self, path: str, mode: int) -> None:
        """Set the permission bits, as chmod(2) does.

        Raises:
            FileError: nothing is there, or it belongs to somebody else.
        """
        node = self.find(path)
        if self._uid not in (0, node.owner):
            raise FileError("Operation not permitted")
        node.mode = mode

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted.

        Raises:
            FileError: nothing is there, or it is not a directory.
        """
        directory = self._directory(path)
        self._check(directory, _READ)
        return sorted(directory.children)
