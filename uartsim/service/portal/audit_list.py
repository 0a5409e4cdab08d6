"""``GET audit``: who used the console of a machine, or of any machine of a subscription."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

from uartsim.service.arm_error import ArmError
from uartsim.service.diagnostics import AuditEntry
from uartsim.service.parts import Parts
from uartsim.service.portal.console_status import time_text
from uartsim.service.portal.portal_query import (
    caller_of,
    diagnostics_action,
    machine_id_of,
    number_of,
    read_query,
    subscription_id_of,
)

#: What Azure asks of who reads its activity log.
ACTIVITY_LOG: Final = "Microsoft.Insights/eventtypes/values/read"


async def audit_list(parts: Parts, request: Request) -> dict[str, Any]:
    """The answer.

    It takes Azure's action for the activity log.  For one machine, that for its boot diagnostics will do too: the same
    accesses are noted there.

    Raises:
        ArmError: the query is wrong, or the caller may not.
    """
    query = read_query(request, "machine", "subscription", "after")
    if ("machine" in query) == ("subscription" in query):
        raise ArmError(400, "InvalidQueryParameter", "Give one of the parameters machine and subscription.")
    caller = caller_of(parts, request)
    if "machine" in query:
        scope = machine_id_of(query)
        if not parts.authorisation.may(caller, diagnostics_action(scope), scope):
            parts.authorisation.check(caller, ACTIVITY_LOG, scope)
    else:
        scope = subscription_id_of(query)
        parts.authorisation.check(caller, ACTIVITY_LOG, scope)
    page = parts.sessions.services.audit.page(scope, number_of(query, "after"))
    return {
        "value": [_shown(entry) for entry in page.entries],
        "gone": page.gone,
        "last": page.last,
        "since": time_text(page.since),
    }


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": time_text(entry.at),
        "machine": str(entry.vm_id),
        "user": entry.user,
        "session": entry.session,
        "event": entry.event,
        "detail": entry.detail,
    }
