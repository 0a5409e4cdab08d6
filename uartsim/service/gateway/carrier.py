"""``logout_on_disconnect``: carrier is lost when the last user leaves, as on a modem line.

DTR of the far end is the guest's DCD.  A guest whose tty honours carrier (``stty -clocal``) hangs up: it ends the login, and
its driver closes the port, which it does by writing the modem control register (MCR).  With CLOCAL the guest ignores
carrier, and there is nothing that could be done from outside.  The guest does not say which of both it is, so it is watched:
a driver that has not touched MCR for a while after the loss has ignored it.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.access.hub import Hub
from uartsim.registers import ModemOutput, Offset

#: How long the guest may take to hang up, and how often it is looked at, in seconds.
_REACTION_S: Final = 2.0
_LOOK_S: Final = 0.05
#: What is said of a guest that ignores carrier.
IGNORED: Final = "the guest has not reacted: it ignores carrier (CLOCAL), and no login was ended"
#: What is said of one that does not.
HUNG_UP: Final = "the guest has hung up"


async def drop_carrier(hub: Hub) -> bool:
    """Take carrier from the guest; it stays without until the next user comes.

    Args:
        hub: the line.

    Returns:
        whether the guest has hung up.
    """
    com1 = hub.com1
    before = com1.writes[Offset.MCR]
    com1.set_far_outputs(com1.cable.far_outputs & ~ModemOutput.DTR)
    with trio.move_on_after(_REACTION_S):
        while com1.writes[Offset.MCR] == before and not hub.closed:
            await trio.sleep(_LOOK_S)
    return com1.writes[Offset.MCR] != before
