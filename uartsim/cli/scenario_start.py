"""Before a scenario that needs no boot: the snapshot of its guest at the login prompt, which is made if it is not kept yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uartsim.error_groups import first_error

if TYPE_CHECKING:
    from uartsim.guest.catalogue import GuestDefinition


def start_at_login(definition: GuestDefinition) -> tuple[GuestDefinition, str]:
    """The guest and the snapshot with which it goes on from its login prompt.

    Raises:
        UsageError: the guest cannot start.
        UartsimError: it could not be booted, or showed no login prompt.
    """
    import trio

    from uartsim.access.log import Log
    from uartsim.console.open_console import at_login
    from uartsim.guest.before_boot import without_changes

    log = Log()
    try:
        snapshot = trio.run(at_login, definition, log.say)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    finally:
        log.close()
    return without_changes(definition), str(snapshot)
