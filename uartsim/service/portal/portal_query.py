"""What the page asks about: the names in a query, the machine that one of them gives, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.diagnostics_settings import readable_account
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId
from uartsim.service.store.machine_types import MACHINE_TYPES

#: The most parameters of which a query is looked at.
_MOST_PARAMETERS: Final = 20


def caller_of(parts: Parts, request: Request) -> Caller:
    """Who sends a request.

    Raises:
        ArmError: 401, its token is missing or not good.
    """
    return parts.tokens.read_header(request.headers.get("authorization"))


def read_query(request: Request, *names: str) -> Mapping[str, str]:
    """The parameters of a request's query.

    Args:
        request: the request.
        names: the parameters that there can be, each once.

    Raises:
        ArmError: 400, the query has another parameter, one twice, or is malformed.
    """
    try:
        pairs = parse_qsl(
            request.url.query,
            keep_blank_values=True,
            strict_parsing=bool(request.url.query),
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise _wrong("The query is malformed: use NAME=VALUE, and & between parameters.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            known = f"use {' and '.join(names)}" if names else "there are no parameters here"
            raise _wrong(f"{quoted(name)} is not a parameter: {known}.", name)
        if name in found:
            raise _wrong(f"The parameter {name} is there twice: give it once.", name)
        found[name] = value
    return found


def machine_id_of(query: Mapping[str, str]) -> ResourceId:
    """The id in the parameter ``machine``.

    Raises:
        ArmError: 400, it is missing, or not the id of a virtual machine or an instance of a scale set.
    """
    text = query.get("machine")
    if text is None:
        raise _wrong("The parameter machine is missing: give the ARM id of a machine.", "machine")
    found = _resource_id(text, "machine")
    if not any(found.is_a(kind) for kind in MACHINE_TYPES):
        raise _wrong(f"{quoted(text)} is not the id of a virtual machine or an instance of a scale set.", "machine")
    return found


def subscription_id_of(query: Mapping[str, str]) -> ResourceId:
    """The ARM id of the subscription whose id is the parameter ``subscription``.

    Raises:
        ArmError: 400, it is not an id.
    """
    text = query["subscription"]
    found = _resource_id(text if text.startswith("/") else f"/subscriptions/{text}", "subscription")
    if len(found.segments) != 2 or found.subscription is None:
        raise _wrong(f"{quoted(text)} is not the id of a subscription.", "subscription")
    return found


def number_of(query: Mapping[str, str], name: str) -> int | None:
    """A whole number from 0 in a parameter; None if it is not there.

    Raises:
        ArmError: 400, it is something else.
    """
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _wrong(f"{name} is {quoted(text)}: use a whole number from 0.", name)
    return int(text)


def check_may_see_diagnostics(parts: Parts, caller: Caller, machine_id: ResourceId) -> None:
    """Check that the caller may see what boot diagnostics keep of a machine: its log and its screen.

    Raises:
        ArmError: 403; 404, the machine or the storage account is not there; or 409, boot diagnostics are off.
    """
    parts.authorisation.check(caller, diagnostics_action(machine_id), machine_id)
    readable_account(parts.store, parts.authorisation, caller, existing_machine(parts, machine_id))


def diagnostics_action(machine_id: ResourceId) -> str:
    """The action for what boot diagnostics keep of a machine."""
    return f"{machine_id.type}/retrieveBootDiagnosticsData/action"


def existing_machine(parts: Parts, machine_id: ResourceId) -> Resource:
    """The resource of a machine; ask it after the caller's roles, so that a stranger does not learn what there is.

    Raises:
        ArmError: 404, there is none.
    """
    found = parts.store.get(machine_id)
    if found is None:
        raise ArmError(
            404,
            "ResourceNotFound",
            f"The Resource '{machine_id.type}/{machine_id.name}' under resource group '{machine_id.group or ''}'"
            " was not found.",
        )
    return found


def _resource_id(text: str, name: str) -> ResourceId:
    try:
        return ResourceId(text)
    except UsageError as error:
        raise _wrong(f"{name}: {error}.", name) from None


def _wrong(text: str, target: str | None = None) -> ArmError:
    return ArmError(400, "InvalidQueryParameter", text, target=target)
