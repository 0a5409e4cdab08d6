"""The command for the transcripts that are kept: ``uartsim records``."""

from __future__ import annotations

import sys
import time

import click

from uartsim.cli.help_text import described
from uartsim.standard_streams import reader_may_leave


@described("List the transcripts that are kept of machines.", "uartsim records --json")
@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def records(as_json: bool) -> None:
    """List the transcripts that are kept of machines, newest first.

    'uartsim run' keeps one of every machine: those of the newest 50, each of at most 16 MiB. 'uartsim replay' plays one,
    'uartsim export' draws it, and 'uartsim problems' says what went wrong.
    """
    from uartsim.cli.run_records import kept_transcripts, transcripts_folder

    kept = kept_transcripts()
    if as_json:
        import json

        click.echo(json.dumps([{**item._asdict(), "running": item.is_running} for item in kept], indent=2))
        return
    if not kept:
        click.echo(f"no transcripts are kept in {transcripts_folder()}")
    with reader_may_leave():
        for item in kept:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(item.modified))
            sys.stdout.write(f"{when}  {item.size / 1024:9.1f} KiB  {item.machine:<16} {item.path}\n")
