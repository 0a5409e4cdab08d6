"""Units of systemd that a scenario puts into a guest."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import WriteText

#: Where an administrator's units are; an empty file there masks the unit of its name.
_ADMINISTRATORS: Final = "/etc/systemd/system"
#: Where packages have theirs, which can be masked.
_OF_PACKAGES: Final = "/usr/lib/systemd/system"


def service_at_boot(name: str, unit: str) -> tuple[WriteText, WriteText]:
    """The steps that put a service into a guest, and start it at each boot.

    Args:
        name: without ``.service``.
        unit: the content of its file.
    """
    return WriteText(f"{_OF_PACKAGES}/{name}.service", unit), started_at_boot(name, f"{name}.service")


def started_at_boot(name: str, *units: str) -> WriteText:
    """The step that starts units at each boot, which are there.

    Args:
        name: what the file is called that says so.
        units: their names.
    """
    return WriteText(f"{_ADMINISTRATORS}/multi-user.target.d/{name}.conf", f"[Unit]\nWants={' '.join(units)}\n")


def masked(unit: str) -> WriteText:
    """The step that masks a unit."""
    return WriteText(f"{_ADMINISTRATORS}/{unit}", "")


def serial_getty(name: str, command: str) -> WriteText:
    """The step that gives the getty on ttyS0 another command.

    Args:
        name: what the drop-in file is called.
        command: agetty and its arguments.
    """
    path = f"{_ADMINISTRATORS}/serial-getty@ttyS0.service.d/{name}.conf"
    return WriteText(path, f"[Service]\nExecStart=\nExecStart=-{command}\n")
