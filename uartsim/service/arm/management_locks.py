"""Microsoft.Authorization: locks, which keep everybody from changing or deleting a scope and what is in it."""

from __future__ import annotations

from typing import Final

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.common_schemas import TEXT, list_of, object_of
from uartsim.service.arm.list_pages import page_of
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.query_filter import filter_of
from uartsim.service.arm.scoped import scope_of
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.authorisation import LOCKS
from uartsim.service.store import Resource


async def _list(request: ArmRequest) -> Answer:
    scope = scope_of(request)
    only_here = bool(filter_of(request, {"atscope"}))
    found = [
        lock.shown()
        for lock in request.parts.store.list(LOCKS)
        if scope.is_within(lock.id.parent) or (lock.id.parent.is_within(scope) and not only_here)
    ]
    return Answer(page_of(request, found))


async def _get(request: ArmRequest) -> Answer:
    scope_of(request)
    return Answer(request.resource().shown())


async def _put(request: ArmRequest) -> Answer:
    scope_of(request)
    if len(request.id.name) > _LONGEST_NAME:
        raise ArmError(
            400, "InvalidRequestContent", f"The name of a lock has at most {_LONGEST_NAME} characters.", target="name"
        )
    before = request.parts.store.get(request.id)
    asked = request.content["properties"]
    properties = {name: asked[name] for name in ("level", "notes") if asked.get(name) is not None}
    lock = Resource(request.id, {"properties": properties})
    request.parts.store.put(lock)
    return Answer(lock.shown(), 201 if before is None else 200)


async def _delete(request: ArmRequest) -> Answer:
    scope_of(request)
    return Answer(None, 200 if request.parts.store.delete(request.id) else 204)


#: The most characters of a lock's name.
_LONGEST_NAME: Final = 90
_PATH: Final = f"/{{scope}}/providers/{LOCKS}"
OPERATIONS: Final = (
    Operation(
        "GET",
        _PATH,
        f"{LOCKS}/read",
        _list,
        "The locks at a scope, above it and within it",
        {200: "LockList"},
        query=(QueryParameter("$filter", "atScope() leaves out those within the scope"),),
    ),
    Operation("GET", f"{_PATH}/{{lock}}", f"{LOCKS}/read", _get, "A lock", {200: "Lock"}),
    Operation(
        "PUT",
        f"{_PATH}/{{lock}}",
        f"{LOCKS}/write",
        _put,
        "Create or change a lock; a ReadOnly lock also keeps everybody from opening a console",
        {200: "Lock", 201: "Lock"},
        body="LockParameters",
    ),
    Operation("DELETE", f"{_PATH}/{{lock}}", f"{LOCKS}/delete", _delete, "Delete a lock", {200: None, 204: None}),
)

_LOCK: Final = object_of(
    {"level": {"type": "string", "enum": ["CanNotDelete", "ReadOnly"]}, "notes": {**TEXT, "nullable": True}},
    required=("level",),
)
SCHEMAS: Final = {
    "Lock": object_of(
        {"id": TEXT, "name": TEXT, "type": TEXT, "properties": _LOCK}, required=("id", "name", "type", "properties")
    ),
    "LockList": list_of("Lock"),
    "LockParameters": object_of({"properties": _LOCK}, required=("properties",)),
}
