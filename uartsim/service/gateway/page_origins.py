"""Which pages in a browser may use the gateway: those of the service itself.

A browser opens a WebSocket to this computer for a page of any site, and says in ``Origin`` whose page it is (RFC 6455,
section 10.2).  It also says in ``Sec-Fetch-Site`` how the two are related (Fetch Metadata, W3C).  Programs send neither, or
the address to which they connect, as websocket-client does; they could send anything, and are held off by the token alone.

Behind a forwarded port the service does not know its own address: there, a page is its own whose origin is the address that
``Host`` names, on this computer.  For the page of another port the two differ, and a name that a stranger's DNS leads here is
not a name of this computer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.loopback_hosts import LOOPBACK_AUTHORITIES, is_loopback

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
#: A request of the service's own page, and one that no page has made.
_OWN_SITES: Final = (b"same-origin", b"none")


class PageOrigins:
    """The origins of the service's own pages.

    Args:
        base_url: where the service is reached, such as ``https://localhost:8443``.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        default = _DEFAULT_PORTS[parts.scheme]
        port = parts.port or default
        self._scheme = parts.scheme
        self._own = {f"{parts.scheme}://{host}:{port}" for host in LOOPBACK_AUTHORITIES}
        if port == default:
            self._own |= {f"{parts.scheme}://{host}" for host in LOOPBACK_AUTHORITIES}

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Check who has made a request, as far as its headers say so.

        Args:
            headers: names and values.

        Raises:
            ArmError: 403, it is a page of somebody else.
        """
        headers = list(headers)
        for name, value in headers:
            lowered = name.lower()
            if lowered == b"origin":
                origin = value.decode("latin-1")
                if origin.casefold() not in self._own | self._addressed(headers):
                    raise _foreign(f"The page of {quoted(origin)}")
            elif lowered == b"sec-fetch-site" and value.lower() not in _OWN_SITES:
                raise _foreign("The page of another site")

    def _addressed(self, headers: list[tuple[bytes, bytes]]) -> set[str]:
        """The origin of the address that a request was sent to, if that is one of this computer's."""
        hosts = [value.decode("latin-1").casefold() for name, value in headers if name.lower() == b"host"]
        return {f"{self._scheme}://{hosts[0]}"} if len(hosts) == 1 and is_loopback(hosts[0]) else set()


def _foreign(page: str) -> ArmError:
    return ArmError(
        403, "OriginNotAllowed", f"{page} may not use this console: use the service's own page, or a program."
    )
