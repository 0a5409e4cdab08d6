"""What a person does to a machine beside its console: a break, magic SysRq, the NMI and the reset button."""

from __future__ import annotations

from uartsim.access.hub_client import BREAK_SECONDS, check_break
from uartsim.console.protocols import MachineButtons
from uartsim.console.session import Session
from uartsim.errors import UsageError
from uartsim.machine import Machine
from uartsim.machine.pausable_guest import PausableGuest, pausable
from uartsim.printable import quoted


class Buttons:
    """``send_break``, ``sysrq``, ``nmi`` and ``reset`` of a console.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def send_break(self, duration_s: float) -> None:
        """See ``Console.send_break``."""
        __tracebackhide__ = True
        duration_s = check_break(duration_s)
        self._session.check_running("send_break()")
        with self._session.steps.step("send_break()"):
            await self._session.client.send_break(duration_s)

    async def sysrq(self, key: str) -> None:
        """See ``Console.sysrq``."""
        __tracebackhide__ = True
        if not isinstance(key, str) or len(key) != 1 or not key.isascii() or not key.isalnum():
            raise UsageError(f"{quoted(key)} is not a SysRq key: give one letter or digit, such as 'h' for help")
        self._session.check_running("sysrq()")
        watch = self._session.received.monitor.watch
        if key in "bo":
            watch.expect_boot()
        if key == "c":
            watch.ask_for("linux.panic", "linux.oops", "linux.die", "linux.bug", "linux.reboot", "guest.off")
        with self._session.steps.step(f"sysrq({key!r})"):
            await self._session.client.send_break(BREAK_SECONDS)
            self._session.check_running("sysrq()")
            await self._session.send(key)

    async def nmi(self) -> None:
        """See ``Console.nmi``."""
        __tracebackhide__ = True
        button = self._buttons("nmi()")
        with self._session.steps.step("nmi()"):
            await button.nmi()

    async def reset(self) -> None:
        """See ``Console.reset``."""
        __tracebackhide__ = True
        buttons = self._buttons("reset()")
        self._session.forget_boot()
        self._session.received.monitor.watch.expect_boot()
        with self._session.steps.step("reset()"):
            await buttons.reset()

    async def pause(self) -> None:
        """See ``Console.pause``."""
        __tracebackhide__ = True
        machine = self._pausable("pause()")
        with self._session.steps.step("pause()"):
            await machine.let_run(False)

    async def resume(self) -> None:
        """See ``Console.resume``."""
        __tracebackhide__ = True
        machine = self._pausable("resume()")
        with self._session.steps.step("resume()"):
            await machine.let_run(True)

    def _pausable(self, what: str) -> PausableGuest:
        __tracebackhide__ = True
        machine = self._buttons(what)
        if not isinstance(machine, Machine):
            raise UsageError(f"{what}: this console's machine cannot be paused")
        return pausable(machine)

    def _buttons(self, what: str) -> MachineButtons:
        __tracebackhide__ = True
        self._session.check_running(what)
        if self._session.machine is None:
            raise UsageError(f"{what}: there is no machine behind this console, only its line")
        return self._session.machine
