"""Resources by their ARM id, kept in SQLite."""

from uartsim.service.store.resource_ids import ROOT, ResourceId
from uartsim.service.store.resources import Resource
from uartsim.service.store.store import Store

__all__ = ["ROOT", "Resource", "ResourceId", "Store"]
