"""Every state that a serial console can be in, by name: what causes it, what COM1 shows, and the way out.

``scenario.py`` says what a scenario is; ``scenario_list.py`` gathers them from ``*_states.py``.  ``features.py``
finds out what a guest has, and ``staging.py`` makes of a guest and names of scenarios the guest that is to be started.
``begin_steps.py`` has what is done to a machine that runs.  Causes are made in the image, on the kernel's command line and
at the line: nothing plays a part.

What stages a guest is imported when it is first used: the list of scenarios alone is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uartsim.scenarios.scenario import GROUPS, Scenario
from uartsim.scenarios.scenario_list import find_scenarios, list_scenarios

if TYPE_CHECKING:
    from uartsim.scenarios.staging import StagedGuest, check_beside, check_goes_with, staged

__all__ = [
    "GROUPS",
    "Scenario",
    "StagedGuest",
    "check_beside",
    "check_goes_with",
    "find_scenarios",
    "list_scenarios",
    "staged",
]


def __getattr__(name: str) -> Any:
    if name not in ("StagedGuest", "check_beside", "check_goes_with", "staged"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from uartsim.scenarios import staging

    return getattr(staging, name)
