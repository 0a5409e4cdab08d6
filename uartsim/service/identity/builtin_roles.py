"""Azure's built-in roles, as far as the console's documents name them, with Azure's ids and actions.

Source: "Azure built-in roles" in Microsoft's documentation of role-based access control.
"""

from __future__ import annotations

from typing import Any, Final

from uartsim.service.store import Resource, ResourceId

READER: Final = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VIRTUAL_MACHINE_CONTRIBUTOR: Final = "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
CONTRIBUTOR: Final = "b24988ac-6180-42a0-ab88-20f7382dd24c"
OWNER: Final = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

_MACHINE_ACTIONS: Final = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Compute/availabilitySets/*",
    "Microsoft.Compute/locations/*",
    "Microsoft.Compute/virtualMachines/*",
    "Microsoft.Compute/virtualMachineScaleSets/*",
    "Microsoft.Compute/cloudServices/*",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/disks/read",
    "Microsoft.Compute/disks/delete",
    "Microsoft.DevTestLab/schedules/*",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Network/applicationGateways/backendAddressPools/join/action",
    "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
    "Microsoft.Network/loadBalancers/inboundNatPools/join/action",
    "Microsoft.Network/loadBalancers/inboundNatRules/join/action",
    "Microsoft.Network/loadBalancers/probes/join/action",
    "Microsoft.Network/loadBalancers/read",
    "Microsoft.Network/locations/*",
    "Microsoft.Network/networkInterfaces/*",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/publicIPAddresses/join/action",
    "Microsoft.Network/publicIPAddresses/read",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.ResourceHealth/availabilityStatuses/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.SerialConsole/serialPorts/connect/action",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Support/*",
)
_CONTRIBUTOR_MAY_NOT: Final = (
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write",
    "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action",
)
#: The actions of a role that may do no more than use the console.  Source: the page "Enable and disable the Azure
#: Serial Console".
LEAST_PRIVILEGE: Final = (
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.SerialConsole/serialPorts/connect/action",
)


def role_properties(
    name: str,
    description: str,
    actions: tuple[str, ...],
    not_actions: tuple[str, ...] = (),
    *,
    kind: str = "CustomRole",
    scopes: tuple[str, ...] = ("/",),
) -> dict[str, Any]:
    """The properties of a role definition, as ARM writes them.

    Args:
        name: the name that is shown.
        description: a sentence for people.
        actions: what it grants; ``*`` stands for anything.
        not_actions: actions excluded from ``actions``.
        kind: ``CustomRole`` or ``BuiltInRole``.
        scopes: where it can be assigned.
    """
    permission = {
        "actions": list(actions),
        "notActions": list(not_actions),
        "dataActions": [],
        "notDataActions": [],
    }
    return {
        "roleName": name,
        "type": kind,
        "description": description,
        "assignableScopes": list(scopes),
        "permissions": [permission],
    }


def definition_id(role_id: str) -> ResourceId:
    """The id of a role definition at the tenant's root."""
    return ResourceId(f"/providers/Microsoft.Authorization/roleDefinitions/{role_id}")


def _built_in(
    role_id: str, name: str, description: str, actions: tuple[str, ...], not_actions: tuple[str, ...] = ()
) -> Resource:
    properties = role_properties(name, description, actions, not_actions, kind="BuiltInRole")
    return Resource(definition_id(role_id), {"properties": properties})


#: The built-in roles by their ids.
BUILT_IN_ROLES: Final = {
    READER: _built_in(READER, "Reader", "View all resources, but does not allow you to make any changes.", ("*/read",)),
    VIRTUAL_MACHINE_CONTRIBUTOR: _built_in(
        VIRTUAL_MACHINE_CONTRIBUTOR,
        "Virtual Machine Contributor",
        "Lets you manage virtual machines, but not access to them, and not the virtual network or storage account "
        "they're connected to.",
        _MACHINE_ACTIONS,
    ),
    CONTRIBUTOR: _built_in(
        CONTRIBUTOR,
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC.",
        ("*",),
        _CONTRIBUTOR_MAY_NOT,
    ),
    OWNER: _built_in(
        OWNER,
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        ("*",),
    ),
}
