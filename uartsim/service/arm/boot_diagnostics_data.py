"""``retrieveBootDiagnosticsData``: links to the serial log and the screenshot of a machine, and what they lead to.

As with Azure's storage, such a link is good for anybody who has it, until it expires: it has the service's signature (a
shared access signature).  The service makes the key for signing when it starts, so links end with it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from uartsim.errors import UartsimError
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.compute_power import INSTANCE, MACHINE, TYPES
from uartsim.service.arm.machine_views import vm_id
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.diagnostics_settings import account_of, boot_diagnostics_of
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId

#: Where the blobs are.
BLOBS: Final = "/bootdiagnostics"
#: How long a link is good for, in minutes, unless the request says otherwise; and the most that it can say.
DEFAULT_MINUTES: Final = 120
MOST_MINUTES: Final = 1440

_KEY: Final = secrets.token_bytes(32)
_STORAGE_VERSION: Final = "2018-03-28"
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
#: A black picture of 8 times 4 pixels: a machine here has a serial line, and no screen.
_SCREENSHOT: Final = (
    b"BM" + (62 + 16).to_bytes(4, "little") + bytes(4) + (62).to_bytes(4, "little")
    + (40).to_bytes(4, "little") + (8).to_bytes(4, "little") + (4).to_bytes(4, "little")
    + (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes(24) + bytes(8) + bytes(16)
)  # fmt: skip


async def _retrieve(request: ArmRequest) -> Answer:
    resource = request.resource()
    settings = boot_diagnostics_of(resource)
    if settings.get("enabled") is not True:
        raise ArmError(
            409, "OperationNotAllowed", f"Boot diagnostics is not enabled for the virtual machine '{resource.id.name}'."
        )
    account = account_of(settings)
    if account is not None:
        _check_account(request, account)
    minutes = _minutes(request.query.get("sasuriexpirationtimeinminutes"))
    expires = int(time.time()) + 60 * minutes
    name = f"{resource.id.name}.{vm_id(resource)}"
    links = {
        kind: _link(request.parts, resource.id, f"{name}.{end}", account or "", expires)
        for kind, end in (
            ("consoleScreenshotBlobUri", "screenshot.bmp"),
            ("serialConsoleLogBlobUri", "serialconsole.log"),
        )
    }
    return Answer(links)


def _check_account(request: ArmRequest, name: str) -> None:
    """Check that the storage account exists, and that the caller may read it."""
    accounts = request.parts.store.list("Microsoft.Storage/storageAccounts")
    account = next((one for one in accounts if one.id.name.casefold() == name.casefold()), None)
    if account is None:
        group = ResourceId("/" + "/".join(request.id.segments[:4]))
        raise resource_not_found(group / f"providers/Microsoft.Storage/storageAccounts/{name}")
    request.parts.authorisation.check(request.caller, "Microsoft.Storage/storageAccounts/read", account.id)


def _minutes(text: str | None) -> int:
    if text is None:
        return DEFAULT_MINUTES
    if not re.fullmatch(r"\d{1,5}", text) or not 1 <= int(text) <= MOST_MINUTES:
        raise ArmError(
            400,
            "InvalidParameter",
            f"sasUriExpirationTimeInMinutes is a whole number from 1 to {MOST_MINUTES}.",
            target="sasUriExpirationTimeInMinutes",
        )
    return int(text)


def _link(parts: Parts, machine_id: ResourceId, blob: str, account: str, expires: int) -> str:
    path = f"{BLOBS}{machine_id}/{blob}"
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = {"sv": _STORAGE_VERSION, "sr": "b", "sp": "r", "se": until, "account": account}
    return f"{parts.base_url}{quote(path)}?{urlencode({**query, 'sig': _signature(path, account, until)})}"


def _signature(path: str, account: str, until: str) -> str:
    return hmac.new(_KEY, f"{path}\n{account}\n{until}".encode(), hashlib.sha256).hexdigest()


def blob_routes(parts: Parts) -> list[Route]:
    """The routes of the blobs, which need no token: the signature in the link is the permission."""

    async def get(request: Request) -> Response:
        return _blob(parts, request)

    return [Route(f"{BLOBS}/{{path:path}}", get, methods=["GET"])]


def _blob(parts: Parts, request: Request) -> Response:
    path, query = request.scope["path"], request.query_params
    account, until = query.get("account", ""), query.get("se", "")
    wanted = _signature(path, account, until)
    if not hmac.compare_digest(wanted.encode(), query.get("sig", "").encode()):
        return _refusal(
            403, "AuthenticationFailed", "Server failed to authenticate the request: the signature is wrong."
        )
    if datetime.strptime(until, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() < time.time():
        return _refusal(403, "AuthenticationFailed", "Server failed to authenticate the request: the link has expired.")
    resource = parts.store.get(ResourceId(path.removeprefix(BLOBS).rpartition("/")[0]))
    if resource is None:
        return _refusal(404, "BlobNotFound", "The specified blob does not exist.")
    if path.endswith(".bmp"):
        return Response(_SCREENSHOT, media_type="image/bmp")
    return _log(parts, resource, account, request)


def _log(parts: Parts, resource: Resource, account: str, request: Request) -> Response:
    if parts.diagnostics is None:
        return _refusal(404, "BlobNotFound", "The specified blob does not exist.")
    try:
        log = parts.diagnostics.log_of(resource.id, storage_account=account or None)
        content, etag = log.read(), log.etag
    except (UartsimError, OSError) as error:
        return _refusal(503, "ServerBusy", f"The log cannot be read: {error}")
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "x-ms-blob-type": "AppendBlob", "Cache-Control": "no-store"}
    wanted = _RANGE.fullmatch(request.headers.get("x-ms-range") or request.headers.get("range") or "")
    if wanted is None:
        return Response(content, media_type="text/plain; charset=utf-8", headers=headers)
    start, end = int(wanted[1]), int(wanted[2]) + 1 if wanted[2] else len(content)
    if start >= min(end, len(content)):
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{len(content)}"})
    part = content[start:end]
    headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
    return Response(part, 206, headers, "text/plain; charset=utf-8")


def _refusal(status: int, code: str, message: str) -> Response:
    """An error as Azure's storage has it."""
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text, status, {"x-ms-error-code": code}, "application/xml")


OPERATIONS: Final = tuple(
    Operation(
        "POST",
        f"{path}/retrieveBootDiagnosticsData",
        f"{TYPES[path]}/retrieveBootDiagnosticsData/action",
        _retrieve,
        "Links to the serial log and the screenshot, good for some time",
        {200: "BootDiagnosticsData"},
        query=(QueryParameter("sasUriExpirationTimeInMinutes", f"1 to {MOST_MINUTES}, by default {DEFAULT_MINUTES}"),),
    )
    for path in (MACHINE, INSTANCE)
)
