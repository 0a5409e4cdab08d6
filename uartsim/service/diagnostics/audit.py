"""Who used which console, and how: a note in the machine's serial log, and a list that can be asked.

What is typed is nowhere: the audit is told of connections, and of the admin commands NMI, reset and SysRq.  A token is
never given to it.

The list is in memory and has a limit.  Its entries are numbered, so that a program can ask for what came since it last
asked; it is told if some of that is gone.  The numbers of a service that is started again are greater than those before:
they begin at the milliseconds since 1970, of which there are more than entries.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from uartsim.service.diagnostics.boot_diagnostics import Diagnostics
from uartsim.service.store import ResourceId
from uartsim.service.store.machine_types import INSTANCE_TYPE

#: How many entries the list keeps.
KEPT: Final = 10_000


@dataclass(frozen=True)
class AuditEntry:
    """One access.

    Attributes:
        number: greater than those of all entries before it.
        at: when.
        vm_id: the ARM id of the machine.
        user: who.
        session: the id of the console session.
        event: ``"connected"``, ``"admin command"`` or ``"disconnected"``.
        detail: the command, or why the session ended.
    """

    number: int
    at: datetime
    vm_id: ResourceId
    user: str
    session: str
    event: str
    detail: str = ""


@dataclass(frozen=True)
class AuditPage:
    """What is known of the accesses to something.

    Attributes:
        entries: the entries that are kept, the oldest first.
        gone: whether there were more that are not kept any more.
        last: the number of the newest entry about anything, to ask from there the next time.
        since: when the list was begun, at the start of the service.
    """

    entries: list[AuditEntry]
    gone: bool
    last: int
    since: datetime


class Audit:
    """The audit of a service.

    Args:
        logs: the serial logs that get the notes.
    """

    def __init__(self, logs: Diagnostics) -> None:
        self._logs = logs
        self._since = logs.clock()
        self._first = self._last = int(self._since.timestamp() * 1000)
        self._entries: deque[AuditEntry] = deque()
        #: For each machine of which an entry is gone, the number of the last such entry.
        self._gone: dict[ResourceId, int] = {}

    def connected(self, vm_id: ResourceId, user: str, session: str) -> None:
        """A console session has begun."""
        self._enter(vm_id, user, session, "connected", "", f"connected to {_short(vm_id)}")

    def admin_command(self, vm_id: ResourceId, user: str, session: str, command: str) -> None:
        """An admin command was given, such as ``"nmi"``, ``"reset"`` or ``"sysrq h"``; if it failed, with the reason."""
        self._enter(vm_id, user, session, "admin command", command, f"sent {command} to {_short(vm_id)}")

    def disconnected(self, vm_id: ResourceId, user: str, session: str, reason: str) -> None:
        """A console session has ended.

        Args:
            vm_id: the ARM id of the machine.
            user: whose session it was.
            session: its id.
            reason: how it ended, as a clause, such as ``"bob@example took the console over"``.
        """
        self._enter(vm_id, user, session, "disconnected", reason, f"disconnected from {_short(vm_id)}: {reason}")

    def entries(
        self, *, vm_id: ResourceId | None = None, user: str | None = None, session: str | None = None
    ) -> list[AuditEntry]:
        """The entries that are kept and fit, the oldest first.

        Args:
            vm_id: only those about this machine.
            user: only this user's.
            session: only this session's.
        """
        return [
            entry
            for entry in self._entries
            if (vm_id is None or entry.vm_id == vm_id)
            and user in (None, entry.user)
            and session in (None, entry.session)
        ]

    def page(self, scope: ResourceId, after: int | None = None) -> AuditPage:
        """The accesses to a machine, or to all machines of a subscription or a resource group.

        Args:
            scope: the machine, or what contains the machines.
            after: only entries with a greater number.
        """
        least = self._first if after is None else after
        entries = [one for one in self._entries if one.number > least and one.vm_id.is_within(scope)]
        gone = least < self._first or any(
            number > least and machine.is_within(scope) for machine, number in self._gone.items()
        )
        return AuditPage(entries, gone, self._last, self._since)

    def _enter(self, vm_id: ResourceId, user: str, session: str, event: str, detail: str, clause: str) -> None:
        self._last += 1
        self._entries.append(AuditEntry(self._last, self._logs.clock(), vm_id, user, session, event, detail))
        if len(self._entries) > KEPT:
            oldest = self._entries.popleft()
            self._gone[oldest.vm_id] = oldest.number
        if (log := self._logs.present(vm_id)) is not None:
            log.note(f"{user} {clause} (session {session})")


def _short(vm_id: ResourceId) -> str:
    """The name of a machine; for an instance of a scale set, the set's name and its number."""
    instance = vm_id.is_a(INSTANCE_TYPE)
    return f"{vm_id.parent.name}/{vm_id.name}" if instance else vm_id.name
