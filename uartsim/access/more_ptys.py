"""More ptys of a running machine, for several people or programs at once.

Two readers of one pty would take each other's bytes.  So each client that is to see everything gets a pty of its own,
with a link of its own; the hub decides which of them may send.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import trio

from uartsim.access.hub import Hub
from uartsim.access.machine_folder import MachineFolder
from uartsim.access.pty import PtyAccess
from uartsim.access.pty_device import PtyDevice
from uartsim.errors import UsageError


class _More(NamedTuple):
    """One of the ptys."""

    access: PtyAccess
    link: str
    scope: trio.CancelScope
    ended: trio.Event


class MorePtys:
    """The ptys of a machine beside its first one, by their numbers, which begin with 2.

    Args:
        hub: the machine's line.
        folder: the machine's folder, which keeps the links.
    """

    def __init__(self, hub: Hub, folder: MachineFolder) -> None:
        self._hub = hub
        self._folder = folder
        self._nursery: trio.Nursery | None = None
        self._ptys: dict[int, _More] = {}
        #: Called with lines for the owner of the machine.
        self.log: Callable[[str], object] | None = None

    @property
    def ptys(self) -> list[PtyAccess]:
        """The ptys that exist."""
        return [pty.access for pty in self._ptys.values()]

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve them until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def add(self, *, watch: bool = False, link: str | None = None) -> dict[str, Any]:
        """Open one more pty.

        Args:
            watch: whether what its clients send is refused.
            link: the absolute path of its link; ``NAME.N.tty`` in the runtime folder if not given.

        Returns:
            Its number, path and link, as :meth:`status` has them.

        Raises:
            UsageError: the link's path is taken or impossible.
            UartsimError: the system has no pty left.
        """
        assert self._nursery is not None
        device = PtyDevice(self._hub.baud)
        try:
            number, link = self._folder.add_link(device.path, link)
        except BaseException:
            device.close()
            raise
        renew = partial(self._renew, number)
        access = PtyAccess(self._hub, device, name=f"pty {number}", watch=watch, log=self.log, renew=renew)
        more = _More(access, link, trio.CancelScope(), trio.Event())
        self._ptys[number] = more
        self._nursery.start_soon(self._serve, number, more)
        return self._status(number, more)

    def _renew(self, number: int) -> PtyDevice:
        """Make another pty in place of one that cannot be used any more."""
        device = PtyDevice(self._hub.baud)
        try:
            self._folder.move_link(device.path, number)
        except BaseException:
            device.close()
            raise
        self._ptys[number].access.device.close()
        return device

    async def _serve(self, number: int, more: _More) -> None:
        try:
            with more.scope:
                await more.access.run()
        finally:
            with contextlib.suppress(OSError):
                self._folder.remove_link(number)
            more.access.device.close()
            del self._ptys[number]
            more.ended.set()

    async def remove(self, number: int) -> None:
        """Close a pty; its clients read the end of the file.

        Raises:
            UsageError: there is no pty of that number.
        """
        more = self._ptys.get(number)
        if more is None:
            there = f"there are {', '.join(map(str, self._ptys))}" if self._ptys else "there is none beside the first"
            raise UsageError(f"{self._folder.name} has no pty {number} to remove: {there}")
        more.scope.cancel()
        await more.ended.wait()

    def status(self) -> list[dict[str, Any]]:
        """The state of all of them, as plain values."""
        return [self._status(number, more) for number, more in sorted(self._ptys.items())]

    def _status(self, number: int, more: _More) -> dict[str, Any]:
        return {"number": number, "link": more.link, **more.access.status()}
