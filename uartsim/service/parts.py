"""One object of each room, for the handlers of requests."""

from __future__ import annotations

from dataclasses import dataclass

from uartsim.service.diagnostics import Diagnostics
from uartsim.service.gateway.sessions import Sessions
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.tokens import Tokens
from uartsim.service.machines.virtual_machine import Machines
from uartsim.service.rules.console_rules import ConsoleRules
from uartsim.service.rules.service_faults import Faults
from uartsim.service.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """What a handler can use; it is ``request.app.state.parts``.

    Attributes:
        base_url: where the service is reached, such as ``https://localhost:8443``, without a slash at its end.
        diagnostics: the serial logs of boot diagnostics; None where none are kept.
        domain: what follows ``@`` in the name of a user who logs in without.
    """

    base_url: str
    store: Store
    tokens: Tokens
    authorisation: Authorisation
    machines: Machines
    rules: ConsoleRules
    faults: Faults
    sessions: Sessions
    diagnostics: Diagnostics | None = None
    domain: str = ""
