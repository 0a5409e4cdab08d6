"""Boot loader: GRUB in all its moods."""

from __future__ import annotations

from typing import Final

from uartsim.scenarios.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = ()
