"""Who makes a request, as the token says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Caller:
    """The user or service principal that a token names.

    Attributes:
        object_id: its id in the directory, to which roles are assigned.
        name: its name, such as ``alice@example.com``.
        tenant_id: its tenant.
        expires_at: when the token expires, in seconds since 1970.
        multi_factor: whether the token was given after multi-factor authentication (``amr`` has ``mfa``).
        claims: all that the token says.
    """

    object_id: str
    name: str
    tenant_id: str
    expires_at: float
    multi_factor: bool
    claims: Mapping[str, Any]
