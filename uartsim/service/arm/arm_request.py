"""A request to an operation, as its handler sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.long_operations import LongOperations
from uartsim.service.arm.operation import Operation
from uartsim.service.identity.callers import Caller
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """A request that is authenticated and authorised, and whose body fits its operation's schema.

    Attributes:
        operation: the operation.
        parts: the rooms of the service.
        caller: who asks.
        path: the path as it was asked for, such as for a ``nextLink``.
        id: what is asked about: the path without an action or a collection at its end.
        parameters: what stands in the places of the template's names; ``scope`` is empty for the tenant's root.
        query: the query's parameters, their names in lower case, such as ``"$filter"``.
        api_version: the api-version.
        content: the body as JSON; None if it is empty.
        headers: the headers, their names in lower case.
        running: the operations that run on after their request is answered.
    """

    operation: Operation
    parts: Parts
    caller: Caller
    path: str
    id: ResourceId
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    api_version: str
    content: Any
    headers: Mapping[str, str]
    running: LongOperations

    def resource(self) -> Resource:
        """The resource that is asked about.

        Raises:
            ArmError: 404 ``ResourceNotFound``.
        """
        found = self.parts.store.get(self.id)
        if found is None:
            raise resource_not_found(self.id)
        return found

    def url(self, path: str, **query: str) -> str:
        """The URL of a path of this service, with the request's api-version."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self.parts.base_url}{quote(path)}?api-version={self.api_version}{more}"
