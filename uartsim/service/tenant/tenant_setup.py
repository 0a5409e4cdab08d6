"""What a set-up describes: settings of the whole tenant, and the resources and principals that there are at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from uartsim.service.identity.directory import Principal
from uartsim.service.store import Resource

#: The example's tenant and the one of a set-up that names none.
DEFAULT_TENANT_ID: Final = "aaaabbbb-0000-4000-8000-0000c0de0001"
DEFAULT_DOMAIN: Final = "example.com"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a set-up file describes, checked.

    Attributes:
        tenant_id: the tenant.
        domain: what follows ``@`` in the name of a user who is given without.
        token_lifetime_s: how long access tokens are good for, in seconds.
        console: the table ``[console]``.
        gateway: the table ``[gateway]``.
        faults: the table ``[faults]``.
        principals: users, service principals and groups; instead of a hash, each has its secret as it is written.
        resources: everything else, containers before what is in them.
    """

    tenant_id: str = DEFAULT_TENANT_ID
    domain: str = DEFAULT_DOMAIN
    token_lifetime_s: int = 3600
    console: Mapping[str, Any] = field(default_factory=dict)
    gateway: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    principals: tuple[Principal, ...] = ()
    resources: tuple[Resource, ...] = ()
