"""A machine that many tests use one after another: each gets a console of its own, which begins at one saved moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from uartsim.access.hub_client import HubClient
from uartsim.console.console import Console
from uartsim.console.console_options import RecordPaths
from uartsim.console.open_console import followed, new_record, tell_of_trouble
from uartsim.console.snapshots import Checkpoint
from uartsim.errors import UartsimError, UsageError
from uartsim.machine import Machine


def is_on(checkpoint: Checkpoint) -> bool:
    """Whether the machine of a moment runs."""
    machine = checkpoint.session.machine
    return machine is not None and machine.ended is None


@asynccontextmanager
async def open_restored(
    checkpoint: Checkpoint,
    make_console: Callable[[HubClient, Machine], Console],
    record: RecordPaths | None,
    log: Callable[[str], None] | None,
) -> AsyncIterator[Console]:
    """Let a running machine go back to a moment, and open another console of it.

    Args:
        checkpoint: the moment.  The console that it was made with is closed, and its machine runs as long as its block.
        make_console: makes the console.
        record: a file for every byte of the line from the moment on.
        log: is told if that file is not whole.

    Raises:
        UartsimError: the machine has ended, or cannot go back.
        UsageError: ``make_console`` has refused; the machine has gone back, and can do so again.
    """
    session, machine = checkpoint.session, checkpoint.session.machine
    if not isinstance(machine, Machine) or machine.ended is not None or not isinstance(session.client, HubClient):
        raise UartsimError(f"{session.name} has ended, and cannot go back")
    session.close()
    hub, writer = session.client.hub, None if record is None else new_record(record, machine)
    opened: list[Console] = []
    refused: list[UsageError] = []

    def begin() -> None:
        for client in tuple(hub.clients):  # what a test has left, such as one that had stolen the line
            client.detach()
        hub.record = writer
        try:
            console = make_console(hub.attach("console"), machine)
        except UsageError as error:
            refused.append(error)
            return
        console.snapshots.become(checkpoint.console)
        opened.append(console)

    try:
        await machine.guest.go_back(checkpoint.guest, begin)  # type: ignore[attr-defined]
        if refused:
            raise refused[0]
        async with followed(opened[0], machine, hub):
            yield opened[0]
    finally:
        hub.record = None
        if writer is not None:
            if opened:
                writer.close()
            else:
                writer.discard()
            for state in writer.statuses():
                tell_of_trouble("record", state, log)
