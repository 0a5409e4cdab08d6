"""How a scenario starts at the command line: from a snapshot at the login prompt, where it needs no boot; and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uartsim.error_groups import first_error

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def begun_lines(names: tuple[str, ...], machine: str) -> Iterator[str]:
    """What the person is told once a machine is in its scenarios.

    Args:
        names: the scenarios.
        machine: the machine's name.
    """
    from uartsim.scenarios import find_scenarios
    from uartsim.scenarios.begin_steps import Pause

    for each in find_scenarios(names):
        goes_on = f"     go on: uartsim resume {machine}" if any(isinstance(step, Pause) for step in each.begin) else ""
        yield f"scenario {each.name}: {each.summary}{goes_on}     the way out: uartsim scenarios {each.name}\n"
