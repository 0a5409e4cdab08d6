"""Brings a set-up into the store.

The first start takes everything.  On later starts the state wins: what clients have changed or deleted stays so.  Only what
is new in the file is added, and what has changed in it, or gone from it, is said and left as it is.  The settings of the
whole tenant are taken from the file at every start.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.service.identity.directory import Directory, Principal, has_secret
from uartsim.service.identity.secret_hash import COST, hash_secret
from uartsim.service.store import ROOT, Resource, ResourceId, Store
from uartsim.service.tenant.tenant_setup import Setup

_RECORD: Final = ResourceId("/providers/Uartsim.Setup/setups/applied")
#: What of a set-up holds for the whole tenant.
_SETTINGS: Final = ("tenant_id", "domain", "token_lifetime_s", "console", "gateway", "faults")
#: How many names a sentence lists.
_LISTED: Final = 5


def applied_setup(store: Store) -> Setup | None:
    """The settings of the set-up that was applied last, without its resources; None if the store is new.

    Raises:
        UsageError: the state is damaged.
    """
    record = store.get(_RECORD)
    if record is None:
        return None
    kept = record.body
    if any(name not in kept for name in _SETTINGS):
        raise UsageError("the state lacks the settings of its tenant, so it is damaged: --reset-state sets it aside")
    return Setup(**{name: kept[name] for name in _SETTINGS})


def was_applied(store: Store, stamp: str) -> bool:
    """Whether the set-up that was applied last had this stamp."""
    record = store.get(_RECORD)
    return record is not None and record.private.get("stamp") == stamp != ""


def apply_setup(store: Store, setup: Setup, say: Callable[[str], None], *, stamp: str = "", cost: int = COST) -> None:
    """Bring a set-up into a store, as the module says.

    Args:
        store: the store.
        setup: the set-up, with the secrets as they are written.
        say: told what is applied, and what is not, if the store is not new.
        stamp: what :func:`was_applied` is asked later.
        cost: the cost of hashing secrets; tests make it low.
    """
    record = store.get(_RECORD)
    before: Mapping[str, str] = record.private.get("digests", {}) if record is not None else {}
    settings = {name: _plain(value) for name, value in _settings(setup).items()}
    digests = {name: digest for name, digest, _ in _items(setup)}
    new = {name for name in digests if name not in before}
    directory = Directory(store)
    with store.transaction():
        without_parent = [
            name for name, _, item in _items(setup) if name in new and not _add(store, item, directory, cost)
        ]
        kept = {**before, **{name: digest for name, digest in digests.items() if name not in without_parent}}
        store.put(Resource(_RECORD, settings, {"digests": kept, "stamp": stamp}))
    if record is not None:
        changed = [name for name, digest in digests.items() if before.get(name, digest) != digest]
        known = [one for one in setup.principals if _name(one) not in new]
        changed += [_name(one) for one in known if _name(one) not in changed and not _same(one, directory)]
        added = [name for name in digests if name in new and name not in without_parent]
        _report(say, added, changed, [name for name in before if name not in digests], without_parent)


def _add(store: Store, item: Resource | Principal, directory: Directory, cost: int) -> bool:
    """Add what is not there yet; returns False if its parent is gone."""
    if isinstance(item, Principal):
        if directory.get(item.object_id) is None:
            directory.put(_hashed(item, cost))
        return True
    parent = item.id.parent
    if parent != ROOT and store.get(parent) is None:
        return False
    if store.get(item.id) is None:
        store.put(item.with_properties(vmId=str(uuid.uuid4())) if "vmId" in item.properties else item)
    return True


def _items(setup: Setup) -> Iterator[tuple[str, str, Resource | Principal]]:
    """A name, a digest and the item itself, of all that a set-up describes."""
    for resource in setup.resources:
        yield str(resource.id), _digest([_plain(resource.body), _plain(resource.private)]), resource
    for principal in setup.principals:
        yield _name(principal), _digest(asdict(replace(principal, secret_hash=""))), principal


def _name(principal: Principal) -> str:
    return f"{principal.kind} {principal.name}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _settings(setup: Setup) -> dict[str, Any]:
    return {name: getattr(setup, name) for name in _SETTINGS}


def _hashed(principal: Principal, cost: int) -> Principal:
    return replace(principal, secret_hash=hash_secret(principal.secret_hash, cost) if principal.secret_hash else "")


def _same(principal: Principal, directory: Directory) -> bool:
    """Whether the password in the file is the one in the state."""
    present = directory.get(principal.object_id)
    return present is None or not principal.secret_hash or has_secret(present, principal.secret_hash)


def _report(
    say: Callable[[str], None], new: list[str], changed: list[str], gone: list[str], without_parent: list[str]
) -> None:
    if new:
        say(f"new in the set-up file, and added to the state: {_listed(new)}")
    if changed:
        say(
            f"changed in the set-up file, but kept as the state has it: {_listed(changed)} "
            "('--reset-state' starts anew from the file)"
        )
    if without_parent:
        say(f"new in the set-up file, but not added, because its parent has been deleted: {_listed(without_parent)}")
    if gone:
        say(f"no longer in the set-up file, but kept in the state: {_listed(gone)} ('--reset-state' starts anew)")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
