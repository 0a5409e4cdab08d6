"""The set-up file of the tests of the portal page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.service.rules.tenant_text import MENU, QUICK, machine
from tests.service.served import SECRET, TENANT

WINDOWS = "boot_seconds = 0.0, time_scale = 0.0"
_COMPUTE = "Microsoft.Compute/virtualMachines"
_CONNECT = [
    f"{_COMPUTE}/start/action",
    f"{_COMPUTE}/read",
    f"{_COMPUTE}/write",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.SerialConsole/serialPorts/connect/action",
]
#: Further users, by their names: each has a role of his own with these actions.
_FURTHER_USERS = {
    "nostorage": _CONNECT,
    "nokeys": [*_CONNECT, "Microsoft.Storage/storageAccounts/read"],
}


def portal_tenant(
    *machines: str, scale_set: bool = False, boot_diagnostics: bool = True, **tables: Mapping[str, Any]
) -> str:
    """The text of a set-up file.

    Args:
        machines: the texts of machines, as :func:`demo`, :func:`menu` and :func:`windows` make them.
        scale_set: whether there is the scale set ``web`` of two instances.
        boot_diagnostics: whether the scale set has boot diagnostics.
        tables: further tables: ``console``, ``gateway``, ``tenant``, ``faults``.
    """
    heads = "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    workers = f"""
[[scale_set]]
name = "web"
guest = "demo"
capacity = 2
settings = {{ {QUICK} }}
port = {{ rate = "unlimited" }}
boot_diagnostics = {json.dumps(boot_diagnostics)}
"""
    return heads + TENANT + _users() + "".join(machines) + (workers if scale_set else "")


def demo(name: str, *, power: str = "running", settings: str = QUICK, more: str = "") -> str:
    """A Linux machine that is at its login prompt at once; ``more`` are further lines of its table."""
    return machine(name, settings=settings, power=power) + more


def menu(name: str) -> str:
    """A Linux machine that waits in GRUB's menu."""
    return machine(name, settings=MENU, power="running")


def machine_of(name: str, guest: str, *, settings: str = "", power: str = "running") -> str:
    """A Linux machine with any guest of the catalogue."""
    return machine(name, guest, settings, power=power)


def windows(name: str, settings: str = WINDOWS) -> str:
    """A Windows machine at SAC's prompt."""
    return machine(name, "windows", settings, power="running", os_type="Windows")


def _users() -> str:
    further = "".join(
        f"""
[[role]]
name = "{name}s"
actions = {json.dumps(actions)}
[[user]]
name = "{name}"
password = "{SECRET}"
roles = ["{name}s"]
"""
        for name, actions in _FURTHER_USERS.items()
    )
    return f"""
[[user]]
name = "vmcontributor_mfa"
password = "{SECRET}"
mfa = true
roles = ["Virtual Machine Contributor"]
{further}"""
