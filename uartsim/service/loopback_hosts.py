"""The names by which a URL means this computer."""

from __future__ import annotations

import re
from typing import Final

LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
#: The same as they stand in a URL, and in the header ``Host``.
LOOPBACK_AUTHORITIES: Final = tuple(f"[{host}]" if ":" in host else host for host in LOOPBACK_HOSTS)
_PORT: Final = re.compile(r":\d{0,5}\Z")


def is_loopback(authority: str) -> bool:
    """Whether an authority, such as ``localhost:8443`` in the header ``Host``, is this computer, at whatever port."""
    return _PORT.sub("", authority).casefold().rstrip(".") in LOOPBACK_AUTHORITIES
