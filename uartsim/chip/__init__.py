"""The 16550A and its relatives: pure models of the registers, without input or output, clock or randomness."""

from uartsim.chip.bench import Bench
from uartsim.chip.state import UartState
from uartsim.chip.uart import Uart

__all__ = ["Bench", "Uart", "UartState"]
