"""Damage to an ext file system, done on purpose: what a machine that lost its power, or a failing disk, leaves behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UsageError
from uartsim.images.ext_files import ExtFiles

#: The extent that ``debugfs`` lists for a file that has one: level, entries, logical blocks, physical blocks.
_EXTENT: Final = re.compile(r"^\s*0/ *0 +1/ *1 +\d+ - +\d+ +(\d+) - +\d+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SharedBlocks:
    """Let two files claim the same blocks, and note that the file system has errors.

    ``fsck -a``, as at a boot, repairs nothing of that kind: it wants a person.

    Attributes:
        victim: the path of a file of one extent, whose blocks are lost to it.
        owner: the path of the file whose blocks it claims.
    """

    victim: str
    owner: str

    def __call__(self, fd: int, what: str, /) -> list[str]:
        """Do the damage."""
        files = ExtFiles(fd, what)
        found = _EXTENT.search(files.debugfs("dump_extents", self.owner))
        if found is None:
            raise UsageError(f"{what} has no {self.owner} with blocks of its own, so no other file can claim them")
        files.debugfs("set_inode_field", self.victim, "block[5]", found[1], write=True)  # where its only extent begins
        files.debugfs("set_super_value", "state", "2", write=True)
        files.debugfs("set_super_value", "free_blocks_count", "7", write=True)
        return [f"{what}: {self.victim} claims the blocks of {self.owner}; the file system is marked as faulty"]
