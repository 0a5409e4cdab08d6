"""What a guest has that a scenario may need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.guest_disk import named_image
from uartsim.images.disk_look import look_at
from uartsim.images.installed_files import installed_files
from uartsim.images.recipe import Recipe

#: What a scenario may need, each as the end of "it needs ...".
FEATURES: Final[Mapping[str, str]] = {
    "qemu": "a guest in QEMU",
    "disk": "a guest that boots from a disk image",
    "bios": "a guest that is started by BIOS",
    "uefi": "a guest that is started by UEFI",
    "grub": "GRUB on its disk",
    "linux": "a Linux kernel of its own",
    "systemd": "systemd",
    "openrc": "OpenRC",
    "agent": "qemu-guest-agent, and agent = true in its manifest",
    "editor": "an editor for a terminal",
    "ssh": "an SSH server",
    "iptables": "iptables",
    "firewalld": "firewalld",
    "plymouth": "Plymouth",
    "demo": "the scripted guest demo, a copy of it, or a guest that extends it",
}

#: Packages of a recipe that bring a feature.
_PACKAGES: Final[Mapping[str, str]] = {
    "systemd-sysv": "systemd",
    "openrc": "openrc",
    "qemu-guest-agent": "agent",
    "nano": "editor",
    "vim-tiny": "editor",
    "openssh-server": "ssh",
    "iptables": "iptables",
    "firewalld": "firewalld",
    "plymouth": "plymouth",
}
#: Files that bring a feature, where an image is looked into.
_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "grub": ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"),
    "systemd": ("/usr/lib/systemd/systemd", "/lib/systemd/systemd"),
    "openrc": ("/sbin/openrc", "/usr/sbin/openrc"),
    "editor": ("/usr/bin/nano", "/bin/nano", "/usr/bin/vim.tiny", "/usr/bin/vi", "/bin/vi"),
    "ssh": ("/usr/sbin/sshd",),
    "iptables": ("/usr/sbin/iptables", "/sbin/iptables"),
    "firewalld": ("/usr/sbin/firewalld",),
    "plymouth": ("/usr/sbin/plymouthd",),
}


def features_of(definition: GuestDefinition) -> frozenset[str]:
    """What a guest has, as far as it can be known before it starts: names of :data:`FEATURES`.

    Raises:
        UsageError: the disk image that it names cannot be read.
    """
    if definition.kind == "script":
        return frozenset({"demo"} if "tmout" in definition.settings else ())
    if definition.kind != "qemu":
        return frozenset()
    found = {"qemu"}
    if "kernel" in definition.options and "initrd" in definition.options:
        found.add("linux")
    if definition.image is not None:
        found |= {"disk"} | _of_recipe(definition, definition.image)
    elif definition.has_disk and definition.settings.get("image") != "":  # empty: a distribution, until one is given
        found |= {"disk"} | _of_image(definition)
    return frozenset(found)


def _of_recipe(definition: GuestDefinition, recipe: Recipe) -> set[str]:
    firmware = definition.options.get("firmware", "auto")
    if firmware == "auto":
        firmware = "bios" if recipe.firmware == "both" else recipe.firmware
    found = {firmware}
    if recipe.builder == "debian-installer":
        return found
    found |= {"grub", "linux"}
    if recipe.builder == "alpine":
        return found | {"openrc", "editor"}
    return found | {_PACKAGES[package] for package in recipe.packages if package in _PACKAGES}


def _of_image(definition: GuestDefinition) -> set[str]:
    """What is on the disk image that a guest names.

    Raises:
        UsageError: it cannot be read, or there is no system on it that could be looked into.
    """
    source = named_image(definition)
    found = {source.firmware}
    if definition.options.get("agent"):
        found.add("agent")
    report = look_at(source.path)
    files = installed_files(report, [path for paths in _FILES.values() for path in paths])
    if files is None:
        held = ", ".join(f"{volume.name}: {volume.holds or 'unknown'}" for volume in report.volumes[:8])
        raise UsageError(
            f"{source.path} has no system in an ext2, ext3 or ext4 file system ({held}), and others are not looked into, so "
            "it cannot be told which scenarios fit; none is started"
        )
    if report.kernels:
        found.add("linux")
    return found | {feature for feature, paths in _FILES.items() if files.intersection(paths)}
