"""The operations of ``Microsoft.Compute``."""

from __future__ import annotations

from typing import Final

from uartsim.service.arm import (
    boot_diagnostics_data,
    compute_disks,
    compute_extensions,
    compute_instances,
    compute_machines,
    compute_power,
    compute_scale_sets,
    compute_schemas,
)

OPERATIONS: Final = (
    *compute_machines.OPERATIONS,
    *compute_power.OPERATIONS,
    *compute_extensions.OPERATIONS,
    *boot_diagnostics_data.OPERATIONS,
    *compute_disks.OPERATIONS,
    *compute_scale_sets.OPERATIONS,
    *compute_instances.OPERATIONS,
)
SCHEMAS: Final = compute_schemas.SCHEMAS
