"""``/_uartsim/faults``: the switches that make the service fail, over HTTPS; Azure has nothing like it.

GET shows what is on, POST switches on and off what its body names, DELETE switches everything off.  All three want the
token of an Owner of any subscription: of somebody who may assign roles there.
"""

from __future__ import annotations

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uartsim.errors import UsageError
from uartsim.service.arm_error import ArmError
from uartsim.service.parts import Parts
from uartsim.service.request_body import read_body

PATH: Final = "/_uartsim/faults"
#: What an Owner may do and a Contributor may not.
_OWNERS_ACTION: Final = "Microsoft.Authorization/roleAssignments/write"
_SUBSCRIPTION: Final = "Microsoft.Resources/subscriptions"
_LARGEST_BODY: Final = 64 * 1024


async def _answer(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    try:
        _check_owner(parts, request.headers.get("authorization"))
        if request.method == "POST":
            _change(parts, await _table(request))
        elif request.method == "DELETE":
            parts.faults.clear()
    except ArmError as error:
        return JSONResponse(error.body(), error.status, error.headers)
    return JSONResponse(parts.faults.shown())


def _check_owner(parts: Parts, authorization: str | None) -> None:
    caller = parts.tokens.read_header(authorization)
    if not any(parts.authorisation.may(caller, _OWNERS_ACTION, one.id) for one in parts.store.list(_SUBSCRIPTION)):
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"{caller.name} may not change the faults: this takes an Owner of a subscription.",
        )


async def _table(request: Request) -> dict[str, object]:
    body = await read_body(request, _LARGEST_BODY)
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise ArmError(400, "InvalidRequestContent", 'The body is not a JSON object such as {"internal_error": 1}.')
    return table


def _change(parts: Parts, table: dict[str, object]) -> None:
    try:
        parts.faults.change(table)
    except UsageError as error:
        raise ArmError(400, "InvalidRequestContent", str(error)) from None


ROUTES: Final = (Route(PATH, _answer, methods=["GET", "POST", "DELETE"]),)
