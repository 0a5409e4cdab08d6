"""What the conversations of all consoles share: whom they ask, and who sits where."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from uartsim.service.diagnostics.audit import Audit
from uartsim.service.gateway.boot_ids import BootIds
from uartsim.service.gateway.console_seats import ConsoleSeats
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.identity.tokens import Tokens
from uartsim.service.machines.virtual_machine import Machines
from uartsim.service.rules.console_rules import ConsoleRules
from uartsim.service.rules.service_faults import Faults


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """What a conversation asks.

    Attributes:
        clock: the time in seconds since 1970.
        seats: who sits at which console.
        boots: the names of the machines' boots.
    """

    tokens: Tokens
    rules: ConsoleRules
    machines: Machines
    faults: Faults
    audit: Audit
    options: GatewayOptions = field(default_factory=GatewayOptions)
    clock: Callable[[], float] = time.time
    seats: ConsoleSeats = field(default_factory=ConsoleSeats)
    boots: BootIds = field(default_factory=BootIds)
