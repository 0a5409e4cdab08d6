"""The names by which a URL means this computer."""

from __future__ import annotations

from typing import Final

LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
#: The same as they stand in a URL and in ``Host``, where an IPv6 address is in brackets (RFC 3986, section 3.2.2).
LOOPBACK_URL_HOSTS: Final = tuple(f"[{host}]" if ":" in host else host for host in LOOPBACK_HOSTS)
