"""The tables of a set-up file and the keys of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from uartsim.guest.manifest_field import Field
from uartsim.registers import VARIANTS

#: Tables that occur once.
SINGLE: Final[Mapping[str, Mapping[str, Field]]] = {
    "tenant": {
        "id": Field(str),
        "domain": Field(str),
        "token_lifetime_s": Field(int),
    },
    "console": {
        "profile": Field(str, choices=("default", "preview")),
        "wording": Field(str, choices=("documents", "portal")),
        "cloud": Field(str, choices=("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")),
        "require_mfa": Field(bool),
        "preview_subscriptions": Field(list),
    },
    "gateway": {},
    "faults": {},
}
#: Tables whose keys another room knows, which checks them.
CHECKED_ELSEWHERE: Final = frozenset({"gateway", "faults"})

#: The keys of a machine's ``port``: options of ``uartsim run``.
PORT: Final[Mapping[str, Field]] = {
    "uart": Field(str, choices=tuple(VARIANTS)),
    "strict_line": Field(bool),
    "rate": Field(str, choices=("line", "unlimited")),
    "flow": Field(str, choices=("none", "rtscts")),
    "fault": Field(str),
    "trace": Field(str),
    "vcd": Field(str),
}

_PLACE: Final = {
    "resource_group": Field(str),
    "subscription": Field(str),
    "location": Field(str),
    "tags": Field(dict),
}
_MACHINE: Final = {
    "name": Field(str, required=True),
    **_PLACE,
    "guest": Field(str),
    "settings": Field(dict),
    "port": Field(dict),
    "os_type": Field(str, choices=("Linux", "Windows")),
    "size": Field(str),
    "power": Field(str, choices=("running", "stopped", "deallocated")),
    "boot_diagnostics": Field(bool),
    "storage_account": Field(str),
}
#: Tables of which there may be any number, in the order in which they take effect.
REPEATED: Final[Mapping[str, Mapping[str, Field]]] = {
    "subscription": {
        "id": Field(str, required=True),
        "name": Field(str),
        "console_disabled": Field(bool),
    },
    "resource_group": {
        "name": Field(str, required=True),
        "subscription": Field(str),
        "location": Field(str),
        "tags": Field(dict),
    },
    "role": {
        "name": Field(str, required=True),
        "id": Field(str),
        "description": Field(str),
        "actions": Field(list, required=True),
        "not_actions": Field(list),
        "assignable_scopes": Field(list),
    },
    "group": {
        "name": Field(str, required=True),
        "id": Field(str),
        "roles": Field(list),
    },
    "user": {
        "name": Field(str, required=True),
        "id": Field(str),
        "password": Field(str, required=True),
        "mfa": Field(bool),
        "groups": Field(list),
        "roles": Field(list),
    },
    "service_principal": {
        "name": Field(str, required=True),
        "id": Field(str),
        "client_id": Field(str),
        "secret": Field(str, required=True),
        "groups": Field(list),
        "roles": Field(list),
    },
    "storage_account": {
        "name": Field(str, required=True),
        **_PLACE,
        "hierarchical_namespace": Field(bool),
        "firewall": Field(list),
    },
    "vm": _MACHINE,
    "scale_set": {**_MACHINE, "capacity": Field(int)},
    "role_assignment": {
        "principal": Field(str, required=True),
        "role": Field(str, required=True),
        "scope": Field(str, required=True),
    },
    "lock": {
        "name": Field(str, required=True),
        "level": Field(str, required=True, choices=("ReadOnly", "CanNotDelete")),
        "scope": Field(str, required=True),
        "notes": Field(str),
    },
}
