"""The builder ``debian-installer``: Debian 12's installer in text mode, as a CD that boots over the serial line.

Kernel and initrd are those of the package ``debian-installer-12-netboot-amd64`` (133 MB), the boot loader is ISOLINUX.  The
packages are downloaded with apt-get unless they are installed; neither root nor an installation is needed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.file_cache import Progress
from uartsim.images.build import Builder
from uartsim.images.host_tools import find_tool, run_tool
from uartsim.images.package_files import debian_files
from uartsim.images.recipe import Recipe

#: The package of the installer, and the folder with its kernel and initrd in text mode.
PACKAGE: Final = "debian-installer-12-netboot-amd64"
TEXT_MODE: Final = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
#: The room that all of it takes while it is built, in bytes.
EXPECTED_BYTES: Final = 500_000_000

#: The time of everything on the CD, so that two builds are the same: for xorriso, and in seconds since 1970.
_WRITTEN_AT: Final = ("2026010100000000", "1767225600")
_INSTALL_XORRISO: Final = "apt-get install xorriso"
_XORRISO_TIMEOUT_S: Final = 300.0
_ISOLINUX_CFG: Final = """\
SERIAL 0 115200
DEFAULT install
PROMPT 1
TIMEOUT 50
LABEL install
  KERNEL /linux
  INITRD /initrd.gz
  APPEND {cmdline} --- {cmdline}
"""


def make_installer(recipe: Recipe, folder: Path, draft: Path, progress: Progress) -> None:
    """Make the CD.

    Args:
        recipe: what is added to the kernel's command line, and by the installer to that of the system that it installs.
        folder: the guest's folder; nothing in it is needed.
        draft: where the CD is written.
        progress: see :data:`uartsim.file_cache.Progress`.

    Raises:
        UsageError: a program is missing.
        UartsimError: a package cannot be downloaded, or xorriso fails.
    """
    find_tool("xorriso", _INSTALL_XORRISO)
    with tempfile.TemporaryDirectory(dir=draft.parent, prefix=f"{draft.name}.") as work:
        folder = Path(work)
        kernel, initrd = debian_files(PACKAGE, [f"{TEXT_MODE}/linux", f"{TEXT_MODE}/initrd.gz"], folder, progress)
        (loader,) = debian_files("isolinux", ["/usr/lib/ISOLINUX/isolinux.bin"], folder, progress)
        (module,) = debian_files("syslinux-common", ["/usr/lib/syslinux/modules/bios/ldlinux.c32"], folder, progress)
        progress("making the CD")
        config = folder / "isolinux.cfg"
        with config.open("x") as file:
            file.write(_ISOLINUX_CFG.format(cmdline=recipe.cmdline))
        placed = {
            "isolinux/isolinux.bin": loader,
            "isolinux/ldlinux.c32": module,
            "isolinux/isolinux.cfg": config,
            "linux": kernel,
            "initrd.gz": initrd,
        }
        command = ["xorriso", "-as", "mkisofs", "-quiet", "-r", "-o", str(draft), "-b", "isolinux/isolinux.bin"]
        command += ["-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
        command += ["--set_all_file_dates", _WRITTEN_AT[0], "-graft-points"]
        command += [f"{place}={source}" for place, source in placed.items()]
        done = run_tool(
            command, _INSTALL_XORRISO, timeout_s=_XORRISO_TIMEOUT_S, variables={"SOURCE_DATE_EPOCH": _WRITTEN_AT[1]}
        )
        if done.status:
            raise UartsimError(f"xorriso failed with status {done.status}: {done.complaints[-300:]}")


#: The builder, see :mod:`uartsim.images.build`.
BUILDER: Final = Builder(
    version="1",
    format="iso",
    programs={"xorriso": _INSTALL_XORRISO},
    make=make_installer,
    expected_bytes=lambda recipe: EXPECTED_BYTES,
    source=lambda recipe: f"the package {PACKAGE}",
)
