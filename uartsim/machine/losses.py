"""Characters that were lost: each counter of them, what it means, and when a person hears of it.

What a chip loses in loopback is a driver's or a self-test's own doing, as it fills a FIFO to see how deep it is: that
never was on the line, and is counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from uartsim.chip.uart import Uart

#: What each counter of lost characters means.  The first two are the chip's; faults are those that were put on the line.
MEANINGS: Final = {
    "overruns": "the guest's receiver was overrun",
    "dropped_by_full_transmitter": "the guest wrote while its transmitter was full",
    "characters_lost_in": "a fault took them on their way to the guest",
    "characters_lost_out": "a fault took them on their way from the guest",
    "characters_held_in": "a fault held the line on their way to the guest",
    "characters_held_out": "a fault held the line on their way from the guest",
}


class ChipLosses:
    """What a chip has lost of what was, or was to be, on the line.

    Args:
        uart: the chip.

    Attributes:
        overruns: characters that overran its receiver.
        dropped: characters that a full transmitter did not take.
        in_loopback: both of them in loopback; these are not in the two before.
        seen: the chip's own two counters at the last look.
    """

    __slots__ = ("_looped", "_uart", "dropped", "in_loopback", "overruns", "seen")

    def __init__(self, uart: Uart) -> None:
        self._uart = uart
        self.overruns = self.dropped = self.in_loopback = 0
        self.begin()

    def begin(self) -> None:
        """Count from here on: the chip has become another."""
        self.seen = self._uart.receiver.overruns, self._uart.transmitter.dropped
        self._looped = self._uart.modem.looped

    def look(self) -> bool:
        """Count what was lost since the last look; whether anything was lost of the line.

        Before MCR is written, too: what came before that was lost as the chip was then.
        """
        overruns, dropped = self._uart.receiver.overruns, self._uart.transmitter.dropped
        was_looped, self._looped = self._looped, self._uart.modem.looped
        if (overruns, dropped) == self.seen:
            return False
        before, self.seen = self.seen, (overruns, dropped)
        if was_looped:
            self.in_loopback += overruns - before[0] + dropped - before[1]
            return False
        self.overruns += overruns - before[0]
        self.dropped += dropped - before[1]
        return True


class LossNotice:
    """Tells a person of losses: of each kind once, when it begins, and of all of them in the end.

    Args:
        log: takes a line.
        name: the machine's.
    """

    def __init__(self, log: Callable[[str], None], name: str) -> None:
        self._log = log
        self._name = name
        self._told: dict[str, int] = {}

    def look(self, losses: Mapping[str, int]) -> None:
        """Tell of each kind of loss that has begun.

        Args:
            losses: by the names in :data:`MEANINGS`.
        """
        for kind, count in losses.items():
            if count and kind not in self._told:
                self._told[kind] = count
                self._log(
                    f"characters are being lost: {MEANINGS[kind]}. From here on they are only counted: "
                    f"'uartsim status {self._name}' shows how many"
                )

    def finish(self, losses: Mapping[str, int]) -> None:
        """Tell how many there were in all."""
        if any(losses.values()):
            self._log(f"lost in all: {in_words(losses)}")


def in_words(losses: Mapping[str, int]) -> str:
    """How many were lost, and why."""
    kinds = [f"{count} character{'s' * (count != 1)} ({MEANINGS[kind]})" for kind, count in losses.items() if count]
    return "; ".join(kinds) or "nothing"
