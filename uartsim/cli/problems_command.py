"""The command ``uartsim problems``: what went wrong, from a saved console log."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from uartsim.cli.completion_values import complete_problem
from uartsim.cli.help_text import described
from uartsim.errors import UsageError
from uartsim.standard_streams import reader_may_leave

if TYPE_CHECKING:
    from uartsim.console.problems.problem_catalogue import Catalogue


@described("Say what went wrong, from a saved console log.", "uartsim problems console.log")
@click.command()
@click.argument("logfile", required=False, type=click.Path())
@click.option(
    "--catalogue", "files", multiple=True, type=click.Path(), metavar="FILE", help="Problems of your own. Repeatable."
)
@click.option(
    "--allow",
    multiple=True,
    metavar="ID",
    shell_complete=complete_problem,
    help="Do not report this problem, such as linux.crash or systemd.*. Repeatable.",
)
@click.option("--list", "listed", is_flag=True, help="List the known problems instead of reading a log.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines, for programs.")
def problems(logfile: str | None, files: tuple[str, ...], allow: tuple[str, ...], listed: bool, as_json: bool) -> None:
    """Say what went wrong on a console, from its log.

    LOGFILE is the output of any console, a transcript of 'uartsim run --record', or an asciicast; - is the standard input.
    Exits with 1 if something severe is found (severity error or fatal), with 0 if not.
    """
    from uartsim.console.problems.problem_catalogue import load_catalogue

    catalogue = load_catalogue(files)
    if listed == (logfile is not None):
        raise UsageError("give the file of a log, or --list, and not both")
    allowed = catalogue.ids(allow)
    severe = False
    with reader_may_leave():
        if logfile is None:
            _list(catalogue, allowed, as_json)
        else:
            found = _check(logfile, catalogue, allowed, as_json)
            sys.stdout.flush()
            severe = found
    if severe:
        raise click.exceptions.Exit(1)


def _check(path: str, catalogue: Catalogue, allowed: frozenset[str], as_json: bool) -> bool:
    from uartsim.console.problems.problem_catalogue import SEVERITIES
    from uartsim.console.problems.saved_log import SavedLog

    log = SavedLog(path, catalogue, allowed)
    severe = False
    counts: Counter[str] = Counter()
    for line, seconds, problem in log.problems():
        severe = severe or problem.is_severe
        counts[problem.severity] += 1
        if as_json:
            told = {name: getattr(problem, name) for name in ("id", "severity", "cause", "advice", "phase")}
            sys.stdout.write(json.dumps({"line": line, "seconds": seconds, **told, "text": problem.line}) + "\n")
            continue
        when = "" if seconds is None else f" at {seconds:.3f} s"
        sys.stdout.write(f"{path}:{line}:{when} {problem.severity}: {problem.cause} ({problem.id})\n")
        if problem.line and problem.line not in problem.cause:
            sys.stdout.write(f"    {problem.line}\n")
        sys.stdout.write(f"    {problem.advice}\n")
    if not as_json:
        found = ", ".join(f"{counts[name]} {name}" for name in reversed(SEVERITIES) if counts[name])
        sys.stdout.write(f"{path}: {found or 'no problems'}, in {log.lines} lines\n")
    return severe


def _list(catalogue: Catalogue, allowed: frozenset[str], as_json: bool) -> None:
    for entry in catalogue.entries.values():
        if entry.id in allowed:
            continue
        if as_json:
            told = {name: getattr(entry, name) for name in ("id", "severity", "phase", "cause", "advice", "watch")}
            sys.stdout.write(json.dumps({**told, "match": [regex.pattern for regex in entry.match]}) + "\n")
        else:
            sys.stdout.write(f"{entry.id:22} {entry.severity:6} {entry.cause}\n")
