"""The kernel and the initramfs of QEMU guests: the newest Debian kernel in /boot, and a tiny system that is built here.

The initramfs is a complete system: BusyBox as init and for the commands, and Debian's real agetty, login, PAM and
bash with the libraries that they need, copied from this machine.  The user is ``root``, the password ``toor``.  It is
built in memory (a cpio archive in the "newc" format, see the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst), so that building needs neither root nor a file system with
device nodes; the same inputs give the same bytes.  It is not compressed, because an emulated processor takes half a second
to unpack it.  It is kept in the user's cache under a name that is a hash of its content; see :mod:`uartsim.file_cache`.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import built_file

#: SHA-512 crypt(3) of ``toor``.
PASSWORD_HASH: Final = (
    "$6$uartsim$Je4qq3EUNljaUoJ9S1Hmm2X21W3ek3ho60GmflDeGlF5WrTbNuS/N3zx6RD4rKhhXIc04P4ddLTYfdZ9Melmn."
)
#: The paths of Debian's kernels, the preferred kind first.
KERNELS: Final = ("/boot/vmlinuz-*-cloud-amd64", "/boot/vmlinuz-*-amd64")

_BUSYBOX_PLACES: Final = ("/bin/busybox", "/usr/bin/busybox", "/usr/lib/busybox/busybox-static")
_PROGRAMS: Final = {
    "sbin/agetty": ("/sbin/agetty", "apt-get install util-linux"),
    "bin/login": ("/bin/login", "apt-get install login"),
    "bin/bash": ("/bin/bash", "apt-get install bash"),
}
_PAM_MODULES: Final = ("pam_unix", "pam_permit", "pam_deny", "pam_motd")
#: The terminal descriptions to include for bash's line editor, as far as this machine has them.
_TERMINALS: Final = ("ansi", "dumb", "linux", "screen", "tmux", "vt100", "vt102", "vt220", "xterm", "xterm-256color")
_TERMINFO: Final = Path("/lib/terminfo")
_PAM_PLACES: Final = ("/lib/x86_64-linux-gnu/security", "/lib/security", "/lib64/security")

_HOST_NAME: Final = "linux"
_FILES: Final = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/shadow": f"root:{PASSWORD_HASH}:19000:0:99999:7:::\n",
    "etc/group": "root:x:0:\ntty:x:5:\nutmp:x:43:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n",
    "etc/hostname": f"{_HOST_NAME}\n",
    "etc/hosts": f"127.0.0.1 localhost {_HOST_NAME}\n",
    "etc/issue": "uartsim: Debian's kernel, agetty and login, with BusyBox\n\\s \\r \\l\n\n",
    "etc/motd": "This system is in memory only: whatever you do is gone after a reboot.\n",
    "etc/profile": "export PATH=/sbin:/bin:/usr/sbin:/usr/bin\nHISTFILE=\nPS1='\\u@\\h:\\w\\$ '\n",
    "etc/inputrc": "set enable-bracketed-paste off\n",
    "etc/login.defs": (
        "MAIL_DIR /var/mail\nENV_SUPATH PATH=/sbin:/bin:/usr/sbin:/usr/bin\nENV_PATH PATH=/bin:/usr/bin\n"
        "LOGIN_TIMEOUT 60\nLOGIN_RETRIES 5\nTTYPERM 0600\n"
    ),
    "etc/pam.d/login": (
        "auth requisite pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
        "session optional pam_motd.so motd=/etc/motd noupdate\n"
    ),
    "etc/pam.d/other": "auth required pam_deny.so\naccount required pam_deny.so\nsession required pam_deny.so\n",
    "etc/inittab": ("::sysinit:/etc/rc\n::respawn:/etc/getty\n::ctrlaltdel:/sbin/reboot\n::shutdown:/bin/sync\n"),
    "var/log/lastlog": "",
    "var/log/wtmp": "",
}
_PROGRAM_FILES: Final = {
    "etc/rc": (
        "#!/bin/sh\n"
        "mount -t proc proc /proc\n"
        "mount -t sysfs sys /sys\n"
        "mount -t devtmpfs dev /dev\n"
        "mkdir -p /dev/pts && mount -t devpts devpts /dev/pts\n"
        "mount -t tmpfs run /run && : >/run/utmp\n"
        f"hostname {_HOST_NAME}\n"
    ),
    "etc/getty": (
        "#!/bin/sh\n"
        "# The last serial console that the kernel was given, as for /dev/console.\n"
        "console=$(sed -n 's/.*console=\\(ttyS[0-9][^ ]*\\).*/\\1/p' /proc/cmdline)\n"
        "tty=${console%%,*} speed=\n"
        "case $console in *,*) speed=${console#*,} speed=${speed%%[!0-9]*} ;; esac\n"
        'exec /sbin/agetty -L "${speed:-115200}" "${tty:-ttyS0}" vt102\n'
    ),
}
_LINKS: Final = {"init": "bin/busybox", "var/run": "/run", "etc/mtab": "/proc/mounts"}
_FOLDERS: Final = ("dev", "proc", "sys", "run", "home", "mnt", "var/mail", "usr/bin", "usr/sbin")
_DEVICES: Final = {"dev/console": (5, 1, 0o600), "dev/null": (1, 3, 0o666), "dev/ttyS0": (4, 64, 0o600)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive.

    Attributes:
        mode: the type and the permissions, as in ``st_mode``.
        data: the content, or a symbolic link's target.
        device: the major and minor number of a device node.
    """

    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def cpio(entries: dict[str, Entry]) -> bytes:
    """A cpio archive in the newc format; every file belongs to root and has time 0.

    Args:
        entries: the files by path, without a leading slash; the folders above each of them are added.
    """
    everything = dict(entries)
    for path in entries:
        for parent in list(Path(path).parents)[:-1]:
            everything.setdefault(str(parent), Entry(stat.S_IFDIR | 0o755))
    archive = bytearray()
    for number, path in enumerate(sorted(everything), start=1):
        _append(archive, number, path, everything[path])
    _append(archive, 0, "TRAILER!!!", Entry(0))
    archive += bytes(-len(archive) % 512)
    return bytes(archive)


def _append(archive: bytearray, number: int, path: str, entry: Entry) -> None:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name
    archive += bytes(-len(archive) % 4)
    archive += entry.data
    archive += bytes(-len(archive) % 4)


def is_static(program: bytes) -> bool:
    """Whether a program is a 64-bit little-endian ELF file without an interpreter (PT_INTERP), and needs no library.

    Args:
        program: the file's content.
    """
    if program[:4] != b"\x7fELF" or program[4:6] != b"\x02\x01":
        return False
    if len(program) < 64 or int.from_bytes(program[16:18], "little") not in (2, 3):  # ET_EXEC, ET_DYN
        return False
    table = int.from_bytes(program[32:40], "little")
    size, count = int.from_bytes(program[54:56], "little"), int.from_bytes(program[56:58], "little")
    return not any(program[table + i * size : table + i * size + 4] == b"\x03\0\0\0" for i in range(count))


def libraries(programs: list[Path]) -> list[Path]:
    """The shared libraries that ``programs`` need, including the dynamic loader, as ldd lists them.

    Raises:
        UartsimError: ldd is missing, or does not find a library.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        answer = subprocess.run(
            ["ldd", *map(str, programs)], capture_output=True, text=True, check=False, env=environment
        )
    except OSError as error:
        raise UartsimError(f"cannot run ldd ({error.strerror}): apt-get install libc-bin") from None
    if missing := re.findall(r"(\S+) => not found", answer.stdout):
        raise UartsimError(f"libraries are missing on this machine: {', '.join(sorted(set(missing)))}")
    return sorted({Path(path) for path in re.findall(r"(/\S+) \(0x", answer.stdout)})


def tiny_entries() -> dict[str, Entry]:
    """All files of the tiny initramfs, by path.

    Raises:
        UsageError: a file that goes into it is missing on this machine; the message says what installs it.
        UartsimError: ldd is missing, or does not find a library.
    """
    busybox = _static_busybox()
    entries = {folder: Entry(stat.S_IFDIR | 0o755) for folder in _FOLDERS}
    entries |= {"tmp": Entry(stat.S_IFDIR | 0o1777), "root": Entry(stat.S_IFDIR | 0o700)}
    entries |= {path: Entry(stat.S_IFCHR | mode, device=(a, b)) for path, (a, b, mode) in _DEVICES.items()}
    entries |= {path: Entry(stat.S_IFREG | 0o644, text.encode()) for path, text in _FILES.items()}
    entries |= {path: Entry(stat.S_IFREG | 0o755, text.encode()) for path, text in _PROGRAM_FILES.items()}
    entries["etc/shadow"] = Entry(stat.S_IFREG | 0o600, entries["etc/shadow"].data)
    entries["bin/busybox"] = Entry(stat.S_IFREG | 0o755, busybox.read_bytes())
    for applet in _applets(busybox):
        entries[applet] = Entry(stat.S_IFLNK | 0o777, b"/bin/busybox")
    entries |= {path: Entry(stat.S_IFLNK | 0o777, target.encode()) for path, target in _LINKS.items()}

    sources: dict[str, Path] = {}
    for path, (program, install) in _PROGRAMS.items():
        sources[path] = _readable(Path(program), install)
    for module in _PAM_MODULES:
        found = [place for place in _PAM_PLACES if Path(place, f"{module}.so").exists()]
        source = Path(found[0] if found else _PAM_PLACES[0], f"{module}.so")
        sources[str(source).lstrip("/")] = _readable(source, "apt-get install libpam-modules")
    for library in libraries(list(sources.values())):
        sources[str(library).lstrip("/")] = library
    for path, source in sources.items():
        entries[path] = Entry(stat.S_IFREG | 0o755, source.read_bytes())
    for terminal in _TERMINALS:
        if (description := _TERMINFO / terminal[0] / terminal).is_file():
            entries[str(description).lstrip("/")] = Entry(stat.S_IFREG | 0o644, description.read_bytes())
    return entries


def _static_busybox() -> Path:
    install = "apt-get install busybox-static"
    places = [place for place in map(Path, _BUSYBOX_PLACES) if place.is_file()]
    for place in places:
        if is_static(_readable(place, install).read_bytes()):
            return place
    if places:
        raise UsageError(f"{places[0]} needs libraries, but the initramfs needs a static BusyBox: {install}")
    raise UsageError(f"the program busybox is missing: {install}")


def check_tiny() -> None:
    """Check that this machine has the programs that go into the tiny initramfs.

    Raises:
        UsageError: a program is missing or unreadable; the message says what to do.
    """
    _static_busybox()
    for place, install in _PROGRAMS.values():
        _readable(Path(place), install)


def _applets(busybox: Path) -> Iterator[str]:
    """The paths of the links to BusyBox's applets, except for applets that real programs replace."""
    answer = subprocess.run([busybox, "--list-full"], capture_output=True, text=True, check=False)
    for path in answer.stdout.split():
        name = path.rpartition("/")[2]
        if name not in ("busybox", "init", "linuxrc", "getty", "login", "bash"):
            yield path if "/" in path else f"bin/{path}"


def _readable(path: Path, install: str) -> Path:
    if not path.exists():
        raise UsageError(f"the file {path} is missing: {install}")
    if not os.access(path, os.R_OK):
        raise UsageError(f"the file {path} cannot be read by this user: run as root once, or make it readable")
    return path


def tiny_initramfs(progress: Callable[[str], None] = lambda text: None, cache: Path | None = None) -> Path:
    """The path of the tiny initramfs, which is built if it is not in the cache.

    Every call takes about a tenth of a second, because it reads all files that go into the initramfs.

    Args:
        progress: see :data:`uartsim.file_cache.Progress`.
        cache: the folder to keep it in; the user's cache by default.

    Raises:
        UsageError: a file that goes into it is missing on this machine.
        UartsimError: the cache cannot be written, or ldd does not find a library.
    """
    archive = cpio(tiny_entries())

    def make(draft: Path) -> None:
        progress("building the initramfs (BusyBox, agetty and login of this machine)")
        draft.write_bytes(archive)

    return built_file("tiny", hashlib.sha256(archive).hexdigest()[:32], ".cpio", make, progress, cache)


def find_kernel(name: str, folder: Path) -> Path:
    """The path of a kernel, or of another boot file, that a manifest names.

    Args:
        name: ``"debian-cloud"`` for the newest of :data:`KERNELS`; otherwise a path relative to the guest's folder.
        folder: the guest's folder.

    Raises:
        UsageError: the file is missing, or this user may not read it.
    """
    if name != "debian-cloud":
        return _readable(folder / name, "the comments in the guest's manifest may say where to get it")
    for pattern in KERNELS:
        readable = [path for path in glob.glob(pattern) if os.access(path, os.R_OK)]
        if readable:
            return Path(newest(readable))
    unreadable = [path for pattern in KERNELS for path in glob.glob(pattern)]
    if unreadable:
        raise UsageError(f"{unreadable[0]} cannot be read by this user: chmod +r {unreadable[0]}")
    raise UsageError("no Debian kernel in /boot: apt-get install linux-image-cloud-amd64")


def newest(paths: Iterable[str]) -> str:
    """The path with the highest version: the numbers in the paths are compared one by one."""
    return max(paths, key=lambda path: tuple(map(int, re.findall(r"\d+", path))))
