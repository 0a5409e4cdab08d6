"""Operations that run on after their request is answered: 202, and two URLs where a client sees how they get on.

``Azure-AsyncOperation`` names a document with ``status``; ``Location`` answers 202 until there is a result, then the
result.  Clients ask again after the seconds of ``Retry-After``.  Source: "Track asynchronous Azure operations" in the
documentation of the Azure Resource Manager.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import trio

from uartsim.errors import UartsimError
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.callers import Caller
from uartsim.service.store import ResourceId

#: How many finished operations are remembered.
REMEMBERED: Final = 1000
#: In how many seconds a client is to ask again.
RETRY_AFTER_S: Final = 1

_log = logging.getLogger("uartsim.service")


@dataclass(slots=True)
class LongOperation:
    """One operation.

    Attributes:
        id: its UUID.
        caller: who started it; nobody else is shown it.
        started_at: when it started.
        ended_at: when it ended; None while it runs.
        result: what it made, once it has ended well.
        error: why it failed, if it did.
    """

    id: str
    caller: Caller
    started_at: datetime
    ended_at: datetime | None = None
    result: Any = None
    error: ArmError | None = None
    ended: trio.Event = field(default_factory=trio.Event)

    @property
    def status(self) -> str:
        """``InProgress``, ``Succeeded`` or ``Failed``."""
        if self.ended_at is None:
            return "InProgress"
        return "Failed" if self.error is not None else "Succeeded"

    def shown(self) -> dict[str, Any]:
        """The document that ``Azure-AsyncOperation`` names."""
        shown: dict[str, Any] = {"name": self.id, "status": self.status, "startTime": self.started_at.isoformat()}
        if self.ended_at is not None:
            shown["endTime"] = self.ended_at.isoformat()
        if self.error is not None:
            shown.update(self.error.body())
        elif self.result is not None:
            shown["properties"] = {"output": self.result}
        return shown


class LongOperations:
    """All such operations.

    Args:
        nursery: where they run; an operation ends with it.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._operations: dict[str, LongOperation] = {}
        self._last: dict[str, LongOperation] = {}

    def begin(self, caller: Caller, scope: ResourceId, work: Callable[[], Awaitable[Any]]) -> LongOperation:
        """Start an operation.

        Operations on one scope run one after the other, in the order of their start.

        Args:
            caller: who started it.
            scope: what it is done to.
            work: what is done; it returns the result as JSON, or None.
        """
        operation = LongOperation(str(uuid.uuid4()), caller, datetime.now(UTC))
        self._operations[operation.id] = operation
        self._forget()
        before = self._last.get(scope.key)
        self._last[scope.key] = operation
        self._nursery.start_soon(self._run, operation, scope, before, work)
        return operation

    def get(self, caller: Caller, operation_id: str) -> LongOperation | None:
        """An operation that the caller has started, or None."""
        found = self._operations.get(operation_id.casefold())
        return found if found is not None and found.caller.object_id == caller.object_id else None

    async def _run(
        self,
        operation: LongOperation,
        scope: ResourceId,
        before: LongOperation | None,
        work: Callable[[], Awaitable[Any]],
    ) -> None:
        if before is not None:
            await before.ended.wait()
        try:
            operation.result = await work()
        except ArmError as refused:
            operation.error = refused
        except UartsimError as failed:
            operation.error = ArmError(409, "OperationNotAllowed", str(failed))
        except Exception as fault:
            _log.error("Operation %s failed: %r.", operation.id, fault)
            operation.error = ArmError(
                500, "InternalExecutionError", f"An internal execution error occurred; the operation is {operation.id}."
            )
        operation.ended_at = datetime.now(UTC)
        operation.ended.set()
        if self._last.get(scope.key) is operation:
            del self._last[scope.key]

    def _forget(self) -> None:
        ended = [one for one in self._operations.values() if one.ended_at is not None]
        for one in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._operations[one.id]
