"""The files that QEMU itself finds named in an image, as a second opinion.

:mod:`uartsim.images.image_format` reads what an image names, before QEMU may open it; where the two disagree, one
of them reads the format otherwise than the other, and the image is not used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.images.host_tools import run_tool
from uartsim.images.nbd_client import INSTALL
from uartsim.printable import printable_line

#: How long qemu-img may take, in seconds.
TIMEOUT_S: Final = 60.0
#: The formats that can name other files, as QEMU calls them.
FORMATS: Final = ("qcow2", "vmdk")


def check_named_files(path: str, driver: str, known: Iterable[str]) -> None:
    """Check that an image names no other files than those that are known.

    Args:
        path: its path, without symbolic links.
        driver: its format, as QEMU calls it.
        known: the paths of the files that it was found to name, without symbolic links.

    Raises:
        UsageError: it names another one, or cannot be opened.
    """
    if driver not in FORMATS:
        return
    command = ["qemu-img", "info", "--force-share", "--backing-chain", "--output=json", "-f", driver, path]
    done = run_tool(command, INSTALL, timeout_s=TIMEOUT_S)
    if done.status:
        reason = printable_line(done.complaints.removeprefix("qemu-img: "))[:300]
        raise UsageError(f"{path} cannot be opened by QEMU: {reason}; copy or download it again")
    allowed = {path, *known}
    for name in _names(json.loads(done.output)):
        if os.path.realpath(os.path.join(os.path.dirname(path), name)) not in allowed:
            raise UsageError(
                f"{path} names another file, {printable_line(name)}, in a way that only QEMU reads: it is not used. If "
                f"you made it, make one image of it: qemu-img convert -O qcow2 {path} whole.qcow2"
            )


def _names(nodes: list[dict[str, Any]]) -> Iterator[str]:
    """The names of all files in what ``qemu-img info`` says of a chain of images."""
    for node in nodes:
        yield node["filename"]
        if (backing := node.get("full-backing-filename")) is not None:
            yield backing
        data = node.get("format-specific", {}).get("data", {})
        if (data_file := data.get("data-file")) is not None:
            yield data_file
        yield from (extent["filename"] for extent in data.get("extents", []))
