"""A machine: a guest behind COM1, with power, a reset button and an NMI button.

What the guest is stands a floor higher; here is only what every guest has to be able to do (:class:`Guest`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Unpack, runtime_checkable

import trio

from uartsim.error_groups import first_error
from uartsim.errors import UsageError
from uartsim.machine.com1 import Com1
from uartsim.machine.losses import LossNotice
from uartsim.machine.port_options import PortOptions, make_port, remove_recordings
from uartsim.machine.ticker import is_virtual, shared_ticker


@dataclass(frozen=True, slots=True)
class GuestEnd:
    """How a guest came to its end.

    Attributes:
        reason: ``"poweroff"`` (it switched itself off), ``"exited"``, ``"failed"``, or ``"stopped"`` (by us).
        status: the exit status of its process, where it is one.
        detail: its last output, or why it failed.
    """

    reason: str
    status: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        words = {
            "poweroff": "powered off",
            "exited": "exited",
            "failed": "failed",
            "stopped": "was stopped",
        }
        text = words.get(self.reason, self.reason)
        if self.status is not None:
            text += f" with status {self.status}"
        return f"{text}: {self.detail}" if self.detail else text


class Guest(Protocol):
    """What owns COM1."""

    #: "qemu", "firmware", "process", "script", "socket" or "device".
    kind: str

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = ...) -> GuestEnd:
        """Power on, and run until the guest ends by itself.

        Calls ``task_status.started()`` once COM1 is served.  When cancelled it is switched off at once and
        leaves no process or file behind.
        """

    async def reset(self) -> None:
        """The reset button.  The chip has been reset already."""

    async def nmi(self) -> None:
        """The NMI button."""


@runtime_checkable
class ReportingGuest(Protocol):
    """A guest that has facts of its own for ``status``."""

    def status(self) -> dict[str, Any]:
        """Plain values."""


@runtime_checkable
class SavingGuest(Protocol):
    """A guest that can be saved, to go on later."""

    async def save(self, folder: Path, note: Callable[[], dict[str, Any]]) -> None:
        """Save it and its port in a folder, with what ``note`` returns while it is stopped; it goes on."""


@runtime_checkable
class PowerButtonGuest(Protocol):
    """A guest that can be asked to shut down by the power button (ACPI)."""

    async def press_power_button(self) -> bool:
        """Press it; returns whether there is anything in the guest to notice it."""


@runtime_checkable
class DisplayGuest(Protocol):
    """A guest of a kind that can have a display.

    Attributes:
        has_display: whether this one has.
    """

    has_display: bool

    async def screenshot(self, form: str = ...) -> bytes:
        """The picture on the display now, as ``"png"`` or ``"ppm"``; UsageError: it has no display, or is switched off."""


@runtime_checkable
class RemoteGuest(Protocol):
    """A guest that runs elsewhere, and may be out of reach of the reset button."""

    def check_reset(self) -> None:
        """Raise UsageError if the guest cannot be reset from here."""


class Machine:
    """One machine.  Made by :func:`open_machine`.

    Attributes:
        name: what it is called.
        guest: what runs on it.
        com1: its serial port.
        runtime_dir: a private folder for the guest's sockets, or None (the guest makes a temporary one).
        ended: how the guest ended, or None while it runs.
    """

    def __init__(
        self,
        name: str,
        guest: Guest,
        com1: Com1,
        *,
        runtime_dir: Path | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self.guest = guest
        self.com1 = com1
        self.runtime_dir = runtime_dir
        self.ended: GuestEnd | None = None
        self.resets = 0
        self.nmis = 0
        self._log = log
        self._end = trio.Event()
        self._scope = trio.CancelScope()
        #: What the line, or something that stands in it, raised: the machine ends with it; None if nothing did.
        self.failure: Exception | None = None
        self._losses = LossNotice(self.log, name)
        com1.owner = self
        self._powered_on_at = com1.clock.now()

    def log(self, text: str) -> None:
        """A line of text for the user that started the machine."""
        if self._log is not None:
            self._log(text)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Power on; returns when the guest has ended, or after :meth:`power_off`."""
        end = GuestEnd("stopped")
        starting = _Starting(task_status)
        try:
            with self._scope:
                end = await self.guest.run(self, starting)
        finally:
            self.ended = end
            self._losses.finish(self.com1.lost())
            self._end.set()
        if self.failure is not None:
            raise self.failure
        starting.started()  # a guest may die before it has come so far: that is its end, not a failure to start
        return end

    def failed(self, error: Exception) -> None:
        """The line raised an error: the machine ends with it."""
        if self.failure is None:
            self.failure = error
        self._scope.cancel()

    def lost(self) -> None:
        """The line has lost characters: the person is told."""
        self._losses.look(self.com1.lost())

    def power_off(self) -> None:
        """Pull the plug."""
        self._scope.cancel()

    async def reset(self) -> None:
        """Press the reset button: the chip is reset, then the guest starts anew.

        Raises:
            UsageError: the guest runs elsewhere and cannot be reset from here: nothing happened.
        """
        if isinstance(self.guest, RemoteGuest):
            self.guest.check_reset()
        self.resets += 1
        self.com1.reset()
        await self.guest.reset()

    async def nmi(self) -> None:
        """Press the NMI button."""
        await self.guest.nmi()
        self.nmis += 1

    async def press_power_button(self) -> bool:
        """Press the power button, which asks the guest's operating system to shut down.

        Returns:
            Whether there is anything in the guest to notice it; what that does, and when, is the guest's affair.
        """
        guest = self.guest
        return await guest.press_power_button() if isinstance(guest, PowerButtonGuest) else False

    @property
    def has_display(self) -> bool:
        """Whether there is a display, of which :meth:`screenshot` takes a picture."""
        return isinstance(self.guest, DisplayGuest) and self.guest.has_display

    async def screenshot(self, form: str = "png") -> bytes:
        """The picture on the display now.

        Args:
            form: ``"png"`` or ``"ppm"``.

        Raises:
            UsageError: there is no display; the sentence says why.
            UartsimError: the picture cannot be taken.
        """
        if not isinstance(self.guest, DisplayGuest):
            raise UsageError(
                f"{self.name} has no display: a guest of kind {self.guest.kind} has a serial line and nothing else;"
                " run one in QEMU"
            )
        return await self.guest.screenshot(form)

    async def wait_ended(self) -> GuestEnd:
        """Wait until the guest has ended."""
        await self._end.wait()
        assert self.ended is not None
        return self.ended

    def status(self) -> dict[str, Any]:
        """What the machine is and has done, as plain values."""
        self.com1.advance(self.com1.clock.now())
        guest = self.guest.status() if isinstance(self.guest, ReportingGuest) else {}
        paused = not guest.get("running", True) and not guest.get("stands_still", False)
        return {
            "name": self.name,
            "kind": self.guest.kind,
            "state": str(self.ended) if self.ended is not None else "paused" if paused else "running",
            "up_s": round((self.com1.clock.now() - self._powered_on_at) / 144e9, 3),
            "resets": self.resets,
            "nmis": self.nmis,
            "guest": guest,
            "com1": self.com1.status(),
        }


@asynccontextmanager
async def open_machine(
    guest: Guest,
    name: str = "com1",
    *,
    runtime_dir: Path | None = None,
    log: Callable[[str], None] | None = None,
    prepare: Callable[[Machine], None] | None = None,
    **port: Unpack[PortOptions],
) -> AsyncIterator[Machine]:
    """A running machine; on leaving it is switched off.

    Args:
        guest: what runs on it.
        name: what it is called.
        runtime_dir: a private folder for the guest's sockets.
        log: gets lines of text for the user that started the machine.
        prepare: called with the machine before power comes on, to listen from the first byte.
        port: what its serial port is like, see :class:`uartsim.machine.port_options.PortOptions`.

    Raises:
        UsageError: the clock is virtual, and the guest lives in real time; or a fault or recording is impossible.
        UartsimError: the guest could not be started.
    """
    if is_virtual() and guest.kind not in ("script", "firmware"):
        raise UsageError(
            f"{name} is a guest of kind {guest.kind} and lives in real time: a virtual clock is only for guests of kind "
            "script or firmware, such as demo; use the real clock"
        )
    async with shared_ticker() as ticker:
        com1 = make_port(ticker, name, port)
        failure: BaseException | None = None
        started = False
        try:
            machine = Machine(name, guest, com1, runtime_dir=runtime_dir, log=log)
            if prepare is not None:
                prepare(machine)
            async with trio.open_nursery() as nursery:
                await nursery.start(machine.run)
                started = True
                try:
                    yield machine
                except BaseException as error:
                    # Told apart from the guest's own errors: a simple call does not raise a group.
                    failure = error
                machine.power_off()
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            _, real = group.split(trio.Cancelled)
            if real is None and failure is None:
                raise  # cancelled from outside while it started
            if real is not None and (failure is None or _is_cancellation(failure)):
                raise first_error(real) from None
        finally:
            if not started:
                remove_recordings(com1.recorders)
            com1.close_taps()
        if failure is not None:
            raise failure


class _Starting:
    """A trio task status that takes more than one "started"."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status: trio.TaskStatus[None] | None = task_status

    def started(self, value: None = None) -> None:
        """Pass the first one on."""
        if self._task_status is not None:
            task_status, self._task_status = self._task_status, None
            task_status.started()


def _is_cancellation(error: BaseException) -> bool:
    """Whether an error, or all of a group of them, only says that we were cancelled."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)
