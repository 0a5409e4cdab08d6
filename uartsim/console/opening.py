"""From a guest's name to a console: the machine, its line, and a client on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

import trio

from uartsim.access.hub import Hub
from uartsim.console.console import SETTLE_S, Console
from uartsim.console.problem_catalogue import Source
from uartsim.guest.build import make_guest
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.line_format import seconds_to_ticks
from uartsim.machine import Machine, PortOptions, open_machine


@asynccontextmanager
async def open_console(
    guest: str | Path | GuestDefinition = "demo",
    *,
    settings: Mapping[str, Any] | None = None,
    timeout: float | None = 30.0,  # noqa: ASYNC109 - of the console, not of the opening
    timeout_scale: float = 1.0,
    problems: Source | Sequence[Source] | None = None,
    allow: Iterable[str] = (),
    name: str | None = None,
    log: Callable[[str], None] | None = None,
    **port: Unpack[PortOptions],
) -> AsyncIterator[Console]:
    """Start a machine of its own for this block, and hold its console from the first byte.

    Leaving the block switches the machine off.  Time is trio's: under a virtual clock, such as
    ``trio.testing.MockClock``, a guest that is a script lives in virtual time, and any other is refused.

    Args:
        guest: a guest of the catalogue, the path of a guest's folder, or a definition.
        settings: what is to differ from the guest's defaults.
        timeout: how long ``expect`` waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied with it.
        problems: what is a problem besides the package's own catalogue: files, or entries as mappings.
        allow: ids of problems that are none here, as ``linux.panic`` or ``linux.*``.
        name: what the machine is called in messages; by default the guest's name.
        log: gets lines about what takes long, such as an image being built.
        port: what its serial port is like: ``uart``, ``strict_line``, ``unlimited``, ``flow_control``, ``faults``,
            ``trace``, ``vcd``; see :class:`uartsim.machine.options.PortOptions`.

    Raises:
        UsageError: no such guest or setting, something that it needs is missing, or the clock is virtual and the guest
            a process or QEMU.
        UartsimError: the guest could not be started.
    """
    definition = guest if isinstance(guest, GuestDefinition) else find_guest(str(guest))
    if settings:
        definition = definition.with_settings({key: str(value) for key, value in settings.items()})
    definition.check_needs()
    port.setdefault("uart", definition.uart)
    hubs: list[Hub] = []
    failure: BaseException | None = None

    def prepare(machine: Machine) -> None:  # before power: not a byte is missed
        com1 = machine.com1
        # a pause of the guest must be told from the wait for the next portion of what it sends
        com1.quantum_ticks = min(com1.quantum_ticks, seconds_to_ticks(SETTLE_S / 4))
        hubs.append(Hub(com1))

    async with open_machine(
        make_guest(definition),
        name or definition.name,
        log=log,
        prepare=prepare,
        **port,
    ) as machine:
        console = Console(
            hubs[0].attach("console", start=0),
            machine,
            timeout=timeout,
            timeout_scale=timeout_scale,
            problems=problems,
            allow=allow,
        )
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(console.follow)
                nursery.start_soon(_close_after_the_last_byte, machine, hubs[0])
                try:
                    yield console
                except BaseException as error:
                    failure = error  # raised below, so that the nursery does not wrap it
                nursery.cancel_scope.cancel()
        finally:
            console.close()
        if failure is not None:
            raise failure


async def _close_after_the_last_byte(machine: Machine, hub: Hub) -> None:
    """When the guest has ended, close the hub: as soon as the line has carried what was still in the chip."""
    await machine.wait_ended()
    with trio.move_on_after(1):
        await hub.drain(())
    hub.close()
