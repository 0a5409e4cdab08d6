"""``GET console``: what the page shows of a machine's console before, and beside, its connection."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath
from typing import Any

from starlette.requests import Request

from uartsim.access.hub import Hub
from uartsim.service.machines.guest_plan import GuestChoice
from uartsim.service.machines.screenshots import has_display
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.parts import Parts
from uartsim.service.portal.portal_query import caller_of, existing_machine, machine_id_of, read_query
from uartsim.service.rules.availability_rules import is_offered
from uartsim.service.store import ResourceId


async def console_status(parts: Parts, request: Request) -> dict[str, Any]:
    """The answer; it takes the action ``read`` of the machine.

    Raises:
        ArmError: the query is wrong, the caller may not, or there is no such machine.
    """
    machine_id = machine_id_of(read_query(request, "machine"))
    parts.authorisation.check(caller_of(parts, request), f"{machine_id.type}/read", machine_id)
    resource = existing_machine(parts, machine_id)
    machine = parts.machines.get(machine_id)
    hub = None if machine is None else machine.hub
    return {
        "machine": str(resource.id),
        "osType": parts.rules.os_type(machine_id),
        "powerState": (PowerState.DEALLOCATED if machine is None else machine.power_state).value,
        **_line(hub),
        "holder": _holder(parts, machine_id),
        "watchers": parts.sessions.watchers(machine_id),
        "offered": is_offered(parts.rules.policy, machine_id),
        # A set-up file may name a guest by its path, which is no affair of the page's.
        "guest": PurePath(GuestChoice.of(resource, parts.store).guest).name,
        "hasDisplay": has_display(machine),
    }


def time_text(moment: datetime) -> str:
    """A time as the page reads it: ISO 8601, in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(hub: Hub | None) -> dict[str, Any]:
    """The guest's speed in baud and its format, such as ``8N1``; null while the machine is off, or the line has no speed."""
    if hub is None:
        return {"baud": None, "format": None}
    line = hub.com1.uart.line_format
    return {"baud": round(line.baud) if line.bit_ticks else None, "format": str(line).rpartition(" ")[2]}


def _holder(parts: Parts, machine_id: ResourceId) -> dict[str, str] | None:
    seats = parts.sessions.services.seats
    holder, since = seats.holder(machine_id), seats.held_since(machine_id)
    return None if holder is None or since is None else {"user": holder.user, "since": time_text(since)}
