"""All scenarios, and finding them by name."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.scenarios import (
    boot_loader_states,
    kernel_states,
    line_states,
    network_states,
    rescue_states,
    silent_states,
    terminal_states,
)
from uartsim.scenarios.scenario import GROUPS, Scenario

_ORDER: Final = tuple(GROUPS)
_ALL: Final = tuple(
    sorted(
        (
            *rescue_states.SCENARIOS,
            *network_states.SCENARIOS,
            *silent_states.SCENARIOS,
            *line_states.SCENARIOS,
            *boot_loader_states.SCENARIOS,
            *kernel_states.SCENARIOS,
            *terminal_states.SCENARIOS,
        ),
        key=lambda scenario: _ORDER.index(scenario.group),
    )
)
_BY_NAME: Final = {scenario.name: scenario for scenario in _ALL}


def list_scenarios() -> tuple[Scenario, ...]:
    """All scenarios, group by group."""
    return _ALL


def find_scenarios(names: str | Sequence[str]) -> tuple[Scenario, ...]:
    """Scenarios by their names.

    Raises:
        UsageError: there is no name, one is unknown (the message has similar ones) or given twice, or two scenarios exclude
            each other.
    """
    wanted = list(names) if isinstance(names, (list, tuple)) else [names]
    if not wanted:
        raise UsageError("scenario is an empty list: give a name ('uartsim scenarios' lists them), or leave it out")
    found: list[Scenario] = []
    for name in wanted:
        scenario = _BY_NAME.get(name) if isinstance(name, str) else None
        if scenario is None:
            raise UsageError(f"unknown scenario {quoted(name)}{_names_for(str(name))}")
        if scenario in found:
            raise UsageError(f"scenario {name!r} is given twice")
        for other in found:
            if both := scenario.concerns & other.concerns:
                raise UsageError(
                    f"scenarios {other.name!r} and {name!r} exclude each other: both decide about {', '.join(sorted(both))}; "
                    "leave one out"
                )
        found.append(scenario)
    return tuple(found)


def _names_for(wrong: str) -> str:
    """The end of the sentence about an unknown name: similar ones, or all by group."""
    from uartsim.guest.manifest import similar_names

    if near := similar_names(wrong.lower(), _BY_NAME):
        return f"; did you mean {' or '.join(near)}? ('uartsim scenarios' lists them)"
    lines = ["; 'uartsim scenarios' says what each of these is:"]
    for group, title in GROUPS.items():
        names = ", ".join(scenario.name for scenario in _ALL if scenario.group == group)
        lines += wrap(f"{title}: {names}", 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines)
