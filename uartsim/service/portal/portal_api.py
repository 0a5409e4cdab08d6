"""``/_uartsim/portal/``: what the page asks beyond the management REST.

``settings`` needs no token: it is what the page shows before anybody has signed in.  Everything else is for who may do
the like by the management REST; ``docs/portal-api.md`` has the actions.  Errors are in the form of ARM.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.service.gateway.typed_messages import PASTE_LIMIT
from uartsim.service.machines.screenshots import screenshot
from uartsim.service.parts import Parts
from uartsim.service.portal.audit_list import audit_list
from uartsim.service.portal.console_diagnosis import diagnose_console
from uartsim.service.portal.console_status import console_status
from uartsim.service.portal.portal_query import caller_of, check_may_see_diagnostics, machine_id_of, read_query
from uartsim.service.rules.profiles import Profile

PATH: Final = "/_uartsim/portal"
TITLE: Final = "Serial Console"
PREVIEW_TITLE: Final = f"{TITLE} (Preview)"
#: What the second document says at its top, in capitals.
PREVIEW_WARNING: Final = (
    "ACCESS VIA SERIAL CONSOLE SHOULD BE LIMITED TO DEV-TEST VIRTUAL MACHINES."
    " WE STRONGLY RECOMMEND NOT TO USE THIS FOR ANY PRODUCTION VIRTUAL MACHINE."
)
#: Nothing of what is answered may be kept: it is of now, and for this caller.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Handler = Callable[[Parts, Request], Awaitable[Any]]


def portal_api_routes(parts: Parts) -> list[BaseRoute]:
    """The routes.

    Args:
        parts: the rooms of the service.
    """

    def route(name: str, handler: Handler, method: str = "GET") -> Route:
        async def answer(request: Request) -> Response:
            found = await handler(parts, request)
            if isinstance(found, Response):
                found.headers.update(_HEADERS)
                return found
            return JSONResponse(found, headers=_HEADERS)

        return Route(f"{PATH}/{name}", answer, methods=[method])

    return [
        route("settings", _settings),
        route("console", console_status),
        route("audit", audit_list),
        route("screenshot", _screenshot),
        route("diagnose", diagnose_console, "POST"),
    ]


async def _settings(parts: Parts, request: Request) -> dict[str, Any]:
    read_query(request)
    is_preview = parts.rules.policy.profile is Profile.PREVIEW
    return {
        "profile": parts.rules.policy.profile.value,
        "consoleTitle": PREVIEW_TITLE if is_preview else TITLE,
        "previewWarning": PREVIEW_WARNING if is_preview else None,
        "pasteLimit": PASTE_LIMIT,
        "tenantDomain": parts.domain,
        "version": _version(),
    }


async def _screenshot(parts: Parts, request: Request) -> Response:
    """The picture on a machine's display now; it takes the action for the screenshot of boot diagnostics, and these on."""
    machine_id = machine_id_of(read_query(request, "machine"))
    check_may_see_diagnostics(parts, caller_of(parts, request), machine_id)
    return Response(await screenshot(parts.machines.get(machine_id)), media_type="image/png")


def _version() -> str | None:
    """The version of the installed package; None in a checkout that is not installed."""
    try:
        return importlib.metadata.version("uartsim")
    except importlib.metadata.PackageNotFoundError:
        return None
