"""Who may do what, where: from the actions of the roles that are assigned, and from locks."""

from __future__ import annotations

from uartsim.service.identity.callers import Caller
from uartsim.service.store import ResourceId, Store


class Authorisation:
    """Answers whether a caller may do something.

    Args:
        store: where role definitions, role assignments and locks are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def may(self, caller: Caller, action: str, scope: ResourceId) -> bool:
        """Whether a role of the caller's, at ``scope`` or above it, has the action and does not take it back.

        Args:
            caller: who.
            action: such as ``"Microsoft.SerialConsole/serialPorts/connect/action"``.
            scope: what it is to be done to.
        """
        raise NotImplementedError

    def check(self, caller: Caller, action: str, scope: ResourceId) -> None:
        """Check that the caller may do something, and that no lock forbids it.

        Raises:
            ArmError: 403 ``AuthorizationFailed``, or 409 ``ScopeLocked``.
        """
        raise NotImplementedError
