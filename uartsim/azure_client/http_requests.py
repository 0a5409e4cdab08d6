"""HTTP requests to the service, whose failures are sentences, and of which some are worth a second attempt."""

from __future__ import annotations

import json
import math
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import trio

from uartsim.azure_client.client_errors import REFUSED, ConsoleError, RefusalError, TransientError
from uartsim.azure_client.service_address import ServiceAddress
from uartsim.printable import printable_line

#: How long one answer may take, in seconds.
ANSWER_S: Final = 30.0
#: The most bytes that an answer may have; a serial log has 1 MiB.
MOST_BYTES: Final = 4 << 20
_OF_ENCODING: Final = ("content-encoding", "content-length", "transfer-encoding")
#: How much of an answer that is not JSON is shown, in characters.
_SHOWN: Final = 500
#: Code and message of an error of a storage account.
_XML: Final = (re.compile(r"<Code>([^<]*)</Code>"), re.compile(r"<Message>([^<]*)</Message>"))
#: The documents' cure for this refusal is to connect again.
_OS_CONFLICT: Final = "conflicting os type"


class Http:
    """A client of HTTP.  A context manager.

    Args:
        address: the service.
    """

    def __init__(self, address: ServiceAddress) -> None:
        self._use(address)

    def _use(self, address: ServiceAddress) -> None:
        self.address = address
        self.tls = address.tls()
        self._client = httpx.AsyncClient(verify=self.tls, timeout=ANSWER_S, trust_env=False)

    async def move_to(self, address: ServiceAddress) -> None:
        """Ask another service from now on."""
        before = self._client
        self._use(address)
        await before.aclose()

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *why: object) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> httpx.Response:
        """The answer to a request, if it is a success.

        Args:
            method: such as ``"POST"``.
            url: where.
            headers: its header fields.
            body: what it carries, as JSON.
            form: what it carries, as a form.
            repeatable: whether it may be sent again when it is not known whether it has been carried out.

        Raises:
            TransientError: it may succeed later.
            RefusalError: the service says no.
            ConsoleError: no answer came, and trying again is of no use.
        """
        given = {} if body is None else {"json": body}
        try:
            async with self._client.stream(method, url, headers=headers, data=form, **given) as streamed:  # type: ignore[arg-type]
                response = await _bounded(streamed, url)
        except httpx.TransportError as error:
            raise _transport_error(error, url, repeatable) from None
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise ConsoleError(
                f"{host_of(url)} gave an answer that cannot be read: {printable_line(str(error))}"
            ) from None
        if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
            return response
        raise refusal(response.status_code, response.headers, response.text, host_of(url))


async def _bounded(streamed: httpx.Response, url: str) -> httpx.Response:
    """An answer with its body, unless that is too large."""
    content = bytearray()
    with trio.CancelScope() as scope:
        async for part in streamed.aiter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                scope.cancel()  # ends the reading where it waits, so that httpx puts everything away
    if scope.cancelled_caught:
        raise ConsoleError(
            f"{host_of(url)} gave an answer of more than {MOST_BYTES} bytes: is it such a service?", REFUSED
        )
    headers = [(name, value) for name, value in streamed.headers.multi_items() if name not in _OF_ENCODING]
    return httpx.Response(streamed.status_code, headers=headers, content=bytes(content), request=streamed.request)


def host_of(url: str) -> str:
    """Host and port of a URL, for a message: the rest may hold a secret."""
    parts = urlsplit(url)
    return printable_line(parts.netloc.rpartition("@")[2])


def refusal(status: int, headers: Mapping[str, str], text: str, host: str) -> ConsoleError:
    """The error for an answer that is not a success, with what its body says.

    Args:
        status: the answer's HTTP status.
        headers: its header fields, by names in lower case.
        text: its body.
        host: who answered.
    """
    code, message = _error_of(text)
    said = ": ".join(part for part in (f"({code}) {message}" if code else message,) if part)
    sentence = said or f"{host} answered with status {status} and no text"
    wait_s = _retry_after(headers.get("retry-after"))
    if status in (429, 503) or (status >= 500 and wait_s is not None) or _OS_CONFLICT in message.lower():
        return TransientError(sentence, wait_s)
    return RefusalError(sentence, status, code)


def fields_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer carries.

    Raises:
        ConsoleError: it carries something else.
    """
    try:
        fields = json.loads(response.content)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ConsoleError(
            f"{host_of(str(response.url))} gave an answer that is not a JSON object: is it such a service?", REFUSED
        )
    return fields


def _error_of(text: str) -> tuple[str, str]:
    """Code and message of a body in the form of ARM's errors, of OAuth's or of storage's; else the text itself."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        error = fields.get("error", fields)
        if isinstance(error, dict) and (error.get("code") or error.get("message")):
            details = error.get("details")
            nested = details if isinstance(details, list) else []
            more = [str(d["message"]) for d in nested if isinstance(d, dict) and d.get("message")]
            message = " ".join([str(error.get("message") or ""), *more])
            return printable_line(str(error.get("code") or "")), printable_line(message)
        if isinstance(error, str):
            return printable_line(error), printable_line(str(fields.get("error_description") or ""))
        if not fields:
            return "", ""
    parts = [found[1].strip() if (found := part.search(text[:_SHOWN])) else "" for part in _XML]
    return (
        (printable_line(parts[0]), printable_line(parts[1]))
        if all(parts)
        else ("", printable_line(text.strip()[:_SHOWN]))
    )


def _retry_after(field: str | None) -> float | None:
    """How long to wait, in seconds, by a Retry-After field (RFC 9110, 10.2.3); None without a valid one."""
    if field is None:
        return None
    try:
        seconds = float(field)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(field) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, the origin first."""
    if error is not None:
        yield from causes(error.__cause__ or error.__context__)
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from causes(part)
        yield error


def _system_error(error: BaseException) -> str:
    """The system's words for an error; empty if it is not the system's."""
    if not isinstance(error, OSError) or not error.errno:
        return ""
    return printable_line(os.strerror(error.errno) if error.errno > 0 else str(error.strerror))  # else of getaddrinfo


def connection_error(error: BaseException, url: str) -> ConsoleError:
    """The sentence for a connection that could not be made."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConsoleError(
                f"the certificate of {host_of(url)} is not trusted ({printable_line(cause.verify_message)}): "
                "name the CA's certificate with --ca-file",
                REFUSED,
            )
        if isinstance(cause, ssl.SSLError):
            why = printable_line(cause.reason or str(cause))
            return ConsoleError(f"{host_of(url)} does not speak TLS as it should ({why}): check the URL", REFUSED)
    why = next(filter(None, map(_system_error, causes(error))), "") or printable_line(str(error))
    return TransientError(f"{host_of(url)} cannot be reached ({why}): is the service running?")


def _transport_error(error: httpx.TransportError, url: str, repeatable: bool) -> ConsoleError:
    if isinstance(error, httpx.UnsupportedProtocol):
        return ConsoleError(f"{host_of(url) or 'the URL'} cannot be asked: {printable_line(str(error))}", REFUSED)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return connection_error(error, url)
    late = isinstance(error, httpx.TimeoutException)
    why = f"did not answer within {ANSWER_S:g} s" if late else "ended the connection before it answered"
    if repeatable:
        return TransientError(f"{host_of(url)} {why}")
    return ConsoleError(f"{host_of(url)} {why}, so it is not known whether the command was carried out", REFUSED)
