"""The ASGI application of the management REST: from a request's bytes to an operation's handler, and back.

Every request goes through the same checks, in this order: the token (401), the api-version (400), the path (404), the
method (405), the subscription (404), the caller's roles and the locks (403, 409), the resource group (404), the body
(413, 415, 400).  The first that fails is the answer.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from uartsim.errors import UartsimError, UsageError
from uartsim.service.arm import arm_texts
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.long_operations import LongOperations
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm.operation_table import OPERATIONS, SCHEMAS
from uartsim.service.arm.path_tree import PathTree
from uartsim.service.arm.response_headers import ResponseHeaders
from uartsim.service.arm.schema_check import SchemaCheck
from uartsim.service.arm.unmatched import unmatched
from uartsim.service.arm_error import ArmError
from uartsim.service.parts import Parts
from uartsim.service.request_body import read_body
from uartsim.service.store import ResourceId

#: The most bytes that a request's body may have.
MOST_BYTES: Final = 4 << 20

_log = logging.getLogger("uartsim.service")


class ManagementRest:
    """The application.

    Args:
        parts: the rooms of the service.
        running: the operations that run on after their request is answered.
    """

    def __init__(self, parts: Parts, running: LongOperations) -> None:
        self._parts = parts
        self._running = running
        self._tree = PathTree(OPERATIONS)
        self._check = SchemaCheck(SCHEMAS)
        self._headers = ResponseHeaders()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request."""
        request = Request(scope, receive)
        headers = self._headers.for_request(request.headers)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            return
        except ArmError as refused:
            answer = _refusal(refused)
        except UsageError as wrong:
            answer = _refusal(ArmError(400, "BadRequest", str(wrong)))
        except UartsimError as failed:
            answer = _refusal(ArmError(500, "InternalServerError", str(failed)))
        except Exception as fault:
            request_id = headers["x-ms-request-id"]
            _log.error("Request %s, %s, failed: %r.", request_id, request.method, fault)
            text = f"An internal server error occurred; the request is {request_id}."
            answer = _refusal(ArmError(500, "InternalServerError", text))
        self._headers.count(headers, request.method, request.url.path)
        await _send(send, answer, {**headers, **answer.headers}, without_body=request.method == "HEAD")

    async def _answer(self, request: Request) -> Answer:
        caller = self._parts.tokens.read_header(request.headers.get("authorization"))
        query = {name.casefold(): value for name, value in parse_qsl(request.url.query, keep_blank_values=True)}
        version = query.get("api-version", "").strip()
        if not version:
            raise arm_texts.missing_api_version()
        segments = [segment for segment in request.scope["path"].split("/") if segment]
        operation, parameters = self._operation(request.method, segments, version)
        resource_id = ResourceId("/" + "/".join(segments))
        self._check_versions(operation, version)
        resource_id = subject(resource_id)
        self._check_subscription(resource_id)
        if operation.action is not None:
            self._parts.authorisation.check(caller, operation.action, resource_id)
        self._check_group(operation, resource_id)
        content = await self._content(request, operation)
        headers = {name.casefold(): value for name, value in request.headers.items()}
        path = "/" + "/".join(segments)
        known = ArmRequest(
            operation,
            self._parts,
            caller,
            path,
            resource_id,
            parameters,
            query,
            version,
            content,
            headers,
            self._running,
        )
        return await operation.handler(known)

    def _operation(self, method: str, segments: list[str], version: str) -> tuple[Operation, Mapping[str, str]]:
        match = self._tree.find(segments)
        if match is None:
            raise unmatched(segments, version)
        if method not in match.operations and method == "HEAD" and "GET" in match.operations:
            method = "GET"
        if method not in match.operations:
            allowed = {*match.operations, *(["HEAD"] if "GET" in match.operations else [])}
            raise arm_texts.wrong_method(method, sorted(allowed))
        return match.operations[method], match.parameters[method]

    def _check_versions(self, operation: Operation, version: str) -> None:
        if version.casefold() in operation.versions:
            return
        if operation.namespace == "Microsoft.Resources":
            raise arm_texts.invalid_api_version(version, operation.versions)
        raise arm_texts.no_registered_provider(version, operation.resource_type, operation.versions)

    def _check_subscription(self, resource_id: ResourceId) -> None:
        subscription = resource_id.subscription
        if subscription is None:
            return
        if self._parts.store.get(ResourceId(f"/subscriptions/{subscription}")) is None:
            raise arm_texts.subscription_not_found(subscription)

    def _check_group(self, operation: Operation, resource_id: ResourceId) -> None:
        group = resource_id.group
        if group is None or (operation.method == "PUT" and len(resource_id.segments) == 4):
            return
        if self._parts.store.get(ResourceId("/" + "/".join(resource_id.segments[:4]))) is None:
            raise arm_texts.group_not_found(group)

    async def _content(self, request: Request, operation: Operation) -> Any:
        body = await read_body(request, MOST_BYTES)
        if not body.strip():
            if operation.body is not None and operation.body_required:
                raise arm_texts.invalid_content("a body is required")
            return None
        media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().casefold()
        if media_type not in {"application/json", "text/json"}:
            raise ArmError(
                415,
                "UnsupportedMediaType",
                f"The content media type {media_type!r} is not supported. Only 'application/json' is supported.",
            )
        content = _json(body)
        if operation.body is not None:
            fault = self._check.fault(content, operation.body)
            if fault:
                raise arm_texts.invalid_content(fault)
        return content


def subject(resource_id: ResourceId) -> ResourceId:
    """What a path is about: the path without an action or a collection at its end."""
    segments = resource_id.segments
    providers = next((at for at in range(len(segments) - 1, -1, -1) if segments[at].casefold() == "providers"), None)
    if providers is None:
        kept = len(segments) - len(segments) % 2
    else:
        pairs = (len(segments) - providers - 2) // 2
        kept = providers if pairs < 1 else providers + 2 + 2 * pairs
    return ResourceId("/" + "/".join(segments[:kept]))


def _refusal(error: ArmError) -> Answer:
    body = error.body()
    if error.code == "SubscriptionNotFound":
        # Microsoft.SerialConsole specifies this one error without "error" around it, and its SDK 1.0 reads it so.
        body = {**body["error"], **body}
    return Answer(body, error.status, error.headers)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_not_json, parse_float=_finite)
    except RecursionError:
        raise arm_texts.invalid_content("it is nested too deeply") from None
    except ValueError as fault:
        raise arm_texts.invalid_content(str(fault)) from None


def _not_json(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


async def _send(send: Send, answer: Answer, headers: Mapping[str, str], *, without_body: bool) -> None:
    empty = answer.body is None
    body = b"" if empty else json.dumps(answer.body, ensure_ascii=False).encode("utf-8", "replace")
    if not empty:
        headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    if answer.status != 204:
        headers = {"Content-Length": str(len(body)), **headers}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if without_body else body})
