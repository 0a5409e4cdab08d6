"""The table of all operations of the management REST; routing and the OpenAPI document are made from it.

A module of operations has ``OPERATIONS`` and, if its bodies have schemas of their own, ``SCHEMAS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm import accepted, common_schemas
from uartsim.service.arm.operation import Operation

#: All operations.
OPERATIONS: Final[tuple[Operation, ...]] = (*accepted.OPERATIONS,)

#: The schemas of their bodies by name.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {**common_schemas.SCHEMAS}
