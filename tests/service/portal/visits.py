"""People who come to a portal, each with a browser context of his own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ViewportSize

from tests.patience import patience
from tests.service.portal.page_watch import PageWatch
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_user import PortalUser

#: What a person waits for at the page comes within this time, in milliseconds.
TIMEOUT_MS = patience(30) * 1000
#: A window as people have it.
VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 800}


@contextmanager
def visits(browser: Browser) -> Iterator[Callable[..., PortalUser]]:
    """Gives a function that brings people to a portal: ``visit(service, locale="ja-JP")``.

    ``url`` is where they find it, if not at the service itself; further arguments are those of Playwright's
    ``Browser.new_context``.  At the end nothing has happened that a page must not do.
    """
    opened: list[tuple[BrowserContext, PageWatch]] = []

    def visit(service: PortalService, url: str = "", **options: Any) -> PortalUser:
        url = url or service.url
        context = browser.new_context(**{"viewport": VIEWPORT, **options}, ignore_https_errors=True)
        context.set_default_timeout(TIMEOUT_MS)
        watch = PageWatch(context, url)
        opened.append((context, watch))
        return PortalUser(context.new_page(), url, watch)

    try:
        yield visit
    finally:
        for context, _ in opened:
            context.close()
    for _, watch in opened:
        watch.check()
