"""Kernel: SysRq, NMI, panics, and what the kernel writes on the console."""

from __future__ import annotations

from typing import Final

from uartsim.scenarios.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = ()
