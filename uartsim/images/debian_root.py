"""A Debian root directory as a tar, made by mmdebstrap: by root, or by an ordinary user.

An ordinary user with subordinate user IDs (``/etc/subuid``, as adduser gives them) builds in a user namespace of his own;
one without builds under fakechroot, which needs a Debian of the same release.  All three give the same tar.

Packages come from the machine's own sources of apt, if it has sources of Debian's archive for the suite, and otherwise
from Debian's mirrors; proxies that apt is told to use are used.  Neither leaves a trace in the root directory.
``finish_root.sh`` does the rest inside the root directory.
"""

from __future__ import annotations

import contextlib
import getpass
import io
import os
import re
import shlex
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import Progress, content_hash
from uartsim.images.disk_layout import DiskLayout
from uartsim.images.host_tools import run_tool
from uartsim.images.long_run import run_long
from uartsim.images.password_hash import password_hash
from uartsim.images.recipe import Recipe, files_of

#: The command that installs mmdebstrap.
INSTALL: Final = "apt-get install mmdebstrap"
#: The time of everything that a build makes, in seconds since 1970 (14 November 2023), and the latest that a file can have.
BUILD_TIME: Final = 1_700_000_000

#: What GRUB needs, and the programs of a machine that people log in to.  The guest's manifest adds a kernel and an init.
_PACKAGES: Final = (
    *("dbus", "e2fsprogs", "iproute2", "kmod", "login", "passwd", "procps", "udev", "util-linux"),
    *("grub2-common", "grub-efi-amd64-bin", "grub-pc-bin"),
)
_LEFT_OUT: Final = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
_BUILD: Final = "uartsim-build"
_SCRIPTS: Final = ("finish_root.sh", "grub_probe.sh")
_PHASE: Final = re.compile(r"I: ((?:running apt|downloading|extracting|installing|cleaning|creating) .*?)(?:\.\.\.)?")
_HOOK: Final = "I: running --customize-hook"
_NO_PACKAGE: Final = re.compile(
    r"E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate"
    r"|Version '\S+' for '(\S+)' was not found)"
)
_NO_NETWORK: Final = re.compile(
    r"Could not resolve|Temporary failure resolving|Could not connect|Unable to connect|Connection failed|"
    r"Connection timed out|Network is unreachable|Failed to fetch"
)
_NO_SUITE: Final = re.compile(r"does not have a Release file|404\s+Not Found .*Release")
#: What finish_root.sh says.
_NO_KERNEL: Final = "the root directory has no kernel"
_NO_ROOM: Final = re.compile(r"No space left on device|not have enough space|don't have enough free space")


def scripts_hash() -> str:
    """A hash of the scripts that run in the root directory."""
    return content_hash(*(Path(__file__).with_name(name).read_bytes() for name in _SCRIPTS))


def make_root(
    recipe: Recipe, folder: Path, layout: DiskLayout, identity: uuid.UUID, tar: Path, progress: Progress
) -> None:
    """Make the tar of a root directory.

    Args:
        recipe: the recipe.
        folder: the guest's folder.
        layout: the layout of the disk that the root directory will boot from.
        identity: the UUID of its root file system.
        tar: the path of the new tar; other files that are needed have names beside it that begin with its name.
        progress: told what is being done; it may raise an exception to give up.

    Raises:
        UsageError: a program is missing, or the recipe names a release or a package that there is not, or no kernel.
        UartsimError: mmdebstrap failed.
    """
    additions = tar.with_name(f"{tar.name}.additions")
    with additions.open("xb") as file:
        file.write(_additions(recipe, folder, layout, identity))
    mode = _mode()
    command = ["mmdebstrap", f"--mode={mode}", "--variant=minbase", "--format=tar"]
    command += [f"--include={','.join(sorted({*_PACKAGES, *recipe.packages}))}"]
    command += ["--dpkgopt=force-unsafe-io"]
    command += [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    command += ['--aptopt=APT::Sandbox::User "root"']  # whether apt can use another user depends on the mode
    command += [f"--aptopt={line}" for line in _proxies()]
    command += [f"--customize-hook=tar-in {shlex.quote(str(additions))} /"]
    command += [f'--customize-hook=chroot "$1" sh /{_BUILD}/finish_root.sh']
    command += [recipe.suite, "-", *_sources(recipe.suite)]
    with _work_folder(mode, tar) as work:
        variables = {"SOURCE_DATE_EPOCH": str(BUILD_TIME), "TZ": "UTC", "TMPDIR": str(work)}
        run_long(
            command,
            INSTALL,
            progress=progress,
            phase=_phase,
            explain=_reason,
            variables=variables,
            output=tar,
            mounts=mode == "root",
        )


@contextlib.contextmanager
def _work_folder(mode: str, tar: Path) -> Iterator[Path]:
    """A folder for mmdebstrap to work in."""
    if mode != "unshare":
        work = tar.with_name(f"{tar.name}.mmdebstrap")
        work.mkdir(0o755)
        yield work
        return
    # Subordinate users cannot reach a private folder, nor can we remove what they have made.
    with tempfile.TemporaryDirectory(prefix="uartsim-build-") as folder:
        os.chmod(folder, 0o711)
        try:
            yield Path(folder)
        finally:  # for an mmdebstrap that was killed; it cleans up otherwise
            if left := [str(path) for path in Path(folder).iterdir()]:
                helper = ["mmdebstrap", "--unshare-helper", "rm", "-rf", "--one-file-system", "--", *left]
                run_tool(helper, INSTALL, timeout_s=300.0)


def _mode() -> str:
    """mmdebstrap's mode.

    Raises:
        UsageError: an ordinary user can use none.
    """
    if os.geteuid() == 0:
        return "root"
    if _has_subordinate_ids() and shutil.which("newuidmap"):
        return "unshare"
    if shutil.which("fakechroot") and shutil.which("fakeroot"):
        return "fakechroot"
    raise UsageError(
        "building a Debian image as an ordinary user needs 'apt-get install fakechroot fakeroot', or 'apt-get install "
        "uidmap' and subordinate user IDs ('usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER')"
    )


def _has_subordinate_ids() -> bool:
    try:
        names = (f"{getpass.getuser()}:", f"{os.geteuid()}:")
    except (KeyError, OSError):
        return False

    def lists(file: str) -> bool:
        try:
            return any(line.startswith(names) for line in Path(file).read_text().splitlines())
        except OSError:
            return False

    return lists("/etc/subuid") and lists("/etc/subgid")


def _sources(suite: str) -> list[str]:
    """The machine's own sources of Debian's archive for a suite, as lines of sources.list; empty if there are none."""
    wanted = (suite, f"{suite}-updates", f"{suite}-security")
    form = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)"
    if not shutil.which("apt-get"):
        return []
    done = run_tool(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], INSTALL, timeout_s=60.0)
    found = []
    for line in done.output.decode(errors="replace").splitlines():
        origin, _, rest = line.partition("|")
        release, component, uri = (*rest.split("|"), "", "", "")[:3]
        if origin == "Debian" and release in wanted and component == "main":
            found.append(f"deb {uri} {release} main")
    return found if any(f" {suite} " in line for line in found) else []


def _proxies() -> Iterator[str]:
    """The proxies that apt is told to use, as options for mmdebstrap's apt."""
    if not shutil.which("apt-config"):
        return
    for scheme in ("http", "https"):
        key = f"Acquire::{scheme}::Proxy"
        done = run_tool(["apt-config", "shell", "P", key], INSTALL, timeout_s=60.0)
        for word in shlex.split(done.output.decode(errors="replace")):
            yield f'{key} "{word.removeprefix("P=")}"'


def _phase(line: str) -> str | None:
    if line.startswith(_HOOK):
        return "setting up accounts and GRUB in the root directory"
    match = _PHASE.fullmatch(line)
    return f"mmdebstrap: {match[1]}" if match else None


def _reason(said: str) -> UartsimError | None:
    """What went wrong; None if it is not known."""
    if _NO_KERNEL in said:
        return UsageError("the root directory has no kernel: add one to 'packages' in [image]")
    if match := _NO_PACKAGE.search(said):
        return UsageError(f"there is no package {match[match.lastindex or 0]} to install: check 'packages' in [image]")
    if _NO_SUITE.search(said):
        return UsageError("there is no such release in the archive: check 'suite' in [image]")
    if _NO_ROOM.search(said):
        return UartsimError("there is no room left on the disk")
    if _NO_NETWORK.search(said):
        return UartsimError(
            "packages cannot be downloaded: check the network, the proxy and apt's sources, and build again"
        )
    return None


def _additions(recipe: Recipe, folder: Path, layout: DiskLayout, identity: uuid.UUID) -> bytes:
    """A tar of what is added to the root directory: the guest's files, and what ``finish_root.sh`` reads."""
    targets = {"bios": "i386-pc", "uefi": "x86_64-efi", "both": "i386-pc x86_64-efi"}[recipe.firmware]
    values = {
        "hostname": recipe.hostname,
        "root_uuid": str(identity),
        "esp_uuid": "{:04X}-{:04X}".format(*divmod(esp_serial(layout), 1 << 16)) if layout.partition("esp") else "",
        "partition": "1",
        "partition_map": {"mbr": "msdos", "gpt": "gpt"}[layout.table],
        "grub_targets": targets,
    }
    accounts = dict(line.split(":", 1) for line in (f"root:{recipe.password}", *recipe.users))
    grub = [f'GRUB_CMDLINE_LINUX="{recipe.cmdline}"', *recipe.grub]
    texts = {
        "values.sh": "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items()),
        "accounts": "".join(f"{name}:{password_hash(word, name)}\n" for name, word in accounts.items()),
        "grub": "".join(f"{line}\n" for line in grub),
        **{name: Path(__file__).with_name(name).read_text() for name in _SCRIPTS},
    }
    if recipe.customize:
        texts["customize.sh"] = (folder / recipe.customize).read_text()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        if recipe.files:
            root = folder / recipe.files
            for path in files_of(root):
                _add(tar, str(path.relative_to(root)), path)
        for name, text in texts.items():
            info = tarfile.TarInfo(f"{_BUILD}/{name}")
            info.size, info.mtime, info.mode = len(text.encode()), BUILD_TIME, 0o600
            tar.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    """Add a file or a link to a tar as root's."""
    info = tarfile.TarInfo(name)
    info.mtime = BUILD_TIME
    if path.is_symlink():
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
        tar.addfile(info)
    else:
        content = path.read_bytes()
        info.size, info.mode = len(content), 0o755 if os.access(path, os.X_OK) else 0o644
        tar.addfile(info, io.BytesIO(content))


def esp_serial(layout: DiskLayout) -> int:
    """The serial number of the EFI system partition, from which its UUID is made."""
    return uuid.uuid5(layout.identity, "esp").int & 0xFFFFFFFF
