"""``GET console``: what the page shows of a machine's console before, and beside, its connection."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from starlette.requests import Request

from uartsim.access.hub import Hub
from uartsim.service.gateway.console_seats import Occupancy
from uartsim.service.machines.guest_plan import GuestChoice
from uartsim.service.machines.screenshots import has_display
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.parts import Parts
from uartsim.service.portal.portal_query import caller_of, existing_machine, machine_id_of, read_query
from uartsim.service.rules.availability_rules import is_offered


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
    occupancy = parts.sessions.services.seats.occupancy(machine_id)
    return {
        "machine": str(resource.id),
        "osType": parts.rules.os_type(machine_id),
        "powerState": (PowerState.DEALLOCATED if machine is None else machine.power_state).value,
        **_line(hub),
        "holder": _holder(occupancy),
        "watchers": occupancy.watchers,
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
    return {"baud": hub.line_baud or None, "format": str(hub.com1.uart.line_format).rpartition(" ")[2]}


def _holder(occupancy: Occupancy) -> dict[str, str] | None:
    holder = occupancy.holder
    if holder is None:
        return None
    return {"user": holder.user, "since": time_text(datetime.fromtimestamp(holder.seated_at, UTC))}
