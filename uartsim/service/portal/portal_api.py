"""``/_uartsim/portal/``: what the page asks beyond the management REST.

``settings`` needs no token: it is what the page shows before anybody has signed in.  Everything else is for who may do
the like by the management REST; ``docs/portal-api.md`` has the actions.  Errors are in the form of ARM.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.typed_messages import PASTE_LIMIT
from uartsim.service.machines.screenshots import screenshot
from uartsim.service.parts import Parts
from uartsim.service.portal.audit_list import audit_list
from uartsim.service.portal.console_diagnosis import diagnose_console
from uartsim.service.portal.console_status import console_status
from uartsim.service.portal.portal_query import caller_of, check_may_see_diagnostics, machine_id_of, read_query
from uartsim.service.private_headers import PRIVATE_HEADERS
from uartsim.service.rules.profiles import Profile

PATH: Final = "/_uartsim/portal"
#: The console's name, as the menu of the portal has it in the document of each profile.
TITLE: Final = "Serial console"
PREVIEW_TITLE: Final = "Serial Console (Preview)"
#: What the second document says at its top, in capitals.
PREVIEW_WARNING: Final = (
    "ACCESS VIA SERIAL CONSOLE SHOULD BE LIMITED TO DEV-TEST VIRTUAL MACHINES."
    " WE STRONGLY RECOMMEND NOT TO USE THIS FOR ANY PRODUCTION VIRTUAL MACHINE."
)
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

Handler = Callable[[Parts, Request], Awaitable[Any]]


def portal_api_routes(parts: Parts) -> list[BaseRoute]:
    """The routes.

    Args:
        parts: the rooms of the service.
    """

    def route(name: str, handler: Handler, *methods: str) -> Route:
        async def answer(request: Request) -> Response:
            try:
                if methods and request.method not in methods:
                    raise _wrong_method(request.method, methods)
                found = await handler(parts, request)
            except ArmError as error:
                error.headers.update(PRIVATE_HEADERS)
                raise
            if isinstance(found, Response):
                found.headers.update(PRIVATE_HEADERS)
                return found
            return JSONResponse(found, headers=PRIVATE_HEADERS)

        return Route(f"{PATH}/{name}", answer, methods=_METHODS)

    return [
        route("settings", _settings, "GET", "HEAD"),
        route("console", console_status, "GET", "HEAD"),
        route("audit", audit_list, "GET", "HEAD"),
        route("screenshot", _screenshot, "GET", "HEAD"),
        route("diagnose", diagnose_console, "POST"),
        route("{rest:path}", _nothing_here),
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


async def _nothing_here(parts: Parts, request: Request) -> None:
    known = "settings, console, audit, screenshot and diagnose"
    raise ArmError(404, "NotFound", f"There is nothing at {quoted(request.url.path)}: below {PATH} are {known}.")


def _wrong_method(method: str, allowed: Sequence[str]) -> ArmError:
    text = f"{quoted(method)} is not a method of this path: use {allowed[0]}."
    return ArmError(405, "MethodNotAllowed", text, headers={"Allow": ", ".join(allowed)})


def _version() -> str | None:
    """The version of the installed package; None in a checkout that is not installed."""
    try:
        return importlib.metadata.version("uartsim")
    except importlib.metadata.PackageNotFoundError:
        return None
