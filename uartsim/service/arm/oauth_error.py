"""Forms of OAuth 2.0, and the error that refuses one, with Entra ID's numbers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from uartsim.errors import UartsimError
from uartsim.service.arm_error import ArmError
from uartsim.service.request_body import read_body

#: The most bytes that a form may have.
MOST_BYTES: Final = 64 << 10


class OAuthError(UartsimError):
    """A login is refused (RFC 6749, section 5.2).

    Args:
        status: the HTTP status.
        error: the word that names the error, such as ``"invalid_grant"``.
        number: Entra ID's number for it.
        description: the text for a person.
    """

    def __init__(self, status: int, error: str, number: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.number = number
        self.description = description

    def body(self) -> dict[str, Any]:
        """The answer's body."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        text = f"AADSTS{self.number}: {self.description}"
        return {
            "error": self.error,
            "error_description": f"{text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            "error_codes": [self.number],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
        }


async def read_form(request: Request) -> dict[str, str]:
    """The form in a request's body.

    Raises:
        OAuthError: it is too long, or not a form.
    """
    try:
        body = await read_body(request, MOST_BYTES)
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=64, errors="strict"))
    except ArmError as refused:
        raise OAuthError(refused.status, "invalid_request", 900144, refused.message) from None
    except ValueError:
        raise OAuthError(400, "invalid_request", 900144, "The body is not a form in UTF-8.") from None


def wanted(form: Mapping[str, str], name: str) -> str:
    """A value of a form.

    Raises:
        OAuthError: it is missing or empty.
    """
    if not form.get(name):
        raise OAuthError(
            400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'."
        )
    return form[name]
