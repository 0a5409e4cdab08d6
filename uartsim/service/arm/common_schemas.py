"""The schemas that the operations of more than one provider use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


def reference(name: str) -> dict[str, str]:
    """A schema that stands under a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(properties: Mapping[str, Any], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object.

    Args:
        properties: the schemas of its members.
        required: the names of those that it always has.
    """
    described: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    return {**described, "required": list(required)} if required else described


def array_of(name: str) -> dict[str, Any]:
    """An array of what has a schema under a name."""
    return {"type": "array", "items": reference(name)}


def list_of(name: str) -> dict[str, Any]:
    """The answer of an operation that lists: ``value``, and ``nextLink`` where there is more."""
    return object_of({"value": array_of(name), "nextLink": {"type": "string", "format": "uri"}}, required=("value",))


#: Any text.
TEXT: Final = {"type": "string"}

#: The schemas by name; the OpenAPI document has them, and the bodies of requests are checked against them.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Error": object_of({"error": reference("ErrorDetail")}, required=("error",)),
    "ErrorDetail": object_of(
        {"code": TEXT, "message": TEXT, "target": TEXT, "details": array_of("ErrorDetail")},
        required=("code", "message"),
    ),
    "OperationStatus": object_of(
        {
            "name": {"type": "string", "format": "uuid"},
            "status": {"type": "string", "enum": ["InProgress", "Succeeded", "Failed"]},
            "startTime": TEXT,
            "endTime": TEXT,
            "properties": object_of({"output": {}}),
            "error": reference("ErrorDetail"),
        },
        required=("name", "status", "startTime"),
    ),
    "ProviderOperation": object_of(
        {
            "name": TEXT,
            "isDataAction": TEXT,
            "display": object_of({"provider": TEXT, "resource": TEXT, "operation": TEXT, "description": TEXT}),
        },
        required=("name", "display"),
    ),
    "ProviderOperationList": list_of("ProviderOperation"),
    "AnyObject": {"type": "object"},
}
