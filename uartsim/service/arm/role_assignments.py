"""Microsoft.Authorization: role assignments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from uartsim.printable import quoted
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.common_schemas import TEXT, list_of, object_of
from uartsim.service.arm.list_pages import page_of
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.query_filter import Term, filter_of
from uartsim.service.arm.role_definitions import is_uuid
from uartsim.service.arm.scoped import scope_of
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.authorisation import ASSIGNMENTS
from uartsim.service.identity.directory import Directory
from uartsim.service.store import Resource, ResourceId


async def _list(request: ArmRequest) -> Answer:
    scope = scope_of(request)
    terms = filter_of(request, {"principalid", "assignedto", "atscope"})
    found = [
        _shown(assignment)
        for assignment in request.parts.store.list(ASSIGNMENTS)
        if _is_about(assignment, scope, terms) and all(_fits(request, assignment, term) for term in terms)
    ]
    return Answer(page_of(request, found))


async def _get(request: ArmRequest) -> Answer:
    scope_of(request)
    return Answer(_shown(_assignment(request)))


async def _put(request: ArmRequest) -> Answer:
    scope = scope_of(request)
    if not is_uuid(request.id.name):
        raise ArmError(
            400, "InvalidRoleAssignmentId", f"The role assignment ID {quoted(request.id.name)} must be a GUID."
        )
    asked = request.content["properties"]
    _check(request, scope, asked)
    wanted = (asked["principalId"].casefold(), _role_id(asked))
    for other in request.parts.store.list(ASSIGNMENTS):
        same = (str(other.properties.get("principalId")).casefold(), _role_id(other.properties)) == wanted
        if other.id == request.id:
            if same:
                return Answer(_shown(other))
            raise ArmError(
                409,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        if same and other.id.parent == scope:
            raise ArmError(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the conflicting role assignment is {other.id.name}.",
            )
    principal = Directory(request.parts.store).get(asked["principalId"])
    properties = {
        "roleDefinitionId": asked["roleDefinitionId"],
        "principalId": asked["principalId"],
        "principalType": principal.kind.value if principal else "User",
        "scope": str(scope),
        "createdOn": datetime.now(UTC).isoformat(),
        "createdBy": request.caller.object_id,
    }
    assignment = Resource(request.id, {"properties": properties})
    request.parts.store.put(assignment)
    return Answer(_shown(assignment), 201)


async def _delete(request: ArmRequest) -> Answer:
    scope_of(request)
    assignment = request.parts.store.get(request.id)
    if assignment is None:
        return Answer(None, 204)
    request.parts.store.delete(request.id)
    return Answer(_shown(assignment))


def _check(request: ArmRequest, scope: ResourceId, asked: dict[str, Any]) -> None:
    """Check that principal and role are there, and that the role can be assigned at the scope."""
    if Directory(request.parts.store).get(asked["principalId"]) is None:
        raise ArmError(
            400,
            "PrincipalNotFound",
            f"Principal {quoted(asked['principalId'])} does not exist in the directory {request.caller.tenant_id}.",
        )
    definition = request.parts.authorisation.definition(_role_id(asked))
    if definition is None:
        raise ArmError(
            400,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID {quoted(_role_id(asked))} does not exist.",
        )
    places = definition.properties.get("assignableScopes") or ["/"]
    if not any(scope.is_within(ResourceId(place)) for place in places):
        raise ArmError(
            400,
            "RoleAssignmentScopeNotAssignableToRoleDefinition",
            f"The scope '{scope}' is not one of the assignable scopes of the role '{definition.id.name}': "
            f"{', '.join(places)}.",
        )


def _assignment(request: ArmRequest) -> Resource:
    found = request.parts.store.get(request.id)
    if found is None:
        raise resource_not_found(request.id)
    return found


def _is_about(assignment: Resource, scope: ResourceId, terms: list[Term]) -> bool:
    place = assignment.id.parent
    at_scope_only = any(term.field == "atscope" for term in terms)
    return scope.is_within(place) or (place.is_within(scope) and not at_scope_only)


def _fits(request: ArmRequest, assignment: Resource, term: Term) -> bool:
    holder = str(assignment.properties.get("principalId", ""))
    if term.field == "assignedto":
        principal = Directory(request.parts.store).get(term.text)
        return term.holds(holder) or holder in (principal.groups if principal else ())
    return term.field == "atscope" or term.holds(holder)


def _shown(assignment: Resource) -> dict[str, Any]:
    properties = {"principalType": "User", "scope": str(assignment.id.parent), **assignment.properties}
    return {**assignment.shown(), "properties": properties}


def _role_id(properties: Any) -> str:
    return str(properties.get("roleDefinitionId", "")).rpartition("/")[2].casefold()


_PATH: Final = f"{{scope}}/providers/{ASSIGNMENTS}"
OPERATIONS: Final = (
    Operation(
        "GET",
        f"/{_PATH}",
        f"{ASSIGNMENTS}/read",
        _list,
        "The role assignments at a scope, above it and within it",
        {200: "RoleAssignmentList"},
        query=(QueryParameter("$filter", "atScope(), principalId eq 'ID' or assignedTo('ID')"),),
    ),
    Operation(
        "GET", f"/{_PATH}/{{assignment}}", f"{ASSIGNMENTS}/read", _get, "A role assignment", {200: "RoleAssignment"}
    ),
    Operation(
        "PUT",
        f"/{_PATH}/{{assignment}}",
        f"{ASSIGNMENTS}/write",
        _put,
        "Assign a role to a user, a service principal or a group",
        {200: "RoleAssignment", 201: "RoleAssignment"},
        body="RoleAssignmentParameters",
    ),
    Operation(
        "DELETE",
        f"/{_PATH}/{{assignment}}",
        f"{ASSIGNMENTS}/delete",
        _delete,
        "Withdraw a role; consoles that need it are closed",
        {200: "RoleAssignment", 204: None},
    ),
)

_ASSIGNED: Final = {"roleDefinitionId": TEXT, "principalId": TEXT, "principalType": {**TEXT, "nullable": True}}
SCHEMAS: Final = {
    "RoleAssignment": object_of(
        {"id": TEXT, "name": TEXT, "type": TEXT, "properties": object_of({**_ASSIGNED, "scope": TEXT})},
        required=("id", "name", "type", "properties"),
    ),
    "RoleAssignmentList": list_of("RoleAssignment"),
    "RoleAssignmentParameters": object_of(
        {"properties": object_of(_ASSIGNED, required=("roleDefinitionId", "principalId"))}, required=("properties",)
    ),
}
