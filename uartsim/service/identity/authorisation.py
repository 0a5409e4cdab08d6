"""Who may do what, where: from the actions of the roles that are assigned, and from locks.

A role is a list of actions with ``*`` for anything, and a list of those that it does not grant all the same.  It is
assigned to a principal at a scope, and holds there and below.  A caller may do what one of his roles grants; roles do not
take anything away from each other.  A lock holds at its scope and below, for everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from uartsim.service.arm_error import ArmError
from uartsim.service.identity.builtin_roles import BUILT_IN_ROLES
from uartsim.service.identity.callers import Caller
from uartsim.service.identity.directory import Directory
from uartsim.service.store import Resource, ResourceId, Store

DEFINITIONS: Final = "Microsoft.Authorization/roleDefinitions"
ASSIGNMENTS: Final = "Microsoft.Authorization/roleAssignments"
LOCKS: Final = "Microsoft.Authorization/locks"
#: What is indexed here; a change of any other resource leaves the index as it is.
_INDEXED: Final = frozenset(kind.casefold() for kind in (DEFINITIONS, ASSIGNMENTS, LOCKS))


@dataclass(frozen=True, slots=True)
class _Permission:
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]

    def grants(self, action: str) -> bool:
        return _fits_any(action, self.actions) and not _fits_any(action, self.not_actions)


class Authorisation:
    """Answers whether a caller may do something.

    Args:
        store: where role definitions, role assignments, locks and groups are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._directory = Directory(store)
        self._is_current = False
        self._assigned: dict[str, list[tuple[ResourceId, str]]] = {}
        self._roles: dict[str, tuple[_Permission, ...]] = {}
        self._locks: list[tuple[ResourceId, str]] = []
        store.subscribe(self._note_change)

    def may(self, caller: Caller, action: str, scope: ResourceId) -> bool:
        """Whether a role of the caller's, at ``scope`` or above it, has the action and does not take it back.

        Args:
            caller: who.
            action: such as ``"Microsoft.SerialConsole/serialPorts/connect/action"``.
            scope: what it is to be done to.
        """
        self._refresh()
        return any(permission.grants(action) for permission in self._permissions(caller, scope))

    def check(self, caller: Caller, action: str, scope: ResourceId) -> None:
        """Check that the caller may do something, and that no lock forbids it.

        Raises:
            ArmError: 403 ``AuthorizationFailed``, or 409 ``ScopeLocked``.
        """
        if not self.may(caller, action, scope):
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{caller.name}' with object id '{caller.object_id}' does not have authorization to perform "
                f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
                "refresh your credentials.",
            )
        self.check_locks(action, scope)

    def check_locks(self, action: str, scope: ResourceId) -> None:
        """Check that no lock forbids an action.

        ReadOnly forbids all but reading, CanNotDelete forbids deleting; a lock on something within what is to be deleted
        forbids that too.  Locks themselves can always be changed.

        Raises:
            ArmError: 409 ``ScopeLocked``.
        """
        self._refresh()
        wanted = action.casefold()
        verb = wanted.rpartition("/")[2]
        if verb == "read" or wanted.startswith(f"{LOCKS.casefold()}/"):
            return
        locked = [
            str(place)
            for place, level in self._locks
            if (scope.is_within(place) and (verb == "delete" or level == "readonly"))
            or (verb == "delete" and place.is_within(scope))
        ]
        if locked:
            names = ",".join(f"'{place}'" for place in dict.fromkeys(locked))
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {'delete' if verb == 'delete' else 'write'} operation because "
                f"following scope(s) are locked: {names}. Please remove the lock and try again.",
            )

    def definitions(self) -> Iterator[Resource]:
        """All role definitions: the built-in ones, then the custom ones."""
        yield from BUILT_IN_ROLES.values()
        yield from self._store.list(DEFINITIONS)

    def definition(self, role_id: str) -> Resource | None:
        """The role definition of a GUID, or None."""
        wanted = role_id.casefold()
        return next((one for one in self.definitions() if one.id.name.casefold() == wanted), None)

    def _permissions(self, caller: Caller, scope: ResourceId) -> Iterator[_Permission]:
        principal = self._directory.get(caller.object_id)
        for holder in (caller.object_id, *(principal.groups if principal else ())):
            for place, role_id in self._assigned.get(holder.casefold(), ()):
                if scope.is_within(place):
                    yield from self._roles.get(role_id, ())

    def _note_change(self, before: Resource | None, after: Resource | None) -> None:
        changed = after or before
        if changed is not None and changed.id.type.casefold() in _INDEXED:
            self._is_current = False

    def _refresh(self) -> None:
        if self._is_current:
            return
        self._roles = {one.id.name.casefold(): tuple(_permissions_of(one)) for one in self.definitions()}
        self._assigned = {}
        for assignment in self._store.list(ASSIGNMENTS):
            holder = str(assignment.properties.get("principalId", "")).casefold()
            role_id = str(assignment.properties.get("roleDefinitionId", "")).rpartition("/")[2].casefold()
            self._assigned.setdefault(holder, []).append((assignment.id.parent, role_id))
        self._locks = [
            (lock.id.parent, str(lock.properties.get("level", "")).casefold()) for lock in self._store.list(LOCKS)
        ]
        self._is_current = True


def _permissions_of(definition: Resource) -> Iterator[_Permission]:
    for permission in definition.properties.get("permissions") or ():
        yield _Permission(tuple(permission.get("actions") or ()), tuple(permission.get("notActions") or ()))


def _fits_any(action: str, patterns: Iterable[str]) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    """A wildcard as a regular expression; ``*`` runs over slashes too, as in ``*/read``.

    Runs of asterisks count as one, and the parts between are taken as early as possible: the time is linear in the action.
    """
    parts = [re.escape(part) for part in re.split(r"\*+", text)]
    if len(parts) == 1:
        return re.compile(parts[0], re.IGNORECASE)
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1])
    return re.compile(f"{parts[0]}{middle}.*{parts[-1]}", re.IGNORECASE | re.DOTALL)
