"""The table of all operations of the management REST; routing and the OpenAPI document are made from it.

A module of operations has ``OPERATIONS`` and, if its bodies have schemas of their own, ``SCHEMAS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm import (
    accepted,
    common_schemas,
    management_locks,
    microsoft_compute,
    network_lists,
    provider_list,
    resource_groups,
    role_assignments,
    role_definitions,
    serial_console,
    storage_accounts,
    subscriptions,
)
from uartsim.service.arm.operation import Operation

#: All operations.
OPERATIONS: Final[tuple[Operation, ...]] = (
    *microsoft_compute.OPERATIONS,
    *serial_console.OPERATIONS,
    *storage_accounts.OPERATIONS,
    *network_lists.OPERATIONS,
    *role_definitions.OPERATIONS,
    *role_assignments.OPERATIONS,
    *management_locks.OPERATIONS,
    *subscriptions.OPERATIONS,
    *resource_groups.OPERATIONS,
    *provider_list.OPERATIONS,
    *accepted.OPERATIONS,
)

#: The schemas of their bodies by name.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    **common_schemas.SCHEMAS,
    **microsoft_compute.SCHEMAS,
    **serial_console.SCHEMAS,
    **storage_accounts.SCHEMAS,
    **network_lists.SCHEMAS,
    **role_definitions.SCHEMAS,
    **role_assignments.SCHEMAS,
    **management_locks.SCHEMAS,
    **subscriptions.SCHEMAS,
    **resource_groups.SCHEMAS,
    **provider_list.SCHEMAS,
}
