"""The serial log of a machine, and its screen, as blobs: the URLs that ``retrieveBootDiagnosticsData`` gives, and what
answers there.

A URL is signed with a key of the storage account and expires, as a shared access signature does; whoever has it can
read this one blob until then, and needs no token.  The account's firewall holds for it.  Its host is this service, since the
account's own host in Azure cannot be.  At the account's endpoint, ``/NAME/``, the log is read with a key of the account
too.  Source of parameters, headers and errors: "Create a service SAS" and "Get Blob" in the REST reference of Azure
Storage.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from uartsim.errors import UartsimError
from uartsim.service.arm.machine_views import log_stem
from uartsim.service.arm.shared_key import check_shared_key, not_authenticated
from uartsim.service.arm.storage_accounts import account_keys
from uartsim.service.arm_error import ArmError
from uartsim.service.diagnostics.serial_log import SerialLog
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.diagnostics_settings import (
    account_of,
    boot_diagnostics_of,
    find_account,
    readable_account,
)
from uartsim.service.machines.screenshots import bitmap
from uartsim.service.parts import Parts
from uartsim.service.private_headers import PRIVATE_HEADERS
from uartsim.service.store import Resource, ResourceId, Store
from uartsim.service.store.machine_types import MACHINE_TYPES

#: The path below which the blobs are.
PATH: Final = "/blobs"
#: The header that says how many bytes the machine's output has had before the log's first one.  In a request it asks for
#: what the output has from that byte on, and then it says of the answer where that begins: so a program follows a log
#: without reading it again.
OFFSET: Final = "x-uartsim-log-offset"
#: What stands for the account in the path of a log in storage that Azure manages; no account can have this name.
MANAGED: Final = "managed-storage"
_MANAGED_KEYS: Final = ResourceId("/providers/Uartsim.Storage/managedStorage/default")
#: The endings of the names of a machine's blobs.
_LOG: Final = ".serialconsole.log"
_SCREENSHOT: Final = ".screenshot.bmp"
_VERSION: Final = "2023-11-03"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_OFFSET_VALUE: Final = re.compile(r"[0-9]{1,18}")
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


def serial_log_uri(parts: Parts, caller: Caller, machine: Resource, lifetime: timedelta) -> str:
    """The URL of a machine's serial log.

    Args:
        parts: the rooms of the service.
        caller: who wants to read it; it takes a role with read on the storage account.
        machine: a virtual machine or an instance of a scale set.
        lifetime: how long the URL can be used.

    Raises:
        ArmError: boot diagnostics are off, the account is gone, or the caller may not read it.
    """
    return _uri(parts, caller, machine, lifetime, _LOG)


def screenshot_uri(parts: Parts, caller: Caller, machine: Resource, lifetime: timedelta) -> str:
    """The URL of the picture on a machine's display; arguments and errors are those of :func:`serial_log_uri`."""
    return _uri(parts, caller, machine, lifetime, _SCREENSHOT)


def _uri(parts: Parts, caller: Caller, machine: Resource, lifetime: timedelta, ending: str) -> str:
    name = readable_account(parts.store, parts.authorisation, caller, machine)
    path = f"/{name or MANAGED}/{log_stem(machine)}{ending}"
    expiry = (datetime.now(UTC) + lifetime).strftime(_TIME)
    query = {"sv": _VERSION, "sr": "b", "sp": "r", "se": expiry}
    account = find_account(parts.store, name) if name is not None else None
    query["sig"] = _signature(_key(parts.store, account), path, query)
    return f"{parts.base_url}{PATH}{quote(path)}?{urlencode(query)}"


def serial_log_routes(parts: Parts, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Route]:
    """The routes at which logs and screenshots are read.

    Args:
        parts: the rooms of the service.
        clock: tells when a URL has expired.
    """

    def answering(
        read: Callable[[Parts, Request, datetime], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                found = await read(parts, request, clock())
            except ArmError as refused:
                found = _xml(refused)
            except (OSError, UartsimError) as fault:
                found = _xml(ArmError(500, "InternalError", f"The server encountered an internal error: {fault}"))
            found.headers.update(PRIVATE_HEADERS)
            return found

        return answer

    return [
        Route(f"{PATH}/{{account}}/{{container}}/{{blob}}", answering(_read), methods=["GET", "HEAD"]),
        Route("/{account}/bootdiagnostics-{container}/{blob}", answering(_read_with_key), methods=["GET", "HEAD"]),
    ]


async def _read(parts: Parts, request: Request, now: datetime) -> Response:
    name, query = request.path_params["account"], request.query_params
    account = None if name == MANAGED else _account(parts.store, name)
    path = f"/{name}/{request.path_params['container']}/{request.path_params['blob']}"
    signed = {field: query.get(field, "") for field in ("sv", "sr", "sp", "se")}
    wanted = _signature(_key(parts.store, account), path, signed)
    if not hmac.compare_digest(wanted.encode(), query.get("sig", "").encode()):
        raise not_authenticated("Signature did not match.")
    if now > _time(signed["se"]):
        raise not_authenticated(f"Signature not valid in the specified time frame: Expiry [{signed['se']}]")
    return await _blob(parts, request, account, path)


async def _read_with_key(parts: Parts, request: Request, now: datetime) -> Response:
    name = request.path_params["account"]
    account = _account(parts.store, name)
    if account.properties.get("allowSharedKeyAccess") is False:
        text = "Key based authentication is not permitted on this storage account."
        raise ArmError(403, "KeyBasedAuthenticationNotPermitted", text)
    check_shared_key(request, name, account_keys(parts.store, account), now)
    machine = _machine(parts.store, request.url.path)
    if machine is None or account_of(boot_diagnostics_of(machine)) != account.id.name.casefold():
        raise ArmError(404, "BlobNotFound", "The specified blob does not exist.")
    return await _blob(parts, request, account, request.url.path)


async def _blob(parts: Parts, request: Request, account: Resource | None, path: str) -> Response:
    """The log, or the screenshot, at a path, after the request has been authenticated; no account: managed storage."""
    if account is not None:
        _check_firewall(account, request.client.host if request.client else "")
    machine = _machine(parts.store, path)
    if machine is not None and path.endswith(_SCREENSHOT):
        return Response(await bitmap(parts.machines.get(machine.id)), media_type="image/bmp")
    log = None
    if machine is not None and parts.diagnostics is not None:
        name = None if account is None else account.id.name
        log = parts.diagnostics.existing_log_of(machine.id, storage_account=name)
    if log is None:
        raise ArmError(404, "BlobNotFound", "The specified blob does not exist.")
    return _content(request, log)


def _content(request: Request, log: SerialLog) -> Response:
    headers = {
        "ETag": log.etag,
        "x-ms-blob-type": "AppendBlob",
        "x-ms-version": _VERSION,
        "Accept-Ranges": "bytes",
        OFFSET: str(log.dropped),
    }
    if request.headers.get("if-none-match") == log.etag:
        return Response(status_code=304, headers=headers)
    first, end, status = _wanted_part(request, log)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{log.size}"
    else:
        headers[OFFSET] = str(log.dropped + first)
    headers["Content-Length"] = str(end - first)
    data = b"" if request.method == "HEAD" else log.read(first, end)
    return Response(data, status, headers, media_type="application/octet-stream")


def _wanted_part(request: Request, log: SerialLog) -> tuple[int, int, int]:
    """Which bytes of the log are asked for: the first, the one behind the last, and the status to answer with."""
    size = log.size
    since = request.headers.get(OFFSET)
    asked = _RANGE.fullmatch(request.headers.get("x-ms-range") or request.headers.get("range") or "")
    if since is None and asked is None:
        return 0, size, 200
    if since is not None and (asked is not None or not _OFFSET_VALUE.fullmatch(since)):
        raise ArmError(400, "InvalidHeaderValue", f"{OFFSET} is a number of bytes, and there is no Range beside it.")
    if since is not None and int(since) <= log.dropped + size:
        return max(0, int(since) - log.dropped), size, 200
    if asked is not None:
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        if first <= last:
            return first, last + 1, 206
    raise ArmError(
        416,
        "InvalidRange",
        "The range specified is invalid for the current size of the resource.",
        headers={"Content-Range": f"bytes */{size}"},
    )


def _check_firewall(account: Resource, client: str) -> None:
    rules: Mapping[str, object] = account.properties.get("networkAcls") or {}
    closed = str(account.properties.get("publicNetworkAccess")).casefold() == "disabled"
    denied = str(rules.get("defaultAction")).casefold() == "deny" and not _is_allowed(client, rules.get("ipRules"))
    if closed or denied:
        raise ArmError(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")


def _is_allowed(client: str, rules: object) -> bool:
    listed: Iterable[object] = rules if isinstance(rules, list) else ()
    for rule in listed:
        try:
            place = str(rule.get("value")) if isinstance(rule, Mapping) else ""
            if ipaddress.ip_address(client) in ipaddress.ip_network(place, strict=False):
                return True
        except ValueError:
            continue
    return False


def _machine(store: Store, path: str) -> Resource | None:
    for kind in MACHINE_TYPES:
        for machine in store.list(kind):
            stem = f"/{log_stem(machine)}"
            if path.endswith((stem + _LOG, stem + _SCREENSHOT)):
                return machine
    return None


def _account(store: Store, name: str) -> Resource:
    account = find_account(store, name)
    if account is None:
        raise ArmError(404, "ResourceNotFound", "The specified resource does not exist.")
    return account


def _key(store: Store, account: Resource | None) -> str:
    """The key that signs for an account, or for managed storage."""
    if account is None:
        account = store.get(_MANAGED_KEYS) or Resource(_MANAGED_KEYS, {})
    return account_keys(store, account)[0]


def _signature(key: str, path: str, query: Mapping[str, str]) -> str:
    signed = "\n".join([path, *(query[name] for name in ("sv", "sr", "sp", "se"))])
    return base64.b64encode(hmac.digest(base64.b64decode(key), signed.encode(), "sha256")).decode()


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise not_authenticated("The signed expiry is not a time such as 2024-01-31T12:00:00Z.") from None


def _xml(error: ArmError) -> Response:
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    )
    headers = {**error.headers, "x-ms-error-code": error.code, "x-ms-request-id": secrets.token_hex(16)}
    return Response(text, error.status, headers, media_type="application/xml")
