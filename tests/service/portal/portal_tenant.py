"""The set-up file of the tests of the portal page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.service.rules.tenant_text import MENU, QUICK, machine
from tests.service.served import SECRET, TENANT

WINDOWS = "boot_seconds = 0.0, time_scale = 0.0"


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
    user = f"""
[[user]]
name = "vmcontributor_mfa"
password = "{SECRET}"
mfa = true
roles = ["Virtual Machine Contributor"]
"""
    workers = f"""
[[scale_set]]
name = "web"
guest = "demo"
capacity = 2
settings = {{ {QUICK} }}
port = {{ rate = "unlimited" }}
boot_diagnostics = {json.dumps(boot_diagnostics)}
"""
    return heads + TENANT + user + "".join(machines) + (workers if scale_set else "")


def demo(name: str, *, power: str = "running", settings: str = QUICK) -> str:
    """A Linux machine that is at its login prompt at once."""
    return machine(name, settings=settings, power=power)


def menu(name: str) -> str:
    """A Linux machine that waits in GRUB's menu."""
    return machine(name, settings=MENU, power="running")


def windows(name: str, settings: str = WINDOWS) -> str:
    """A Windows machine at SAC's prompt."""
    return machine(name, "windows", settings, power="running", os_type="Windows")
