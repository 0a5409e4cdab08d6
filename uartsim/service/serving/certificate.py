"""The service's certificate, and the authority that signs it: made on the first start and kept in the state folder.

The authority is this folder's own, and nobody trusts it but those who are told to.  A certificate that has expired, or
soon will, is renewed with the same authority, so that clients go on as before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from uartsim.service.loopback_hosts import LOOPBACK_HOSTS
from uartsim.service.serving.state_folder import AUTHORITY, AUTHORITY_KEY, CERTIFICATE, StateFolder

#: How long a certificate is good for.
LIFETIME: Final = timedelta(days=397)
#: How long before its end it is renewed.
RENEWED_BEFORE: Final = timedelta(days=30)


def provide_certificate(state: StateFolder, say: Callable[[str], None], now: datetime | None = None) -> bool:
    """Make the certificate, or renew it, where that is needed; returns whether it is a new one.

    Args:
        state: the folder that gets ``server.pem`` (the key and the certificate) and ``ca.pem``.
        say: told in a sentence why it is renewed.
        now: the time; the present if not given.
    """
    now = now or datetime.now(UTC)
    present, authority = state.read(CERTIFICATE), state.read(AUTHORITY)
    ends = _end_of(present) if present is not None else None
    if authority is not None and ends is not None and ends - RENEWED_BEFORE > now:
        return False
    if present is not None:
        why = "is damaged" if ends is None else f"{'has expired' if ends <= now else 'expires'} on {ends:%Y-%m-%d}"
        say(f"the certificate {state.file(CERTIFICATE)} {why}: it is renewed")
    _issue(state, say, now + LIFETIME, authority)
    return True


def _issue(state: StateFolder, say: Callable[[str], None], ends: datetime, authority: bytes | None) -> None:
    import trustme  # imported here because a start with a certificate does not need it

    key = state.read(AUTHORITY_KEY)
    maker = None
    if authority is not None and key is not None:
        try:
            maker = trustme.CA.from_pem(authority, key)
        except ValueError:
            pass
    if maker is None:
        if authority is not None:
            say(
                f"the authority {state.file(AUTHORITY)} is damaged: there is a new one, which clients have to load again"
            )
        maker = trustme.CA(organization_name="uartsim", organization_unit_name="uartsim serve")
        state.write(AUTHORITY_KEY, maker.private_key_pem.bytes())
        state.write(AUTHORITY, maker.cert_pem.bytes())
    leaf = maker.issue_cert(*LOOPBACK_HOSTS, common_name="localhost", organization_name="uartsim", not_after=ends)
    state.write(CERTIFICATE, leaf.private_key_and_cert_chain_pem.bytes())


def _end_of(pem: bytes) -> datetime | None:
    """When a certificate expires; None for what is not one, with its key."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc if b"PRIVATE KEY-----" in pem else None
    except ValueError:
        return None
