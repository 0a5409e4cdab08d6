"""Serves the ways to a running machine: its pty and further ones, the control socket, the attach socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from uartsim.access.endpoints import Endpoints
from uartsim.access.pty_device import PtyDevice
from uartsim.errors import UsageError

if TYPE_CHECKING:
    import trio

    from uartsim.access.hub import Hub
    from uartsim.machine import Machine


class MachineServer:
    """Serves the endpoints of a machine.

    Args:
        endpoints: from :func:`uartsim.access.endpoints.open_endpoints`.
        hub: the machine's line.
        description: what the guest is, for ``status``.
    """

    def __init__(self, endpoints: Endpoints, hub: Hub, description: str = "") -> None:
        from uartsim.access.more_ptys import MorePtys
        from uartsim.access.pty import PtyAccess

        self.endpoints = endpoints
        self.hub = hub
        self.description = description
        self.pty = PtyAccess(hub, endpoints.device, renew=self._renew_pty)
        self.more = MorePtys(hub, endpoints.folder)
        self.machine: Machine | None = None

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled.

        Raises:
            UsageError: the clock is virtual.
        """
        from uartsim.machine.ticker import is_virtual

        if is_virtual():
            raise UsageError(
                f"{machine.name} cannot be reached from outside under a virtual clock, because clients live in real time: "
                "use the real clock"
            )
        self.machine = machine
        self.pty.log = self.more.log = machine.log
        try:
            await self._serve(machine, task_status)
        finally:
            if self.hub.record is not None:
                self.hub.record.close()

    async def _serve(self, machine: Machine, task_status: trio.TaskStatus[None]) -> None:
        import trio

        from uartsim.access.attach_server import AttachServer
        from uartsim.access.control import serve
        from uartsim.access.control_requests import ControlRequests
        from uartsim.access.descriptor_limit import report_waiting_clients

        attach = AttachServer(self.hub, {b"M": machine.nmi, b"R": machine.reset}, self.status)
        with report_waiting_clients(machine.log):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.pty.run)
                await nursery.start(self.more.run)
                nursery.start_soon(attach.run, self.endpoints.attach)
                nursery.start_soon(serve, self.endpoints.control, ControlRequests(self, machine).handlers)
                task_status.started()

    def _renew_pty(self) -> PtyDevice:
        """Make another pty in place of one that cannot be used any more."""
        endpoints, device = self.endpoints, PtyDevice(self.hub.baud)
        try:
            endpoints.folder.move_link(device.path)
        except BaseException:
            device.close()
            raise
        endpoints.device.close()
        endpoints.device = device
        return device

    async def finish(self) -> None:
        """After the guest's end: give every client what is left, within a second, and tell it that this is the end."""
        import trio

        with trio.move_on_after(1):
            ptys = [self.pty, *self.more.ptys]
            unread = {pty.client for pty in ptys if not pty.opened}
            await self.hub.drain([client for client in self.hub.clients if client not in unread])
            for pty in ptys:
                await pty.drain()
        self.hub.close()
        with trio.move_on_after(0.05):
            await trio.sleep_forever()  # until the attach sockets have sent their last message

    def status(self) -> dict[str, Any]:
        """Everything that ``uartsim status`` shows, as JSON can carry it."""
        assert self.machine is not None
        recordings = self.hub.com1.recordings()
        records = self.hub.record.statuses() if self.hub.record is not None else []
        return {
            **self.machine.status(),
            "description": self.description,
            "pid": os.getpid(),
            "link": self.endpoints.folder.link,
            "pty": self.pty.status(),
            "more_ptys": self.more.status(),
            "hub": self.hub.status(),
            "record": records[0] if records else None,
            "records": records,
            "trace": recordings.get("trace"),
            "vcd": recordings.get("vcd"),
        }
