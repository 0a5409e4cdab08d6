"""One power cycle of a machine: from the moment power comes on until the guest has ended and its last byte is out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import trio

from uartsim.access.hub import Hub, LinePolicy
from uartsim.error_groups import first_error, holds_no_exception
from uartsim.machine import Guest, GuestEnd, Machine, PortOptions, open_machine

#: How long the line may take to carry what is still in the chip when the guest has ended, in seconds.
LAST_BYTES_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be switched on.

    Attributes:
        guest: what runs on the machine.
        name: what the machine is called in messages.
        port: the options of its serial port.
        log: gets sentences about the machine.
        output: gets the guest's output as it comes; None if nobody wants it.
        on_served: called once COM1 is served.
    """

    guest: Guest
    name: str
    port: PortOptions = field(default_factory=lambda: PortOptions())
    log: Callable[[str], None] = lambda text: None
    output: Callable[[bytes], None] | None = None
    on_served: Callable[[], None] = lambda: None


class PowerCycle:
    """One power cycle.  Whatever goes wrong in it is its end, and is never raised.

    Attributes:
        hub: the line; None before power has come on.
        machine: the machine; None until its COM1 is served.
        served: set once COM1 is served, or the cycle is over.
        over: set once it is over and the line is closed.
        end: how it ended; None until then.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.hub: Hub | None = None
        self.machine: Machine | None = None
        self.served = trio.Event()
        self.over = trio.Event()
        self.end: GuestEnd | None = None

    async def run(self) -> None:
        """Power on; returns when it is over."""
        plan = self._plan
        end = GuestEnd("stopped")  # by the end of the service
        try:
            async with open_machine(
                plan.guest, plan.name, log=plan.log, prepare=self._prepare, **plan.port
            ) as self.machine:
                plan.on_served()
                self.served.set()
                end = await self.machine.wait_ended()
                with trio.move_on_after(LAST_BYTES_S):
                    assert self.hub is not None
                    await self.hub.drain(())
        except (Exception, BaseExceptionGroup) as error:
            if holds_no_exception(error):
                raise  # only cancellations
            end = GuestEnd("failed", detail=_in_words(error))
        finally:
            self.end = end
            if self.hub is not None:
                self.hub.close()
            self.served.set()
            self.over.set()

    def pull_the_plug(self) -> None:
        """Switch the power off.  What the guest has sent still leaves the chip."""
        if self.machine is not None:
            self.machine.power_off()

    def _prepare(self, machine: Machine) -> None:
        self.hub = hub = Hub(machine.com1, policy=LinePolicy.TAKE_OVER)
        if (output := self._plan.output) is None:
            return
        watcher = hub.attach("boot diagnostics", watch=True, start=0)

        def take() -> None:  # on the spot, so that the guest never waits for the log
            while data := watcher.receive_nowait():
                try:
                    output(data)
                except Exception as error:  # a log that cannot be written is no reason for the machine to end
                    self._plan.log(f"boot diagnostics miss {len(data)} bytes: {_in_words(error)}")

        watcher.eager = take


def _in_words(error: BaseException) -> str:
    cause = first_error(error)
    return str(cause) or type(cause).__name__
