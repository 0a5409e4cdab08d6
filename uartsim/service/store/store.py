"""The store: all resources in memory, and every change written to SQLite before it counts.

The database is in WAL mode and locked for this process.  A change is in the file when :meth:`Store.put` returns: it
survives the end of the process, however that comes; a power failure may cost the last changes, never the file.
"""

from __future__ import annotations

import itertools
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UartsimError, UsageError
from uartsim.service.store.resource_ids import ROOT, ResourceId
from uartsim.service.store.resources import Resource

#: The version of the tables; ``PRAGMA user_version`` holds it.
VERSION: Final = 2
#: What ``PRAGMA application_id`` holds: "uart".
APPLICATION_ID: Final = 0x75617274

_log = logging.getLogger("uartsim.service")
_Changes = list[tuple[Resource | None, Resource | None]]
_Rows = list[tuple[str, ...]]

#: What leads from each earlier version to the next.
_MIGRATIONS: Final = {1: (f"PRAGMA application_id = {APPLICATION_ID}",)}  # which version 1 did not have
_TABLES: Final = (
    "CREATE TABLE resources (key TEXT PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, private TEXT NOT NULL)"
)


class Store:
    """All resources.

    Args:
        path: the database, which is made if it is missing; None keeps everything in memory.

    Attributes:
        earlier_copy: the copy of the database that was made because it was of an earlier version; None if it was not.

    Raises:
        UsageError: another process uses it, it is of a later version or another program's, or it is damaged.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.earlier_copy: Path | None = None
        self._by_type: dict[str, dict[str, Resource]] = {}
        self._listeners: list[Callable[[Resource | None, Resource | None], None]] = []
        self._pending: _Changes | None = None
        try:
            self._database = sqlite3.connect(":memory:" if path is None else path, isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        try:
            self._prepare()
            self._load()
        except (sqlite3.Error, ValueError, UsageError, RecursionError) as error:
            self._database.close()
            raise self._unusable(error) from None
        except BaseException:
            self._database.close()
            raise

    def get(self, resource_id: ResourceId) -> Resource | None:
        """A resource, or None."""
        return self._by_type.get(resource_id.type.casefold(), {}).get(resource_id.key)

    def put(self, resource: Resource) -> None:
        """Add or replace a resource; listeners are told.

        Raises:
            UartsimError: it cannot be written; then nothing has changed.
        """
        before = self.get(resource.id)
        row = (resource.id.key, str(resource.id), _text(resource.body), _text(resource.private))
        self._write("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?)", [row])
        self._by_type.setdefault(resource.id.type.casefold(), {})[resource.id.key] = resource
        self._tell([(before, resource)])

    def delete(self, resource_id: ResourceId) -> bool:
        """Delete a resource and all that is in it; returns whether anything was there.

        Raises:
            UartsimError: it cannot be written; then nothing has changed.
        """
        found = [one for kind in self._by_type.values() for one in kind.values() if one.id.is_within(resource_id)]
        self._write("DELETE FROM resources WHERE key = ?", [(one.id.key,) for one in found])
        for resource in found:
            del self._by_type[resource.id.type.casefold()][resource.id.key]
        self._tell([(resource, None) for resource in found])
        return bool(found)

    def list(self, kind: str, scope: ResourceId = ROOT) -> Iterator[Resource]:
        """All resources of a type, such as ``"Microsoft.Compute/virtualMachines"``, within a scope, in order of their ids.

        They are those at the time of the call, whatever is put or deleted while they are gone through.
        """
        found = self._by_type.get(kind.casefold(), {})
        return iter([found[key] for key in sorted(found) if found[key].id.is_within(scope)])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes within are written together, or none is if one raises; listeners are told at the end."""
        if self._pending is not None:
            yield
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._unwritable(error) from None
        self._pending = []
        kept = {kind: dict(found) for kind, found in self._by_type.items()}
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            self._by_type = kept
            self._pending = None
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._unwritable(error) from None
            raise
        changes, self._pending = self._pending, None
        self._tell(changes)

    def subscribe(self, listener: Callable[[Resource | None, Resource | None], None]) -> None:
        """Call ``listener`` with what was there before and what is there now, after every change.

        What a listener raises is logged: the change is written by then, and the others have to hear of it.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _prepare(self) -> None:
        """Take hold of the database, and make its tables if it is new."""
        run = self._database.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA trusted_schema = OFF")
        version: int = run("PRAGMA user_version").fetchone()[0]
        application: int = run("PRAGMA application_id").fetchone()[0]
        is_new = version == 0 and run("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if version > VERSION:
            raise UsageError(f"it is of version {version}, and this uartsim knows versions up to {VERSION}")
        if not is_new and application not in (0, APPLICATION_ID):
            raise UsageError("it is the database of another program")
        if not is_new and version == 0:
            raise UsageError("it is the database of another program")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("BEGIN IMMEDIATE")  # which takes the lock, if another process has not
        if is_new:
            run(_TABLES)
            run(f"PRAGMA application_id = {APPLICATION_ID}")
            run(f"PRAGMA user_version = {VERSION}")
        run("COMMIT")
        if 0 < version < VERSION:
            self._migrate(version)

    def _migrate(self, version: int) -> None:
        """Bring the database of an earlier version up to date; first, copy it as it is."""
        if self._path is not None:
            self.earlier_copy = _unused(f"{self._path}.version-{version}")
            with closing(sqlite3.connect(self.earlier_copy)) as copy:
                self._database.backup(copy)
        self._database.execute("BEGIN IMMEDIATE")
        for number in range(version, VERSION):
            for statement in _MIGRATIONS[number]:
                self._database.execute(statement)
        self._database.execute(f"PRAGMA user_version = {VERSION}")
        self._database.execute("COMMIT")

    def _load(self) -> None:
        for text, body, private in self._database.execute("SELECT id, body, private FROM resources"):
            resource_id = ResourceId(text)
            shown, hidden = json.loads(body), json.loads(private)
            if not isinstance(shown, dict) or not isinstance(hidden, dict):
                raise ValueError(f"{resource_id} is not an object")
            resource = Resource(resource_id, shown, hidden)
            self._by_type.setdefault(resource_id.type.casefold(), {})[resource_id.key] = resource

    def _write(self, statement: str, rows: _Rows) -> None:
        try:
            if self._pending is not None or len(rows) <= 1:
                self._database.executemany(statement, rows)
                return
            with self.transaction():
                self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._unwritable(error) from None

    def _tell(self, changes: _Changes) -> None:
        if self._pending is not None:
            self._pending += changes
            return
        for before, after in changes:
            for listener in tuple(self._listeners):
                try:
                    listener(before, after)
                except Exception:
                    changed = after or before
                    _log.exception("A change of %s was not followed", changed.id if changed is not None else "nothing")

    def _unusable(self, error: Exception) -> UartsimError:
        name = self._path or "in memory"
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return UsageError(
                f"the state {name} is in use by another process: end it, or give another folder with --state"
            )
        if isinstance(error, UsageError):
            why = f"cannot be used: {error}"
        elif isinstance(error, sqlite3.OperationalError):
            why = f"cannot be opened ({error})"
        else:
            why = f"is damaged ({error})"
        return UsageError(f"the state {name} {why}; '--reset-state' sets it aside and starts anew")

    def _unwritable(self, error: sqlite3.Error) -> UartsimError:
        return UartsimError(f"the state {self._path or 'in memory'} cannot be written ({error}): make room on the disk")


def _unused(path: str) -> Path:
    """The path, or the first with a number at its end, where there is no file yet."""
    candidates = itertools.chain([Path(path)], (Path(f"{path}.{number}") for number in itertools.count(2)))
    return next(one for one in candidates if not one.exists())


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
