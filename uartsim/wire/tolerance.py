"""How far a sender's speed may be from the receiver's before the receiver gets characters wrong or finds framing errors.

The receiver is that of :mod:`uartsim.wire.sampler`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from uartsim.line_format import LineFormat


class SpeedLimits(NamedTuple):
    """The sender's speed over the receiver's: from ``slowest`` to ``fastest``, both included, nothing goes wrong."""

    slowest: Fraction
    fastest: Fraction


def speed_limits(line_format: LineFormat) -> SpeedLimits:
    """How much slower or faster than the receiver a sender may be, for every character to be received well.

    Number the bits of the frame from the start bit, 0, to the first stop bit, N.  The receiver looks at bit n between
    ``n + 1/2`` and ``n + 1/2 + 1/16`` of its own bits after the start edge; the sixteenth is its free clock.  A slow
    sender is still at bit n - 1 then if its speed is below ``n / (n + 1/2)`` of the receiver's; a fast one is at bit
    n + 1 already if it is above ``(n + 1) / (n + 9/16)``.  That is seen only if the two bits can differ, so the
    limits are the closest of those.  8N1: 9/9.5 (5.3 % slower) and 10/9.5625 (4.6 % faster).

    Args:
        line_format: of both ends but for the speed.
    """
    # What each bit can be, after the start bit: data either, a fixed parity bit one, a stop bit mark.
    parity = {"N": [], "M": [{1}], "S": [{0}]}.get(line_format.parity, [{0, 1}])
    levels = [{0}, *[{0, 1}] * line_format.data_bits, *parity, {1}]
    last = len(levels) - 1
    slow = [Fraction(2 * n, 2 * n + 1) for n in range(1, last + 1) if len(levels[n - 1] | levels[n]) > 1]
    fast = [Fraction(16 * (n + 1), 16 * n + 9) for n in range(last) if len(levels[n] | levels[n + 1]) > 1]
    # The stop bits are followed by a start bit.
    fast.append(Fraction(16 * last + 8 * line_format.stop_halves, 16 * last + 9))
    return SpeedLimits(max(slow), min(fast))


def tolerates(sender: LineFormat, receiver: LineFormat) -> bool:
    """Whether every character of a sender is received well, though speeds or stop bits may differ.

    Args:
        sender: its format.
        receiver: its format.
    """
    if (sender.data_bits, sender.parity) != (receiver.data_bits, receiver.parity):
        return False
    if not sender.bit_ticks or not receiver.bit_ticks:
        return sender.bit_ticks == receiver.bit_ticks
    limits = speed_limits(sender)
    return limits.slowest <= Fraction(receiver.bit_ticks, sender.bit_ticks) <= limits.fastest
