"""The answer 202 to a request whose work goes on, and the two URLs that follow it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.long_operations import RETRY_AFTER_S, LongOperation
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm_error import ArmError

#: The namespaces whose operations may run on.
NAMESPACES = ("Microsoft.Compute", "Microsoft.Storage", "Microsoft.Resources")


def begin(
    request: ArmRequest, work: Callable[[], Awaitable[Any]], *, body: Any = None, status: int = 202, result: bool = True
) -> Answer:
    """Start work, and answer at once.

    Args:
        request: the request; work on its resource waits for earlier work on it.
        work: what is done; what it returns is what ``Location`` answers in the end.  An error that it raises becomes the
            operation's.
        body: the body of this answer: of a PUT or PATCH, the resource with ``provisioningState`` ``Updating``.
        status: 202, or 200 and 201 for a PUT.
        result: whether a ``Location`` is given; a PUT's result is the resource itself.
    """
    operation = request.running.begin(request.caller, request.id, work)
    namespace = request.operation.namespace
    path = f"/subscriptions/{request.id.subscription}/providers/{namespace}/locations/local/operations/{operation.id}"
    headers = {"Azure-AsyncOperation": request.url(path), "Retry-After": str(RETRY_AFTER_S)}
    if result:
        headers["Location"] = request.url(path, monitor="true")
    return Answer(body, status, headers)


async def _show(request: ArmRequest) -> Answer:
    operation = request.running.get(request.caller, request.parameters["operation"])
    if operation is None:
        raise ArmError(404, "NotFound", f"The operation {request.parameters['operation']!r} was not found.")
    waiting = {} if operation.ended_at is not None else {"Retry-After": str(RETRY_AFTER_S)}
    if request.query.get("monitor", "").casefold() != "true":
        return Answer(operation.shown(), headers=waiting)
    return _monitored(operation, request, waiting)


def _monitored(operation: LongOperation, request: ArmRequest, waiting: dict[str, str]) -> Answer:
    if operation.ended_at is None:
        path = f"/{'/'.join(request.id.segments)}"
        return Answer(None, 202, {"Location": request.url(path, monitor="true"), **waiting})
    if operation.error is not None:
        raise operation.error
    return Answer(operation.result, 200 if operation.result is not None else 204)


OPERATIONS = tuple(
    Operation(
        "GET",
        f"/subscriptions/{{subscription}}/providers/{namespace}/locations/{{location}}/operations/{{operation}}",
        None,
        _show,
        "The status of an asynchronous operation; only whoever started it may ask",
        {200: "OperationStatus", 202: None, 204: None},
        query=(
            QueryParameter("monitor", "With true, the result of the operation once it has ended", ("true", "false")),
        ),
    )
    for namespace in NAMESPACES
)
