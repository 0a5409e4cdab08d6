"""The serial log of boot diagnostics, read through the URL that the service gives for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httpx
import trio

from uartsim.azure_client.client_errors import REFUSED, ConsoleError, RefusalError
from uartsim.azure_client.http_requests import fields_of, host_of
from uartsim.azure_client.machine_checks import MachineName
from uartsim.azure_client.management import COMPUTE_VERSION, Management
from uartsim.azure_client.service_address import check_is_private
from uartsim.errors import UsageError

#: How often the log is asked for while it is followed, in seconds.
FOLLOW_S: Final = 1.0
#: So many bytes of a log's beginning are looked for in what it was before.
_OVERLAP: Final = 256
#: The header by which our service says how many bytes were written before the log's first one; Azure's has none.
_OFFSET: Final = "x-uartsim-log-offset"


class BootLog:
    """The serial log of a machine.

    Args:
        management: the service.
        machine: the machine.
    """

    def __init__(self, management: Management, machine: MachineName) -> None:
        self._management = management
        self._machine = machine
        self._url = ""
        self._etag = ""
        self._content = b""
        self._offset: int | None = None

    async def read(self) -> bytes:
        """The whole log.

        Raises:
            ConsoleError: it cannot be had.
        """
        await self._fetch()
        return self._content

    async def follow(self, show: Callable[[bytes], object], say: Callable[[str], object]) -> None:
        """Show the log, and then for ever what comes to it.

        Args:
            show: is called with each piece.
            say: is told where something is missing.

        Raises:
            ConsoleError: it cannot be had any more.
        """
        show(await self.read())
        while True:
            await trio.sleep(FOLLOW_S)
            before, began_at = self._content, self._offset
            if await self._fetch():
                gone = None if began_at is None or self._offset is None else self._offset - began_at
                new, whole = what_is_new(before, self._content, gone)
                if not whole:
                    say("the log has moved on faster than it was read, or was begun anew: something may be missing")
                show(new)

    async def _fetch(self) -> bool:
        """Read the log anew; whether it has changed."""
        try:
            answer = await self._management.retries.run(self._get)
        except RefusalError as error:
            if error.http_status not in (401, 403) or not self._url:
                raise
            self._url = ""  # the URL is valid for a while only
            answer = await self._management.retries.run(self._get)
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return False
        self._etag = answer.headers.get("etag", "")
        offset = answer.headers.get(_OFFSET, "")
        began_at, self._offset = self._offset, int(offset) if offset.isdecimal() and len(offset) < 20 else None
        changed = answer.content != self._content or began_at != self._offset
        self._content = answer.content
        return changed

    async def _get(self) -> httpx.Response:
        fresh = not self._url
        if fresh:
            self._url = await self._find()
        headers = {"If-None-Match": self._etag} if self._etag else {}
        try:
            return await self._management.http.request("GET", self._url, headers=headers)
        except RefusalError as error:
            if fresh:
                self._url = ""
            text = f"the log cannot be read: {error}"
            raise RefusalError(text, error.http_status, error.code) from None

    async def _find(self) -> str:
        path = f"{self._machine.path}/retrieveBootDiagnosticsData"
        url = fields_of(await self._management.ask_once("POST", path, COMPUTE_VERSION)).get("serialConsoleLogBlobUri")
        if not isinstance(url, str) or not url:
            raise ConsoleError("there is no serial log: boot diagnostics are off, or the machine was never started")
        try:
            check_is_private(url, "https")
        except UsageError:
            raise ConsoleError(f"the service names {host_of(url)} without encryption for the log", REFUSED) from None
        return url


def what_is_new(before: bytes, after: bytes, gone: int | None = None) -> tuple[bytes, bool]:
    """What a log has got since it was read last, and whether nothing is missing between.

    Args:
        before: the whole log, as it was.
        after: the whole log, as it is: longer, or without its oldest bytes.
        gone: how many of the oldest bytes are gone; None if the service does not say it, and they have to be looked for.
    """
    if gone is not None and 0 <= gone <= len(before):
        known = len(before) - gone
        if memoryview(after)[:known] == memoryview(before)[gone:]:
            return after[known:], True
        return after, False
    if gone is not None:
        return after, not before
    head = after[:_OVERLAP]
    at = before.find(head) if head else -1
    while at >= 0:
        if memoryview(after)[: len(before) - at] == memoryview(before)[at:]:
            return after[len(before) - at :], True
        at = before.find(head, at + 1)
    return after, not before
