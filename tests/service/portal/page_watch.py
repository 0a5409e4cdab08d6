"""What must never happen in the page: errors, violations of its policy, requests to anybody else."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

from tests.patience import patience

#: What the browser itself reports in the console: a refused request and a WebSocket that ended badly, for both of which the
#: page has an answer that tests look for, and how it draws.
_EXPECTED = re.compile(
    r"Failed to load resource: (the server responded with a status of (4\d\d|50[0-4])|net::ERR_CONNECTION_\w+|net::ERR_EMPTY"
    # An answer that a service which is killed has begun.
    r"|net::ERR_CONTENT_LENGTH_MISMATCH)"
    r"|WebSocket connection to '[^']+' failed"
    # Without a graphics card Chromium draws in software, and both it and xterm.js say that this takes time.
    r"|GL Driver Message \(OpenGL, Performance|task queue exceeded allotted deadline"
)
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
"""


class PageWatch:
    """Collects what must not happen in the pages of a context.

    Args:
        context: the browser's context.
        origin: the service's address; requests to any other are found.

    Attributes:
        found: a sentence for each that happened.
        requests: the address of each request.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.found: list[str] = []
        self.requests: list[str] = []
        self._host = urlsplit(origin).netloc
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("page", self._follow)
        context.on("request", self._requested)
        context.on("response", self._answered)
        context.on("console", self._told)

    def check(self) -> None:
        """Fail if anything was found."""
        found, self.found = self.found, []
        assert not found, "in the page:\n" + "\n".join(found)

    def wait_for(self, page: Page, part: str) -> None:
        """Wait until something has been found: the browser reports it when it gets to it."""
        ends_at = time.monotonic() + patience(15)
        while not any(part in one for one in self.found):
            assert time.monotonic() < ends_at, f"no {part!r} has happened: {self.found}"
            page.wait_for_timeout(10)

    def forgive(self, part: str) -> None:
        """Take out what a test has brought about itself, and check that it is there."""
        kept = [one for one in self.found if part not in one]
        assert len(kept) < len(self.found), f"no {part!r} has happened: {self.found}"
        self.found = kept

    def _follow(self, page: Page) -> None:
        # Unhandled rejections are reported as errors of the page, too.
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("dialog", self._asked)
        page.on("crash", lambda _: self.found.append("the page crashed"))
        page.on("websocket", lambda socket: self._check_address(socket.url))

    def _asked(self, dialog: Dialog) -> None:
        self.found.append(f"a dialog of the browser: {dialog.message}")
        dialog.dismiss()

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.search(message.text):
            self.found.append(f"console: {message.text}")

    def _requested(self, request: Request) -> None:
        self.requests.append(request.url)
        self._check_address(request.url)

    def _answered(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if response.status >= 400 and (path == "/" or path.startswith("/portal/")):
            self.found.append(f"a file of the page is missing: {response.status} {response.url}")

    def _check_address(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("blob", "data", "about") and parts.netloc != self._host:
            self.found.append(f"a request to somebody else: {address}")
        if "authorization=" in parts.query or "eyJ" in address:
            self.found.append(f"a token in an address: {parts.path}")
