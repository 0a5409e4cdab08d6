"""The files that a QEMU guest boots from: kernels, modules, and CDs made of files from Debian's packages.

A name in a manifest is ``"debian-cloud"`` (the newest kernel in /boot), ``"tiny"`` (the initramfs of
:mod:`uartsim.guest.tiny_initramfs`), or a path relative to the guest's folder.  The path may be a glob: of the matching
files, the one with the highest numbers in its name is used.  A file whose name ends in ``.gz`` is unpacked, because QEMU's
multiboot loader does not accept compressed kernels.
"""

from __future__ import annotations

import glob
import gzip
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import Progress, built_file, content_hash
from uartsim.guest.tiny_initramfs import find_kernel, newest, tiny_initramfs

#: How long xorriso may take, in seconds.
ISO_TIMEOUT_S: Final = 60.0


def boot_file(name: str, folder: Path, progress: Progress) -> Path:
    """The path of a boot file that a manifest names; the file is built or unpacked if necessary.

    Args:
        name: a name as the module's docstring describes.
        folder: the guest's folder.
        progress: see :data:`uartsim.file_cache.Progress`.

    Raises:
        UsageError: the file is missing, or this user may not read it.
        UartsimError: the cache cannot be written, or a compressed file is damaged.
    """
    if name == "tiny":
        return tiny_initramfs(progress)
    file = boot_source(name, folder)
    return _unpacked(file, progress) if file.suffix == ".gz" else file


def multiboot(modules: Iterable[tuple[Path, str]]) -> str:
    """QEMU's value for multiboot modules, each a file and its arguments; it separates them by commas, and doubles others."""
    return ",".join(f"{file} {arguments}".strip().replace(",", ",,") for file, arguments in modules)


def boot_source(name: str, folder: Path) -> Path:
    """The path of the file that a name other than ``"tiny"`` stands for, before it is unpacked.

    Args:
        name: a name as the module's docstring describes.
        folder: the guest's folder.

    Raises:
        UsageError: the file is missing, or this user may not read it.
    """
    if glob.has_magic(name):
        found = glob.glob(str(folder / name))
        if not found:
            raise UsageError(f"no file matches {folder / name}: see the guest's needs")
        name = newest(found)
    return find_kernel(name, folder)


def _unpacked(file: Path, progress: Progress) -> Path:
    packed = file.read_bytes()

    def make(draft: Path) -> None:
        progress(f"unpacking {file}")
        try:
            draft.write_bytes(gzip.decompress(packed))
        except (gzip.BadGzipFile, EOFError) as error:
            raise UartsimError(f"{file} cannot be unpacked: {error}") from None

    return built_file("unpacked", content_hash(packed), "", make, progress)


def boot_cd(files: Sequence[str], folder: Path, progress: Progress) -> Path:
    """The path of a bootable CD image, made of files.

    Args:
        files: ``PATH=NAME`` each: the path on the CD, and a name as for :func:`boot_file`.  The first is the boot image,
            into which xorriso patches its place on the CD (El Torito without emulation, as ISOLINUX requires).
        folder: the guest's folder.
        progress: see :data:`uartsim.file_cache.Progress`.

    Raises:
        UsageError: a file is missing, or an entry is not of the form ``PATH=NAME``.
        UartsimError: xorriso fails, or the cache cannot be written.
    """
    sources: dict[str, Path] = {}
    for line in files:
        path, separator, name = line.partition("=")
        if not separator or not path or path.startswith("/") or ".." in Path(path).parts:
            raise UsageError(f"cd: {line!r} is not PATH=NAME with a path on the CD")
        sources[path] = boot_file(name, folder, progress)
    contents = {path: source.read_bytes() for path, source in sources.items()}
    boot_image = next(iter(contents))

    def make(draft: Path) -> None:
        progress("making the CD")
        with tempfile.TemporaryDirectory(dir=draft.parent, prefix=f"{draft.name}.") as tree:
            for path, content in contents.items():
                place = Path(tree, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            _run_xorriso(draft, Path(tree), boot_image)

    parts = [part for path, content in contents.items() for part in (path.encode(), content)]
    return built_file("cd", content_hash(*parts), ".iso", make, progress)


def _run_xorriso(image: Path, tree: Path, boot_image: str) -> None:
    boot = ["-b", boot_image, "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
    command = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", str(image), *boot, str(tree)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ISO_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise UsageError("the program xorriso is missing: apt-get install xorriso") from None
    except subprocess.TimeoutExpired:
        raise UartsimError(f"xorriso did not end within {ISO_TIMEOUT_S:g} s") from None
    if done.returncode:
        raise UartsimError(f"xorriso failed with status {done.returncode}: {done.stderr.strip()[-300:]}")
