"""A guest's whole tree of files: its file systems at their mount points, with symbolic links followed inside the tree.

A link in the guest never leads out of it: ``..`` at the top stays there, and an absolute target starts at the guest's
root.  (The same rules as of ``RESOLVE_IN_ROOT`` in openat2(2).)
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

from uartsim.errors import UsageError
from uartsim.images.guest_files import FileState, GuestFiles
from uartsim.printable import printable

#: The largest number of symbolic links in one path, as in Linux (path_resolution(7)).
MOST_LINKS: Final = 40


class ElsewhereError(UsageError):
    """A path is on a file system of the guest that cannot be edited in the way that was tried."""


class GuestTree:
    """The files of a guest.

    Args:
        mounts: its file systems by the paths on which it mounts them, ``"/"`` among them.
        elsewhere: mount points of file systems that cannot be edited, and why not, as the end of a sentence.
    """

    def __init__(self, mounts: Mapping[str, GuestFiles], elsewhere: Mapping[str, str] | None = None) -> None:
        self._mounts = dict(mounts)
        self._elsewhere = dict(elsewhere or {})

    def resolve(self, path: str) -> tuple[str, FileState | None]:
        """The path without symbolic links, and what is there.

        Args:
            path: an absolute path.  Parts at its end may be missing; the first missing one must not be a link's target.

        Raises:
            UsageError: part of the path is a file, links lead round in circles, or the place cannot be edited.
        """
        rest = [part for part in path.split("/") if part not in ("", ".")][::-1]
        real, links = "/", 0
        state = self._state("/")
        while rest:
            part = rest.pop()
            if part == "..":
                real = posixpath.dirname(real)
                state = self._state(real)
                continue
            if state is not None and state.kind != "folder":
                raise UsageError(
                    f"{printable(path)} cannot be in the guest: {printable(real)} is a {state.kind} there, not a folder"
                )
            real = posixpath.join(real, part)
            state = self._state(real) if state is not None else None
            if state is not None and state.kind == "link":
                links += 1
                if links > MOST_LINKS:
                    raise UsageError(
                        f"{printable(path)} cannot be found in the guest: its symbolic links lead round in circles"
                    )
                files, inner = self._place(real)
                target = files.link_target(inner)
                rest += [part for part in target.split("/") if part not in ("", ".")][::-1]
                real = "/" if target.startswith("/") else posixpath.dirname(real)
                state = self._state(real)
        return real, state

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none.

        Raises:
            UsageError: it is a folder or a device, or cannot be reached (see :meth:`resolve`).
        """
        real, state = self.resolve(path)
        if state is None:
            return None
        if state.kind != "file":
            raise UsageError(f"{printable(path)} is not a file in the guest, but a {_named(state)}")
        files, inner = self._place(real)
        return files.read(inner)

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted; none if there is no such folder."""
        real, state = self.resolve(path)
        if state is None or state.kind != "folder":
            return []
        files, inner = self._place(real)
        return files.names(inner)

    def write(self, path: str, content: bytes) -> list[str]:
        """Make a file, or replace its content; folders that are missing are made.

        Returns: what was done, as lines for the user.

        Raises:
            UsageError: it is a folder or a device, it does not fit, or cannot be reached (see :meth:`resolve`).
        """
        real, state = self.resolve(path)
        done: list[str] = []
        if state is not None and state.kind != "file":
            raise UsageError(
                f"{printable(path)} cannot be written in the guest: it is a {_named(state)} there; name a file"
            )
        if state is None:
            done += self._make_folders(posixpath.dirname(real))
        files, inner = self._place(real)
        files.write(inner, content)
        size = f"{len(content)} byte{'s' * (len(content) != 1)}"
        where = printable(real) if real == path else f"{printable(real)} (through links from {printable(path)})"
        how = "made, mode 0644" if state is None else f"replaced, mode {state.mode:04o}"
        return [*done, f"{where}: {how}, {size}"]

    def _make_folders(self, folder: str) -> list[str]:
        if self._state(folder) is not None:
            return []
        done = self._make_folders(posixpath.dirname(folder))
        files, inner = self._place(folder)
        files.make_folder(inner)
        return [*done, f"{printable(folder)}: folder made, mode 0755"]

    def _state(self, path: str) -> FileState | None:
        files, inner = self._place(path)
        return files.state(inner)

    def _place(self, path: str) -> tuple[GuestFiles, str]:
        """The file system of a path without links, and the path inside it."""
        at = path
        while at not in self._mounts:
            if at in self._elsewhere:
                raise ElsewhereError(f"{printable(path)} cannot be edited: {self._elsewhere[at]}")
            at = posixpath.dirname(at)
        return self._mounts[at], "/" + posixpath.relpath(path, at) if path != at else "/"


def _named(state: FileState) -> str:
    return {"other": "device or socket"}.get(state.kind, state.kind)
