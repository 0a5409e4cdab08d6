"""Admin commands: NMI, reset and SysRq, beside the WebSocket of a console.

    POST /n/connector/C/sessions/UUID/adminCommand/nmi|reset|sysrq
    Authorization: Bearer TOKEN
    {"command": "sysrq", "requestId": "UUID", "commandParameters": {"SysRqCommand": "h"}}

The command has its own authorisation, whether or not the WebSocket has shown a token by then: ``az serial-console send`` of
some generations never shows one.  It is valid while the WebSocket is open.  Only status 200 means that the machine got it.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uartsim.printable import printable_line, quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.sessions import Session, Sessions
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.virtual_machine import VirtualMachine
from uartsim.service.request_body import read_body

COMMANDS: Final = ("nmi", "reset", "sysrq")
#: What the client of Azure's command line says of SysRq to Windows.
WINDOWS_TEXT: Final = "You can only send a SysRq to a Linux VM."
#: What it says of wrong keys.
KEYS_TEXT: Final = "Failed to send SysRq command. Make sure the input only contains numbers and letters."
_KEYS: Final = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_LONGEST_BODY: Final = 65536


class AdminCommands:
    """Carries out admin commands.

    Args:
        sessions: the sessions.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """The routes of the application that has them."""
        return [
            Route(
                "/n/connector/{connector}/sessions/{session}/adminCommand/{command}", self._endpoint, methods=["POST"]
            )
        ]

    async def _endpoint(self, request: Request) -> Response:
        try:
            body = await self._command(request)
        except ArmError as error:
            return JSONResponse(error.body(), error.status, headers=error.headers)
        return JSONResponse(body)

    async def _command(self, request: Request) -> dict[str, Any]:
        services = self._sessions.services
        self._sessions.page_origins.check(request.headers.raw)
        caller = services.tokens.read_header(request.headers.get("authorization"))
        self._check_session(request, caller)
        command = request.path_params["command"].casefold()
        if command not in COMMANDS:
            raise ArmError(404, "CommandNotFound", f"{quoted(command)} is not a command: use {', '.join(COMMANDS)}.")
        body = await _read_body(request)
        request_id, keys = _check(command, body)
        session = self._check_session(request, caller)  # while the body came, the console may have been lost
        machine = services.machines.get(session.machine_id)
        if machine is None:
            raise ArmError(404, "ResourceNotFound", "The machine does not exist.")
        await self._carry_out(command, keys, machine, session, caller)
        return {"requestId": request_id, "command": command, "status": "Succeeded"}

    def _check_session(self, request: Request, caller: Caller) -> Session:
        """The session, whose commands the caller may give now."""
        session = self._sessions.check_connected(request.path_params["session"])
        if caller.object_id != session.opened_by.object_id:
            raise ArmError(403, "AuthorizationFailed", "The console session is another user's.")
        if session.conversation is not None and session.conversation.is_watching:
            raise ArmError(403, "ConsoleIsWatched", "This session only watches the console: connect without watch.")
        self._sessions.services.rules.check_session(caller, session.machine_id)
        return session

    async def _carry_out(
        self, command: str, keys: str, machine: VirtualMachine, session: Session, caller: Caller
    ) -> None:
        services = self._sessions.services
        said = f"{command} {keys}".strip()
        who = printable_line(caller.name)
        try:
            if command == "nmi":
                await machine.nmi()
            elif command == "reset":
                await machine.reset()
            else:
                if services.rules.os_type(session.machine_id) == "Windows":
                    raise ArmError(400, "SysRqNotSupported", WINDOWS_TEXT)
                await machine.sysrq(keys)
        except ArmError as error:
            said += f", in vain: {printable_line(error.message)}"
            services.audit.admin_command(session.machine_id, who, session.id, said)
            raise
        services.audit.admin_command(session.machine_id, who, session.id, said)


async def _read_body(request: Request) -> dict[str, Any]:
    """The body, a JSON object.

    Raises:
        ArmError: 400 or 413, it is something else.
    """
    data = await read_body(request, _LONGEST_BODY)
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The body has to be a JSON object.")
    return body


def _check(command: str, body: dict[str, Any]) -> tuple[str, str]:
    """The request's id, and the SysRq keys."""
    request_id = body.get("requestId")
    if not isinstance(request_id, str) or not _is_uuid(request_id):
        raise ArmError(400, "InvalidRequestContent", "requestId has to be a UUID.", target="requestId")
    if str(body.get("command", command)).casefold() != command:
        raise ArmError(
            400, "InvalidRequestContent", "The command in the body is not the one in the URL.", target="command"
        )
    parameters = body.get("commandParameters", {})
    if not isinstance(parameters, dict):
        raise ArmError(
            400, "InvalidRequestContent", "commandParameters has to be a JSON object.", target="commandParameters"
        )
    unknown = sorted(set(parameters) - ({"SysRqCommand"} if command == "sysrq" else set()))
    if unknown:
        raise ArmError(
            400, "InvalidRequestContent", f"{quoted(unknown[0])} is not a parameter of {command}.", target=unknown[0]
        )
    if command != "sysrq":
        return request_id, ""
    keys = parameters.get("SysRqCommand")
    if not isinstance(keys, str) or not _KEYS.fullmatch(keys):
        raise ArmError(400, "InvalidSysRqCommand", KEYS_TEXT, target="SysRqCommand")
    return request_id, keys


def _is_uuid(text: str) -> bool:
    try:
        return len(text) in (32, 36) and bool(uuid.UUID(text))
    except ValueError:
        return False
