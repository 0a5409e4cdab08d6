"""A tenant on a bare store in which every rule is met, and for each rule a way to break it and one to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from uartsim.service.arm_error import ArmError
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.virtual_machine import Machines, PowerState, VirtualMachine
from uartsim.service.rules.console_rules import ALL_RULES, ConsoleRules, RuleSet
from uartsim.service.rules.machine_rules import console_service, serial_port
from uartsim.service.rules.profiles import Cloud, ConsolePolicy, Profile
from uartsim.service.store import Resource, ResourceId, Store

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
GROUP = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lab")
LINUX = GROUP / "providers/Microsoft.Compute/virtualMachines/linux1"
CLASSIC = GROUP / "providers/Microsoft.ClassicCompute/virtualMachines/old1"
SCALE_SET = GROUP / "providers/Microsoft.Compute/virtualMachineScaleSets/web"
INSTANCE = SCALE_SET / "virtualMachines/0"
ACCOUNT = GROUP / "providers/Microsoft.Storage/storageAccounts/diag1"
ALICE = Caller("alice-id", "alice@example.com", "tenant", 4e9, multi_factor=False, claims={})


DEFAULT = ConsolePolicy()


class Permissions(Authorisation):
    """Everything is allowed but what a test forbids."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.forbidden: set[str] = set()
        self.locked: set[ResourceId] = set()

    def may(self, caller: Caller, action: str, scope: ResourceId) -> bool:
        return action not in self.forbidden

    def check(self, caller: Caller, action: str, scope: ResourceId) -> None:
        if not self.may(caller, action, scope):
            raise ArmError(403, "AuthorizationFailed", f"{caller.name} may not {action}")
        if any(scope.is_within(lock) for lock in self.locked):
            raise ArmError(409, "ScopeLocked", f"{scope} is locked")


class SomeMachines(Machines):
    """Machines that are nothing but a power state."""

    def __init__(self, *ids: ResourceId) -> None:
        self._some = {one: VirtualMachine(one) for one in ids}
        for machine in self._some.values():
            machine.power_state = PowerState.RUNNING

    def get(self, resource_id: ResourceId) -> VirtualMachine | None:
        return self._some.get(resource_id)


def machine_body(location: str = "westeurope", os_type: str = "Linux") -> dict[str, Any]:
    """A machine as Azure describes it, with a storage account of its own."""
    return {
        "location": location,
        "properties": {
            "provisioningState": "Succeeded",
            "storageProfile": {"osDisk": {"osType": os_type}},
            "diagnosticsProfile": {
                "bootDiagnostics": {"enabled": True, "storageUri": "https://diag1.blob.core.windows.net/"}
            },
        },
    }


@dataclass
class Scene:
    """A tenant in which every rule is met, to begin with."""

    policy: ConsolePolicy = field(default_factory=ConsolePolicy)
    machine_id: ResourceId = LINUX
    rules: RuleSet = ALL_RULES

    def __post_init__(self) -> None:
        self.store = Store(None)
        self.permissions = Permissions(self.store)
        self.machines = SomeMachines(LINUX, CLASSIC, INSTANCE)
        self.caller = ALICE
        self.store.put(Resource(ResourceId(f"/subscriptions/{SUBSCRIPTION}"), {"displayName": "Lab"}))
        for one in (LINUX, CLASSIC, SCALE_SET, INSTANCE):
            self.store.put(Resource(one, machine_body()))
        self.store.put(Resource(ACCOUNT, {"properties": {"networkAcls": {"defaultAction": "Allow"}}}))
        self.console_rules = self._made()

    def close(self) -> None:
        self.store.close()

    def _made(self) -> ConsoleRules:
        return ConsoleRules(self.store, self.permissions, self.machines, self.policy, self.rules)

    def change_policy(self, **changes: Any) -> None:
        self.policy = replace(self.policy, **changes)
        self.console_rules = self._made()

    def change(self, resource_id: ResourceId, **changes: Any) -> None:
        found = self.store.get(resource_id)
        assert found is not None
        self.store.put(found.with_properties(**changes))

    def diagnostics(self, **changes: Any) -> None:
        self.change(self.machine_id, diagnosticsProfile={"bootDiagnostics": {"enabled": True, **changes}})

    def power(self, state: PowerState) -> None:
        machine = self.machines.get(self.machine_id)
        assert machine is not None
        machine.power_state = state

    def connect(self) -> None:
        self.console_rules.check_connect(self.caller, self.machine_id)

    def refusal(self) -> ArmError | None:
        """The refusal of connect, or None."""
        try:
            self.connect()
        except ArmError as error:
            return error
        return None


@dataclass(frozen=True)
class Breach:
    """How a rule is broken, what it says then, and how it is mended.

    Attributes:
        rule: the rule's id.
        cause: what breaks it.
        text: what the refusal says.
        status: and its HTTP status.
        mend: the mitigation; None where there is none, because what is wrong is fixed when a thing is made.
        policy: the policy from the start.
        machine_id: the machine.
    """

    rule: str
    cause: Callable[[Scene], Any]
    text: str
    status: int
    mend: Callable[[Scene], Any] | None = None
    policy: ConsolePolicy = DEFAULT
    machine_id: ResourceId = LINUX

    def scene(self, rules: RuleSet = ALL_RULES) -> Scene:
        return Scene(self.policy, self.machine_id, rules)


PREVIEW = ConsolePolicy(profile=Profile.PREVIEW, preview_subscriptions=frozenset({SUBSCRIPTION}))
NO_ROLE = (
    "You do not have the required permissions to use this VM with the serial console."
    " Ensure you have at least Virtual Machine Contributor role permissions."
)
UNDETERMINED = (
    "Unable to determine the resource group for the boot diagnostics storage account diag1. Verify that boot diagnostics is"
    " enabled for this VM and you have access to this storage account."
)
PREVIEW_UNDETERMINED = (
    "Error 500 Message: Unable to determine the resource group for the boot diagnostics storage account"
)
CONNECT = "Microsoft.SerialConsole/serialPorts/connect/action"
READ_ACCOUNT = "Microsoft.Storage/storageAccounts/read"
LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"


def _account(**properties: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.change(ACCOUNT, **properties)


def _other_account(scene: Scene) -> None:
    scene.store.put(Resource(ACCOUNT.parent / "providers/Microsoft.Storage/storageAccounts/diag2", {"properties": {}}))
    scene.diagnostics(storageUri="https://diag2.blob.core.windows.net/")


def _moved(location: str) -> Callable[[Scene], None]:
    def cause(scene: Scene) -> None:
        scene.store.put(Resource(scene.machine_id, machine_body(location)))

    return cause


BREACHES = (
    Breach("cloud", lambda s: s.change_policy(cloud=Cloud.GOVERNMENT), "not yet available in Azure government", 403),
    Breach("cloud", lambda s: s.change_policy(cloud=Cloud.CHINA), "or Azure China clouds.", 403),
    Breach("cloud", _moved("usgovvirginia"), "not yet available in Azure government", 403, _moved("eastus")),
    Breach("deployment-model", lambda s: None, "Classic deployments aren't supported", 409, machine_id=CLASSIC),
    Breach(
        "preview-subscription",
        lambda s: s.change_policy(preview_subscriptions=frozenset()),
        "limited to white-listed subscriptions",
        403,
        lambda s: s.change_policy(preview_subscriptions=frozenset({SUBSCRIPTION})),
        PREVIEW,
    ),
    Breach(
        "preview-region", _moved("eastus"), "West US Central and West Europe", 403, _moved("westcentralus"), PREVIEW
    ),
    Breach(
        "preview-scale-set",
        lambda s: None,
        "At the time of preview we do not support access to serial console for VMSS instances",
        400,
        None,
        PREVIEW,
        INSTANCE,
    ),
    Breach(
        "role",
        lambda s: s.permissions.forbidden.add(CONNECT),
        NO_ROLE,
        403,
        lambda s: s.permissions.forbidden.clear(),
    ),
    Breach(
        "multi-factor",
        lambda s: s.change_policy(require_mfa=True),
        "multi-factor authentication (MFA)",
        403,
        lambda s: setattr(s, "caller", replace(ALICE, multi_factor=True)),
    ),
    Breach("lock", lambda s: s.permissions.locked.add(LINUX), "locked", 409, lambda s: s.permissions.locked.clear()),
    Breach(
        "provisioned",
        lambda s: s.change(LINUX, provisioningState="Creating"),
        "Provisioning for this VM has not yet succeeded. Please ensure the VM is fully deployed and retry the serial console"
        " connection.",
        409,
        lambda s: s.change(LINUX, provisioningState="Succeeded"),
    ),
    Breach(
        "boot-diagnostics",
        lambda s: s.diagnostics(enabled=False),
        "Unable to retrieve boot diagnostics settings for linux1. To use the serial console, ensure that boot diagnostics is"
        " enabled for this VM.",
        409,
        lambda s: s.diagnostics(),
    ),
    Breach(
        "console-enabled",
        lambda s: s.store.put(Resource(console_service(SUBSCRIPTION), {"properties": {"disabled": True}})),
        "Azure Serial Console is not enabled for this subscription",
        403,
        lambda s: s.change(console_service(SUBSCRIPTION), disabled=False),
    ),
    Breach(
        "port-enabled",
        lambda s: s.store.put(Resource(serial_port(LINUX), {"properties": {"state": "disabled"}})),
        "is not enabled for a serial console connection",
        409,
        lambda s: s.change(serial_port(LINUX), state="enabled"),
    ),
    Breach(
        "running",
        lambda s: s.power(PowerState.DEALLOCATED),
        "The VM is in a stopped deallocated state. Start the VM and retry the serial console connection.",
        409,
        lambda s: s.power(PowerState.RUNNING),
    ),
    Breach("running", lambda s: s.power(PowerState.STOPPED), "stopped deallocated state", 409),
    Breach(
        "storage-uri",
        lambda s: s.diagnostics(storageUri="http://diag1.blob.core.windows.net/"),
        "'Bad Request' (400)",
        400,
        lambda s: s.diagnostics(storageUri="https://diag1.blob.core.windows.net/"),
    ),
    Breach(
        "storage-exists",
        lambda s: s.store.delete(ACCOUNT),
        "The storage account 'diag1' used for boot diagnostics on this VM could not be found.",
        404,
        _other_account,
    ),
    Breach("storage-exists", lambda s: s.store.delete(ACCOUNT), PREVIEW_UNDETERMINED, 500, _other_account, PREVIEW),
    Breach(
        "storage-role",
        lambda s: s.permissions.forbidden.add(READ_ACCOUNT),
        UNDETERMINED,
        403,
        lambda s: s.permissions.forbidden.clear(),
    ),
    Breach(
        "storage-role",
        lambda s: s.permissions.forbidden.add(READ_ACCOUNT),
        PREVIEW_UNDETERMINED,
        500,
        lambda s: s.permissions.forbidden.clear(),
        PREVIEW,
    ),
    Breach(
        "storage-namespace",
        _account(isHnsEnabled=True),
        "Azure Data Lake Storage Gen2 with hierarchical namespaces",
        409,
        _other_account,
    ),
    Breach(
        "storage-firewall",
        _account(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.1"}]}),
        'A "Forbidden" response was encountered when accessing this VM\'s boot diagnostic storage account.',
        403,
        _account(networkAcls={"defaultAction": "Allow"}),
    ),
    Breach(
        "storage-writable",
        lambda s: s.permissions.forbidden.add(LIST_KEYS),
        "You do not have the required permissions to write to the boot diagnostics storage account for this VM.",
        403,
        lambda s: s.permissions.forbidden.clear(),
    ),
    Breach("storage-writable", lambda s: s.permissions.locked.add(ACCOUNT), "permissions to write to the boot", 403),
    Breach(
        "os-type",
        lambda s: s.console_rules.consoles.opened(ALICE, "Windows"),
        'Existing console has conflicting OS type "Windows" with the requested OS type of Linux',
        409,
        lambda s: s.console_rules.consoles.closed(ALICE, "Windows"),
    ),
)
