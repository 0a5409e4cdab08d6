"""A machine in virtual time, which runs as fast as the processor can compute it.

A person or a program at a pty or a socket lives in real time, so the machine has neither: what the guest sends is passed on
and recorded, and nothing is sent to the guest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import trio

from uartsim.access.hub import Hub, HubClient
from uartsim.machine import Guest, GuestEnd, Machine, PortOptions, open_machine
from uartsim.record import LineRecorder


async def run_headless(
    guest: Guest,
    name: str,
    *,
    limit_s: float,
    output: Callable[[bytes], object],
    record: Callable[[Machine], LineRecorder] | None = None,
    prepared: Callable[[Hub], object] | None = None,
    log: Callable[[str], None] | None = None,
    **port: Unpack[PortOptions],
) -> GuestEnd | None:
    """Run a guest until it ends, or until ``limit_s`` seconds of trio's clock have passed.

    Args:
        guest: what runs.
        name: what the machine is called.
        limit_s: seconds of virtual time.
        output: is called with what the guest sends; it may block.
        record: makes the records of the line, or None.
        prepared: is called with the machine's hub before power comes on.
        log: is called with lines for the person.
        port: the options of the serial port.

    Returns:
        How the guest ended; None if the time ran out before.

    Raises:
        UsageError: the guest cannot run in virtual time, or the record cannot be made.
        UartsimError: the guest could not be started.
        OSError: ``output`` has raised it.
    """
    hubs: list[Hub] = []

    def prepare(machine: Machine) -> None:
        hub = Hub(machine.com1)
        hubs.append(hub)
        if record is not None:
            hub.record = record(machine)
        if prepared is not None:
            prepared(hub)

    end, started = None, False
    try:
        async with (
            open_machine(guest, name, log=log, prepare=prepare, **port) as machine,
            trio.open_nursery() as nursery,
        ):
            started = True
            (hub,) = hubs
            nursery.start_soon(_copy, hub.attach("output", watch=True, start=0), output)
            with trio.move_on_after(limit_s):
                end = await machine.wait_ended()
                await hub.drain(())
            hub.close()
    finally:
        for hub in hubs:
            if hub.record is not None:
                hub.record.close() if started else hub.record.discard()
    return end


async def _copy(client: HubClient, output: Callable[[bytes], object]) -> None:
    while data := await client.receive():
        output(data)
