"""The page and its assets, over HTTPS, with the headers that bind the browser.

``page/`` and its list, ``files.json``, come from Vite (``web/page_manifest.ts``).  Only what the list names is served, so a
path cannot lead elsewhere; it is read when it is first asked for, and again after a new build.  The page itself is asked
for anew each time, and has a nonce of its own in each answer; the assets have hashes in their names and are kept.

The policy lets the page load and connect to nothing but its own origin, over HTTPS and WSS, and run no script that is not
a file of its own.  No text becomes markup or script, by whatever mistake (Trusted Types).  The nonce is for the ``<style>``
elements that xterm.js makes.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import trio
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

#: Where Vite puts what it has built; without node, the build backend leaves the reason there instead.
PAGE_FOLDER: Final = Path(__file__).parent / "page"
MANIFEST: Final = "files.json"
REASON: Final = "why_missing.txt"
_INDEX: Final = "index.html"
#: Where the page has its nonce.
_PLACE_OF_NONCE: Final = "%NONCE%"
_NOT_BUILT: Final = (
    "The portal page is missing because it has not been built: install node 18 or later and npm, "
    "and install uartsim again."
)
_YEAR_S: Final = 365 * 24 * 3600
#: The content codings of the compressed twins, by the suffix of their names.
_CODINGS: Final = {"br": "br", "gz": "gzip"}
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'nonce-{nonce}'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_PERMISSIONS: Final = ", ".join(
    (
        "clipboard-read=(self)",
        "clipboard-write=(self)",
        "fullscreen=(self)",
        *(f"{feature}=()" for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")),
    )
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": _PERMISSIONS,
}


class PageFiles:
    """What is in the folder of the page, as its list says.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None
        self._build: _Build | None = None

    def routes(self) -> list[BaseRoute]:
        """The routes of the page."""
        return [
            Route("/", self._page),
            Route("/portal", _to_the_page),
            Route("/portal/", _to_the_page),
            Route("/portal/{name:path}", self._asset),
        ]

    def why_missing(self) -> str | None:
        """Why there is no page and how to get one, in one sentence; None if there is one."""
        if (self._folder / MANIFEST).is_file() and (self._folder / _INDEX).is_file():
            return None
        try:
            return " ".join((self._folder / REASON).read_text(errors="replace").split()) or _NOT_BUILT
        except OSError:
            return _NOT_BUILT

    async def _page(self, request: Request) -> Response:
        build = self._current()
        if build is None:
            return PlainTextResponse(f"{self.why_missing()}\n", 503, {**_HEADERS, "Cache-Control": "no-store"})
        asked_for = {"ETag": build.etag, "Cache-Control": "no-cache"}
        if _names(request.headers.get("If-None-Match", ""), build.etag):
            # The browser goes on with the policy and the nonce that it has: neither may be here.
            return Response(status_code=304, headers=asked_for)
        nonce = secrets.token_urlsafe(16)
        headers = {**_HEADERS, **asked_for, "Content-Security-Policy": _POLICY.format(nonce=nonce)}
        return HTMLResponse(build.index.replace(_PLACE_OF_NONCE, nonce), headers=headers)

    async def _asset(self, request: Request) -> Response:
        build = self._current()
        name = request.path_params["name"]
        if build is None or name not in build.twins or name == _INDEX:
            return _not_found()
        twins = build.twins[name]
        accepted = _accepted_codings(request.headers.get("Accept-Encoding", ""))
        suffix = next((suffix for suffix in twins if _CODINGS[suffix] in accepted), None)
        headers = {**_HEADERS, "Cache-Control": f"public, max-age={_YEAR_S}, immutable"}
        if twins:
            headers["Vary"] = "Accept-Encoding"
        if suffix is not None:
            headers["Content-Encoding"] = _CODINGS[suffix]
        file = self._folder / (name if suffix is None else f"{name}.{suffix}")
        try:
            content = await trio.to_thread.run_sync(file.read_bytes)
        except OSError:
            # A new build has just taken its place.
            return _not_found()
        kind = _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
        return Response(content, headers={**headers, "Content-Type": kind})

    def _current(self) -> _Build | None:
        """The build that is in the folder now; None if there is none."""
        try:
            status = os.stat(self._folder / MANIFEST)
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                self._build = _read_build(self._folder)
                self._seen = seen
        except (OSError, ValueError):
            self._seen = self._build = None
        return self._build


@dataclass(frozen=True)
class _Build:
    """One build of the page.

    Attributes:
        index: the page, with the place for the nonce.
        etag: its entity tag.
        twins: for each file by its path, the suffixes of its compressed twins, the best first.
    """

    index: str
    etag: str
    twins: dict[str, tuple[str, ...]]


def _read_build(folder: Path) -> _Build:
    """Read the list and the page.

    Raises:
        OSError, ValueError: they cannot be read.
    """
    index = (folder / _INDEX).read_text()
    files: dict[str, list[str]] = json.loads((folder / MANIFEST).read_text())["files"]
    twins = {name: tuple(suffix for suffix in suffixes if suffix in _CODINGS) for name, suffixes in files.items()}
    # A browser that has the page keeps its headers too: other headers need another tag.
    tag = hashlib.sha256(repr((index, _POLICY, _HEADERS)).encode()).hexdigest()[:32]
    return _Build(index, f'W/"{tag}"', twins)


def why_missing() -> str | None:
    """Why this installation has no page and how to get one, in one sentence; None if it has one."""
    return PageFiles(PAGE_FOLDER).why_missing()


def page_routes() -> list[BaseRoute]:
    """The routes of the page of this installation."""
    return PageFiles(PAGE_FOLDER).routes()


async def _to_the_page(request: Request) -> Response:
    return RedirectResponse("/", 307)


def _not_found() -> Response:
    return PlainTextResponse("There is no such file.\n", 404, {**_HEADERS, "Cache-Control": "no-store"})


def _names(if_none_match: str, etag: str) -> bool:
    """Whether an If-None-Match header (RFC 9110, section 13.1.2) names a tag, by the weak comparison."""
    given = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in given or etag.removeprefix("W/") in given


def _accepted_codings(accept_encoding: str) -> set[str]:
    """The content codings that an Accept-Encoding header (RFC 9110, section 12.5.3) takes, of those that are here."""
    weights: dict[str, float] = {}
    for element in accept_encoding.lower().split(","):
        coding, _, parameter = (part.strip() for part in element.partition(";"))
        try:
            weights[coding] = float(parameter.removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weights[coding] = 0.0
    rest = weights.get("*", 0.0)
    return {coding for coding in _CODINGS.values() if weights.get(coding, rest) > 0}
