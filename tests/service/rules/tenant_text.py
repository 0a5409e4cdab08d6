"""The set-up file of the tests of the documents' rows: users of every role, and the machines that rows need."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.service.served import SECRET, SUBSCRIPTION, TENANT

USERS = ("reader", "operator", "vmcontributor", "vmcontributor_mfa", "contributor", "owner", "nobody")
QUICK = "grub_timeout = 0, boot_seconds = 0.0, time_scale = 0.0"
MENU = "grub_timeout = -1, boot_seconds = 0.0, time_scale = 0.0"

#: What is wrong with the machine broken1.
BROKEN = "firewall,rdp-disabled,network-disabled,filesystem"


def machine(
    name: str, guest: str = "demo", settings: str = QUICK, *, power: str = "deallocated", os_type: str = "Linux"
) -> str:
    """A machine of the set-up; unless it says otherwise, a test starts it when it needs it."""
    return f"""
[[vm]]
name = "{name}"
guest = "{guest}"
settings = {{ {settings} }}
port = {{ rate = "unlimited" }}
power = "{power}"
os_type = "{os_type}"
location = "westeurope"
"""


def tenant_text(
    *,
    white_listed: bool = False,
    debian: bool = False,
    gateway: Mapping[str, object] | None = None,
    **console: object,
) -> str:
    """The text of a set-up file.

    Args:
        white_listed: whether the subscription takes part in the preview.
        debian: whether there is a machine with ``debian-12``.
        gateway: the table ``[gateway]``.
        console: the table ``[console]``.
    """
    if white_listed:
        console["preview_subscriptions"] = [SUBSCRIPTION]
    tables = [("console", console), ("gateway", gateway or {})]
    settings = "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables
        if table
    )
    user = f"""
[[user]]
name = "vmcontributor_mfa"
password = "{SECRET}"
mfa = true
roles = ["Virtual Machine Contributor"]
"""
    windows = "boot_seconds = 0.0, time_scale = 0.0"
    machines = [
        machine("linux1", power="running"),
        machine("menu1", settings=MENU),
        machine("keys1", "ssh-key-only"),
        machine("silent1", settings=f'{MENU}, cmdline = "root=/dev/vda1 ro console=tty0"'),
        machine("windows1", "windows", windows, os_type="Windows"),
        machine("health1", "windows", f"{windows}, sac = false", os_type="Windows"),
        machine("idle1", "windows", f"{windows}, session_timeout = 1", os_type="Windows"),
        machine("broken1", "windows", f'{windows}, broken = "{BROKEN}"', os_type="Windows"),
        machine("agetty1", "agetty", ""),
        machine("agetty2", "agetty", 'local_line = "never"'),
    ]
    if debian:
        machines.append(machine("debian1", "debian-12", ""))
    scale_set = f"""
[[scale_set]]
name = "web"
guest = "demo"
capacity = 2
settings = {{ {QUICK} }}
port = {{ rate = "unlimited" }}
location = "westeurope"
"""
    return settings + TENANT + user + "".join(machines) + scale_set
