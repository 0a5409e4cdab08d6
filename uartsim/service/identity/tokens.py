"""Access tokens: JSON Web Tokens that this service signs and reads (RFC 7519)."""

from __future__ import annotations

from uartsim.service.identity.callers import Caller


class Tokens:
    """Gives and reads access tokens."""

    def read(self, token: str) -> Caller:
        """Who has the token.

        Raises:
            ArmError: 401, it is malformed, foreign or expired (``InvalidAuthenticationToken``, ``ExpiredAuthenticationToken``).
        """
        raise NotImplementedError
