"""The commands for running machines as a whole: list, status, stop, and the buttons on their front."""

from __future__ import annotations

import json
import time
from typing import Final

import click

from uartsim.cli.ask_machine import ask_machine, chosen
from uartsim.cli.completion_values import complete_machine
from uartsim.cli.help_text import described
from uartsim.cli.status_text import list_lines, status_lines
from uartsim.errors import UartsimError

#: How long a machine may take to end, in seconds.
_STOP_S: Final = 15.0
#: How long a guest may take to react to a button, in seconds.
_BUTTON_S: Final = 30.0


@described("List the running machines.", "uartsim list --json")
@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def list_machines(as_json: bool) -> None:
    """List the running machines."""
    from uartsim.access.machine_folder import remove_dead_machines
    from uartsim.access.runtime_folder import running_machines

    remove_dead_machines()
    found = []
    for name in running_machines():
        try:
            found.append(ask_machine(name, "status"))
        except UartsimError as error:
            found.append({"name": name, "state": str(error)})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("no machine is running; start one with 'uartsim run'")
    for facts in found:
        for line in list_lines(facts):
            click.echo(line)


@described("Show line, chip, counters and clients of a machine.", "uartsim status demo --json")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(name: str | None, as_json: bool) -> None:
    """Show what machine NAME, or the only one that runs, is doing: line, chip, counters, clients."""
    facts = ask_machine(chosen(name), "status")
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in status_lines(facts):
        click.echo(line)


@described("Press the NMI button.", "uartsim nmi linux")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
def nmi(name: str | None) -> None:
    """Press the NMI button of machine NAME, or of the only one that runs."""
    ask_machine(chosen(name), "nmi", _BUTTON_S)


@described("Press the reset button.", "uartsim reset linux")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
def reset(name: str | None) -> None:
    """Press the reset button of machine NAME, or of the only one that runs."""
    ask_machine(chosen(name), "reset", _BUTTON_S)


@described("Stop the processor of a guest in QEMU.", "uartsim pause linux")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
def pause(name: str | None) -> None:
    """Stop the processor of machine NAME, or of the only one that runs, whose guest is in QEMU."""
    ask_machine(chosen(name), "pause", _BUTTON_S)


@described("Let a paused machine go on.", "uartsim resume linux")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
def resume(name: str | None) -> None:
    """Let machine NAME, or the only one that runs, go on after 'uartsim pause'."""
    ask_machine(chosen(name), "resume", _BUTTON_S)


@described("End a machine.", "uartsim stop demo")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
def stop(name: str | None) -> None:
    """End machine NAME, or the only one that runs; returns when it is gone."""
    from uartsim.access.runtime_folder import running_machines

    name = chosen(name)
    pid = ask_machine(name, "status")["pid"]
    ask_machine(name, "stop")
    deadline = time.monotonic() + _STOP_S
    while name in running_machines():
        if time.monotonic() > deadline:
            raise UartsimError(
                f"{name} (process {pid}) has not ended within {_STOP_S:g} s: end it with 'kill {pid}', or else 'kill -9 {pid}'"
            )
        time.sleep(0.02)
