"""The store: all resources in memory, and every change written to SQLite before it counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from uartsim.service.store.resource_ids import ROOT, ResourceId
from uartsim.service.store.resources import Resource

#: The version of the tables; ``PRAGMA user_version`` holds it.
VERSION: Final = 1

_TABLES: Final = (
    "CREATE TABLE resources (key TEXT PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, private TEXT NOT NULL)"
)


class Store:
    """All resources.

    Args:
        path: the database, which is made if it is missing; None keeps everything in memory.

    Raises:
        UsageError: another process uses it, it is of a later version, or it is damaged.
    """

    def __init__(self, path: Path | None) -> None:
        self._database = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        self._resources: dict[str, Resource] = {}
        self._listeners: list[Callable[[Resource | None, Resource | None], None]] = []
        if self._database.execute("PRAGMA user_version").fetchone()[0] == 0:
            self._database.execute(_TABLES)
            self._database.execute(f"PRAGMA user_version = {VERSION}")
        for text, body, private in self._database.execute("SELECT id, body, private FROM resources"):
            resource_id = ResourceId(text)
            self._resources[resource_id.key] = Resource(resource_id, json.loads(body), json.loads(private))

    def get(self, resource_id: ResourceId) -> Resource | None:
        """A resource, or None."""
        return self._resources.get(resource_id.key)

    def put(self, resource: Resource) -> None:
        """Add or replace a resource; listeners are told."""
        before = self.get(resource.id)
        row = (resource.id.key, str(resource.id), json.dumps(resource.body), json.dumps(resource.private))
        self._database.execute("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?)", row)
        self._resources[resource.id.key] = resource
        self._tell(before, resource)

    def delete(self, resource_id: ResourceId) -> bool:
        """Delete a resource and all that is in it; returns whether it was there."""
        found = [one for one in self._resources.values() if one.id.is_within(resource_id)]
        for resource in found:
            self._database.execute("DELETE FROM resources WHERE key = ?", (resource.id.key,))
            del self._resources[resource.id.key]
        for resource in found:
            self._tell(resource, None)
        return bool(found)

    def list(self, kind: str, scope: ResourceId = ROOT) -> Iterator[Resource]:
        """All resources of a type, such as ``"Microsoft.Compute/virtualMachines"``, within a scope, in order of their ids."""
        for _, resource in sorted(self._resources.items()):
            if resource.id.is_a(kind) and resource.id.is_within(scope):
                yield resource

    def subscribe(self, listener: Callable[[Resource | None, Resource | None], None]) -> None:
        """Call ``listener`` with what was there before and what is there now, after every change."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _tell(self, before: Resource | None, after: Resource | None) -> None:
        for listener in self._listeners:
            listener(before, after)
