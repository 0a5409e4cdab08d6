"""Before a scenario that needs no boot: the snapshot of its guest at the login prompt, which is made if it is not kept yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uartsim.error_groups import first_error

if TYPE_CHECKING:
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.scenarios.scenario import Start


def start_at(start: Start, definition: GuestDefinition) -> tuple[GuestDefinition, str]:
    """The guest and the snapshot with which it goes on from its login prompt, or from root's shell.

    Raises:
        UsageError: the guest cannot start.
        UartsimError: it could not be booted, or showed no login prompt.
    """
    import trio

    from uartsim.access.log import Log
    from uartsim.console.open_console import started_at
    from uartsim.guest.before_boot import without_changes

    log = Log()
    try:
        snapshot = trio.run(started_at, start, definition, log.say)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    finally:
        log.close()
    return without_changes(definition), str(snapshot)
