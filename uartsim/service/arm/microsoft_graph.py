"""The part of Microsoft Graph that ``az role assignment`` and ``az ad ... show`` and ``list`` ask: who is in the directory.

It can only be read, by everybody who has a token of this service's.  Sources: the reference of Microsoft Graph 1.0, "List
users", "List servicePrincipals", "List groups", "Get directory objects by ids", "Get a user"; ``_graph_client.py`` of
the Azure CLI.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.printable import quoted
from uartsim.service.arm.query_filter import Term, parse_filter
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.directory import Directory, Principal, PrincipalKind
from uartsim.service.parts import Parts
from uartsim.service.request_body import read_body

_KINDS: Final = {
    "users": PrincipalKind.USER,
    "servicePrincipals": PrincipalKind.SERVICE_PRINCIPAL,
    "groups": PrincipalKind.GROUP,
}
_ODATA: Final = {
    PrincipalKind.USER: "#microsoft.graph.user",
    PrincipalKind.SERVICE_PRINCIPAL: "#microsoft.graph.servicePrincipal",
    PrincipalKind.GROUP: "#microsoft.graph.group",
}
#: What a filter can ask for.
_FIELDS: Final = ("id", "displayName", "userPrincipalName", "appId", "servicePrincipalNames", "mailNickname", "mail")
_LARGEST_BODY: Final = 64 * 1024


class MicrosoftGraph:
    """What answers below ``/v1.0``.

    Args:
        parts: the rooms of the service.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._directory = Directory(parts.store)

    def routes(self) -> list[BaseRoute]:
        """The routes."""
        return [
            self._route("/v1.0/me", self._me),
            self._route("/v1.0/directoryObjects/getByIds", self._by_ids, "POST"),
            self._route("/v1.0/{kind}", self._list),
            self._route("/v1.0/{kind}/{key}", self._get),
            self._route("/v1.0/{rest:path}", self._refuse, "GET", "POST", "PUT", "PATCH", "DELETE"),
        ]

    def _route(self, path: str, answer: Callable[[Request], Awaitable[Any]], *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return JSONResponse(await answer(request))
            except ArmError as error:
                return JSONResponse(error.body(), error.status, headers=error.headers)

        return Route(path, endpoint, methods=methods or ("GET",))

    async def _me(self, request: Request) -> Any:
        caller = self._parts.tokens.read_header(request.headers.get("authorization"))
        found = self._directory.get(caller.object_id)
        if found is None or found.kind is not PrincipalKind.USER:
            raise ArmError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        return _shown(found)

    async def _by_ids(self, request: Request) -> Any:
        self._check_token(request)
        try:
            ids = json.loads(await read_body(request, _LARGEST_BODY))["ids"]
            found = [self._directory.get(one) for one in ids if isinstance(one, str)]
        except (ValueError, RecursionError, KeyError, TypeError):
            raise ArmError(
                400, "Request_BadRequest", 'The body is not a JSON object such as {"ids": ["ID"]}.'
            ) from None
        return {"value": [_shown(one) for one in found if one is not None]}

    async def _list(self, request: Request) -> Any:
        self._check_token(request)
        entries = [_shown(one) for one in self._directory if one.kind is _kind(request)]
        terms = parse_filter(request.query_params.get("$filter", ""), {field.casefold() for field in _FIELDS})
        return {"value": [one for one in entries if all(_holds(term, one) for term in terms)]}

    async def _get(self, request: Request) -> Any:
        self._check_token(request)
        kind, key = _kind(request), request.path_params["key"]
        found = self._directory.get(key) or (self._directory.user(key) if kind is PrincipalKind.USER else None)
        if found is None or found.kind is not kind:
            raise ArmError(
                404,
                "Request_ResourceNotFound",
                f"Resource {quoted(key)} does not exist or one of its queried reference-property objects are not present.",
            )
        return _shown(found)

    async def _refuse(self, request: Request) -> Any:
        self._check_token(request)
        raise ArmError(
            400,
            "Request_BadRequest",
            f"{request.method} {quoted(request.url.path)} is not supported: the directory is described in the set-up file "
            f"of the service, and can only be read here, at {', '.join(('me', *_KINDS, 'directoryObjects/getByIds'))}.",
        )

    def _check_token(self, request: Request) -> None:
        self._parts.tokens.read_header(request.headers.get("authorization"))


def _kind(request: Request) -> PrincipalKind:
    named = request.path_params["kind"]
    if named not in _KINDS:
        raise ArmError(
            400, "BadRequest", f"Resource not found for the segment {quoted(named)}: there are {', '.join(_KINDS)}."
        )
    return _KINDS[named]


def _shown(principal: Principal) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "@odata.type": _ODATA[principal.kind],
        "id": principal.object_id,
        "displayName": principal.name.partition("@")[0] or principal.name,
    }
    if principal.kind is PrincipalKind.USER:
        return {**shown, "userPrincipalName": principal.name, "mail": None}
    if principal.kind is PrincipalKind.SERVICE_PRINCIPAL:
        names = [principal.application_id or principal.name]
        return {**shown, "appId": names[0], "servicePrincipalNames": names, "servicePrincipalType": "Application"}
    return {**shown, "mailNickname": principal.name, "securityEnabled": True}


def _holds(term: Term, entry: dict[str, Any]) -> bool:
    value = next(entry.get(field) for field in _FIELDS if field.casefold() == term.field)
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and term.holds(one) for one in values)


def graph_routes(parts: Parts) -> list[BaseRoute]:
    """The routes of Microsoft Graph; they come before those of the management REST."""
    return MicrosoftGraph(parts).routes()
