"""The headers that every answer of the management REST has."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

#: How many reads and writes of a subscription in an hour the headers count down from; nothing is refused for it.
READS_AN_HOUR: Final = 12000
WRITES_AN_HOUR: Final = 1200


class ResponseHeaders:
    """Makes them, and counts the requests of each subscription."""

    def __init__(self) -> None:
        self._hour = 0
        self._used: Counter[tuple[str, str]] = Counter()

    def for_request(self, asked: Mapping[str, str]) -> dict[str, str]:
        """The headers for a request.

        ``Date`` is the server's own.

        Args:
            asked: the request's headers; ``x-ms-correlation-request-id`` is taken over if it is a UUID, and
                ``x-ms-client-request-id`` comes back if ``x-ms-return-client-request-id`` asks for it.
        """
        request_id = str(uuid.uuid4())
        correlation = _uuid(asked.get("x-ms-correlation-request-id", "")) or request_id
        headers = {
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": correlation,
            "x-ms-routing-request-id": f"LOCAL:{datetime.now(UTC):%Y%m%dT%H%M%SZ}:{correlation}",
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "Expires": "-1",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }
        client_id = asked.get("x-ms-client-request-id")
        if client_id and asked.get("x-ms-return-client-request-id", "").casefold() == "true":
            headers["x-ms-client-request-id"] = client_id[:200]
        return headers

    def count(self, headers: dict[str, str], method: str, path: str) -> None:
        """Count a request, and add ``x-ms-ratelimit-remaining-subscription-reads`` or ``-writes`` to its headers."""
        first, _, rest = path.strip("/").partition("/")
        if first.casefold() != "subscriptions" or not rest:
            return
        hour = int(time.time() // 3600)
        if hour != self._hour:
            self._hour = hour
            self._used.clear()
        kind, most = ("reads", READS_AN_HOUR) if method in {"GET", "HEAD"} else ("writes", WRITES_AN_HOUR)
        subscription = rest.partition("/")[0].casefold()
        self._used[subscription, kind] += 1
        left = max(0, most - self._used[subscription, kind])
        headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] = str(left)


def _uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
