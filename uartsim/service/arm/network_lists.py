"""Microsoft.Network: machines here have a serial line and no network, so that its lists are empty.

``az vm list-ip-addresses`` asks for them, and lists nothing.
"""

from __future__ import annotations

from typing import Any, Final

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.common_schemas import TEXT, list_of, object_of
from uartsim.service.arm.operation import Answer, Operation


async def _nothing(request: ArmRequest) -> Answer:
    return Answer({"value": []})


_SUBSCRIPTION: Final = "/subscriptions/{subscription}"
OPERATIONS: Final = tuple(
    Operation(
        "GET",
        f"{scope}/providers/Microsoft.Network/{kind}",
        f"Microsoft.Network/{kind}/read",
        _nothing,
        f"The {name} of {where}: there are none",
        {200: "NetworkResourceList"},
    )
    for kind, name in (("networkInterfaces", "network interfaces"), ("publicIPAddresses", "public IP addresses"))
    for scope, where in (
        (_SUBSCRIPTION, "a subscription"),
        (f"{_SUBSCRIPTION}/resourceGroups/{{group}}", "a resource group"),
    )
)
SCHEMAS: Final[dict[str, Any]] = {
    "NetworkResource": object_of({"id": TEXT, "name": TEXT, "type": TEXT}, required=("id", "name", "type")),
    "NetworkResourceList": list_of("NetworkResource"),
}
