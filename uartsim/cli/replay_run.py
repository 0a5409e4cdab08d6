"""A record that is played as a guest on a pty: ``uartsim replay --pty``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path


def run_replay(
    file: str, play: Callable[[], Iterator[tuple[float, bytes]]], name: str, link: str | None, rate: str
) -> None:
    """Run the machine until it is stopped.

    Args:
        file: the record, for the machine's description.
        play: what is played, see :class:`uartsim.guest.replay_guest.ReplayGuest`.
        name: what the machine is called.
        link: the path of the link to the pty; None for the usual one.
        rate: ``"line"`` or ``"unlimited"``.

    Raises:
        UartsimError: a machine of this name runs, or the pty or the link cannot be made.
    """
    from uartsim.access.endpoints import open_endpoints
    from uartsim.access.log import Log, write_last_line
    from uartsim.cli.foreground_run import ForegroundRun, LineSettings
    from uartsim.cli.run_records import RecordSettings
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.guest.replay_guest import ReplayGuest

    definition = GuestDefinition(
        name=name,
        kind="replay",
        description=f"the record {file}",
        folder=Path(file).resolve().parent,
        needs=(),
        settings={},
        options={},
    )
    log = Log()
    line = LineSettings({"rate": rate}, "refuse", RecordSettings(transcript=False))
    endpoints = open_endpoints(name, link)
    try:
        ForegroundRun(definition, ReplayGuest(play, log.say), endpoints, line, attach=False).run()
    finally:
        endpoints.release()
        log.close()
    write_last_line(f"{endpoints.folder.name}: stopped")
