"""Requests that are for another host are refused, with 421 Misdirected Request (RFC 9110, section 15.5.20).

A stranger's name can be made to lead to this computer (DNS rebinding).  To a browser the pages of that name are the
stranger's, and with an accepted certificate they could ask the service as its own page does, but for the name in ``Host``.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.loopback_hosts import is_loopback


class OwnHosts:
    """An ASGI application around another one; any port is taken, since a port may be forwarded.

    A WebSocket is not looked at: the gateway checks whose page it is by ``Origin``.

    Args:
        application: what answers the requests.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, as ASGI has it."""
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"host" and not is_loopback(host := value.decode("latin-1")):
                    error = ArmError(421, "MisdirectedRequest", f"{quoted(host)} is not here: use https://localhost.")
                    await JSONResponse(error.body(), error.status)(scope, receive, send)
                    return
        await self._application(scope, receive, send)
