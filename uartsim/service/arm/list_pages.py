"""Long lists in pages: ``nextLink`` is the URL of what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm_error import ArmError

#: How many entries a page has.
PAGE: Final = 100


def page_of(request: ArmRequest, entries: Sequence[Any], most: int = PAGE) -> dict[str, Any]:
    """The page of a list that a request asks for, by its ``$skiptoken``.

    Args:
        request: the request.
        entries: the whole list.
        most: how many entries a page has.

    Raises:
        ArmError: 400, the token is not one of ours.
    """
    token = request.query.get("$skiptoken") or "0"
    if not token.isascii() or not token.isdigit() or len(token) > 9:
        raise ArmError(400, "InvalidSkipToken", "The $skiptoken is invalid: use a nextLink as it was given.")
    start = int(token)
    page: dict[str, Any] = {"value": list(entries[start : start + most])}
    if start + most < len(entries):
        more = {name: quote(value, safe="") for name, value in request.query.items() if name.startswith("$")}
        page["nextLink"] = request.url(request.path, **{**more, "$skiptoken": str(start + most)})
    return page
