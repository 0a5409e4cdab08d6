"""The command ``guests``: the catalogue, and what a guest of it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from uartsim.cli.completion_values import complete_guest
from uartsim.cli.help_text import described

if TYPE_CHECKING:
    from uartsim.guest.catalogue import GuestDefinition


@described("List the guests, or show one with its settings.", "uartsim guests demo")
@click.command()
@click.argument("name", required=False, shell_complete=complete_guest)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def guests(name: str | None, as_json: bool) -> None:
    """List the guests that can be run, or show one.

    NAME is a guest of the catalogue or the path of one: its settings, and for a distribution how its serial console is set
    up, and how a machine of it is recovered.
    """
    from uartsim.guest.catalogue import find_guest, list_guests

    if name is not None:
        guest = find_guest(name)
        click.echo(json.dumps(_facts(guest) | _details(guest), indent=2) if as_json else "\n".join(_lines(guest)))
        return
    found = [_facts(guest) for guest in list_guests()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    width = max((len(facts["name"]) for facts in found), default=0)
    for facts in found:
        click.echo(f"{facts['name']:<{width}} {facts['kind']:<8} {facts['description']}")
        for text in facts["missing"]:
            click.echo(f"{'':<{width + 10}}({text})")


def _facts(guest: GuestDefinition) -> dict[str, Any]:
    return {
        "name": guest.name,
        "kind": guest.kind,
        "description": guest.description,
        "missing": [text for need in guest.needs if (text := need.missing())],
    }


def _details(guest: GuestDefinition) -> dict[str, Any]:
    from dataclasses import asdict

    about = guest.distribution
    return {"settings": dict(guest.settings), "distribution": None if about is None else asdict(about)}


def _lines(guest: GuestDefinition) -> list[str]:
    from uartsim.guest.distribution_text import distribution_lines

    facts = _facts(guest)
    lines = [f"{guest.name} ({guest.kind}): {guest.description}", *(f"({text})" for text in facts["missing"])]
    if guest.settings:
        lines += ["", "Settings (--set KEY=VALUE):"]
        lines += [f"  {key}={value}" for key, value in guest.settings.items()]
    if guest.distribution is not None:
        lines += ["", *distribution_lines(guest.distribution)]
    return lines
