"""The example tenant: what there is where no set-up file is given."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from uartsim.errors import UartsimError
from uartsim.guest.catalogue import find_guest
from uartsim.service.identity.builtin_roles import LEAST_PRIVILEGE
from uartsim.service.tenant.setup_file import DEFAULT_SUBSCRIPTION
from uartsim.service.tenant.tenant_setup import DEFAULT_TENANT_ID

#: The custom role with the actions that the console's documents name.
CUSTOM_ROLE: Final = "Serial Console Operator"
#: The users, and the role of each.
USERS: Final = {
    "reader": "Reader",
    "operator": CUSTOM_ROLE,
    "vmcontributor": "Virtual Machine Contributor",
    "contributor": "Contributor",
    "owner": "Owner",
}
#: The service principals, and the role of each.
SERVICE_PRINCIPALS: Final = {"contributor-sp": "Contributor", "reader-sp": "Reader"}

_HEAD: Final = """\
# The example tenant of 'uartsim serve'.  To change it, copy this file and start 'uartsim serve --config COPY'.

[tenant]
id = "{tenant}"
domain = "example.com"

[[subscription]]
id = "{subscription}"
name = "Example"

[[resource_group]]
name = "machines"
location = "westeurope"

[[storage_account]]
name = "bootlogs"
location = "westeurope"

[[role]]
name = "{custom_role}"
description = "May use the serial console of virtual machines, and no more"
actions = [
{actions}]
"""
_USER: Final = """
[[user]]
name = "{name}"
password = "{secret}"
roles = ["{role}"]
"""
_SERVICE_PRINCIPAL: Final = """
[[service_principal]]
name = "{name}"
secret = "{secret}"
roles = ["{role}"]
"""
_MACHINE: Final = """
[[vm]]
name = "{name}"
guest = "{guest}"
storage_account = "bootlogs"
"""
_SCALE_SET: Final = """
[[scale_set]]
name = "web"
guest = "demo"
capacity = 3
"""


def example_tenant(new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(12)) -> str:
    """The set-up file of the example, with new passwords.

    The Linux machine is the guest ``linux`` where QEMU is installed, otherwise ``demo``.

    Args:
        new_secret: draws a password; by default 96 random bits.
    """
    actions = "".join(f'    "{action}",\n' for action in LEAST_PRIVILEGE)
    parts = [
        _HEAD.format(
            tenant=DEFAULT_TENANT_ID, subscription=DEFAULT_SUBSCRIPTION, custom_role=CUSTOM_ROLE, actions=actions
        )
    ]
    parts += [_USER.format(name=name, secret=new_secret(), role=role) for name, role in USERS.items()]
    parts += [
        _SERVICE_PRINCIPAL.format(name=name, secret=new_secret(), role=role)
        for name, role in SERVICE_PRINCIPALS.items()
    ]
    parts.append(_MACHINE.format(name="linux1", guest="linux" if can_start("linux") else "demo"))
    if can_start("windows"):
        parts.append(_MACHINE.format(name="windows1", guest="windows"))
    parts.append(_SCALE_SET)
    return "".join(parts)


def can_start(guest: str) -> bool:
    """Whether a guest of the catalogue is there, with all that it needs."""
    try:
        find_guest(guest).check_needs()
    except UartsimError:
        return False
    return True
