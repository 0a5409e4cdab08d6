"""The types of the resources that are machines."""

from __future__ import annotations

from typing import Final

#: A machine of its own.
MACHINE_TYPE: Final = "Microsoft.Compute/virtualMachines"
#: An instance of a scale set.
INSTANCE_TYPE: Final = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
MACHINE_TYPES: Final = (MACHINE_TYPE, INSTANCE_TYPE)
