"""The routes of the management REST, for the application of the service."""

from __future__ import annotations

import trio
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from uartsim.service.arm import fault_routes
from uartsim.service.arm.api_page import api_page_routes
from uartsim.service.arm.dispatcher import ManagementRest
from uartsim.service.arm.long_operations import LongOperations
from uartsim.service.arm.serial_log_blob import serial_log_routes
from uartsim.service.parts import Parts


def arm_routes(parts: Parts, nursery: trio.Nursery) -> list[BaseRoute]:
    """The routes; they come last in the application, since they answer every path.

    Args:
        parts: the rooms of the service.
        nursery: where operations run that go on after their request is answered.
    """
    return [
        *fault_routes.ROUTES,
        *api_page_routes(parts),
        *serial_log_routes(parts),
        _EveryPath(ManagementRest(parts, LongOperations(nursery))),
    ]


class _EveryPath(BaseRoute):
    """A route for every path; a ``Mount`` leaves out those with a line feed in them."""

    def __init__(self, application: ManagementRest) -> None:
        self._application = application

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Take what is asked over HTTP; other protocols have their routes before."""
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer."""
        await self._application(scope, receive, send)
