"""Microsoft.Resources: the resource providers, their types and api-versions, made from the table of operations.

The Azure CLI looks here for the api-version of ``az resource show`` and ``az resource invoke-action``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from uartsim.service.arm.api_versions import API_VERSIONS
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import invalid_namespace
from uartsim.service.arm.common_schemas import TEXT, array_of, list_of, object_of
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm.subscriptions import LOCATIONS


async def _list(request: ArmRequest) -> Answer:
    return Answer({"value": [_shown(request, namespace) for namespace in API_VERSIONS]})


async def _get(request: ArmRequest) -> Answer:
    asked = request.parameters["namespace"]
    namespace = next((one for one in API_VERSIONS if one.casefold() == asked.casefold()), None)
    if namespace is None:
        raise invalid_namespace(asked)
    return Answer(_shown(request, namespace))


def _shown(request: ArmRequest, namespace: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"namespace": namespace}
    if request.id.subscription is not None:
        shown["id"] = f"/subscriptions/{request.id.subscription}/providers/{namespace}"
        shown["registrationState"] = "Registered"
        shown["registrationPolicy"] = "RegistrationRequired"
    shown["resourceTypes"] = [
        {
            "resourceType": kind,
            "locations": [displayed for _, displayed, _ in LOCATIONS],
            "apiVersions": list(reversed(API_VERSIONS[namespace])),
            "capabilities": "None",
        }
        for kind in resource_types()[namespace]
    ]
    return shown


@cache
def resource_types() -> dict[str, tuple[str, ...]]:
    """The resource types by namespace, such as ``virtualMachineScaleSets/virtualMachines``."""
    # The table has the operations of this module too.
    from uartsim.service.arm import operation_table

    return {namespace: tuple(sorted(types_of(namespace, operation_table.OPERATIONS))) for namespace in API_VERSIONS}


def types_of(namespace: str, operations: Iterable[Operation]) -> set[str]:
    """The resource types of a namespace: what has a name in the path of an operation.

    Args:
        namespace: the namespace.
        operations: all operations.
    """
    found = {"operations"} if namespace == "Microsoft.SerialConsole" else set()
    for operation in operations:
        if operation.namespace != namespace:
            continue
        segments = operation.path.strip("/").split("/")
        if "providers" in segments:
            at = len(segments) - segments[::-1].index("providers")
            segments = segments[at + 1 :]
        kinds = segments[::2]
        named = [kind for kind, after in zip(kinds, segments[1::2], strict=False) if after.startswith("{")]
        found |= {"/".join(named[: length + 1]) for length in range(len(named))}
    return {kind for kind in found if not kind.startswith("{")}


_ONE: Final = "/providers/{namespace}"
OPERATIONS: Final = (
    *(
        Operation("GET", f"{where}/providers", None, _list, "The resource providers", {200: "ProviderList"})
        for where in ("", "/subscriptions/{subscription}")
    ),
    *(
        Operation("GET", f"{where}{_ONE}", None, _get, "A resource provider", {200: "Provider"})
        for where in ("", "/subscriptions/{subscription}")
    ),
    Operation(
        "POST",
        f"/subscriptions/{{subscription}}{_ONE}/register",
        "Microsoft.Resources/subscriptions/providers/register/action",
        _get,
        "Register a resource provider; all are registered already",
        {200: "Provider"},
    ),
)
SCHEMAS: Final = {
    "Provider": object_of(
        {
            "id": TEXT,
            "namespace": TEXT,
            "registrationState": TEXT,
            "resourceTypes": array_of("ProviderResourceType"),
        },
        required=("namespace", "resourceTypes"),
    ),
    "ProviderList": list_of("Provider"),
    "ProviderResourceType": object_of(
        {"resourceType": TEXT, "apiVersions": {"type": "array", "items": TEXT}},
        required=("resourceType", "apiVersions"),
    ),
}
