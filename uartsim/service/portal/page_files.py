"""The page and its assets, over HTTPS, with the headers that bind the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

#: Where Vite puts what it has built; nothing is there where the installation had no node.
PAGE_FOLDER: Final = Path(__file__).parent / "page"
MISSING: Final = "The page is not built: install node and npm, and install uartsim again.\n"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def page_routes() -> list[BaseRoute]:
    """The routes of the page."""
    return [
        Route("/", _page),
        Mount("/portal/assets", StaticFiles(directory=PAGE_FOLDER / "assets", check_dir=False)),
    ]


async def _page(request: Request) -> Response:
    try:
        text = (PAGE_FOLDER / "index.html").read_text()
    except FileNotFoundError:
        return PlainTextResponse(MISSING, 503)
    return HTMLResponse(text, headers=_HEADERS)
