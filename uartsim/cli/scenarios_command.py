"""The command ``scenarios``: every state that a serial console can be in, and what one of them is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from uartsim.cli.completion_values import complete_guest, complete_scenario
from uartsim.cli.help_text import described

if TYPE_CHECKING:
    from uartsim.scenarios import Scenario


@described("List the scenarios, or show one with its way out.", "uartsim scenarios --guest debian-12")
@click.command()
@click.argument("name", required=False, shell_complete=complete_scenario)
@click.option("--guest", metavar="GUEST", shell_complete=complete_guest, help="Only those that fit this guest.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def scenarios(name: str | None, guest: str | None, as_json: bool) -> None:
    """List the scenarios that 'uartsim run GUEST --scenario NAME' starts, or show one.

    A scenario has a cause, what COM1 shows, and a way out over the console.
    """
    from uartsim.guest.catalogue import find_guest
    from uartsim.scenarios import GROUPS, find_scenarios, list_scenarios
    from uartsim.scenarios.staging import check_fits, missing_features

    found = list(find_scenarios(name) if name is not None else list_scenarios())
    if guest is not None:
        definition = find_guest(guest)
        if name is not None:
            check_fits(found[0], definition)
        found = [each for each in found if not each.not_run and not missing_features(each, definition)]
    if as_json:
        facts = [_facts(each) for each in found]
        click.echo(json.dumps(facts[0] if name is not None else facts, indent=2))
        return
    if name is not None:
        click.echo("\n".join(_lines(found[0])))
        return
    if not found:
        click.echo(
            f"no scenario fits {guest}: 'uartsim scenarios' lists all, 'uartsim scenarios NAME' the guests of one"
        )
    width = max((len(each.name) for each in found), default=0)
    for group, title in GROUPS.items():
        of_group = [each for each in found if each.group == group]
        if of_group:
            click.echo(f"{title}:")
        for each in of_group:
            click.echo(f"  {each.name:<{width}}  {each.summary}" + (" (not run)" if each.not_run else ""))


def _facts(scenario: Scenario) -> dict[str, Any]:
    from uartsim.scenarios.staging import fitting_guests

    return {
        "name": scenario.name,
        "group": scenario.group,
        "summary": scenario.summary,
        "cause": scenario.cause,
        "shown": scenario.shown,
        "way_out": scenario.way_out,
        "start": scenario.start,
        "guests": [guest.name for guest in fitting_guests(scenario)],
        "not_run": scenario.not_run,
    }


def _lines(scenario: Scenario) -> list[str]:
    facts = _facts(scenario)
    lines = [f"{scenario.name}: {scenario.summary}", ""]
    for title, key in (("Cause", "cause"), ("COM1 shows", "shown"), ("Way out", "way_out")):
        lines += [f"{title}: {facts[key]}"]
    if scenario.not_run:
        return [*lines, f"Not run: {scenario.not_run}"]
    return [*lines, f"Guests: {', '.join(facts['guests'])}"]
