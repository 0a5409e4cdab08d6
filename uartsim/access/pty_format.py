"""The format that a pty's client has set: its speed and stop bits; a pty shows no more.

The kernel forces a pty to eight data bits without parity, whatever a client sets.
"""

from __future__ import annotations

from uartsim.access.pty_device import PtyDevice
from uartsim.line_format import TICKS_PER_SECOND, LineFormat


def client_format(device: PtyDevice, guest: LineFormat) -> LineFormat | None:
    """The format of whoever has a pty open.

    Args:
        device: the pty.
        guest: the guest's format, which gives the data bits and the parity.

    Returns:
        The format: ``guest`` itself where speed and stop bits are the same.  None at 0 baud, which is to hang up.
    """
    baud, two_stop_bits = device.client_line()
    if not baud:
        return None
    if guest.bit_ticks == 0 or abs(guest.baud - baud) < 1:
        bit_ticks = guest.bit_ticks
    else:
        bit_ticks = max(1, round(TICKS_PER_SECOND / baud))
    stop_halves = 2 if not two_stop_bits else 3 if guest.data_bits == 5 else 4
    if (bit_ticks, stop_halves) == (guest.bit_ticks, guest.stop_halves):
        return guest
    return LineFormat(bit_ticks, guest.data_bits, guest.parity, stop_halves)
