"""The application: the routes of all rooms, and what becomes of an error that none of them has foreseen."""

from __future__ import annotations

from typing import Any

import trio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from uartsim.service.arm.arm_routes import arm_routes
from uartsim.service.arm.cloud_metadata import metadata_routes
from uartsim.service.arm.microsoft_graph import graph_routes
from uartsim.service.arm.oauth_login import login_routes
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.admin_commands import AdminCommands
from uartsim.service.gateway.gateway_app import GatewayApp
from uartsim.service.parts import Parts
from uartsim.service.portal.page_files import page_routes
from uartsim.service.portal.portal_api import portal_api_routes
from uartsim.service.private_headers import PRIVATE_HEADERS
from uartsim.service.serving.own_hosts import OwnHosts
from uartsim.service.serving.unread_bodies import UnreadBodies


def make_application(parts: Parts, nursery: trio.Nursery) -> GatewayApp:
    """The application: the gateway has the WebSockets, and the routes the rest.

    Args:
        parts: the rooms of the service; a handler finds them as ``request.app.state.parts``.
        nursery: where operations run that go on after their request is answered.
    """
    routes = [
        *metadata_routes(parts),
        *login_routes(parts),
        *graph_routes(parts),
        *page_routes(),
        *portal_api_routes(parts),
        *AdminCommands(parts.sessions).routes(),
        *arm_routes(parts, nursery),
    ]
    handlers: Any = {ArmError: _refused, ClientDisconnect: _gone, Exception: _failed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.state.parts = parts
    return GatewayApp(UnreadBodies(OwnHosts(app)), parts.sessions)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ArmError)
    return JSONResponse(error.body(), error.status, headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """The client has gone in mid-request: whatever is answered, nobody reads it."""
    return Response(status_code=400)


async def _failed(request: Request, error: Exception) -> Response:
    internal = ArmError(500, "InternalServerError", "The service has made a mistake: see what it says on its console.")
    return JSONResponse(internal.body(), internal.status, PRIVATE_HEADERS)
