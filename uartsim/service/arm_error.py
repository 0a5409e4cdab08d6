"""The error that refuses a request, in the form of the Azure Resource Manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from uartsim.errors import UartsimError


class ArmError(UartsimError):
    """A request is refused.

    Args:
        status: the HTTP status, such as 403.
        code: the word that names the error, such as ``"AuthorizationFailed"``.
        message: the text for a person.
        target: what the error is about, or None.
        details: further errors.
        headers: further headers of the answer, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The answer's body: ``{"error": {"code", "message", "target", "details"}}``, without what is absent."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = [dict(detail) for detail in self.details]
        return {"error": error}
