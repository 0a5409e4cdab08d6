"""The hash of a password as ``/etc/shadow`` holds it: SHA-512-crypt (``$6$``), as every Linux distribution reads it.

OpenSSL makes it: Python's own module ``crypt`` has left the standard library with Python 3.13.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.images.host_tools import run_tool

#: How long openssl may take, in seconds.
TIMEOUT_S: Final = 30.0
_INSTALL: Final = "apt-get install openssl"
_HASH: Final = re.compile(r"\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}")


def password_hash(password: str, salt_from: str) -> str:
    """The hash of a password.

    Args:
        password: the password.
        salt_from: any text, such as the user's name: the salt is made of it and the password, so that the same ones give
            the same hash.

    Raises:
        UsageError: the password is empty or has characters that cannot be typed, or openssl is missing.
        UartsimError: openssl fails.
    """
    if not password or not password.isprintable():
        raise UsageError("a password must not be empty, and have printable characters only")
    digest = hashlib.sha256(f"{salt_from}\0{password}".encode()).digest()
    salt = base64.b64encode(digest, altchars=b"./").decode()[:16]
    done = run_tool(
        ["openssl", "passwd", "-6", "-salt", salt, "-stdin"],
        _INSTALL,
        timeout_s=TIMEOUT_S,
        given=password.encode() + b"\n",
    )
    text = done.output.decode(errors="replace").strip()
    if done.status or not _HASH.fullmatch(text):
        raise UartsimError(
            f"openssl made no hash of the password (status {done.status}): it needs OpenSSL 1.1.1 or later"
        )
    return text
