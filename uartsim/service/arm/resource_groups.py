"""Microsoft.Resources: resource groups, and lists of what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from uartsim.printable import quoted
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.common_schemas import TEXT, list_of, object_of
from uartsim.service.arm.list_pages import PAGE, page_of
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.provider_list import resource_types
from uartsim.service.arm.query_filter import Term, filter_of
from uartsim.service.arm_error import ArmError
from uartsim.service.store import Resource

KIND: Final = "Microsoft.Resources/resourceGroups"
#: The namespace of the actions for groups is not that of their type.
_ACTION: Final = "Microsoft.Resources/subscriptions/resourceGroups"
_NAME: Final = re.compile(r"[-\w._()]{0,89}[-\w_()]")
#: The namespaces whose resources stand in a group; those of the others extend something.
_IN_GROUPS: Final = ("Microsoft.Compute", "Microsoft.Storage")
#: Azure lists a scale set and not its instances.
_NOT_LISTED: Final = frozenset({"virtualMachineScaleSets/virtualMachines"})
_FIELDS: Final = ("resourcetype", "resourcegroup", "name", "location", "tagname", "tagvalue")


async def _list(request: ArmRequest) -> Answer:
    terms = filter_of(request, ("tagname", "tagvalue"))
    found = [
        _shown(group)
        for group in request.parts.store.list(KIND, request.id)
        if request.parts.authorisation.may(request.caller, f"{_ACTION}/read", group.id)
        and all(_fits(group, term) for term in terms)
    ]
    return Answer(page_of(request, found, _top(request)))


async def _get(request: ArmRequest) -> Answer:
    return Answer(_shown(request.resource()))


async def _exists(request: ArmRequest) -> Answer:
    return Answer(None, 204)


async def _put(request: ArmRequest) -> Answer:
    if not _NAME.fullmatch(request.id.name):
        raise ArmError(
            400,
            "InvalidResourceGroup",
            f"The name {quoted(request.id.name)} of the resource group is invalid: it has at most 90 letters, digits and "
            "characters of -_.(), and does not end with a full stop.",
        )
    before = request.parts.store.get(request.id)
    location = request.content["location"].replace(" ", "").casefold()
    if before is not None and before.body.get("location") != location:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{before.body.get('location')}'.",
        )
    group_id = before.id if before is not None else request.id
    group = Resource(group_id, {"location": location, "tags": request.content.get("tags") or {}})
    request.parts.store.put(group)
    return Answer(_shown(group), 201 if before is None else 200)


async def _patch(request: ArmRequest) -> Answer:
    group = request.resource()
    tags = request.content.get("tags")
    if tags is not None:
        group = Resource(group.id, {**group.body, "tags": tags}, group.private)
        request.parts.store.put(group)
    return Answer(_shown(group))


async def _delete(request: ArmRequest) -> Answer:
    request.parts.store.delete(request.id)
    return Answer(None, 200)


async def _resources(request: ArmRequest) -> Answer:
    terms = filter_of(request, _FIELDS)
    found = [
        _shown_in_list(resource) for resource in _readable(request) if all(_fits(resource, term) for term in terms)
    ]
    return Answer(page_of(request, found, _top(request)))


def _readable(request: ArmRequest) -> Iterator[Resource]:
    for namespace in _IN_GROUPS:
        for kind in sorted(set(resource_types()[namespace]) - _NOT_LISTED):
            for resource in request.parts.store.list(f"{namespace}/{kind}", request.id):
                may_read = request.parts.authorisation.may(request.caller, f"{namespace}/{kind}/read", resource.id)
                if "location" in resource.body and may_read:
                    yield resource


def _fits(resource: Resource, term: Term) -> bool:
    tags = resource.body.get("tags") or {}
    if term.field == "tagname":
        return any(term.holds(name) for name in tags)
    if term.field == "tagvalue":
        return any(term.holds(str(value)) for value in tags.values())
    values = {
        "resourcetype": resource.id.type,
        "resourcegroup": resource.id.group,
        "name": resource.id.name,
        "location": resource.body.get("location"),
    }
    return term.holds(str(values[term.field]))


def _top(request: ArmRequest) -> int:
    text = request.query.get("$top") or str(PAGE)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:5]) <= 1000:
        raise ArmError(400, "InvalidTop", f"The $top {quoted(text)} is invalid: use a number from 1 to 1000.")
    return int(text)


def _shown(group: Resource) -> dict[str, Any]:
    body = {"location": "westeurope", "tags": {}, **group.body}
    provisioned = {"provisioningState": "Succeeded", **group.properties}
    return {**group.shown(), **body, "type": KIND, "properties": provisioned}


def _shown_in_list(resource: Resource) -> dict[str, Any]:
    shown = resource.shown()
    kept = ("id", "name", "type", "location", "tags", "kind", "sku", "identity", "zones", "managedBy")
    return {name: shown[name] for name in kept if name in shown}


_GROUPS: Final = "/subscriptions/{subscription}/resourceGroups"
_GROUP: Final = f"{_GROUPS}/{{group}}"
_LISTED: Final = (
    QueryParameter("$filter", "Such as resourceType eq 'Microsoft.Compute/virtualMachines'"),
    QueryParameter("$top", "How many entries a page has"),
    QueryParameter("$expand", "Accepted, and adds nothing"),
)
OPERATIONS: Final = (
    Operation(
        "GET",
        _GROUPS,
        None,
        _list,
        "The resource groups that the caller may read",
        {200: "ResourceGroupList"},
        query=(QueryParameter("$filter", "Such as tagName eq 'NAME' and tagValue eq 'VALUE'"), _LISTED[1]),
    ),
    Operation("GET", _GROUP, f"{_ACTION}/read", _get, "A resource group", {200: "ResourceGroup"}),
    Operation("HEAD", _GROUP, f"{_ACTION}/read", _exists, "Whether a resource group is there", {204: None}),
    Operation(
        "PUT",
        _GROUP,
        f"{_ACTION}/write",
        _put,
        "Create a resource group, or change its tags",
        {200: "ResourceGroup", 201: "ResourceGroup"},
        body="ResourceGroupParameters",
    ),
    Operation(
        "PATCH",
        _GROUP,
        f"{_ACTION}/write",
        _patch,
        "Change the tags of a resource group",
        {200: "ResourceGroup"},
        body="ResourceGroupChanges",
    ),
    Operation(
        "DELETE", _GROUP, f"{_ACTION}/delete", _delete, "Delete a resource group and all that is in it", {200: None}
    ),
    *(
        Operation(
            "GET",
            path,
            None,
            _resources,
            f"The resources of {where} that the caller may read",
            {200: "ResourceList"},
            query=_LISTED,
        )
        for path, where in (
            ("/subscriptions/{subscription}/resources", "a subscription"),
            (f"{_GROUP}/resources", "a group"),
        )
    ),
)

_TAGS: Final = {"type": "object", "additionalProperties": TEXT, "nullable": True}
SCHEMAS: Final = {
    "ResourceGroup": object_of(
        {"id": TEXT, "name": TEXT, "type": TEXT, "location": TEXT, "tags": _TAGS, "properties": {"type": "object"}},
        required=("id", "name", "type", "location"),
    ),
    "ResourceGroupList": list_of("ResourceGroup"),
    "ResourceGroupParameters": object_of({"location": TEXT, "tags": _TAGS}, required=("location",)),
    "ResourceGroupChanges": object_of({"tags": _TAGS}),
    "Resource": object_of(
        {"id": TEXT, "name": TEXT, "type": TEXT, "location": TEXT, "tags": _TAGS}, required=("id", "name", "type")
    ),
    "ResourceList": list_of("Resource"),
}
