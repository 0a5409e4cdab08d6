"""From the text of a set-up file to what it describes."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.guest.manifest import near_matches
from uartsim.guest.toml_lines import KeyPath
from uartsim.printable import quoted
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.identity.authorisation import ASSIGNMENTS, DEFINITIONS, LOCKS
from uartsim.service.identity.builtin_roles import BUILT_IN_ROLES, definition_id, role_properties
from uartsim.service.identity.directory import Principal, PrincipalKind
from uartsim.service.machines.vm_sizes import SIZES
from uartsim.service.rules.profiles import ConsolePolicy
from uartsim.service.rules.service_faults import Faults
from uartsim.service.store import ROOT, Resource, ResourceId
from uartsim.service.tenant import machine_bodies
from uartsim.service.tenant.machine_bodies import derived_id
from uartsim.service.tenant.table_check import TableCheck
from uartsim.service.tenant.tenant_setup import DEFAULT_DOMAIN, DEFAULT_TENANT_ID, Setup

#: The subscription of a set-up that names none.
DEFAULT_SUBSCRIPTION: Final = "11111111-2222-4333-8444-555555555555"
#: The resource group of a set-up that names none.
DEFAULT_GROUP: Final = "machines"
#: The most bytes that a set-up file may have, and the most machines that it may describe.
MOST_BYTES: Final = 1 << 20
MOST_MACHINES: Final = 1000
#: Where a resource group is whose table does not say it.
DEFAULT_LOCATION: Final = "westeurope"
_KINDS: Final = {
    "group": PrincipalKind.GROUP,
    "user": PrincipalKind.USER,
    "service_principal": PrincipalKind.SERVICE_PRINCIPAL,
}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._()-]{0,89}")
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")
_LONGEST_LIFETIME_S: Final = 10 * 365 * 86400


def read_setup(text: str, name: str, folder: Path) -> Setup:
    """What a set-up file describes.

    Args:
        text: its text.
        name: its name, for messages.
        folder: the folder that the paths of guests in it are relative to.

    Raises:
        UsageError: something in it is wrong (``FILE:LINE: what, and what is possible``).
    """
    check = TableCheck(text, name)
    check.check_all()
    return _Reader(check, folder).setup()


def read_setup_file(path: Path) -> Setup:
    """What a set-up file describes.

    Raises:
        UsageError: it cannot be read, or something in it is wrong.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the set-up file {path} cannot be read ({error.strerror}): give another with --config"
        ) from None
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{path}:1: a set-up file may have at most {MOST_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: byte {raw[error.start]:#04x} is not valid UTF-8") from None
    return read_setup(text, str(path), path.absolute().parent)


class _Reader:
    """Builds a set-up, table by table; what a later table names must have been described before."""

    def __init__(self, check: TableCheck, folder: Path) -> None:
        self._check = check
        self._folder = folder
        self._tenant: Mapping[str, Any] = check.content.get("tenant", {})
        self._domain: str = self._tenant.get("domain", DEFAULT_DOMAIN)
        self._resources: dict[str, Resource] = {}
        self._principals: list[Principal] = []
        self._subscriptions: dict[str, str] = {}
        self._groups: dict[tuple[str, str], str] = {}
        self._roles = {one.properties["roleName"].casefold(): one.id.name for one in BUILT_IN_ROLES.values()}
        self._machines = 0

    def setup(self) -> Setup:
        tenant_id = self._guid(("tenant", "id"), self._tenant.get("id", DEFAULT_TENANT_ID))
        lifetime = self._tenant.get("token_lifetime_s", 3600)
        if not 1 <= lifetime <= _LONGEST_LIFETIME_S:
            self._check.fail(
                ("tenant", "token_lifetime_s"),
                f"token_lifetime_s is {quoted(lifetime)}: use 1 s to {_LONGEST_LIFETIME_S} s",
            )
        self._check_options()
        self._add_subscriptions()
        self._add_groups()
        for path, table in self._each("role"):
            self._add_role(path, table)
        for kind in _KINDS:
            for path, table in self._each(kind):
                self._add_principal(kind, path, table)
        for path, table in self._each("storage_account"):
            self._add_account(path, table)
        for path, table in self._each("vm"):
            self._add_machine("virtualMachines", path, table)
        for path, table in self._each("scale_set"):
            self._add_machine("virtualMachineScaleSets", path, table)
        for path, table in self._each("role_assignment"):
            self._assign(path, self._principal(path, table["principal"]), table["role"], self._scope(path, table))
        for path, table in self._each("lock"):
            self._add_lock(path, table)
        content = self._check.content
        return Setup(
            tenant_id,
            self._domain,
            lifetime,
            content.get("console", {}),
            content.get("gateway", {}),
            content.get("faults", {}),
            tuple(self._principals),
            tuple(self._resources.values()),
        )

    def _check_options(self) -> None:
        """Let the rooms check the tables that are theirs."""
        content = self._check.content
        console = content.get("console", {})
        for one in console.get("preview_subscriptions", ()):
            self._guid(("console", "preview_subscriptions"), one)
        for name, check in (("console", ConsolePolicy.from_table), ("faults", Faults().change)):
            try:
                check(content.get(name, {}))
            except UsageError as error:
                self._check.fail((name,), str(error))
        gateway = content.get("gateway", {})
        names = [one.name for one in fields(GatewayOptions)]
        for key, value in gateway.items():
            if key not in names:
                self._check.fail(("gateway", key), f"unknown key {quoted(key)} in [gateway]{near_matches(key, names)}")
            try:
                GatewayOptions(**{key: value})
            except UsageError as error:
                self._check.fail(("gateway", key), str(error))

    def _each(self, name: str) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
        for at, table in enumerate(self._check.content.get(name, ())):
            yield (name, at), table

    def _add(self, path: KeyPath, resource: Resource, label: str) -> None:
        if resource.id.key in self._resources:
            self._check.fail(path, f"{label} is described twice: give each a name of its own")
        self._resources[resource.id.key] = resource

    # -- containers --------------------------------------------------------------------------------------------

    def _add_subscriptions(self) -> None:
        tables = list(self._each("subscription")) or [(("subscription", 0), {"id": DEFAULT_SUBSCRIPTION})]
        for path, table in tables:
            number = self._guid((*path, "id"), table["id"])
            display = table.get("name", "Subscription of uartsim")
            body = {"subscriptionId": number, "displayName": display, "state": "Enabled"}
            scope = ResourceId(f"/subscriptions/{number}")
            self._add(path, Resource(scope, body), f"the subscription {number}")
            self._subscriptions.setdefault(number.casefold(), number)
            self._subscriptions.setdefault(display.casefold(), number)
            if table.get("console_disabled"):
                service = scope / "providers/Microsoft.SerialConsole/consoleServices/default"
                self._add(path, Resource(service, {"properties": {"disabled": True}}), "its console")

    def _add_groups(self) -> None:
        for path, table in list(self._each("resource_group")) or [(("resource_group", 0), {"name": DEFAULT_GROUP})]:
            subscription = self._subscription(path, table)
            name = self._name(path, table["name"], "resource group")
            body = {
                "location": table.get("location", DEFAULT_LOCATION),
                "tags": table.get("tags", {}),
                "properties": {"provisioningState": "Succeeded"},
            }
            scope = ResourceId(f"/subscriptions/{subscription}/resourceGroups/{name}")
            self._add(path, Resource(scope, body), f"the resource group {name}")
            self._groups[subscription, name.casefold()] = name

    def _subscription(self, path: KeyPath, table: Mapping[str, Any]) -> str:
        if "subscription" not in table:
            return next(iter(self._subscriptions.values()))
        self._check.choice((*path, "subscription"), table["subscription"], self._subscriptions, "subscription")
        return self._subscriptions[table["subscription"].casefold()]

    def _place(self, path: KeyPath, table: Mapping[str, Any]) -> ResourceId:
        """The resource group that a table names, or the first of its subscription."""
        subscription = self._subscription(path, table)
        here = {name: shown for (owner, name), shown in self._groups.items() if owner == subscription}
        if not here:
            self._check.fail(path, f"subscription {subscription} has no resource group: add a table [[resource_group]]")
        name = table.get("resource_group", next(iter(here.values())))
        self._check.choice((*path, "resource_group"), name, here.values(), "resource group")
        return ResourceId(f"/subscriptions/{subscription}/resourceGroups/{here[name.casefold()]}")

    def _located(self, group: ResourceId, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """A table with a location: its own, or its resource group's."""
        return {"location": self._resources[group.key].body["location"], **table}

    # -- who may do what ---------------------------------------------------------------------------------------

    def _add_role(self, path: KeyPath, table: Mapping[str, Any]) -> None:
        name = table["name"]
        if name.casefold() in self._roles:
            self._check.fail((*path, "name"), f"the role {quoted(name)} is there already: give another name")
        role_id = self._guid((*path, "id"), table.get("id", derived_id(f"role {name}")))
        every = [f"/subscriptions/{one}" for one in dict.fromkeys(self._subscriptions.values())]
        scopes = table.get("assignable_scopes", every)
        properties = role_properties(
            name,
            table.get("description", name),
            tuple(table["actions"]),
            tuple(table.get("not_actions", ())),
            scopes=tuple(scopes),
        )
        self._add(path, Resource(definition_id(role_id), {"properties": properties}), f"the role {name}")
        self._roles[name.casefold()] = role_id

    def _add_principal(self, kind: str, path: KeyPath, table: Mapping[str, Any]) -> None:
        name = table["name"]
        if kind == "user" and "@" not in name:
            name = f"{name}@{self._domain}"
        if any(one.name.casefold() == name.casefold() and one.kind is _KINDS[kind] for one in self._principals):
            self._check.fail((*path, "name"), f"the name {quoted(name)} is given twice: give each a name of its own")
        groups = []
        for group in table.get("groups", ()):
            known = {one.name: one.object_id for one in self._principals if one.kind is PrincipalKind.GROUP}
            self._check.choice((*path, "groups"), group, known, "group")
            groups.append({shown.casefold(): number for shown, number in known.items()}[group.casefold()])
        principal = Principal(
            self._guid((*path, "id"), table.get("id", derived_id(f"{kind} {name}"))),
            _KINDS[kind],
            name,
            table.get("client_id", derived_id(f"application {name}")) if kind == "service_principal" else "",
            table.get("password", table.get("secret", "")),
            table.get("mfa", False),
            tuple(groups),
        )
        if any(one.object_id == principal.object_id for one in self._principals):
            self._check.fail((*path, "id"), f"the id {principal.object_id} is given twice: give each an id of its own")
        self._principals.append(principal)
        for role in table.get("roles", ()):
            for subscription in dict.fromkeys(self._subscriptions.values()):
                self._assign((*path, "roles"), principal, role, ResourceId(f"/subscriptions/{subscription}"))

    def _principal(self, path: KeyPath, name: str) -> Principal:
        wanted = {name.casefold(), f"{name}@{self._domain}".casefold()}
        found = [one for one in self._principals if one.name.casefold() in wanted or one.object_id in wanted]
        if not found:
            self._check.choice((*path, "principal"), name, [one.name for one in self._principals], "principal")
        return found[0]

    def _assign(self, path: KeyPath, principal: Principal, role: str, scope: ResourceId) -> None:
        self._check.choice(path if "roles" in path else (*path, "role"), role, self._shown_roles(), "role")
        role_id = self._roles[role.casefold()]
        name = derived_id(f"{scope} {principal.object_id} {role_id}")
        under = f"{scope}/" if scope.segments else "/"
        subscription = f"/subscriptions/{scope.subscription}" if scope.subscription else ""
        properties = {
            "roleDefinitionId": f"{subscription}/providers/{DEFINITIONS}/{role_id}",  # as az writes it
            "principalId": principal.object_id,
            "principalType": str(principal.kind),
            "scope": str(scope),
        }
        assignment = Resource(ResourceId(f"{under}providers/{ASSIGNMENTS}/{name}"), {"properties": properties})
        self._add(path, assignment, f"the role {role} of {principal.name} over {scope}")

    def _shown_roles(self) -> list[str]:
        custom = [one.properties["roleName"] for one in self._resources.values() if one.id.is_a(DEFINITIONS)]
        return [*(one.properties["roleName"] for one in BUILT_IN_ROLES.values()), *custom]

    def _scope(self, path: KeyPath, table: Mapping[str, Any]) -> ResourceId:
        text = table["scope"]
        if text == "/":
            return ROOT
        try:
            scope = ResourceId(text)
        except UsageError as error:
            self._check.fail((*path, "scope"), str(error))
        if scope.key not in self._resources:
            near = near_matches(scope.name, sorted({one.id.name for one in self._resources.values()}))
            self._check.fail(
                (*path, "scope"),
                f"there is no {quoted(scope.name)} there: use the id of a resource in this file, or /{near}",
            )
        return scope

    def _add_lock(self, path: KeyPath, table: Mapping[str, Any]) -> None:
        name = self._name(path, table["name"], "lock")
        scope = self._scope(path, table)
        properties = {"level": table["level"], **({"notes": table["notes"]} if "notes" in table else {})}
        under = f"{scope}/" if scope.segments else "/"
        self._add(path, Resource(ResourceId(f"{under}providers/{LOCKS}/{name}"), {"properties": properties}), name)

    # -- machines and storage ----------------------------------------------------------------------------------

    def _add_account(self, path: KeyPath, table: Mapping[str, Any]) -> None:
        if not _ACCOUNT.fullmatch(table["name"]):
            self._check.fail(
                (*path, "name"),
                f"the storage account {quoted(table['name'])} is not 3 to 24 lower-case letters and digits",
            )
        group = self._place(path, table)
        scope = group / f"providers/Microsoft.Storage/storageAccounts/{table['name']}"
        account = machine_bodies.storage_account(scope, self._located(group, table))
        self._add(path, account, f"the storage account {table['name']}")

    def _add_machine(self, kind: str, path: KeyPath, table: Mapping[str, Any]) -> None:
        name = self._name(path, table["name"], "machine")
        account = table.get("storage_account")
        if account is not None:
            known = [
                one.id.name for one in self._resources.values() if one.id.is_a("Microsoft.Storage/storageAccounts")
            ]
            self._check.choice((*path, "storage_account"), account, known, "storage account")
        if "size" in table:
            self._check.choice((*path, "size"), table["size"], [one.name for one in SIZES], "size")
        settings = {key: _as_text(value) for key, value in table.get("settings", {}).items()}
        table = {**table, "settings": settings, "guest": self._guest(path, table, settings)}
        group = self._place(path, table)
        table = self._located(group, table)
        scope = group / f"providers/Microsoft.Compute/{kind}/{name}"
        is_set = kind == "virtualMachineScaleSets"
        self._machines += table.get("capacity", 1) if is_set else 1
        if self._machines > MOST_MACHINES:
            self._check.fail(path, f"more than {MOST_MACHINES} machines are described: describe fewer")
        made = machine_bodies.scale_set(scope, table) if is_set else [machine_bodies.virtual_machine(scope, table)]
        for resource in made:
            self._add(path, resource, f"the machine {name}")

    def _guest(self, path: KeyPath, table: Mapping[str, Any], settings: Mapping[str, str]) -> str:
        """The guest's name, or its absolute path; it and its settings are looked at, but not whether it can start here."""
        guest: str = table.get("guest", "demo")
        if "/" in guest:
            guest = os.path.normpath(self._folder / os.path.expanduser(guest))
        try:
            find_guest(guest).with_settings(settings)
        except UsageError as error:
            self._check.fail((*path, "guest"), str(error))
        return guest

    # -- names -------------------------------------------------------------------------------------------------

    def _guid(self, path: KeyPath, text: str) -> str:
        if not _GUID.fullmatch(text):
            self._check.fail(path, f"{quoted(text)} is not a GUID: use one such as {uuid.UUID(int=1)}")
        return text.casefold()

    def _name(self, path: KeyPath, text: str, what: str) -> str:
        if not _NAME.fullmatch(text):
            self._check.fail(
                (*path, "name"),
                f"{quoted(text)} cannot be the name of a {what}: use up to 90 letters, digits and . _ ( ) -",
            )
        return text


def _as_text(value: object) -> str:
    """A guest's setting as it is typed after ``--set``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
