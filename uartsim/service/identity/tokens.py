"""Access tokens: JSON Web Tokens (RFC 7519) that this service signs with RS256 and reads.

The claims are those of Microsoft Entra ID: ``oid`` and ``tid`` name the principal and its tenant; ``upn`` and
``unique_name`` are a user's name, ``appid`` is a service principal's client id; ``amr`` has ``pwd``, and ``mfa`` after
multi-factor authentication.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from uartsim.service.arm_error import ArmError
from uartsim.service.identity.callers import Caller
from uartsim.service.identity.directory import Principal, PrincipalKind
from uartsim.service.loopback_hosts import LOOPBACK_HOSTS

#: How long a token is good for, in seconds, unless the set-up says otherwise.
LIFETIME_S: Final = 3600.0
#: How long a refresh token is good for, in seconds: 90 days.
REFRESH_LIFETIME_S: Final = 90 * 86400.0
#: What the claim ``typ`` says: an access token, a refresh token, or an id token of OpenID Connect.
_ACCESS: Final = "access"
_REFRESH: Final = "refresh"
_ID: Final = "id"
#: Whom a token can be for, beside this service under any of its own names.
AUDIENCES: Final = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)
#: A longer token is not looked at.
LONGEST_TOKEN: Final = 16384
_ALGORITHM: Final = "RS256"


class Tokens:
    """Gives and reads access tokens.

    Args:
        key: the private key, in PEM.
        tenant_id: the tenant whose tokens they are.
        issuer: the URL that tokens name as their issuer.
        lifetime_s: how long an access token is good for, in seconds.
        clock: the time in seconds since 1970.

    Raises:
        ValueError: ``key`` is not such a key.

    Attributes:
        tenant_id: as given.
        issuer: as given.
        lifetime_s: as given.
    """

    def __init__(
        self,
        key: bytes,
        tenant_id: str,
        issuer: str,
        lifetime_s: float = LIFETIME_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # The key is our own: checking that its numbers are primes takes longer than all else at the start.
        private = load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, RSAPrivateKey):
            raise ValueError("not an RSA key")
        self._key = RSAKey(private, private)
        self._key_id = self._key.thumbprint()
        self._clock = clock
        self.tenant_id = tenant_id
        self.issuer = issuer
        self.lifetime_s = lifetime_s

    def issue(
        self,
        principal: Principal,
        *,
        audience: str = AUDIENCES[0],
        lifetime_s: float | None = None,
        mfa: bool | None = None,
    ) -> str:
        """A new access token.

        Args:
            principal: whom it is for.
            audience: the resource that it is for.
            lifetime_s: how long it is good for, in seconds; None for as long as all.
            mfa: whether it says ``mfa``; None for what the principal's logins count as.
        """
        return self._issue(_ACCESS, principal, audience, self.lifetime_s if lifetime_s is None else lifetime_s, mfa)

    def issue_refresh(self, principal: Principal) -> str:
        """A new refresh token, with which a user gets new access tokens without the password."""
        return self._issue(_REFRESH, principal, self.issuer, REFRESH_LIFETIME_S)

    def issue_id(self, principal: Principal, client_id: str, nonce: str) -> str:
        """A new id token (OpenID Connect), which tells a program who has logged in.

        Args:
            principal: who.
            client_id: the program.
            nonce: what the program knows its token by; empty for none.
        """
        return self._issue(_ID, principal, client_id, self.lifetime_s, nonce=nonce)

    def _issue(
        self,
        kind: str,
        principal: Principal,
        audience: str,
        lifetime_s: float,
        mfa: bool | None = None,
        nonce: str = "",
    ) -> str:
        now = int(self._clock())
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": int(self._clock() + lifetime_s),
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant_id,
            "typ": kind,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        if principal.kind is PrincipalKind.USER:
            has_mfa = principal.multi_factor if mfa is None else mfa
            claims |= {
                "amr": ["pwd", "mfa"] if has_mfa else ["pwd"],
                "idtyp": "user",
                "name": principal.name,
                "unique_name": principal.name,
                "upn": principal.name,
            }
        else:
            claims |= {"appid": principal.application_id, "appidacr": "1", "idtyp": "app"}
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode({"alg": _ALGORITHM, "typ": "JWT", "kid": self._key_id}, claims, self._key)

    def read_refresh(self, token: str) -> str | None:
        """The object id of the user that a refresh token is for; None if it is not one, or has expired."""
        try:
            claims = self._signed_claims(_REFRESH, token)
        except ArmError:
            return None
        is_good = claims["tid"] == self.tenant_id and claims["exp"] > self._clock()
        return str(claims["oid"]) if is_good else None

    def read(self, token: str) -> Caller:
        """Who has the token.

        Raises:
            ArmError: 401, it is malformed, foreign or expired (``InvalidAuthenticationToken``, ``ExpiredAuthenticationToken``).
        """
        claims = self._signed_claims(_ACCESS, token)
        now = self._clock()
        if claims["exp"] <= now:
            raise self._refusal(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{_us_time(claims['exp'])}' is earlier than current UTC time "
                f"'{_us_time(now)}'.",
            )
        if claims["tid"] != self.tenant_id:
            raise self._refusal(
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer. It must match the tenant '{self.issuer}' associated with "
                "this subscription.",
            )
        if not _is_for_us(claims["aud"]):
            raise self._refusal(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should exactly "
                f"match with one of the allowed audiences {','.join(repr(one) for one in AUDIENCES)}.",
            )
        return Caller(
            object_id=claims["oid"],
            name=str(claims.get("upn") or claims.get("appid") or claims["oid"]),
            tenant_id=claims["tid"],
            expires_at=float(claims["exp"]),
            multi_factor="mfa" in claims.get("amr", ()),
            claims=claims,
        )

    def read_header(self, header: str | None) -> Caller:
        """Who sends a request, by its header ``Authorization``.

        Args:
            header: the header's value, or None if the request has none.

        Raises:
            ArmError: 401; ``AuthenticationFailed`` if it is missing or of another scheme than ``Bearer``.
        """
        if header is None or not header.strip():
            raise self._refusal("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        scheme, _, token = header.strip().partition(" ")
        if scheme.casefold() != "bearer":
            raise self._refusal(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
            )
        return self.read(token.strip())

    def jwks(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._key_id, "use": "sig", "alg": _ALGORITHM}]}

    def _signed_claims(self, kind: str, token: str) -> dict[str, Any]:
        """The claims of a token of this kind with our signature and all that we put into one."""
        try:
            if len(token) > LONGEST_TOKEN:
                raise ValueError("too long")
            claims = dict(jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims)
            kinds = {"aud": str, "exp": int, "oid": str, "tid": str}
            if not all(isinstance(claims.get(name), wanted) for name, wanted in kinds.items()):
                raise ValueError("claims are missing")
            if claims.get("typ") != kind:
                raise ValueError("a token of another kind")
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise self._refusal("InvalidAuthenticationToken", "The access token is invalid.") from None
        return claims

    def _refusal(self, code: str, message: str) -> ArmError:
        error = "invalid_token" if code != "AuthenticationFailed" else "invalid_request"
        plain = message.replace('"', "'")
        challenge = f'Bearer authorization_uri="{self.issuer}", error="{error}", error_description="{plain}"'
        return ArmError(401, code, message, headers={"WWW-Authenticate": _header_value(challenge)})


def new_key() -> bytes:
    """A new private key, in PEM."""
    return RSAKey.generate_key(2048).as_pem(private=True)


def _is_for_us(audience: str) -> bool:
    try:
        parts = urlsplit(audience)
        return audience in AUDIENCES or (parts.scheme == "https" and parts.hostname in LOOPBACK_HOSTS)
    except ValueError:
        return False


def _us_time(seconds: float) -> str:
    """A time as ARM writes it, such as ``5/1/2019 6:25:12 PM``."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.month}/{moment.day}/{moment.year} {moment.strftime('%I:%M:%S %p').lstrip('0')}"


def _header_value(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)
