"""Downloading a file over HTTP into a partial file that a later call completes (RFC 9110, section 14).

What has come stays when the server stops, the line is cut or the user ends the program.  The next call asks for the rest
with ``Range``, and with ``If-Range`` where the server has named the version of the file: a server that has another file by
then, or that knows no ranges, sends all of it, and it is downloaded from the start.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from uartsim.errors import UartsimError, UsageError
from uartsim.images.image_copy import CHUNK
from uartsim.printable import printable_line, quoted

#: How long a server may be silent, in seconds.
TIMEOUT_S: Final = 30.0

_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_GONE: Final = (404, 410)
_REFUSED: Final = (401, 403, 407)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server is about to send.

    Attributes:
        start: the offset in the file of the first byte that it sends.
        total: the length of the whole file in bytes, or None if the server does not say.
        validator: what names this version of the file, for ``If-Range``; empty if nothing does.
    """

    start: int
    total: int | None
    validator: str


class Stopped(UartsimError):
    """The transfer has stopped before its end; the text says why."""


def check_url(url: str) -> str:
    """``url`` as messages and records show it: without a query, which may hold a secret.

    Raises:
        UsageError: it is not the URL of a file that can be downloaded.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{quoted(url)} is not a URL: {error}") from None
    if parts.scheme == "file" or (not parts.scheme and "/" in url):
        raise UsageError(f"{quoted(url)} is a file of this machine: use 'uartsim images import PATH'")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{quoted(url)} cannot be downloaded: give a URL that begins with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"the URL for {host} has a password in it, which uartsim would have to keep: "
            "download the file yourself, and use 'uartsim images import PATH'"
        )
    if not url.isascii() or re.search(r"[\x00-\x20\x7f]", url):
        raise UsageError(f"{quoted(url)} has characters that a URL cannot have: write them as %XX")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def download(
    url: str,
    have: int,
    validator: str,
    begin: Callable[[Offer], None],
    write: Callable[[bytes], None],
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Download a file, or the rest of one.

    Args:
        url: a URL that :func:`check_url` has passed.
        have: how many bytes of it are there already.
        validator: the validator that came with them; empty if none did.
        begin: called before the first byte, with what the server is about to send: only the rest, or the whole file.
        write: called with each piece.
        timeout_s: how long the server may be silent, in seconds.

    Raises:
        UsageError: the server does not have the file, or refuses it.
        Stopped: the server cannot be reached, or the transfer has stopped before its end.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "uartsim", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    with _opened(request, timeout_s) as response:
        offer = _offer(response, have)
        begin(offer)
        came = offer.start
        while piece := _read(response, timeout_s):
            write(piece)
            came += len(piece)
    if offer.total is not None and came < offer.total:
        raise Stopped("the server has closed the connection")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and closes the connection if a server redirects to what is no URL."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """An opener for HTTP alone: a server must not redirect to a file of this machine, nor to FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _opened(request: urllib.request.Request, timeout_s: float) -> http.client.HTTPResponse:
    host = request.host
    try:
        response: http.client.HTTPResponse = _opener().open(request, timeout=timeout_s)
        return response
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and request.has_header("Range"):
            return _opened(_whole(request), timeout_s)
        raise _refusal(error, host) from None
    except urllib.error.URLError as error:
        raise Stopped(_reason(error.reason, host, timeout_s)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Stopped(_reason(error, host, timeout_s)) from None
    except ValueError as error:
        raise UsageError(f"{host} cannot be asked for the file: {printable_line(str(error))}") from None


def _whole(request: urllib.request.Request) -> urllib.request.Request:
    """The same request for the whole file: the server has less of it than is there already, so it is another file."""
    request.remove_header("Range")
    request.remove_header("If-range")
    return request


def _refusal(error: urllib.error.HTTPError, host: str) -> UartsimError:
    said = printable_line(f"{error.code} {error.reason}".strip())[:200].splitlines()[0]
    if error.code in _GONE:
        return UsageError(f"{host} has no such file ({said}): check the URL")
    if error.code in _REFUSED:
        return UsageError(
            f"{host} refuses the file ({said}): download it yourself, and use 'uartsim images import PATH'"
        )
    if error.code in (301, 302, 303, 307, 308):
        return UsageError(f"{host} redirects in a circle, or to what is no web address: check the URL")
    if 400 <= error.code < 500 and error.code not in (408, 425, 429):
        return UsageError(f"{host} does not understand the request ({said}): check the URL")
    return Stopped(f"{host} answers {said}")


def _reason(error: object, host: str, timeout_s: float) -> str:
    """Why a server cannot be reached, or has stopped, as a part of a sentence."""
    if isinstance(error, TimeoutError):
        return f"{host} has sent nothing for {timeout_s:g} s"
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refuses the connection"
    if isinstance(error, socket.gaierror):
        return f"there is no host {host}, or no network"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {host} is not valid: {error.verify_message}"
    if isinstance(error, ConnectionError | http.client.IncompleteRead):
        return f"{host} has closed the connection"
    if isinstance(error, http.client.HTTPException):
        return f"{host} does not speak HTTP as it should ({type(error).__name__})"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable_line(f"{host}: {text}")[:300]


def _offer(response: http.client.HTTPResponse, have: int) -> Offer:
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    if len(validator) > 200 or not validator.isprintable():
        validator = ""
    if response.status == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != have:
            raise Stopped("the server has sent another part of the file than it was asked for")
        total = None if match[2] == "*" else int(match[2])
        return Offer(have, total if total is not None or response.length is None else have + response.length, validator)
    if response.status != 200:
        raise Stopped(f"the server answers {response.status} to a request for a file")
    return Offer(0, response.length, validator)


def _read(response: http.client.HTTPResponse, timeout_s: float) -> bytes:
    host = urllib.parse.urlsplit(response.geturl()).netloc
    try:
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Stopped(_reason(error, host, timeout_s)) from None
