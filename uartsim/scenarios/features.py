"""What a guest has that a scenario may need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from uartsim.guest.catalogue import GuestDefinition
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
    "demo": "the scripted guest demo, or one that extends it",
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


def features_of(definition: GuestDefinition) -> frozenset[str]:
    """What a guest has, as far as it can be known before it starts: names of :data:`FEATURES`.

    Raises:
        UsageError: the disk image that it names cannot be read.
    """
    if definition.kind == "script":
        return frozenset({"demo"} if definition.folder.name == "demo" else ())
    if definition.kind != "qemu":
        return frozenset()
    found = {"qemu"}
    if "kernel" in definition.options and "initrd" in definition.options:
        found.add("linux")
    if definition.has_disk:
        found |= {"disk"}
    if definition.image is not None:
        found |= _of_recipe(definition, definition.image)
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
