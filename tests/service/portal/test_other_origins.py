"""A page of somebody else in the same browser: it can neither read from the service nor sit down at a console."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.service.portal.portal_service import SERIAL_CONSOLE, PortalService, machine_id
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.visits import TIMEOUT_MS

#: Opens a WebSocket; the answer is its first message, or that there was none.
HANDSHAKE = """
(address) => new Promise((resolve) => {
  const socket = new WebSocket(address);
  socket.onmessage = (event) => { socket.close(); resolve(event.data); };
  socket.onclose = () => resolve("refused");
})
"""
READ = "(address) => fetch(address).then((answer) => answer.text()).catch((error) => error.name)"


class _Quiet(http.server.BaseHTTPRequestHandler):
    """An empty page at every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>Somebody else</title>")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page of another origin, whose user trusts the service's certificate."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Quiet) as server:
        threading.Thread(target=server.serve_forever, name="stranger").start()
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        context.close()
        server.shutdown()


def connection_string(service: PortalService) -> str:
    """A link to a new session, as the page asks for it."""
    port = f"{machine_id('linux1')}/providers/Microsoft.SerialConsole/serialPorts/0"
    return str(service.call("POST", f"{port}/connect", SERIAL_CONSOLE)["connectionString"])


def test_a_page_of_another_origin_cannot_open_a_session_link(service: PortalService, stranger: Page) -> None:
    link = connection_string(service)
    assert stranger.evaluate(HANDSHAKE, link) == "refused"


def test_a_page_of_another_origin_reads_nothing(service: PortalService, stranger: Page) -> None:
    for path in ("/", "/_uartsim/portal/settings", f"{machine_id('linux1')}?api-version=2024-11-01"):
        assert stranger.evaluate(READ, service.url + path) == "TypeError", path


def test_a_page_of_another_origin_cannot_frame_the_portal(service: PortalService, stranger: Page) -> None:
    with stranger.expect_console_message(lambda message: "frame-ancestors" in message.text):
        stranger.evaluate(
            "(address) => { const frame = document.createElement('iframe'); frame.src = address;"
            " document.body.append(frame); }",
            service.url + "/",
        )


def test_a_session_link_is_good_for_one_handshake(service: PortalService, visit: Callable[..., PortalUser]) -> None:
    user = visit(service)
    user.open()
    link = connection_string(service)
    assert user.page.evaluate(HANDSHAKE, link) == "Connecting..."
    assert user.page.evaluate(HANDSHAKE, link) == "refused"
