"""The builder ``debian``: a disk with Debian on it, which boots with GRUB by BIOS, UEFI or both.

No root, loop device or mount is needed: mmdebstrap makes the root directory (:mod:`uartsim.images.debian_root`), mke2fs
copies it into a file system (:mod:`uartsim.images.ext4_partition`), and GRUB's images, which ``grub-mkimage`` has made in the
root directory, are put where ``grub-install`` would put them.

Built twice of the same packages, an image is the same bytes, whether root or an ordinary user builds it.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.file_cache import Progress, content_hash
from uartsim.images import debian_root, disk_layout, efi_partition, ext4_partition
from uartsim.images.build import Builder
from uartsim.images.disk_layout import layout_of, write_grub, write_table
from uartsim.images.efi_partition import write_esp
from uartsim.images.ext4_partition import make_ext4
from uartsim.images.host_tools import run_tool
from uartsim.images.recipe import Recipe, recipe_key
from uartsim.images.root_tree import unpack_root

#: Changes when the same recipe gives another image than before.
VERSION: Final = f"debian 2 {debian_root.scripts_hash()}"

#: A paragraph of dpkg's status file.
_PACKAGE: Final = re.compile(r"^Package: (\S+)\n(?:\S.*\n| .*\n)*?Version: (\S+)$", re.MULTILINE)
_UTILS: Final = "apt-get install qemu-utils"
_CONVERT_TIMEOUT_S: Final = 900.0
_MIB: Final = 1 << 20


def make_debian(recipe: Recipe, folder: Path, draft: Path, progress: Progress) -> str:
    """Make the image of a Debian guest.

    Args:
        recipe: the recipe.
        folder: the guest's folder.
        draft: the path of the image to make; what is needed meanwhile has names beside it that begin with its name.
        progress: told what is being done; it may raise an exception to give up.

    Returns: what it is made of.

    Raises:
        UsageError: a program is missing.
        UartsimError: the root directory does not fit, or a program failed.
    """
    identity = uuid.uuid5(uuid.NAMESPACE_OID, recipe_key(recipe, folder, VERSION))
    layout = layout_of(recipe, identity)
    root_id = uuid.uuid5(identity, "root file system")
    beside = {name: draft.with_name(f"{draft.name}.{name}") for name in ("tar", "root", "disk")}
    debian_root.make_root(recipe, folder, layout, root_id, beside["tar"], progress)
    entries = unpack_root(beside["tar"], beside["root"], progress)
    progress("making the disk")
    disk = beside["disk"]
    write_table(disk, layout)
    time = debian_root.BUILD_TIME
    make_ext4(disk, layout.root.start, layout.root.size, beside["root"], entries, identity=root_id, time=time)
    if recipe.firmware != "uefi":
        boot_image, core_image = (_file(beside["root"], f"boot/grub/i386-pc/{name}.img") for name in ("boot", "core"))
        write_grub(disk, layout, boot_image.read_bytes(), core_image.read_bytes())
    if esp := layout.partition("esp"):
        loader = _file(beside["root"], "boot/grub/x86_64-efi/grub.efi")
        write_esp(disk, esp.start, esp.size, loader, serial=debian_root.esp_serial(layout), time=time)
    progress("compressing the disk")
    command = ["qemu-img", "convert", "-q", "-O", "qcow2", "-c", "-o", "compression_type=zstd", str(disk), str(draft)]
    done = run_tool(command, _UTILS, timeout_s=_CONVERT_TIMEOUT_S)
    if done.status:
        raise UartsimError(f"qemu-img failed (status {done.status}): {done.complaints[-300:]}")
    return f"{_source(recipe)}: {_packages(beside['root'] / 'var/lib/dpkg/status')}"


def _file(root: Path, path: str) -> Path:
    """A file in the root directory.

    Raises:
        UartsimError: it is not there.
    """
    if not (root / path).is_file():
        raise UartsimError(f"the root directory has no {path}, which GRUB starts from")
    return root / path


def _source(recipe: Recipe) -> str:
    return f"Debian {recipe.suite} by mmdebstrap"


def _packages(status: Path) -> str:
    """How many packages are installed, a hash of their names and versions, and those of the kernels."""
    if not status.is_file():
        return "no packages"
    packages = sorted(_PACKAGE.findall(status.read_text(errors="replace")))
    lines = [f"{name} {version}" for name, version in packages]
    kernels = ", ".join(line for line in lines if re.match(r"linux-image-\d", line))
    return f"{len(lines)} packages ({content_hash(*(line.encode() for line in lines))[:8]}), {kernels or 'no kernel'}"


BUILDER: Final = Builder(
    version=VERSION,
    format="qcow2",
    programs={
        "mmdebstrap": debian_root.INSTALL,
        "mke2fs": ext4_partition.INSTALL,
        "debugfs": ext4_partition.INSTALL,
        "sfdisk": disk_layout.INSTALL,
        "openssl": "apt-get install openssl",
        "qemu-img": _UTILS,
        **efi_partition.INSTALL,
    },
    make=make_debian,
    expected_bytes=lambda recipe: 3 * recipe.size_mb * _MIB // 2,
    source=_source,
)
