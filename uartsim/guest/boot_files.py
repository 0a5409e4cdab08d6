"""What a QEMU guest boots from: kernels, modules and CDs that are put together from Debian's packages.

A name in a manifest is ``"debian-cloud"`` (the newest kernel in /boot), ``"tiny"`` (the initramfs that is built here), or
a path from the guest's folder on, which may be a pattern: the newest file by the numbers in its name is taken.  A file
that ends in ``.gz`` is unpacked, for QEMU's multiboot loader takes no compressed kernel.
"""

from __future__ import annotations

import glob
import gzip
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from uartsim.guest.cache import Progress, cache_folder, content_hash, kept_file
from uartsim.guest.images import find_kernel, tiny_initramfs
from uartsim.line_format import UartsimError, UsageError

#: How long xorriso may take, in seconds.
ISO_TIMEOUT_S: Final = 60.0


def boot_file(name: str, folder: Path, progress: Progress) -> Path:
    """The file that a manifest names.

    Args:
        name: see the top of this module.
        folder: the guest's.
        progress: see :data:`uartsim.guest.cache.Progress`.

    Raises:
        UsageError: there is none that we may read.
        UartsimError: the cache cannot be written, or a packed file is broken.
    """
    if name == "tiny":
        return tiny_initramfs(progress)
    if glob.has_magic(name):
        found = glob.glob(str(folder / name))
        if not found:
            raise UsageError(f"no file is named {folder / name}: see the guest's needs")
        name = max(found, key=_version)
    file = find_kernel(name, folder)
    return _unpacked(file, progress) if file.suffix == ".gz" else file


def _version(path: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", path)))


def _unpacked(file: Path, progress: Progress) -> Path:
    packed = file.read_bytes()

    def make(draft: Path) -> None:
        progress(f"unpacking {file}")
        try:
            draft.write_bytes(gzip.decompress(packed))
        except (gzip.BadGzipFile, EOFError) as error:
            raise UartsimError(f"{file} cannot be unpacked: {error}") from None

    return _kept("unpacked", content_hash(packed), "", make, progress)


def boot_cd(files: Sequence[str], folder: Path, progress: Progress) -> Path:
    """A CD that boots, made of files.

    Args:
        files: ``PATH=NAME``: where each is on the CD, and what it is, as :func:`boot_file` has it.  The first is the boot
            image, in which its own place on the CD is patched (El Torito without emulation, as ISOLINUX wants it).
        folder: the guest's.
        progress: see :data:`uartsim.guest.cache.Progress`.

    Raises:
        UsageError: a file is missing, or a line is none of these.
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
    return _kept("cd", content_hash(*parts), ".iso", make, progress)


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
        raise UartsimError(f"xorriso did not come to an end within {ISO_TIMEOUT_S:g} s") from None
    if done.returncode:
        raise UartsimError(f"xorriso failed with status {done.returncode}: {done.stderr.strip()[-300:]}")


def _kept(sort: str, key: str, suffix: str, make: Callable[[Path], None], progress: Progress) -> Path:
    try:
        return kept_file(sort, key, suffix, make, progress)
    except OSError as error:
        raise UartsimError(
            f"cannot keep a file in {cache_folder()}: {error.strerror or error}; "
            "make room there, or set XDG_CACHE_HOME to another folder"
        ) from None
