"""All conditions for a console, in the order in which they are checked."""

from __future__ import annotations

from uartsim.service.identity.callers import Caller
from uartsim.service.store import ResourceId


class ConsoleRules:
    """The conditions for a console."""

    def check_connect(self, caller: Caller, machine_id: ResourceId) -> None:
        """Check that the caller may open a console of a machine now.

        Raises:
            ArmError: a condition is not met; the first in the order of the checks.
        """
        raise NotImplementedError

    def check_session(self, caller: Caller, machine_id: ResourceId) -> None:
        """Check that a console that is open may go on: like :meth:`check_connect`, without what is asked once only.

        Raises:
            ArmError: a condition is no longer met.
        """
        raise NotImplementedError

    def check_console_service(self, caller: Caller, subscription_id: str, *, write: bool) -> None:
        """Check that the caller may read, or enable and disable, the console of a subscription.

        Raises:
            ArmError: he may not, or the subscription is unknown.
        """
        raise NotImplementedError
