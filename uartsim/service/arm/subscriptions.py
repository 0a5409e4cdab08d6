"""Microsoft.Resources: tenants, subscriptions and their locations."""

from __future__ import annotations

from typing import Any, Final

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.common_schemas import TEXT, list_of, object_of
from uartsim.service.arm.list_pages import page_of
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm.scoped import has_role_about
from uartsim.service.store import Resource, ResourceId

KIND: Final = "Microsoft.Resources/subscriptions"
#: Some of Azure's regions: name, displayed name, the region that it is paired with.
LOCATIONS: Final = (
    ("centralus", "Central US", "eastus2"),
    ("eastus", "East US", "westus"),
    ("eastus2", "East US 2", "centralus"),
    ("northeurope", "North Europe", "westeurope"),
    ("westcentralus", "West Central US", "westus2"),
    ("westeurope", "West Europe", "northeurope"),
    ("westus", "West US", "eastus"),
    ("westus2", "West US 2", "westcentralus"),
)


async def _tenants(request: ArmRequest) -> Answer:
    tenant = request.caller.tenant_id
    shown = {"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "uartsim", "tenantCategory": "Home"}
    return Answer({"value": [shown]})


async def _list(request: ArmRequest) -> Answer:
    found = [
        _shown(request, one)
        for one in request.parts.store.list(KIND)
        if has_role_about(request.parts.store, request.caller, one.id)
    ]
    return Answer(page_of(request, found))


async def _get(request: ArmRequest) -> Answer:
    if not has_role_about(request.parts.store, request.caller, request.id):
        request.parts.authorisation.check(request.caller, f"{KIND}/read", request.id)
    return Answer(_shown(request, request.resource()))


async def _locations(request: ArmRequest) -> Answer:
    return Answer({"value": [_location(request.id, *location) for location in LOCATIONS]})


def _location(subscription: ResourceId, name: str, displayed: str, pair: str) -> dict[str, Any]:
    paired = {"name": pair, "id": f"{subscription}/locations/{pair}"}
    return {
        "id": f"{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": displayed,
        "regionalDisplayName": displayed,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended", "pairedRegion": [paired]},
    }


def _shown(request: ArmRequest, subscription: Resource) -> dict[str, Any]:
    body = {**subscription.properties, **subscription.body}
    return {
        "id": str(subscription.id),
        "subscriptionId": subscription.id.name,
        "tenantId": body.get("tenantId") or request.caller.tenant_id,
        "displayName": body.get("displayName") or subscription.id.name,
        "state": body.get("state") or "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
    }


OPERATIONS: Final = (
    Operation("GET", "/tenants", None, _tenants, "The caller's tenant", {200: "TenantList"}),
    Operation(
        "GET",
        "/subscriptions",
        None,
        _list,
        "The subscriptions on which the caller has a role",
        {200: "SubscriptionList"},
    ),
    Operation("GET", "/subscriptions/{subscription}", None, _get, "A subscription", {200: "Subscription"}),
    Operation(
        "GET",
        "/subscriptions/{subscription}/locations",
        None,
        _locations,
        "The regions that a subscription can use",
        {200: "LocationList"},
    ),
)
SCHEMAS: Final = {
    "Tenant": object_of({"id": TEXT, "tenantId": TEXT, "displayName": TEXT}, required=("id", "tenantId")),
    "TenantList": list_of("Tenant"),
    "Subscription": object_of(
        {
            "id": TEXT,
            "subscriptionId": TEXT,
            "tenantId": TEXT,
            "displayName": TEXT,
            "state": {"type": "string", "enum": ["Enabled", "Warned", "PastDue", "Disabled", "Deleted"]},
        },
        required=("id", "subscriptionId", "tenantId", "displayName", "state"),
    ),
    "SubscriptionList": list_of("Subscription"),
    "Location": object_of({"id": TEXT, "name": TEXT, "displayName": TEXT}, required=("id", "name", "displayName")),
    "LocationList": list_of("Location"),
}
