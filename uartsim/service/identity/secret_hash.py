"""Passwords and client secrets as the store holds them: a salt and their scrypt hash (RFC 7914)."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

#: The cost N of new hashes: 16 MiB and about 50 ms for each.
COST: Final = 1 << 14
_BLOCK: Final = 8
_LANES: Final = 1
#: A hash of a higher cost is refused, so that a changed database cannot use up all memory.
_HIGHEST_COST: Final = 1 << 17
#: A hash that fits no secret, and takes as long to say so.
NO_SECRET: Final = f"scrypt${COST}${'00' * 16}${'00' * 32}"
#: A longer secret is refused before it is hashed.
LONGEST_SECRET: Final = 1024


def hash_secret(secret: str, cost: int = COST) -> str:
    """The hash of a secret with a new salt, as ``scrypt$N$SALT$HASH``.

    Args:
        secret: the password or client secret.
        cost: scrypt's N, a power of two.
    """
    salt = os.urandom(16)
    return f"scrypt${cost}${salt.hex()}${_scrypt(secret, salt, cost).hex()}"


def fits_hash(secret: str, stored: str) -> bool:
    """Whether a secret is the one that was hashed.

    Args:
        secret: what was typed.
        stored: what :func:`hash_secret` has returned; anything else fits no secret.
    """
    try:
        kind, cost, salt, expected = stored.split("$")
        if kind != "scrypt" or int(cost) > _HIGHEST_COST or len(secret) > LONGEST_SECRET:
            return False
        return hmac.compare_digest(_scrypt(secret, bytes.fromhex(salt), int(cost)), bytes.fromhex(expected))
    except ValueError:
        return False


def _scrypt(secret: str, salt: bytes, cost: int) -> bytes:
    encoded = secret.encode("utf-8", "surrogatepass")
    most = 256 * _BLOCK * (cost + _LANES + 2)  # twice what RFC 7914 needs
    return hashlib.scrypt(encoded, salt=salt, n=cost, r=_BLOCK, p=_LANES, maxmem=most, dklen=32)
