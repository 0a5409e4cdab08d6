"""Where the service is to be had: clouds, deployment model, and what the preview is limited to."""

from __future__ import annotations

from typing import Final

from uartsim.service.arm_error import ArmError
from uartsim.service.rules.facts import Facts
from uartsim.service.rules.profiles import PREVIEW_REGIONS, Cloud, ConsolePolicy, Profile
from uartsim.service.rules.rule import Refusal, Rule, When
from uartsim.service.store import ResourceId
from uartsim.service.store.machine_types import INSTANCE_TYPE

#: How the names of the regions of other clouds begin.
_OTHER_CLOUDS: Final = ("usgov", "usdod", "china")

_UNAVAILABLE: Final = Refusal(
    403,
    "ServiceNotAvailableInCloud",
    "The Serial Console is generally available in global Azure regions."
    " It is not yet available in Azure government or Azure China clouds.",
)
_CLASSIC: Final = Refusal(
    409,
    "ClassicDeploymentNotSupported",
    "The virtual machine <VMNAME> uses the classic deployment model. Classic deployments aren't supported:"
    " the serial console requires the resource management deployment model.",
)
_NOT_LISTED: Final = Refusal(
    403,
    "SubscriptionNotWhitelisted",
    "Access to Serial Console for Virtual Machines is limited to white-listed subscriptions who are participating in"
    " early access preview. Subscription <SUBSCRIPTION> is not white-listed.",
)
_REGION: Final = Refusal(
    403,
    "RegionNotAvailable",
    "The current preview is available in West US Central and West Europe regions of Azure."
    " Virtual machine <VMNAME> is in <REGION>.",
)
_SCALE_SET: Final = Refusal(
    400,
    "ScaleSetNotSupported",
    "At the time of preview we do not support access to serial console for VMSS instances.",
)


def is_offered(policy: ConsolePolicy, machine_id: ResourceId) -> bool:
    """Whether a portal shows the console of a machine at all.

    In the preview it does not for subscriptions that are not white-listed, nor for instances of scale sets.

    Args:
        policy: what is demanded in the whole tenant.
        machine_id: the machine.
    """
    if policy.profile is not Profile.PREVIEW:
        return True
    return _is_listed(policy, machine_id) and not machine_id.is_a(INSTANCE_TYPE)


def _is_listed(policy: ConsolePolicy, machine_id: ResourceId) -> bool:
    return (machine_id.subscription or "").casefold() in policy.preview_subscriptions


def _cloud(facts: Facts) -> Refusal | None:
    elsewhere = facts.policy.cloud is not Cloud.PUBLIC or facts.region.startswith(_OTHER_CLOUDS)
    return _UNAVAILABLE if elsewhere else None


def _found(facts: Facts) -> ArmError | None:
    if facts.machine is not None:
        return None
    wanted = facts.machine_id
    if facts.is_instance and facts.store.get(wanted.parent) is None:
        return ArmError(
            404,
            "ParentResourceNotFound",
            "Can not perform requested operation on nested resource."
            f" Parent resource '{wanted.parent.name}' not found.",
        )
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{wanted.type}/{wanted.name}' under resource group '{wanted.group or ''}' was not found."
        " For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def _model(facts: Facts) -> Refusal | None:
    return _CLASSIC if facts.machine_id.type.casefold().startswith("microsoft.classiccompute/") else None


def _white_listed(facts: Facts) -> Refusal | None:
    return None if _is_listed(facts.policy, facts.machine_id) else _NOT_LISTED


def _preview_region(facts: Facts) -> Refusal | None:
    return None if facts.region in PREVIEW_REGIONS else _REGION


def _no_scale_set(facts: Facts) -> Refusal | None:
    return _SCALE_SET if facts.is_instance else None


_PREVIEW: Final = frozenset({Profile.PREVIEW})

RULES: Final = (
    Rule("found", _found, "Check the machine's name, or create it.", When.ALWAYS),
    Rule("cloud", _cloud, "Use a machine in a global Azure region."),
    Rule("deployment-model", _model, "Create the machine anew by the Azure Resource Manager."),
    Rule(
        "preview-subscription",
        _white_listed,
        "List the subscription in preview_subscriptions of [console] in the set-up file.",
        profiles=_PREVIEW,
    ),
    Rule("preview-region", _preview_region, f"Use a machine in {' or '.join(PREVIEW_REGIONS)}.", profiles=_PREVIEW),
    Rule(
        "preview-scale-set", _no_scale_set, "Use a virtual machine, not an instance of a scale set.", profiles=_PREVIEW
    ),
)
