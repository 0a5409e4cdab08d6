"""The command ``guests``: the catalogue."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def guests(as_json: bool) -> None:
    """List the guests that can be run."""
    from uartsim.guest.catalogue import list_guests

    found = [
        {
            "name": guest.name,
            "kind": guest.kind,
            "description": guest.description,
            "missing": [text for need in guest.needs if (text := need.missing())],
        }
        for guest in list_guests()
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for guest in found:
        click.echo(f"{guest['name']:<12} {guest['kind']:<8} {guest['description']}")
        for text in guest["missing"]:
            click.echo(f"{'':<22}({text})")
