"""How a WebSocket of a console ends: the codes of its close frames.

Only 1011 with "Connection not trusted" is known of the real gateway.  The codes from 4000 on are this gateway's own: RFC 6455
leaves them to applications (section 7.4.2).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """The codes; those of RFC 6455 first."""

    #: The service is stopping.
    GOING_AWAY = 1001
    #: A message is longer than any token or paste can be.
    TOO_BIG = 1009
    #: The token is missing, wrong, expired or not that of the user who called ``connect``; or the service has failed.
    NOT_TRUSTED = 1011
    #: The machine has been switched off or deallocated.
    MACHINE_OFF = 4000
    #: Another user has taken the console over.
    TAKEN_OVER = 4001
    #: A condition for the console is no longer met.
    CONDITION = 4003
    #: The token has expired in mid-session.
    TOKEN_EXPIRED = 4004
    #: Nobody has typed for the idle limit.
    IDLE = 4008
    #: The console is in use, and the gateway refuses a second user.
    IN_USE = 4009


#: What the real gateway says to a client without a valid token.
NOT_TRUSTED_TEXT: Final = "Connection not trusted"
