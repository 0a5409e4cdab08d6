"""Microsoft.Authorization: role definitions, and what the caller may do at a scope."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Final

from uartsim.printable import quoted
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.common_schemas import TEXT, array_of, list_of, object_of
from uartsim.service.arm.list_pages import page_of
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.query_filter import filter_of
from uartsim.service.arm.scoped import assignments_of, scope_of
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.authorisation import ASSIGNMENTS, DEFINITIONS
from uartsim.service.identity.builtin_roles import BUILT_IN_ROLES
from uartsim.service.store import Resource, ResourceId


async def _list(request: ArmRequest) -> Answer:
    scope = scope_of(request)
    terms = filter_of(request, {"rolename", "type", "atscopeandbelow", "atscope"})
    found = []
    for definition in request.parts.authorisation.definitions():
        values = {"rolename": definition.properties.get("roleName"), "type": definition.properties.get("type")}
        if all(term.holds(str(values[term.field])) for term in terms if term.field in values) and (
            _is_about(definition, scope)
        ):
            found.append(_shown(definition, scope))
    return Answer(page_of(request, found))


async def _get(request: ArmRequest) -> Answer:
    return Answer(_shown(_definition(request), scope_of(request)))


async def _put(request: ArmRequest) -> Answer:
    scope = scope_of(request)
    role_id, asked = request.parameters["role"], request.content["properties"]
    if not is_uuid(role_id):
        raise ArmError(400, "InvalidRoleDefinitionId", f"The role definition ID {quoted(role_id)} is not a GUID.")
    before = request.parts.authorisation.definition(role_id)
    if before is not None and before.id.name.casefold() in BUILT_IN_ROLES:
        raise ArmError(403, "RoleDefinitionUpdateNotPermitted", f"The built-in role '{role_id}' cannot be changed.")
    for other in request.parts.authorisation.definitions():
        same = str(other.properties.get("roleName", "")).casefold() == asked["roleName"].casefold()
        if same and other.id.name.casefold() != role_id.casefold():
            raise ArmError(
                409,
                "RoleDefinitionWithSameNameExists",
                "A custom role with the same name already exists in this directory. Use a different name.",
            )
    scopes = asked.get("assignableScopes") or [str(scope)]
    for one in scopes:
        ResourceId(one)
    properties = {
        "roleName": asked["roleName"],
        "type": "CustomRole",
        "description": asked.get("description") or "",
        "assignableScopes": scopes,
        "permissions": [_permission(one) for one in asked["permissions"]],
    }
    definition = Resource(before.id if before else request.id, {"properties": properties})
    request.parts.store.put(definition)
    return Answer(_shown(definition, scope), 201)


async def _delete(request: ArmRequest) -> Answer:
    definition = request.parts.authorisation.definition(request.parameters["role"])
    if definition is None:
        return Answer(None, 204)
    role_id = definition.id.name.casefold()
    if role_id in BUILT_IN_ROLES:
        raise ArmError(403, "RoleDefinitionUpdateNotPermitted", f"The built-in role '{role_id}' cannot be deleted.")
    for assignment in request.parts.store.list(ASSIGNMENTS):
        if str(assignment.properties.get("roleDefinitionId")).rpartition("/")[2].casefold() == role_id:
            raise ArmError(
                409, "RoleDefinitionHasAssignments", "There are existing role assignments referencing the role."
            )
    request.parts.store.delete(definition.id)
    return Answer(_shown(definition, scope_of(request)))


async def _permissions(request: ArmRequest) -> Answer:
    scope = scope_of(request)
    found: list[Any] = []
    for assignment in assignments_of(request.parts.store, request.caller):
        if scope.is_within(assignment.id.parent):
            role_id = str(assignment.properties.get("roleDefinitionId")).rpartition("/")[2]
            definition = request.parts.authorisation.definition(role_id)
            found += definition.properties.get("permissions", ()) if definition is not None else ()
    return Answer({"value": found})


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID with its hyphens."""
    try:
        return str(uuid.UUID(text)) == text.casefold()
    except ValueError:
        return False


def _definition(request: ArmRequest) -> Resource:
    role_id = request.parameters["role"]
    definition = request.parts.authorisation.definition(role_id)
    if definition is None:
        raise ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID {quoted(role_id)} does not exist.",
        )
    return definition


def _is_about(definition: Resource, scope: ResourceId) -> bool:
    places = [ResourceId(place) for place in definition.properties.get("assignableScopes") or ["/"]]
    return any(scope.is_within(place) or place.is_within(scope) for place in places)


def _shown(definition: Resource, scope: ResourceId) -> dict[str, Any]:
    """The definition under the id that it has in the subscription from which it is seen."""
    subscription = f"/subscriptions/{scope.subscription}" if scope.subscription else ""
    seen = ResourceId(f"{subscription}/providers/{DEFINITIONS}/{definition.id.name}")
    return replace(definition, id=seen).shown()


def _permission(asked: dict[str, Any]) -> dict[str, Any]:
    names = ("actions", "notActions", "dataActions", "notDataActions")
    return {name: list(asked.get(name) or ()) for name in names}


_PATH: Final = f"{{scope}}/providers/{DEFINITIONS}"
OPERATIONS: Final = (
    Operation(
        "GET",
        f"/{_PATH}",
        f"{DEFINITIONS}/read",
        _list,
        "The roles that can be assigned at a scope",
        {200: "RoleDefinitionList"},
        query=(QueryParameter("$filter", "Such as roleName eq 'Reader' or type eq 'CustomRole'"),),
    ),
    Operation("GET", f"/{_PATH}/{{role}}", f"{DEFINITIONS}/read", _get, "A role definition", {200: "RoleDefinition"}),
    Operation(
        "PUT",
        f"/{_PATH}/{{role}}",
        f"{DEFINITIONS}/write",
        _put,
        "Create or change a custom role",
        {201: "RoleDefinition"},
        body="RoleDefinitionParameters",
    ),
    Operation(
        "DELETE",
        f"/{_PATH}/{{role}}",
        f"{DEFINITIONS}/delete",
        _delete,
        "Delete a custom role that is not assigned",
        {200: "RoleDefinition", 204: None},
    ),
    Operation(
        "GET",
        "/{scope}/providers/Microsoft.Authorization/permissions",
        "Microsoft.Authorization/permissions/read",
        _permissions,
        "What the caller may do at a scope",
        {200: "PermissionList"},
    ),
)

_TEXTS: Final = {"type": "array", "items": TEXT}
_ROLE_PROPERTIES: Final = {
    "roleName": TEXT,
    "type": TEXT,
    "description": {**TEXT, "nullable": True},
    "assignableScopes": _TEXTS,
    "permissions": array_of("Permission"),
}
SCHEMAS: Final = {
    "Permission": object_of({"actions": _TEXTS, "notActions": _TEXTS, "dataActions": _TEXTS, "notDataActions": _TEXTS}),
    "PermissionList": list_of("Permission"),
    "RoleDefinition": object_of(
        {"id": TEXT, "name": TEXT, "type": TEXT, "properties": object_of(_ROLE_PROPERTIES)},
        required=("id", "name", "type", "properties"),
    ),
    "RoleDefinitionList": list_of("RoleDefinition"),
    "RoleDefinitionParameters": object_of(
        {"properties": object_of(_ROLE_PROPERTIES, required=("roleName", "permissions"))}, required=("properties",)
    ),
}
