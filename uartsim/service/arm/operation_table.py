"""The table of all operations of the management REST; routing and the OpenAPI document are made from it.

A module of operations has ``OPERATIONS`` and, if its bodies have schemas of their own, ``SCHEMAS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm import (
    accepted,
    boot_diagnostics_data,
    common_schemas,
    compute_disks,
    compute_extensions,
    compute_instances,
    compute_machines,
    compute_power,
    compute_scale_sets,
    compute_schemas,
)
from uartsim.service.arm.operation import Operation

#: All operations.
OPERATIONS: Final[tuple[Operation, ...]] = (
    *accepted.OPERATIONS,
    *boot_diagnostics_data.OPERATIONS,
    *compute_disks.OPERATIONS,
    *compute_extensions.OPERATIONS,
    *compute_machines.OPERATIONS,
    *compute_power.OPERATIONS,
    *compute_scale_sets.OPERATIONS,
    *compute_instances.OPERATIONS,
)

#: The schemas of their bodies by name.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {**common_schemas.SCHEMAS, **compute_schemas.SCHEMAS}
