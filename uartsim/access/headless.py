"""A machine in virtual time, which runs as fast as the processor can compute it.

A person or a program at a pty or a socket lives in real time, so the machine has neither: what the guest sends is passed on
and recorded, and nothing is sent to the guest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import trio

from uartsim.access.hub import Hub, HubClient
from uartsim.machine import Guest, GuestEnd, Machine, PortOptions, open_machine
from uartsim.record import TranscriptWriter


async def run_headless(
    guest: Guest,
    name: str,
    *,
    limit_s: float,
    output: Callable[[bytes], object],
    record: str | None = None,
    incomplete: Callable[[str, Mapping[str, Any]], object] | None = None,
    log: Callable[[str], None] | None = None,
    **port: Unpack[PortOptions],
) -> GuestEnd | None:
    """Run a guest until it ends, or until ``limit_s`` seconds of trio's clock have passed.

    Args:
        guest: what runs.
        name: what the machine is called.
        limit_s: seconds of virtual time.
        output: is called with what the guest sends; it may block.
        record: the file of the record, or None.
        incomplete: is called at the end for each recording that lacks something, with ``"record"``, ``"trace"`` or
            ``"vcd"`` and its status.
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
            com1 = machine.com1
            hub.record = TranscriptWriter(record, name, str(com1.uart.line_format), com1.clock.now())

    end: GuestEnd | None = None
    started = False
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
                if not started:
                    hub.record.discard()
                hub.record.close()
        if started and incomplete is not None:
            _tell_incomplete(hubs[0], incomplete)
    return end


def _tell_incomplete(hub: Hub, incomplete: Callable[[str, Mapping[str, Any]], object]) -> None:
    states = {"record": hub.record.status()} if hub.record is not None else {}
    for what, state in (states | hub.com1.recordings()).items():
        if state["trouble"]:
            incomplete(what, state)


async def _copy(client: HubClient, output: Callable[[bytes], object]) -> None:
    while data := await client.receive():
        output(data)
