"""What is demanded of the caller: his role, multi-factor authentication, and that no lock stands in his way."""

from __future__ import annotations

from typing import Final

from uartsim.service.arm_error import ArmError
from uartsim.service.rules.facts import Facts
from uartsim.service.rules.rule import Refusal, Rule, When
from uartsim.service.store.machine_types import INSTANCE_TYPE, MACHINE_TYPE

CONNECT: Final = "Microsoft.SerialConsole/serialPorts/connect/action"
_GROUP_READ: Final = "Microsoft.Resources/subscriptions/resourceGroups/read"
#: What follows the machine's type in the actions that a console asks for.
_MACHINE_ACTIONS: Final = ("read", "write", "start/action")

_ROLE: Final = Refusal(
    403,
    "AuthorizationFailed",
    "You do not have the required permissions to use this VM with the serial console."
    " Ensure you have at least Virtual Machine Contributor role permissions.",
)
_MFA: Final = Refusal(
    403,
    "MultiFactorAuthenticationRequired",
    "Your tenant requires multi-factor authentication (MFA), so access to the serial console needs MFA too."
    " Sign in again with MFA and retry the serial console connection.",
)


def _role(facts: Facts) -> Refusal | None:
    kind = INSTANCE_TYPE if facts.is_instance else MACHINE_TYPE
    allowed = (
        facts.may(CONNECT)
        and all(facts.may(f"{kind}/{action}") for action in _MACHINE_ACTIONS)
        # Asked for at the machine: a role on the machine alone is enough.
        and facts.may(_GROUP_READ)
    )
    return None if allowed else _ROLE


def _mfa(facts: Facts) -> Refusal | None:
    return _MFA if facts.policy.require_mfa and not facts.caller.multi_factor else None


def _unlocked(facts: Facts) -> ArmError | None:
    try:
        facts.authorisation.check(facts.caller, CONNECT, facts.machine_id)
    except ArmError as error:
        return error if error.status == 409 else None
    return None


RULES: Final = (
    Rule(
        "role",
        _role,
        "Assign the role Virtual Machine Contributor, or one with the same actions, to the user.",
        When.ALWAYS,
    ),
    Rule("multi-factor", _mfa, "Log in with multi-factor authentication."),
    Rule("lock", _unlocked, "Delete the ReadOnly lock."),
)
