"""``/openapi.json``, and ``/docs``: a page on which the calls can be tried, with everything that it needs served here.

The page is Swagger UI, from the package ``swagger-ui-bundle``.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.staticfiles import StaticFiles

from uartsim.service.parts import Parts

DOCUMENT: Final = "/openapi.json"
PAGE: Final = "/docs"
_ASSETS: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_SCRIPT: Final = f"""\
window.onload = () => {{
  window.ui = SwaggerUIBundle({{
    url: "{DOCUMENT}",
    dom_id: "#page",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  }});
}};
"""
_HTML: Final = f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Azure Serial Console, rebuilt: REST</title>
<link rel="icon" type="image/png" href="{PAGE}/favicon-32x32.png">
<link rel="stylesheet" href="{PAGE}/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="{PAGE}/swagger-ui-bundle.js"></script>
<script src="{PAGE}/page.js"></script>
</body>
</html>
"""
#: The page loads nothing from elsewhere, and runs no script in its own text.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}


def api_page_routes(parts: Parts) -> list[BaseRoute]:
    """The routes of the document and the page.

    Args:
        parts: the rooms of the service.
    """

    async def document(request: Request) -> Response:
        from uartsim.service.arm.openapi import openapi_document

        return JSONResponse(openapi_document(parts.base_url))

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "page.js":
            return PlainTextResponse(_SCRIPT, headers=_HEADERS, media_type="text/javascript")
        assets = _assets()
        if assets is None or name not in _ASSETS:
            return PlainTextResponse("There is no such file.\n", 404)
        return await assets.get_response(name, request.scope)

    async def page(request: Request) -> Response:
        if _assets() is None:
            text = "This page needs the package swagger-ui-bundle: pip install 'uartsim[service]'.\n"
            return PlainTextResponse(text, 503)
        return HTMLResponse(_HTML, headers=_HEADERS)

    return [Route(DOCUMENT, document), Route(PAGE, page), Route(f"{PAGE}/{{name}}", asset)]


@cache
def _assets() -> StaticFiles | None:
    """The files of Swagger UI; None where the package is not installed."""
    try:
        from swagger_ui_bundle import swagger_ui_path
    except ImportError:
        return None
    return StaticFiles(directory=swagger_ui_path)
