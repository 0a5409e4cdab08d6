"""Rescue: a machine that comes up broken, or to which nobody can log in."""

from __future__ import annotations

from typing import Final

from uartsim.scenarios.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = ()
