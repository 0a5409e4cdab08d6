"""The directory: users, service principals and groups.

They stand in the store like everything else, under ids that the management REST does not answer:
``/providers/Uartsim.Directory/principals/OBJECT-ID`` and ``.../groups/OBJECT-ID``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from uartsim.service.identity.secret_hash import NO_SECRET, fits_hash
from uartsim.service.store import Resource, ResourceId, Store

_PRINCIPALS: Final = "Uartsim.Directory/principals"


class PrincipalKind(StrEnum):
    """What a role can be assigned to; the value is ARM's ``principalType``."""

    USER = "User"
    SERVICE_PRINCIPAL = "ServicePrincipal"
    GROUP = "Group"


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, a service principal or a group.

    Attributes:
        object_id: its id in the directory, to which roles are assigned.
        kind: what it is.
        name: of a user the name to log in with, such as ``alice@example.com``; otherwise the displayed name.
        application_id: of a service principal, the client id to log in with; otherwise empty.
        secret_hash: what :func:`uartsim.service.identity.secret_hash.hash_secret` made of its secret; empty for a group.
        multi_factor: whether its logins count as multi-factor authentication.
        groups: object ids of the groups it is in.
    """

    object_id: str
    kind: PrincipalKind
    name: str
    application_id: str = ""
    secret_hash: str = ""
    multi_factor: bool = False
    groups: tuple[str, ...] = ()


class Directory:
    """All users, service principals and groups.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __iter__(self) -> Iterator[Principal]:
        return (_read(resource) for resource in self._store.list(_PRINCIPALS))

    def get(self, object_id: str) -> Principal | None:
        """The principal of an object id, or None."""
        found = self._store.get(_id_of(object_id)) if _is_name(object_id) else None
        return None if found is None else _read(found)

    def put(self, principal: Principal) -> None:
        """Add a principal, or replace the one of the same object id."""
        body = {
            "kind": str(principal.kind),
            "name": principal.name,
            "applicationId": principal.application_id,
            "multiFactor": principal.multi_factor,
            "groups": list(principal.groups),
        }
        self._store.put(Resource(_id_of(principal.object_id), body, {"secretHash": principal.secret_hash}))

    def user(self, name: str) -> Principal | None:
        """The user of a name, in whatever case, or None."""
        wanted = name.casefold()
        return next((one for one in self if one.kind is PrincipalKind.USER and one.name.casefold() == wanted), None)

    def service_principal(self, client_id: str) -> Principal | None:
        """The service principal of a client id, or of a name, in whatever case, or None."""
        wanted = client_id.casefold()
        return next(
            (
                one
                for one in self
                if one.kind is PrincipalKind.SERVICE_PRINCIPAL
                and wanted in (one.application_id.casefold(), one.name.casefold())
            ),
            None,
        )

    def group(self, name: str) -> Principal | None:
        """The group of a name, in whatever case, or None."""
        wanted = name.casefold()
        return next((one for one in self if one.kind is PrincipalKind.GROUP and one.name.casefold() == wanted), None)


def has_secret(principal: Principal | None, secret: str) -> bool:
    """Whether a secret is the principal's; for None it never is.

    This takes time on purpose, and as long for an unknown name as for a wrong password: call it in a thread.
    """
    return fits_hash(secret, principal.secret_hash if principal else NO_SECRET)


def _id_of(object_id: str) -> ResourceId:
    return ResourceId(f"/providers/{_PRINCIPALS}/{object_id}")


def _is_name(text: str) -> bool:
    return bool(text) and text.isascii() and text.replace("-", "").isalnum()


def _read(resource: Resource) -> Principal:
    body = resource.body
    return Principal(
        resource.id.name,
        PrincipalKind(body["kind"]),
        body["name"],
        body["applicationId"],
        resource.private.get("secretHash", ""),
        body["multiFactor"],
        tuple(body["groups"]),
    )
