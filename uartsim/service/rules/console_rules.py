"""All conditions for a console, in the order in which they are checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.virtual_machine import Machines
from uartsim.service.rules import access_rules, availability_rules, machine_rules, storage_rules
from uartsim.service.rules.facts import Facts, os_type_of
from uartsim.service.rules.profiles import ConsolePolicy
from uartsim.service.rules.rule import RULE_HEADER, Rule, When
from uartsim.service.rules.user_consoles import UserConsoles
from uartsim.service.store import ResourceId, Store
from uartsim.service.store.machine_types import MACHINE_TYPE

#: The rule that refuses a user once, and notes that it has.
ONCE: Final = "os-type"
#: The rule that :meth:`ConsoleRules.check_console_service` asks.
SERVICE_ROLE: Final = "console-service-role"


class RuleSet:
    """The rules of a console, in the order in which they are asked.

    Args:
        rules: the rules.
        off: ids of rules that are not asked.
    """

    def __init__(self, rules: tuple[Rule, ...], off: frozenset[str] = frozenset()) -> None:
        self._rules = rules
        self._off = off

    def __iter__(self) -> Iterator[Rule]:
        return (rule for rule in self._rules if rule.id not in self._off)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all rules, those that are off included."""
        return (*(rule.id for rule in self._rules), SERVICE_ROLE)

    def has(self, rule_id: str) -> bool:
        """Whether a rule is asked."""
        return rule_id in self.ids and rule_id not in self._off

    def without(self, rule_id: str) -> RuleSet:
        """The same rules without one of them, for a test that shows what the rule is good for.

        Raises:
            UsageError: there is no such rule.
        """
        if rule_id not in self.ids:
            raise UsageError(f"{quoted(rule_id)} is not a rule: use one of {', '.join(self.ids)}")
        return RuleSet(self._rules, self._off | {rule_id})


#: All rules.  Roles come first, so that a stranger cannot learn whether a machine exists; then the order of Azure's clients.
ALL_RULES: Final = RuleSet(
    (
        *access_rules.RULES,
        *availability_rules.RULES,
        *machine_rules.BEFORE_STORAGE,
        *storage_rules.RULES,
        *machine_rules.AFTER_STORAGE,
    )
)


class ConsoleRules:
    """The conditions for a console.

    Args:
        store: all resources.
        authorisation: who may do what.
        machines: the running machines.
        policy: what is demanded in the whole tenant.
        rules: the rules.

    Attributes:
        policy: as given.
        rules: the rules that are asked; a test that shows what one is good for sets ``rules.without(id)``.
        consoles: which consoles each user has open; the gateway keeps it.
    """

    def __init__(
        self,
        store: Store,
        authorisation: Authorisation,
        machines: Machines,
        policy: ConsolePolicy | None = None,
        rules: RuleSet = ALL_RULES,
    ) -> None:
        self.policy = policy or ConsolePolicy()
        self.consoles = UserConsoles()
        self._store = store
        self._authorisation = authorisation
        self._machines = machines
        self.rules = rules

    def check_connect(self, caller: Caller, machine_id: ResourceId) -> None:
        """Check that the caller may open a console of a machine now.

        This asks for roles too: the caller's request needs no other authorisation before it.

        Raises:
            ArmError: a condition is not met; the first in the order of the checks.
        """
        facts = self._facts(caller, machine_id)
        for rule in self.rules:
            rule.apply(facts)

    def check_session(self, caller: Caller, machine_id: ResourceId) -> None:
        """Check that a console that is open may go on: like :meth:`check_connect`, without what is asked once only.

        Raises:
            ArmError: a condition is no longer met.
        """
        facts = self._facts(caller, machine_id)
        for rule in self.rules:
            if rule.when is When.ALWAYS:
                rule.apply(facts)

    def refusal(self, caller: Caller, machine_id: ResourceId) -> ArmError | None:
        """Why :meth:`check_connect` would refuse now; None if it would not.  This changes nothing.

        The rule that refuses once is left out: nothing is wrong with a console that a retry opens.
        """
        facts = self._facts(caller, machine_id)
        for rule in self.rules:
            try:
                if rule.id != ONCE:
                    rule.apply(facts)
            except ArmError as error:
                return error
        return None

    def check_console_service(self, caller: Caller, subscription_id: str, action: str) -> None:
        """Check that the caller may read, or enable and disable, the console of a subscription.

        Args:
            caller: who.
            subscription_id: the subscription.
            action: ``"read"``, ``"enableConsole/action"`` or ``"disableConsole/action"``.

        Raises:
            ArmError: he may not, or the subscription is unknown.
        """
        subscription = ResourceId(f"/subscriptions/{subscription_id}")
        if self._store.get(subscription) is None:
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")
        if self.rules.has(SERVICE_ROLE) and not (action == "read" and self._may_connect_in(caller, subscription)):
            self._check_service_role(caller, action, subscription)

    def os_type(self, machine_id: ResourceId) -> str:
        """``"Linux"`` or ``"Windows"``: what :attr:`consoles` is told when a console of the machine is opened."""
        machine = self._store.get(machine_id)
        return os_type_of(machine.properties if machine is not None else {})

    def _check_service_role(self, caller: Caller, action: str, subscription: ResourceId) -> None:
        service = "Microsoft.SerialConsole/consoleServices"
        write = f"{service}/write"
        wanted = f"{service}/{action}"
        if action != "read" and not self._authorisation.may(caller, wanted, subscription):
            # Custom roles can have write permissions without the actions.
            wanted = write if self._authorisation.may(caller, write, subscription) else wanted
        try:
            self._authorisation.check(caller, wanted, subscription)
        except ArmError as error:
            error.headers[RULE_HEADER] = SERVICE_ROLE
            raise

    def _may_connect_in(self, caller: Caller, subscription: ResourceId) -> bool:
        """Whether the caller may connect to a machine: its client asks first whether the console is disabled."""
        return any(
            self._authorisation.may(caller, access_rules.CONNECT, machine.id)
            for kind in (MACHINE_TYPE, "Microsoft.Compute/virtualMachineScaleSets")
            for machine in self._store.list(kind, subscription)
        )

    def _facts(self, caller: Caller, machine_id: ResourceId) -> Facts:
        return Facts(self.policy, caller, machine_id, self._store, self._authorisation, self._machines, self.consoles)
