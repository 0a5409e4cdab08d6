"""The failure of a test whose request was answered where a rule had to refuse it."""

from __future__ import annotations

import httpx


class NotRefused(AssertionError):
    """A request that a rule had to refuse has been answered, or refused by another rule."""


def check_refused(answer: httpx.Response, status: int, text: str) -> None:
    """Check that a request was refused with a status and a text.

    Raises:
        NotRefused: it was not.
    """
    error = answer.json().get("error", {}) if answer.status_code >= 400 else {}
    if answer.status_code != status or text not in error.get("message", ""):
        raise NotRefused(f"expected {status} {text!r}: {answer.status_code} {answer.text}")
