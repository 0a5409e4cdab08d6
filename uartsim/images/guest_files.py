"""What can be done to the files of a guest that is not running, whichever way its file system is reached.

:class:`uartsim.images.ext_files.ExtFiles` edits one ext file system; :class:`uartsim.images.guestfs_files.GuestfsFiles`
all of a guest's at once.  :class:`uartsim.images.guest_tree.GuestTree` puts them together, and follows symbolic links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileState:
    """What a path in a guest leads to.

    Attributes:
        kind: ``"file"``, ``"folder"``, ``"link"``, or ``"other"`` for a device, a socket or a FIFO.
        mode: the permission bits.
        uid: the owner's user ID.
        gid: the owner's group ID.
        links: how many names it has.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    links: int = 1


class GuestFiles(Protocol):
    """The files of a guest.

    Paths are absolute and in UTF-8.  No part of a path but the last may be a symbolic link, and no method follows that.
    Each raises UartsimError if the file system is damaged or its tool fails, and UsageError if it is full.
    """

    def state(self, path: str) -> FileState | None:
        """What is there; None if there is nothing."""
        ...

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads."""
        ...

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; names that are not UTF-8, or have control characters in them, are left out."""
        ...

    def read(self, path: str) -> bytes:
        """The content of a file."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Make a file (mode 0644, root's), or replace the content of one; that keeps its mode, owner and attributes."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder (mode 0755, root's)."""
        ...
