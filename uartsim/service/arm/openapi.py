"""The OpenAPI 3.0 document of the management REST, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm.api_versions import API_VERSIONS
from uartsim.service.arm.common_schemas import reference
from uartsim.service.arm.operation import Operation, Schema
from uartsim.service.arm.operation_table import OPERATIONS, SCHEMAS

#: Where the templates that are for any scope are shown: at a resource group, where most clients use them.
_SHOWN_SCOPE: Final = "/subscriptions/{subscription}/resourceGroups/{group}"
_ERRORS: Final = {
    400: "The api-version, the query or the body cannot be used",
    401: "The token is missing, foreign or expired",
    403: "No role of the caller's has the action",
    404: "There is no such resource",
    409: "A lock or the state of the resource forbids it",
}
_BODY_ERRORS: Final = {413: "The body is too large", 415: "The body is not JSON"}


def openapi_document(server: str) -> dict[str, Any]:
    """The document.

    Args:
        server: the URL of the service.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        shown = operation.path.replace("/{scope}", _SHOWN_SCOPE)
        paths.setdefault(shown, {})[operation.method.lower()] = _described(operation, shown)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "uartsim: the Azure Serial Console, rebuilt",
            "version": API_VERSIONS["Microsoft.SerialConsole"][-1],
            "description": (
                "The management REST of the service, as far as clients of the console need it. Paths are matched without "
                "regard to case. Roles, their assignments and locks are shown at a resource group; they can be asked for "
                "at any scope."
            ),
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "tags": [{"name": namespace} for namespace in sorted({operation.namespace for operation in OPERATIONS})],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {name: _plain(schema) for name, schema in SCHEMAS.items()},
        },
    }


def _described(operation: Operation, path: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(operation.method, path),
        "tags": [operation.namespace],
        "summary": operation.summary,
        "parameters": [*_path_parameters(path), _api_version(operation), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if operation.action is not None:
        described["description"] = f"Takes a role with `{operation.action}`."
    if operation.body is not None:
        content = {"application/json": {"schema": _schema(operation.body)}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


def _operation_id(method: str, path: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", path) if word]
    return "_".join([method.lower(), *words])


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _api_version(operation: Operation) -> dict[str, Any]:
    versions = list(reversed(operation.versions))
    schema = {"type": "string", "enum": versions}
    return {"name": "api-version", "in": "query", "required": True, "schema": schema, "example": versions[0]}


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "description": parameter.summary,
            "schema": {"type": "string", **({"enum": list(parameter.values)} if parameter.values else {})},
        }
        for parameter in operation.query
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        str(status): {
            "description": "Success",
            **({"content": {"application/json": {"schema": _schema(schema)}}} if schema is not None else {}),
        }
        for status, schema in operation.answers.items()
    }
    failures = {**_ERRORS, **(_BODY_ERRORS if operation.method not in {"GET", "HEAD", "DELETE"} else {})}
    # A HEAD answers errors without a body.
    of_errors = {} if operation.method == "HEAD" else {"content": {"application/json": {"schema": reference("Error")}}}
    for status, text in failures.items():
        described[str(status)] = {"description": text, **of_errors}
    described["default"] = {"description": "The service failed", **of_errors}
    return described


def _schema(schema: Schema) -> Mapping[str, Any]:
    return reference(schema) if isinstance(schema, str) else _plain(schema)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
