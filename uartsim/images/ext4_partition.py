"""An ext4 file system made of a root directory's tree, the same bytes each time: mke2fs and debugfs, without root.

``mke2fs -d`` copies a tree with the owners, modes and times that it has on this machine.  debugfs then sets those that it
is to have.
"""

from __future__ import annotations

import re
import stat
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.images.host_tools import ToolResult, run_tool
from uartsim.images.root_tree import RootEntry

#: The command that installs mke2fs, debugfs and e2fsck.
INSTALL: Final = "apt-get install e2fsprogs"
#: How long each program may take, in seconds.
TIMEOUT_S: Final = 900.0

#: debugfs reads commands of up to this many characters.
_LONGEST_COMMAND: Final = 250
_BANNER: Final = re.compile(r"(?:debugfs|mke2fs|e2fsck) \d\S* \(.*\)\n?")


def make_ext4(
    disk: Path, offset: int, size: int, tree: Path, entries: Iterable[RootEntry], *, identity: uuid.UUID, time: int
) -> None:
    """Make a file system in a part of a disk, and copy a tree into it.

    Args:
        disk: the file that holds the disk.
        offset: where the file system begins, in bytes.
        size: its size in bytes.
        tree: the root directory's files.
        entries: their attributes.
        identity: the file system's UUID; its hash seed is derived from that.
        time: the time of everything that has no time of its own, in seconds since 1970.

    Raises:
        UsageError: mke2fs or debugfs is missing.
        UartsimError: the tree does not fit, or a program failed.
    """
    variables = {"E2FSPROGS_FAKE_TIME": str(time), "TZ": "UTC"}
    seed = uuid.uuid5(identity, "hash seed")
    options = f"offset={offset},hash_seed={seed},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0"
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-U", str(identity), "-E", options, "-d", str(tree)]
    done = run_tool([*command, str(disk), f"{size // 1024}k"], INSTALL, timeout_s=TIMEOUT_S, variables=variables)
    if "Could not allocate" in done.complaints or "No space" in done.complaints:
        raise UartsimError(f"the root directory does not fit into {size >> 20} MiB: increase size_mb in [image]")
    _check(done, "mke2fs")

    script = tree.with_name(f"{tree.name}.debugfs")
    values = tree.with_name(f"{tree.name}.capability")
    with script.open("x") as file:
        for command_line in _commands(entries, values):
            if len(command_line) > _LONGEST_COMMAND or "\n" in command_line:
                raise UartsimError(f"a path in the root directory is too long for debugfs: {command_line!r}")
            file.write(f"{command_line}\n")
    place = f"{disk}?offset={offset}"
    debugfs = ["debugfs", "-w", "-f", str(script), place]
    _check(run_tool(debugfs, INSTALL, timeout_s=TIMEOUT_S, variables=variables), "debugfs")


def _commands(entries: Iterable[RootEntry], values: Path) -> Iterator[str]:
    """debugfs's commands that set the attributes of all files."""
    number = 0
    for entry in entries:
        name = '"/{}"'.format(entry.path.replace('"', '""'))
        yield f"sif {name} mode 0{entry.mode:o}"
        yield f"sif {name} uid {entry.uid}"
        yield f"sif {name} gid {entry.gid}"
        for field in ("atime", "ctime", "mtime", "crtime"):
            yield f"sif {name} {field} @{entry.time}"
        if entry.capability and stat.S_ISREG(entry.mode):
            value = values.with_name(f"{values.name}{number}")
            number += 1
            with value.open("xb") as file:
                file.write(entry.capability)
            yield f'ea_set -f "{value}" {name} security.capability'


def _check(done: ToolResult, program: str) -> None:
    """Check that a program has succeeded; debugfs exits with 0 whatever happens."""
    complaint = _BANNER.sub("", done.complaints).strip()
    if done.status or (program == "debugfs" and complaint):
        raise UartsimError(f"{program} failed (status {done.status}): {complaint[-500:]}")
