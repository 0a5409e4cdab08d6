"""The headers of an answer that is for its caller alone, and has in it what a guest or a stranger may have written."""

from __future__ import annotations

from typing import Final

#: It is not kept, no page of another origin can load it, and a browser that is led to it runs and shows nothing of it.
PRIVATE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
