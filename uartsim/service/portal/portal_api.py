"""``/_uartsim/portal/``: what the page asks beyond the management REST."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.service.parts import Parts

PATH: Final = "/_uartsim/portal"


def portal_api_routes(parts: Parts) -> list[BaseRoute]:
    """The routes.

    Args:
        parts: the rooms of the service.
    """

    async def settings(request: Request) -> Response:
        return JSONResponse(
            {"profile": "default", "consoleTitle": "Serial Console", "pasteLimit": 2048, "tenantDomain": "example.com"}
        )

    return [Route(f"{PATH}/settings", settings)]
