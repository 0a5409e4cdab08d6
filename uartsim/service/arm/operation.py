"""One operation of the management REST, and what its handler answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from uartsim.service.arm.api_versions import versions_of

if TYPE_CHECKING:
    from uartsim.service.arm.arm_request import ArmRequest

#: A schema of OpenAPI 3.0: a dictionary, or the name of one in ``operation_table.SCHEMAS``.
Schema = Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers.

    Attributes:
        body: JSON, or None for an empty body.
        status: the HTTP status.
        headers: further headers, such as ``Location``.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter in the query of an operation.

    Attributes:
        name: its name, such as ``$filter``.
        summary: a sentence for people.
        values: what it can be; empty if it can be anything.
    """

    name: str
    summary: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation.

    Attributes:
        method: ``GET``, ``PUT``, ``PATCH``, ``POST``, ``DELETE`` or ``HEAD``; a GET answers HEAD too.
        path: its template, such as ``/subscriptions/{subscription}/resourceGroups/{group}``.  ``{scope}`` at its start
            stands for any scope, also the tenant's root, which is empty.
        action: what a role has to have, such as ``Microsoft.Compute/virtualMachines/read``, at the resource of the
            path; None if every authenticated caller may ask.
        handler: what does it.
        summary: a sentence for people.
        answers: the schema of the body for each status of success; None if there is no body.
        body: the schema of the request's body, which is checked before the handler is called; None if it takes none.
        body_required: whether an empty body is refused.
        query: the parameters of the query, without ``api-version``.
    """

    method: str
    path: str
    action: str | None
    handler: Callable[[ArmRequest], Awaitable[Answer]]
    summary: str
    answers: Mapping[int, Schema | None]
    body: Schema | None = None
    body_required: bool = True
    query: tuple[QueryParameter, ...] = ()

    @property
    def namespace(self) -> str:
        """The namespace of its resource provider, such as ``Microsoft.Compute``."""
        _, found, rest = self.path.rpartition("/providers/")
        named = rest.split("/")[0]
        return named if found and not named.startswith("{") else "Microsoft.Resources"

    @property
    def resource_type(self) -> str:
        """Its type without the namespace, such as ``virtualMachines/instanceView``."""
        rest = self.path.rpartition("/providers/")[2] if "/providers/" in self.path else "-" + self.path
        return "/".join(part for part in rest.split("/")[1:] if not part.startswith("{"))

    @property
    def versions(self) -> tuple[str, ...]:
        """The api-versions that it accepts, the oldest first."""
        return versions_of(self.namespace)
