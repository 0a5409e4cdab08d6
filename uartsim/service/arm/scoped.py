"""What extension resources at any scope have in common: roles, their assignments and locks."""

from __future__ import annotations

from collections.abc import Iterator

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import group_not_found, parent_not_found
from uartsim.service.identity.authorisation import ASSIGNMENTS
from uartsim.service.identity.callers import Caller
from uartsim.service.identity.directory import Directory
from uartsim.service.store import Resource, ResourceId, Store


def scope_of(request: ArmRequest) -> ResourceId:
    """The scope that a request's path begins with.

    Raises:
        ArmError: 404, there is nothing of this id.
    """
    scope = ResourceId(request.parameters["scope"] or "/")
    if scope.segments and request.parts.store.get(scope) is None:
        is_group = len(scope.segments) == 4 and scope.group is not None
        raise group_not_found(scope.group or "") if is_group else parent_not_found(scope)
    return scope


def assignments_of(store: Store, caller: Caller) -> Iterator[Resource]:
    """The role assignments of a caller and of the groups that he is in."""
    principal = Directory(store).get(caller.object_id)
    holders = {holder.casefold() for holder in (caller.object_id, *(principal.groups if principal else ()))}
    for assignment in store.list(ASSIGNMENTS):
        if str(assignment.properties.get("principalId", "")).casefold() in holders:
            yield assignment


def has_role_about(store: Store, caller: Caller, scope: ResourceId) -> bool:
    """Whether a caller has any role at a scope, above it, or at something within it."""
    return any(
        scope.is_within(assignment.id.parent) or assignment.id.parent.is_within(scope)
        for assignment in assignments_of(store, caller)
    )
