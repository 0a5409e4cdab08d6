"""A person at a Linux shell, and what the page sends down the line for him."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import CDPSession, WebSocket

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_user import PortalUser


class TerminalLine:
    """What a page has typed to its guest: the text frames of its WebSockets, but for the access token.

    Args:
        user: the person; nothing is open yet.
    """

    def __init__(self, user: PortalUser) -> None:
        self.user = user
        self._sent: list[str] = []
        user.page.on("websocket", self._watch)

    def log_in(self, machine: str) -> None:
        """Go to a machine's console, as far as its shell."""
        self.user.sign_in("vmcontributor")
        self.user.open_console(machine)
        self.user.key("Enter")
        self.user.log_in_if_asked()
        self.typed()

    def typed(self) -> str:
        """What was typed since this was last asked; waits until the browser has told of all."""
        # Frames are told in their order with what else the page does.
        self.user.page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done)))")
        sent, self._sent = self._sent, []
        return "".join(sent)

    def wait_for(self, text: str) -> None:
        """Wait until just this was typed since it was last asked."""
        typed = ""
        for _ in range(200):
            typed += self.typed()
            if len(typed) >= len(text):
                break
        assert typed == text

    def devtools(self) -> CDPSession:
        """The browser's own protocol, for keys that Playwright has no names for."""
        return self.user.page.context.new_cdp_session(self.user.page)

    def _watch(self, socket: WebSocket) -> None:
        first: list[bool] = []

        def sent(frame: str | bytes) -> None:
            if not first:
                first.append(True)  # The access token.
            elif isinstance(frame, str):
                self._sent.append(frame)

        socket.on("framesent", sent)


def shell_of(
    service: PortalService, visit: Callable[..., PortalUser], machine: str = "linux1", **options: object
) -> TerminalLine:
    """A person at the shell of a machine; ``options`` are those of the browser's context."""
    line = TerminalLine(visit(service, **options))
    line.log_in(machine)
    return line


def printed(text: str) -> str:
    """The command that prints a text with control characters; ``%s`` in it stands for an argument."""
    quoted = json.dumps(text)[1:-1].replace("\\u001b", "\\033").replace("\\u0007", "\\a")
    return f"printf '{quoted}'"
