"""One resource: what Azure says of it, and what the service knows besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from uartsim.service.store.resource_ids import ResourceId


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource.

    Attributes:
        id: its ARM id.
        body: its JSON, without ``id``, ``name`` and ``type``: ``location``, ``tags``, ``sku``, ``properties`` and so on.
        private: what is not shown: of a machine ``guest`` (a guest of the catalogue or a folder), ``settings`` and
            ``power`` (``"running"``, ``"stopped"`` or ``"deallocated"``).
    """

    id: ResourceId
    body: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)

    @property
    def properties(self) -> Mapping[str, Any]:
        """The body's ``properties``; empty if it has none."""
        found: Mapping[str, Any] = self.body.get("properties") or {}
        return found

    def shown(self) -> dict[str, Any]:
        """The resource as a client sees it."""
        return {"id": str(self.id), "name": self.id.name, "type": self.id.type, **self.body}

    def with_properties(self, **changes: Any) -> Resource:
        """The resource with other values of some properties."""
        return replace(self, body={**self.body, "properties": {**self.properties, **changes}})

    def with_private(self, **changes: Any) -> Resource:
        """The resource with other values of what is not shown."""
        return replace(self, private={**self.private, **changes})
