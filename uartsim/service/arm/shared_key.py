"""Requests to blobs that are signed with a key of the storage account, as the SDKs and the Azure CLI sign them.

Source: "Authorize with Shared Key" in the REST reference of Azure Storage, for versions from 2015-02-21 on.  With a path as the
account's endpoint, the account's name stands twice in the canonical resource, as with the storage emulator.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from starlette.requests import Request

from uartsim.service.arm_error import ArmError

#: The headers whose values are signed, in this order.
_SIGNED: Final = (
    *("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date"),
    *("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"),
)
#: How far a request's date may be from now.
_MOST_APART: Final = timedelta(minutes=15)


def check_shared_key(request: Request, account: str, keys: Iterable[str], now: datetime) -> None:
    """Check that a request is signed with a key of an account.

    Args:
        request: the request.
        account: the account's name.
        keys: its keys, in base64.
        now: the time.

    Raises:
        ArmError: 403 ``AuthenticationFailed``.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    named, _, signature = credential.strip().partition(":")
    if scheme.casefold() != "sharedkey" or named.casefold() != account.casefold():
        raise not_authenticated(f"The request has to be signed with a key of the account '{account}' (SharedKey).")
    _check_date(request, now)
    signed = _string_to_sign(request, named).encode()
    wanted = [base64.b64encode(hmac.digest(base64.b64decode(key), signed, "sha256")) for key in keys]
    if not any(hmac.compare_digest(one, signature.encode()) for one in wanted):
        raise not_authenticated(
            "The MAC signature found in the HTTP request is not the same as any computed signature."
        )


def not_authenticated(detail: str) -> ArmError:
    """A request to a blob is not signed as it has to be; it is answered in XML.

    Args:
        detail: what is wrong, a sentence.
    """
    return ArmError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        f"including the signature. {detail}",
    )


def _check_date(request: Request, now: datetime) -> None:
    text = request.headers.get("x-ms-date") or request.headers.get("date") or ""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        raise not_authenticated("The header x-ms-date is missing, or is not a date of HTTP.") from None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    if abs(now - date) > _MOST_APART:
        raise not_authenticated(f"Request date header too old: '{text}'.")


def _string_to_sign(request: Request, account: str) -> str:
    headers = {name: request.headers.get(name, "") for name in _SIGNED}
    if headers["content-length"] == "0":
        headers["content-length"] = ""
    ours = sorted((name, value) for name, value in request.headers.items() if name.startswith("x-ms-"))
    path = request.scope.get("raw_path", request.url.path.encode()).partition(b"?")[0].decode("ascii", "replace")
    query = sorted((name.casefold(), value) for name, value in request.query_params.multi_items())
    return "\n".join(
        [
            request.method,
            *headers.values(),
            *(f"{name}:{value}" for name, value in ours),
            f"/{account}{path}",
            *(f"{name}:{value}" for name, value in query),
        ]
    )
