"""The schemas that the operations of more than one provider use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Them by name; the OpenAPI document has them, and the bodies of requests are checked against them.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/components/schemas/ErrorDetail"}},
    },
    "ErrorDetail": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "target": {"type": "string"},
            "details": {"type": "array", "items": {"$ref": "#/components/schemas/ErrorDetail"}},
        },
    },
    "OperationStatus": {
        "type": "object",
        "required": ["name", "status", "startTime"],
        "properties": {
            "name": {"type": "string", "format": "uuid"},
            "status": {"type": "string", "enum": ["InProgress", "Succeeded", "Failed"]},
            "startTime": {"type": "string"},
            "endTime": {"type": "string"},
            "properties": {"type": "object", "properties": {"output": {}}},
            "error": {"$ref": "#/components/schemas/ErrorDetail"},
        },
    },
}
