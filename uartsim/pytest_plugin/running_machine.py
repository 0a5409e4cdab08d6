"""The machine behind a console, for blocking code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from uartsim.console.console_errors import ExpectTimeout
from uartsim.errors import UsageError
from uartsim.machine import Machine

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console
    from uartsim.machine.machine import GuestEnd

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class RunningMachine:
    """The machine behind a console: its buttons and its state.  See :class:`uartsim.Machine`.

    Args:
        console: the console.

    Attributes:
        name: what it is called.

    Raises:
        UsageError: there is no machine behind it.
    """

    def __init__(self, console: Console) -> None:
        machine = console._async._session.machine
        if not isinstance(machine, Machine):
            raise UsageError("there is no machine behind this console")
        self._machine = machine
        self._thread = console._thread
        self._console = console
        self.name = machine.name

    @property
    def kind(self) -> str:
        """The kind of its guest: ``"script"``, ``"process"``, ``"qemu"``, ``"firmware"``, ``"socket"`` or ``"device"``."""
        return self._machine.guest.kind

    @property
    def ended(self) -> GuestEnd | None:
        """How the guest has ended, with ``reason``, ``status`` and ``detail``; None while it runs."""
        return self._thread.read(lambda: self._machine.ended)

    @property
    def is_running(self) -> bool:
        """Whether the guest has not ended."""
        return self.ended is None

    @property
    def has_display(self) -> bool:
        """Whether there is a display, of which :meth:`screenshot` takes a picture."""
        return self._machine.has_display

    def status(self) -> dict[str, Any]:
        """What it is and has done, as plain values, as ``uartsim status --json`` shows them."""
        return self._thread.read(self._machine.status)

    def reset(self) -> None:
        """Press the reset button; UsageError: the guest runs elsewhere and has none that is in reach."""
        self._console.reset()

    def nmi(self) -> None:
        """Press the NMI button."""
        self._console.nmi()

    def press_power_button(self) -> bool:
        """Press the power button; returns whether there is anything in the guest to notice it."""
        return self._thread.call(self._machine.press_power_button)

    def power_off(self) -> None:
        """Pull the plug, and wait until the machine is off."""
        self._thread.read(self._machine.power_off)
        self.wait_ended()

    def wait_ended(self, timeout: float | None = 30.0) -> GuestEnd:
        """Wait until the guest has ended, by itself or by a button.

        Args:
            timeout: seconds; None for ever.

        Raises:
            ExpectTimeout: it has not ended in time.
        """
        limit = None if timeout is None else timeout * self._console.timeout_scale

        async def wait() -> GuestEnd | None:
            with trio.move_on_after(float("inf") if limit is None else limit):
                return await self._machine.wait_ended()
            return None

        end = self._thread.call(wait)
        if end is None:
            raise ExpectTimeout(f"{self.name} was expected to end, and still runs after {limit:g} s")
        return end

    def screenshot(self, form: str = "png") -> bytes:
        """The picture on the display now, as ``"png"`` or ``"ppm"``.

        Raises:
            UsageError: there is no display; the sentence says why.
            UartsimError: the picture cannot be taken.
        """
        return self._thread.call(self._machine.screenshot, form)
