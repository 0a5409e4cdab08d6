"""A running machine with everything by which it can be reached: pty, link, control socket.

:class:`Station` is made in two steps, because a client may connect before the heavy imports are done:
:func:`reserve` takes the name, makes the pty and binds the socket with the standard library only; the station then
serves them.
"""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from uartsim.access.pty_device import PtyDevice
from uartsim.access.runtime import Claim
from uartsim.errors import UartsimError, UsageError

if TYPE_CHECKING:
    import trio

    from uartsim.access.hub import Hub
    from uartsim.machine import Machine


#: What ends a program in the middle of anything.
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


#: What this process has reserved and not released.
RESERVED: list[Reservation] = []


class Reservation:
    """A machine's name, pty and sockets, bound and not yet served."""

    def __init__(self, claim: Claim, device: PtyDevice, control: socket.socket, attach: socket.socket) -> None:
        self.claim = claim
        self.device = device
        self.control = control
        self.attach = attach

    def release(self) -> None:
        """Give everything back: descriptors, sockets, link, lock and folder.  No signal ends that half-way."""
        while True:
            try:
                before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
                self.control.close()
                self.attach.close()
                self.device.close()
                self.claim.release()
                if self in RESERVED:
                    RESERVED.remove(self)
                break
            except KeyboardInterrupt:
                continue  # of a signal that had come before they were held back; each step can be done again
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def reserve(name: str, link: str | None = None) -> Reservation:
    """Take a name, make the pty and bind the control socket.

    Raises:
        UsageError: the name or the link is taken or impossible.
        UartsimError: the system has no pty left.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)  # nothing is left half made
    try:
        reservation = _reserve(name, link)
        RESERVED.append(reservation)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return reservation


def _reserve(name: str, link: str | None) -> Reservation:
    claim = Claim(name, link)
    try:
        device = PtyDevice()
        try:
            claim.make_link(device.path)
            control = listen(claim.control)
            try:
                attach = listen(claim.attach)
            except BaseException:
                control.close()
                raise
        except BaseException:
            device.close()
            raise
    except BaseException:
        claim.release()
        raise
    return Reservation(claim, device, control, attach)


def listen(path: str) -> socket.socket:
    """Bind a unix socket, mode 0600, in the private folder that holds it.

    Raises:
        UartsimError: it cannot be bound.
    """
    listener = None
    before = os.umask(0o177)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(128)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise UartsimError(
            f"the socket {path} cannot be made ({error.strerror}): set UARTSIM_RUNTIME_DIR to another folder"
        ) from None
    finally:
        os.umask(before)
    return listener


class Station:
    """Serves a reservation for a machine.

    Args:
        reservation: from :func:`reserve`.
        hub: the machine's line.
        description: what the guest is, for ``status``.
    """

    def __init__(self, reservation: Reservation, hub: Hub, description: str = "") -> None:
        from uartsim.access.more_ptys import MorePtys
        from uartsim.access.pty import PtyAccess

        self.reservation = reservation
        self.hub = hub
        self.description = description
        self.pty = PtyAccess(hub, reservation.device, renew=self._renew_pty)
        self.more = MorePtys(hub, reservation.claim)
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

        from uartsim.access.attach import AttachServer
        from uartsim.access.control import serve
        from uartsim.access.requests import Requests
        from uartsim.access.shortage import say_shortages

        attach = AttachServer(self.hub, {b"M": machine.nmi, b"R": machine.reset}, self.status)
        with say_shortages(machine.log):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.pty.run)
                await nursery.start(self.more.run)
                nursery.start_soon(attach.run, self.reservation.attach)
                nursery.start_soon(serve, self.reservation.control, Requests(self, machine).handlers)
                task_status.started()

    def _renew_pty(self) -> PtyDevice:
        """Another pty in place of one that cannot be used any more."""
        reservation, device = self.reservation, PtyDevice(self.hub.baud)
        try:
            reservation.claim.move_link(device.path)
        except BaseException:
            device.close()
            raise
        reservation.device.close()
        reservation.device = device
        return device

    async def finish(self) -> None:
        """The guest has ended: whoever is attached gets what is left, within a second, and is told."""
        import trio

        with trio.move_on_after(1):
            ptys = [self.pty, *self.more.ptys]
            unread = {pty.client for pty in ptys if not pty.opened}
            await self.hub.drain([client for client in self.hub.clients if client not in unread])
            for pty in ptys:
                await pty.drain()
        self.hub.close()
        with trio.move_on_after(0.05):
            await trio.sleep_forever()  # the attach sockets say good-bye

    def status(self) -> dict[str, Any]:
        """Everything that ``uartsim status`` shows."""
        assert self.machine is not None
        recordings = self.hub.com1.recordings()
        return {
            **self.machine.status(),
            "description": self.description,
            "pid": os.getpid(),
            "link": self.reservation.claim.link,
            "pty": self.pty.status(),
            "more_ptys": self.more.status(),
            "hub": self.hub.status(),
            "record": self.hub.record.status() if self.hub.record is not None else None,
            "trace": recordings.get("trace"),
            "vcd": recordings.get("vcd"),
        }
