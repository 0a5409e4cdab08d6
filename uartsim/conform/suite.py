"""All sequences: the datasheet by topic, then the drivers."""

from __future__ import annotations

from typing import Final

from uartsim.conform import drivers_firmware, drivers_linux, drivers_systems, interrupts, line, registers
from uartsim.conform.steps import Sequence

#: Every sequence, in the order of a report.
SEQUENCES: Final[tuple[Sequence, ...]] = (
    *registers.SEQUENCES,
    *interrupts.SEQUENCES,
    *line.SEQUENCES,
    *drivers_linux.SEQUENCES,
    *drivers_firmware.SEQUENCES,
    *drivers_systems.SEQUENCES,
)
