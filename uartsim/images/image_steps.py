"""Steps by which a guest's files are changed before it boots, as values: two that do the same are equal.

Each is called with the guest's tree of files, and returns what it has done, as lines for the user.  A step that finds
nothing to change raises :class:`uartsim.errors.UsageError`: the image is not of the kind that it is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from uartsim.errors import UsageError
from uartsim.images.grub_edit import change_command_lines, change_grub
from uartsim.images.grub_text import setting_after
from uartsim.images.guest_tree import GuestTree

_DEFAULTS: Final = "/etc/default/grub"
_COMMAND_LINE: Final = "GRUB_CMDLINE_LINUX"


class ImageStep(Protocol):
    """A change of a guest's files."""

    def __call__(self, tree: GuestTree, /) -> list[str]:
        """Make the change; returns what was done, as lines for the user.

        Raises:
            UsageError: it is not possible in this guest, and nothing has been written.
        """


class Damage(Protocol):
    """Damage done to a file system that is otherwise whole."""

    def __call__(self, fd: int, what: str, /) -> list[str]:
        """Do it; returns what was done, as lines for the user.

        Args:
            fd: a descriptor of the file that holds the file system alone, open for reading and writing.
            what: what messages call the file system, such as ``"partition 1"``.
        """


@dataclass(frozen=True, slots=True)
class WriteText:
    """Make a file, or replace its content.

    Attributes:
        path: its absolute path in the guest.
        text: what is to be in it.
    """

    path: str
    text: str

    def __call__(self, tree: GuestTree, /) -> list[str]:
        """Make the file."""
        return tree.write(self.path, self.text.encode())


@dataclass(frozen=True, slots=True)
class AppendText:
    """Write text at the end of a file that is there.

    Attributes:
        path: its absolute path in the guest.
        text: whole lines.
    """

    path: str
    text: str

    def __call__(self, tree: GuestTree, /) -> list[str]:
        """Append the text."""
        content = _content(tree, self.path)
        line_end = b"\n" if content and not content.endswith(b"\n") else b""
        return tree.write(self.path, content + line_end + self.text.encode())


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Replace all that matches a pattern in a file.

    Attributes:
        path: its absolute path in the guest.
        pattern: a regular expression (``re.MULTILINE``), which has to match.
        text: what takes its place; may name groups, as in :func:`re.sub`.
    """

    path: str
    pattern: str
    text: str = ""

    def __call__(self, tree: GuestTree, /) -> list[str]:
        """Replace what matches."""
        old = _content(tree, self.path).decode(errors="surrogateescape")
        new, count = re.subn(self.pattern, self.text, old, flags=re.MULTILINE)
        if not count:
            raise UsageError(f"nothing in {self.path} of the guest matches {self.pattern!r}")
        return tree.write(self.path, new.encode(errors="surrogateescape"))


@dataclass(frozen=True, slots=True)
class KernelParameters:
    """Change the kernel's command line of every entry in GRUB's menu, and in ``/etc/default/grub`` where it is from there.

    Attributes:
        add: parameters to add at its end.
        remove: parameters to take out first: whole ones, or names with ``=`` at the end for any value.
    """

    add: str = ""
    remove: tuple[str, ...] = ()

    def __call__(self, tree: GuestTree, /) -> list[str]:
        """Change the command lines."""
        defaults = tree.read(_DEFAULTS)
        if defaults is None:
            return change_command_lines(tree, self.applied)
        old = setting_after(_COMMAND_LINE, "", defaults.decode(errors="surrogateescape")) or ""
        return change_grub(tree, {_COMMAND_LINE: self.applied(old)})

    def applied(self, line: str) -> str:
        """The command line that becomes of this one."""
        kept = [word for word in line.split() if not any(_is(word, removed) for removed in self.remove)]
        return " ".join([*kept, *self.add.split()])


@dataclass(frozen=True, slots=True)
class GrubSettings:
    """Settings of GRUB, as the option ``--grub`` changes them.

    Attributes:
        settings: pairs of keys and values, as in ``/etc/default/grub``.
    """

    settings: tuple[tuple[str, str], ...]

    def __call__(self, tree: GuestTree, /) -> list[str]:
        """Change the settings."""
        return change_grub(tree, dict(self.settings))


def grub_settings(settings: Mapping[str, str]) -> GrubSettings:
    """A step that changes settings of GRUB."""
    return GrubSettings(tuple(settings.items()))


def _is(word: str, removed: str) -> bool:
    return word.startswith(removed) if removed.endswith("=") else word == removed


def _content(tree: GuestTree, path: str) -> bytes:
    content = tree.read(path)
    if content is None:
        raise UsageError(f"the guest has no {path}")
    return content
