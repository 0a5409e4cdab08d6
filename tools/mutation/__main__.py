"""``python -m tools.mutation``: the command."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Container
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from . import report
from .rooms import rooms
from .run import Result, draw, run_room

CHECKOUT = Path(__file__).resolve().parents[2]


@click.command()
@click.option("--seed", default="1", show_default=True, help="What the sample is drawn from: any word or number.")
@click.option("--rooms", "chosen", default="", metavar="NAMES", help="Rooms, separated by commas; all if left out.")
@click.option("--sample", default=60, show_default=True, help="How many mutants of a room.")
@click.option("--jobs", default=1, show_default=True, help="How many mutants run at a time, each in its own copy.")
@click.option(
    "--limit",
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the tests of one mutant may take, as measured; slower ones are left out, and counted.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write JSON here.")
@click.option("--list", "list_only", is_flag=True, help="List the sample, and run nothing.")
def main(seed: str, chosen: str, sample: int, jobs: int, limit: float, json_file: Path | None, list_only: bool) -> None:
    """Put small faults into uartsim, and see whether the tests notice them."""
    every = rooms(CHECKOUT)
    names = [name.strip() for name in chosen.split(",") if name.strip()] or list(every)
    if unknown := [name for name in names if name not in every]:
        raise click.BadParameter(f"{', '.join(unknown)}: no such room: choose from {', '.join(every)}")
    if list_only:
        for name in names:
            for mutant in draw(CHECKOUT, name, seed, sample):
                click.echo(f"{mutant.file}:{mutant.lines[0]}: {mutant.fingerprint[2]}")
        return
    os.nice(10)
    # An ended run takes its copies and its processes with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    console, reasons = Console(), report.explained()
    reports = []
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for name in names:
            mutants = draw(CHECKOUT, name, seed, sample)
            task = progress.add_task(name, total=len(mutants))
            results = run_room(
                CHECKOUT,
                name,
                mutants,
                jobs=jobs,
                limit_s=limit,
                on_result=partial(_tell, progress, task, reasons),
            )
            reports.append(report.RoomReport(name, results, reasons))
            if json_file is not None:
                json_file.write_text(report.as_json(seed, reports) + "\n", encoding="utf-8")
    report.show(console, reports)
    console.print(f"seed {seed}, {time.monotonic() - began:.0f} s")
    sys.exit(not all(each.enough for each in reports))


def _tell(progress: Progress, task: TaskID, reasons: Container[tuple[str, str, str]], result: Result) -> None:
    progress.advance(task)
    if not result.killed and result.mutant.fingerprint not in reasons:
        click.echo(report.described(result))


if __name__ == "__main__":
    main()
