"""Microsoft.Storage: the accounts that boot diagnostics are written to, and their firewalls.

An account answers at ``https://NAME.blob.core.windows.net/`` in Azure, and that is what a machine's ``storageUri`` says.
Nothing of this service's can be there, so that an account's endpoint for blobs is a path of the service's, as that of the
storage emulator is: ``https://localhost:8443/NAME/``.  :mod:`uartsim.service.arm.serial_log_blob` answers there.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from uartsim.printable import quoted
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.common_schemas import TEXT, array_of, list_of, object_of
from uartsim.service.arm.list_pages import page_of
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.diagnostics_settings import ACCOUNT_TYPE, find_account
from uartsim.service.store import Resource, ResourceId, Store

_NAME: Final = re.compile(r"[a-z0-9]{3,24}")
#: What can be given at creation only.
_FIXED: Final = ("isHnsEnabled", "isNfsV3Enabled")
_OPEN: Final = {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"}
_DEFAULTS: Final[Mapping[str, Any]] = {
    "isHnsEnabled": False,
    "supportsHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_2",
    "allowBlobPublicAccess": False,
    "allowSharedKeyAccess": True,
    "publicNetworkAccess": "Enabled",
    "accessTier": "Hot",
    "networkAcls": _OPEN,
    "encryption": {"keySource": "Microsoft.Storage", "services": {"blob": {"enabled": True, "keyType": "Account"}}},
}
#: The properties that follow from others; what a client sends for them is not taken over.
_READ_ONLY: Final = frozenset({"provisioningState", "creationTime", "primaryEndpoints", "primaryLocation"}) | {
    "statusOfPrimary",
    "keyCreationTime",
    "secondaryLocation",
    "statusOfSecondary",
    "secondaryEndpoints",
}
#: The names of the two keys of an account.
_KEY_NAMES: Final = ("key1", "key2")


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


def account_keys(store: Store, account: Resource) -> tuple[str, str]:
    """The two keys of an account, in base64; made at the first look."""
    keys = account.private.get("keys")
    if not keys:
        keys = [_new_key() for _ in _KEY_NAMES]
        store.put(account.with_private(keys=keys))
    return keys[0], keys[1]


def blob_endpoint(base_url: str, name: str) -> str:
    """The URL of an account's blobs here.

    Args:
        base_url: where the service is reached.
        name: the account's name.
    """
    return f"{base_url}/{name.casefold()}/"


async def _list(request: ArmRequest) -> Answer:
    found = request.parts.store.list(ACCOUNT_TYPE, request.id)
    return Answer(page_of(request, [_shown(request, account) for account in found]))


async def _get(request: ArmRequest) -> Answer:
    return Answer(_shown(request, request.resource()))


async def _create(request: ArmRequest) -> Answer:
    content = request.content
    name = request.id.name
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "AccountNameInvalid",
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
            "length and use numbers and lower-case letters only.",
        )
    before = request.parts.store.get(request.id)
    if before is None and find_account(request.parts.store, name) is not None:
        raise ArmError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    location = content["location"].replace(" ", "").casefold()
    if before is not None and before.body.get("location") != location:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{name}' already exists in location '{before.body.get('location')}' in resource group "
            f"'{request.id.group}'. A resource with the same name cannot be created in location '{location}'. "
            "Please select a new resource name.",
        )
    account = before if before is not None else _new(request.id, location)
    return _changed(request, account, content, is_new=before is None)


async def _update(request: ArmRequest) -> Answer:
    return _changed(request, request.resource(), request.content, is_new=False)


async def _delete(request: ArmRequest) -> Answer:
    return Answer(None, 200 if request.parts.store.delete(request.id) else 204)


async def _list_keys(request: ArmRequest) -> Answer:
    account = request.resource()
    created = account.properties.get("creationTime")
    keys = [
        {"keyName": name, "value": value, "permissions": "FULL", "creationTime": created}
        for name, value in zip(_KEY_NAMES, account_keys(request.parts.store, account), strict=True)
    ]
    return Answer({"keys": [{name: value for name, value in key.items() if value is not None} for key in keys]})


async def _regenerate_key(request: ArmRequest) -> Answer:
    account, name = request.resource(), str(request.content["keyName"])
    keys = list(account_keys(request.parts.store, account))
    if name not in _KEY_NAMES:
        raise ArmError(
            400,
            "InvalidValue",
            f"{quoted(name)} is not the name of a key: use {' or '.join(_KEY_NAMES)}.",
            target="keyName",
        )
    keys[_KEY_NAMES.index(name)] = _new_key()
    request.parts.store.put(request.resource().with_private(keys=keys))
    return await _list_keys(request)


async def _check_name(request: ArmRequest) -> Answer:
    name = request.content["name"]
    if not _NAME.fullmatch(name):
        text = (
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
            "length and use numbers and lower-case letters only."
        )
        return Answer({"nameAvailable": False, "reason": "AccountNameInvalid", "message": text})
    if find_account(request.parts.store, name) is not None:
        text = f"The storage account named {name} is already taken."
        return Answer({"nameAvailable": False, "reason": "AlreadyExists", "message": text})
    return Answer({"nameAvailable": True})


def _new(account_id: ResourceId, location: str) -> Resource:
    properties = {**_DEFAULTS, "creationTime": datetime.now(UTC).isoformat(), "primaryLocation": location}
    body = {"location": location, "tags": {}, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    return Resource(account_id, {**body, "properties": properties})


def _changed(request: ArmRequest, account: Resource, content: Mapping[str, Any], *, is_new: bool) -> Answer:
    asked = {name: value for name, value in (content.get("properties") or {}).items() if name not in _READ_ONLY}
    for name in _FIXED:
        if not is_new and name in asked and bool(asked[name]) != bool(account.properties.get(name)):
            raise _cannot_be_updated(name)
    if not is_new and "kind" in content and content["kind"] != account.body.get("kind"):
        raise _cannot_be_updated("kind")
    if asked.get("networkAcls") is not None:
        asked["networkAcls"] = {**_OPEN, **asked["networkAcls"]}
        _check_networks(asked["networkAcls"])
    given = {name: value for name, value in asked.items() if value is not None}
    top = {name: content[name] for name in ("tags", "sku", "kind", "identity") if content.get(name) is not None}
    account = Resource(account.id, {**account.body, **top}, account.private).with_properties(**given)
    request.parts.store.put(account)
    return Answer(_shown(request, account))


def _check_networks(rules: Mapping[str, Any]) -> None:
    """Check that the rules of a firewall name addresses or networks.

    Raises:
        ArmError: 400, one does not.
    """
    for rule in rules.get("ipRules") or ():
        try:
            ipaddress.ip_network(str(rule.get("value")), strict=False)
        except ValueError:
            raise ArmError(
                400,
                "InvalidValuesForRequestParameters",
                f"Values for request parameters are invalid: networkAcls.ipRule[*].value: {quoted(str(rule.get('value')))} "
                "is not an address or a network.",
                target="networkAcls",
            ) from None


def _cannot_be_updated(name: str) -> ArmError:
    return ArmError(
        409,
        "AccountPropertyCannotBeUpdated",
        f"The property '{name}' was specified in the input, but it cannot be updated.",
        target=name,
    )


def _shown(request: ArmRequest, account: Resource) -> dict[str, Any]:
    name = account.id.name
    sku = dict(account.body.get("sku") or {"name": "Standard_LRS"})
    sku.setdefault("tier", str(sku["name"]).partition("_")[0])
    properties = {
        **_DEFAULTS,
        **account.properties,
        "provisioningState": "Succeeded",
        "statusOfPrimary": "available",
        "primaryLocation": account.body.get("location"),
        "primaryEndpoints": {
            service: f"https://{name}.{service}.core.windows.net/" for service in ("dfs", "file", "queue", "table")
        }
        | {"blob": blob_endpoint(request.parts.base_url, name)},
    }
    return {"kind": "StorageV2", "tags": {}, **account.shown(), "sku": sku, "properties": properties}


_ACCOUNTS: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts"
_ACCOUNT: Final = f"{_ACCOUNTS}/{{account}}"
_ALL: Final = "/subscriptions/{subscription}/providers/Microsoft.Storage"

OPERATIONS: Final = (
    Operation(
        "POST",
        f"{_ALL}/checkNameAvailability",
        "Microsoft.Storage/checknameavailability/read",
        _check_name,
        "Whether the name of a storage account is free",
        {200: "NameAvailability"},
        body="NameAvailabilityParameters",
    ),
    *(
        Operation(
            "GET", path, f"{ACCOUNT_TYPE}/read", _list, f"The storage accounts of {where}", {200: "StorageAccountList"}
        )
        for path, where in ((f"{_ALL}/storageAccounts", "a subscription"), (_ACCOUNTS, "a resource group"))
    ),
    Operation(
        "GET",
        _ACCOUNT,
        f"{ACCOUNT_TYPE}/read",
        _get,
        "A storage account",
        {200: "StorageAccount"},
        query=(QueryParameter("$expand", "Accepted, and adds nothing"),),
    ),
    Operation(
        "PUT",
        _ACCOUNT,
        f"{ACCOUNT_TYPE}/write",
        _create,
        "Create a storage account, or change one; isHnsEnabled and kind stay as they were at its creation",
        {200: "StorageAccount"},
        body="StorageAccountParameters",
    ),
    Operation(
        "PATCH",
        _ACCOUNT,
        f"{ACCOUNT_TYPE}/write",
        _update,
        "Change a storage account, such as its firewall",
        {200: "StorageAccount"},
        body="StorageAccountChanges",
    ),
    Operation(
        "DELETE", _ACCOUNT, f"{ACCOUNT_TYPE}/delete", _delete, "Delete a storage account", {200: None, 204: None}
    ),
    Operation(
        "POST",
        f"{_ACCOUNT}/listKeys",
        f"{ACCOUNT_TYPE}/listKeys/action",
        _list_keys,
        "The two keys of a storage account",
        {200: "StorageAccountKeys"},
        query=(QueryParameter("$expand", "Accepted, and adds nothing"),),
    ),
    Operation(
        "POST",
        f"{_ACCOUNT}/regenerateKey",
        f"{ACCOUNT_TYPE}/regenerateKey/action",
        _regenerate_key,
        "A new value for one of the keys of a storage account; what was signed with the old one is refused from now on",
        {200: "StorageAccountKeys"},
        body="StorageAccountKeyName",
    ),
)

_IP_RULE: Final = object_of({"value": TEXT, "action": {"type": "string", "enum": ["Allow"]}}, required=("value",))
_PROPERTIES: Final = {
    **object_of(
        {
            "isHnsEnabled": {"type": "boolean", "nullable": True},
            "publicNetworkAccess": {"type": "string", "enum": ["Enabled", "Disabled", "SecuredByPerimeter"]},
            "networkAcls": {
                **object_of(
                    {
                        "bypass": TEXT,
                        "defaultAction": {"type": "string", "enum": ["Allow", "Deny"]},
                        "ipRules": {"type": "array", "items": _IP_RULE},
                        "virtualNetworkRules": {"type": "array", "items": {"type": "object"}},
                    },
                    required=("defaultAction",),
                ),
                "nullable": True,
            },
        }
    ),
    "nullable": True,
}
_TAGS: Final = {"type": "object", "additionalProperties": TEXT, "nullable": True}
_SKU: Final = {**object_of({"name": TEXT, "tier": TEXT}, required=("name",)), "nullable": True}
_CHANGES: Final = {"properties": _PROPERTIES, "tags": _TAGS, "sku": _SKU, "kind": TEXT}
SCHEMAS: Final = {
    "StorageAccount": object_of(
        {"id": TEXT, "name": TEXT, "type": TEXT, "location": TEXT, **_CHANGES},
        required=("id", "name", "type", "location", "sku", "kind", "properties"),
    ),
    "StorageAccountParameters": object_of({"location": TEXT, **_CHANGES}, required=("location",)),
    "StorageAccountChanges": object_of(_CHANGES),
    "StorageAccountList": list_of("StorageAccount"),
    "StorageAccountKey": object_of(
        {"keyName": TEXT, "value": TEXT, "permissions": TEXT, "creationTime": TEXT}, required=("keyName", "value")
    ),
    "StorageAccountKeyName": object_of({"keyName": TEXT}, required=("keyName",)),
    "StorageAccountKeys": object_of({"keys": array_of("StorageAccountKey")}, required=("keys",)),
    "NameAvailabilityParameters": object_of({"name": TEXT, "type": TEXT}, required=("name",)),
    "NameAvailability": object_of(
        {
            "nameAvailable": {"type": "boolean"},
            "reason": {"type": "string", "enum": ["AccountNameInvalid", "AlreadyExists"]},
            "message": TEXT,
        },
        required=("nameAvailable",),
    ),
}
