"""Install the Debian packages that the tests and the guests need, or name them: the first step of ``tox``.

As root on Debian this installs the missing packages with apt-get.  Without root or apt-get it prints the packages and one
command that installs them, and exits 0: the tests that need them skip, and name the same command.  With UARTSIM_STRICT=1,
as in CI, it exits 1 while anything is missing.  If nothing is missing, apt-get is not run.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

#: How long another apt-get may hold its locks before this one gives up, in seconds.
LOCK_TIMEOUT_S = 300
#: How often to check whether the locks are free, in seconds.
LOOK_AGAIN_S = 5.0


@dataclass(frozen=True)
class Requirement:
    """A program or a file, and the Debian package that brings it.

    Attributes:
        name: a program's name, or a file's absolute path or glob.
        package: the Debian package.
        purpose: what needs it.
    """

    name: str
    package: str
    purpose: str

    def is_there(self) -> bool:
        """Whether this machine has it."""
        if self.name.startswith("/"):
            return bool(glob.glob(self.name))
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
        return shutil.which(self.name, path=path) is not None


REQUIREMENTS = (
    Requirement("curl", "curl", "the shell commands of Azure's documents"),
    Requirement("jq", "jq", "the shell commands of Azure's documents"),
    Requirement("node", "nodejs", "the portal page"),
    Requirement("npm", "npm", "the portal page"),
    Requirement("chromium", "chromium", "tests of the portal page"),
    Requirement("qemu-system-x86_64", "qemu-system-x86", "guests of kind qemu"),
    Requirement("qemu-system-aarch64", "qemu-system-arm", "guest u-boot-arm64"),
    Requirement("/usr/share/seabios/bios-256k.bin", "seabios", "guests of kind qemu"),
    Requirement("/usr/lib/u-boot/qemu-x86_64/u-boot.rom", "u-boot-qemu", "guest u-boot"),
    Requirement("/usr/lib/u-boot/qemu_arm64/u-boot.bin", "u-boot-qemu", "guest u-boot-arm64"),
    Requirement("/boot/vmlinuz-*-cloud-amd64", "linux-image-cloud-amd64", "guest linux"),
    Requirement("/bin/busybox", "busybox-static", "guest linux"),
    Requirement("cpio", "cpio", "guest linux"),
    Requirement("gcc", "gcc", "the port bridge"),
    Requirement("/usr/include/stdio.h", "libc6-dev", "the port bridge"),
    Requirement("as", "binutils", "guest firmware"),
    Requirement("/usr/lib/ISOLINUX/isolinux.bin", "isolinux", "guest isolinux"),
    Requirement("/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common", "guest isolinux"),
    Requirement("xorriso", "xorriso", "guest isolinux"),
    Requirement("/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "grub-rescue-pc", "guest grub-rescue"),
    Requirement("/usr/share/OVMF/OVMF_CODE_4M.fd", "ovmf", "guest uefi-shell"),
    Requirement("/usr/lib/ipxe/ipxe.lkrn", "ipxe", "guest ipxe"),
    Requirement("/boot/xen-4.17-amd64.gz", "xen-hypervisor-4.17-amd64", "guest xen"),
    Requirement("agetty", "util-linux", "guests agetty and linux"),
    Requirement("login", "login", "guests agetty and linux"),
    Requirement("ps", "procps", "tests that look at processes"),
    Requirement("ssh", "openssh-client", "scenarios that SSH cannot reach"),
    Requirement("mke2fs", "e2fsprogs", "tests of disks"),
    Requirement("e2fsck", "e2fsprogs", "tests of disks"),
    Requirement("qemu-img", "qemu-utils", "guests with a disk image"),
    Requirement("debugfs", "e2fsprogs", "changing an image offline"),
    Requirement("grub-mkimage", "grub-common", "disk images with GRUB"),
    Requirement("/usr/lib/grub/i386-pc/boot.img", "grub-pc-bin", "disk images with GRUB"),
    Requirement("mmdebstrap", "mmdebstrap", "Debian images"),
    Requirement("fakechroot", "fakechroot", "Debian images, built by an ordinary user"),
    Requirement("fakeroot", "fakeroot", "Debian images, built by an ordinary user"),
    Requirement("sfdisk", "fdisk", "Debian images"),
    Requirement("openssl", "openssl", "Debian images"),
    Requirement("mkfs.vfat", "dosfstools", "Debian images"),
    Requirement("mcopy", "mtools", "Debian images"),
    Requirement("setpriv", "util-linux", "building disk images"),
    Requirement("picocom", "picocom", "tests with a client"),
    Requirement("tio", "tio", "tests with a client"),
    Requirement("screen", "screen", "tests with a client"),
    Requirement("socat", "socat", "tests with a client"),
    Requirement("sigrok-cli", "sigrok-cli", "tests that read our waveforms"),
    Requirement("zsh", "zsh", "tests with a shell"),
    Requirement("tcsh", "tcsh", "tests with a shell"),
    Requirement("fish", "fish", "tests with a shell"),
    Requirement("man", "man-db", "tests of the manual pages"),
    Requirement("mandoc", "mandoc", "tests of the manual pages"),
    Requirement("tmux", "tmux", "tests of what a person sees"),
    Requirement("asciinema", "asciinema", "tests of asciicasts"),
)


def missing_requirements(requirements: Iterable[Requirement]) -> list[Requirement]:
    """The requirements that this machine lacks."""
    return [requirement for requirement in requirements if not requirement.is_there()]


def install_command(missing: Iterable[Requirement]) -> list[str]:
    """The command that installs all of ``missing``."""
    packages = sorted({requirement.package for requirement in missing})
    return ["apt-get", "install", "--yes", "--no-install-recommends", *packages]


def _waiting_for_the_lock(command: list[str]) -> list[str]:
    """The same apt-get command, waiting for the package lock, which a new machine's own apt-get may hold for minutes."""
    return [command[0], "--option", f"DPkg::Lock::Timeout={LOCK_TIMEOUT_S}", *command[1:]]


def install(missing: list[Requirement]) -> bool:
    """Run apt-get without questions; whether it succeeded."""
    environment = {"DEBIAN_FRONTEND": "noninteractive", **os.environ}
    for command in (["apt-get", "update", "--quiet"], install_command(missing)):
        print("provision:", " ".join(command), flush=True)
        if not _run_apt(_waiting_for_the_lock(command), environment):
            return False
    return True


def _run_apt(command: list[str], environment: dict[str, str]) -> bool:
    """Run apt-get, and again while another one locks the package lists: ``update`` has no time-out for that lock.

    Returns:
        Whether it succeeded.
    """
    give_up_at = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        sys.stderr.write(done.stderr)
        locked = "Could not get lock" in done.stderr or "Unable to lock" in done.stderr
        if done.returncode == 0 or not locked or time.monotonic() > give_up_at:
            return done.returncode == 0
        print("provision: another apt-get is running: waiting for it", flush=True)
        time.sleep(LOOK_AGAIN_S)


def main() -> int:
    """Provision this machine; returns the exit status."""
    missing = missing_requirements(REQUIREMENTS)
    if not missing:
        print("provision: everything is there")
        return 0
    may_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if may_install and install(missing):
        missing = missing_requirements(REQUIREMENTS)
        if not missing:
            print("provision: everything is there now")
            return 0
    print("provision: missing here:")
    for requirement in missing:
        print(f"  {requirement.name} (Debian package {requirement.package}): {requirement.purpose}")
    print("provision: tests that need these skip. As root on Debian, this command installs them:")
    print(" ", " ".join(install_command(missing)))
    return 1 if is_strict() else 0


def is_strict() -> bool:
    """Whether something that is missing is a failure, as UARTSIM_STRICT says."""
    return os.environ.get("UARTSIM_STRICT", "").lower() in ("1", "true", "yes", "on")


if __name__ == "__main__":
    sys.exit(main())
