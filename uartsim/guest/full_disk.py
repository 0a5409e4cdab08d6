"""A guest whose private disk cannot grow, because the file system that it is on is full.

QEMU then stops the guest (``werror=enospc``, its default) and sends the event BLOCK_IO_ERROR, one for each request.  Nothing
is lost, but the console falls silent.  Here it is said, and the guest goes on as soon as there is room.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

#: How often to look for free space, in seconds.
POLL_S: Final = 1.0
#: The guest runs again when there is so much of it, in bytes.
LEAST_ROOM_BYTES: Final = 1 << 24


class FullDisk:
    """What is done about the errors of one guest's disk.

    Args:
        nursery: where to wait for room.
        folder: the folder of what the guest writes.
        command: gives QEMU's monitor a command.
        log: told what has happened.

    Attributes:
        waits: whether the guest is stopped, until there is room.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        folder: str,
        command: Callable[[str], Awaitable[Any]],
        log: Callable[[str], None],
    ) -> None:
        self._nursery = nursery
        self._folder = folder
        self._command = command
        self._log = log
        self.waits = False

    def error(self, data: dict[str, Any]) -> None:
        """Deal with an event BLOCK_IO_ERROR.

        Args:
            data: the event's data.
        """
        reason = data.get("reason") or "input/output error"
        if data.get("action") != "stop":
            self._log(f"the guest could not {data.get('operation', 'use')} its disk: {reason}")
        elif not self.waits:
            self._log(
                f"the guest stands still, because its disk in {self._folder} cannot be written ({reason}): make room there, "
                "and it goes on"
            )
            self.waits = True
            self._nursery.start_soon(self._go_on_when_there_is_room)

    async def _go_on_when_there_is_room(self) -> None:
        room = 0
        while room < LEAST_ROOM_BYTES:
            await trio.sleep(POLL_S)
            found = os.statvfs(self._folder)
            room = found.f_bavail * found.f_frsize
        self.waits = False
        self._log("there is room again: the guest goes on")
        await self._command("cont")
