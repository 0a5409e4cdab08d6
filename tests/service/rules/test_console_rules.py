"""Each rule on a bare store: what breaks it, what it says, what mends it, and that nothing else refuses for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.rules.rule_scenes import (
    ACCOUNT,
    ALICE,
    BREACHES,
    GROUP,
    INSTANCE,
    LINUX,
    PREVIEW,
    SUBSCRIPTION,
    Breach,
    Scene,
)
from uartsim.errors import UsageError
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.rules.console_rules import ALL_RULES, SERVICE_ROLE
from uartsim.service.rules.machine_rules import console_service
from uartsim.service.rules.profiles import Cloud, ConsolePolicy, Profile, Wording
from uartsim.service.store import Resource

BY_RULE = [pytest.param(breach, id=f"{number}-{breach.rule}") for number, breach in enumerate(BREACHES)]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with closing(Scene()) as made:
        yield made


def test_a_console_opens_where_every_rule_is_met(scene: Scene) -> None:
    scene.connect()


def test_the_preview_opens_a_console_too() -> None:
    with closing(Scene(PREVIEW)) as scene:
        scene.connect()


@pytest.mark.parametrize("breach", BY_RULE)
def test_a_broken_rule_refuses_with_its_text(breach: Breach) -> None:
    with closing(breach.scene()) as scene:
        breach.cause(scene)
        refusal = scene.refusal()
    assert refusal is not None
    assert breach.text in refusal.message
    assert refusal.status == breach.status
    assert "<" not in refusal.message, "a place was not filled in"


@pytest.mark.parametrize("breach", BY_RULE)
def test_nothing_else_refuses_for_a_rule_that_is_off(breach: Breach) -> None:
    with closing(breach.scene(ALL_RULES.without(breach.rule))) as scene:
        breach.cause(scene)
        assert scene.refusal() is None


@pytest.mark.parametrize("breach", [pytest.param(b, id=f"{n}-{b.rule}") for n, b in enumerate(BREACHES) if b.mend])
def test_the_mitigation_opens_the_console(breach: Breach) -> None:
    with closing(breach.scene()) as scene:
        breach.cause(scene)
        assert scene.refusal() is not None
        assert breach.mend is not None
        breach.mend(scene)
        assert scene.refusal() is None


def test_every_rule_has_a_breach() -> None:
    # "found" and the role for enabling have tests of their own.
    assert {breach.rule for breach in BREACHES} == set(ALL_RULES.ids) - {"found", SERVICE_ROLE}


def test_every_rule_says_what_to_do() -> None:
    assert all(rule.mitigation.endswith(".") for rule in ALL_RULES)


def test_a_refusal_says_what_to_do_in_its_details(scene: Scene) -> None:
    scene.power(PowerState.STOPPED)
    refusal = scene.refusal()
    assert refusal is not None
    assert refusal.body()["error"]["details"] == [{"code": "Mitigation", "message": "Start the machine."}]


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.rule)
def test_a_refusal_names_its_rule_in_a_header_and_says_what_to_do(breach: Breach) -> None:
    with closing(breach.scene()) as scene:
        breach.cause(scene)
        refusal = scene.refusal()
        assert refusal is not None
        assert refusal.headers["x-uartsim-rule"] == breach.rule
        assert [detail["code"] for detail in refusal.details] == ["Mitigation"]


@pytest.mark.parametrize("missing", ["connect", "read", "write", "start", "group"])
def test_each_action_of_the_least_privileged_role_is_needed(scene: Scene, missing: str) -> None:
    action = {
        "connect": "Microsoft.SerialConsole/serialPorts/connect/action",
        "read": "Microsoft.Compute/virtualMachines/read",
        "write": "Microsoft.Compute/virtualMachines/write",
        "start": "Microsoft.Compute/virtualMachines/start/action",
        "group": "Microsoft.Resources/subscriptions/resourceGroups/read",
    }[missing]
    scene.permissions.forbidden.add(action)
    refusal = scene.refusal()
    assert refusal is not None
    assert refusal.message.startswith("You do not have the required permissions to use this VM")


def test_an_instance_of_a_scale_set_asks_for_its_own_actions() -> None:
    with closing(Scene(machine_id=INSTANCE)) as scene:
        scene.permissions.forbidden.add("Microsoft.Compute/virtualMachines/write")
        scene.connect()
        scene.permissions.forbidden.add("Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write")
        assert scene.refusal() is not None


def test_an_instance_is_named_by_its_own_name() -> None:
    with closing(Scene(machine_id=INSTANCE)) as scene:
        scene.store.put(Resource(INSTANCE, {"name": "web_0", "properties": {"storageProfile": None}}))
        refusal = scene.refusal()
    assert refusal is not None
    assert "settings for web_0." in refusal.message


def test_storage_that_azure_manages_has_no_rules(scene: Scene) -> None:
    scene.store.delete(ACCOUNT)
    scene.permissions.forbidden.add("Microsoft.Storage/storageAccounts/read")
    scene.diagnostics()
    scene.connect()


def test_a_storage_account_of_another_subscription_is_found(scene: Scene) -> None:
    scene.store.delete(ACCOUNT)
    elsewhere = console_service("22222222-2222-2222-2222-222222222222").parent
    scene.store.put(Resource(elsewhere / "resourceGroups/x/providers/Microsoft.Storage/storageAccounts/DIAG1", {}))
    scene.connect()


@given(uri=st.text(max_size=30) | st.sampled_from(["https://[", "https://", "https://DIAG1", "//", "https://a@b:c/"]))
def test_any_address_of_an_account_is_met_or_refused(uri: str) -> None:
    with closing(Scene()) as scene:
        scene.diagnostics(storageUri=uri)
        refusal = scene.refusal()
        assert refusal is None or refusal.status in {400, 404}


def test_firewall_rules_without_denial_are_no_firewall(scene: Scene) -> None:
    scene.change(ACCOUNT, networkAcls={"defaultAction": "Allow", "ipRules": [{"value": "203.0.113.1"}]})
    scene.connect()


def test_an_account_closed_to_the_public_network_is_firewalled(scene: Scene) -> None:
    scene.change(ACCOUNT, publicNetworkAccess="Disabled")
    refusal = scene.refusal()
    assert refusal is not None
    assert refusal.code == "Forbidden"


@pytest.mark.parametrize("state", [PowerState.STARTING, PowerState.STOPPING, PowerState.DEALLOCATING])
def test_a_machine_can_be_watched_until_it_is_really_off(scene: Scene, state: PowerState) -> None:
    scene.power(state)
    scene.connect()


def test_a_machine_being_updated_keeps_its_console(scene: Scene) -> None:
    scene.change(LINUX, provisioningState="Updating")
    scene.connect()


def test_the_retry_after_a_conflict_of_os_types_succeeds(scene: Scene) -> None:
    consoles = scene.console_rules.consoles
    consoles.opened(ALICE, "Windows")
    assert scene.refusal() is not None
    scene.connect()
    consoles.opened(ALICE, "Linux")
    consoles.closed(ALICE, "Windows")
    scene.connect()
    consoles.closed(ALICE, "Linux")
    assert consoles.conflict(ALICE, "Linux") is consoles.conflict(ALICE, "Windows") is None


def test_a_console_that_is_closed_conflicts_with_nothing_that_is_still_open(scene: Scene) -> None:
    consoles = scene.console_rules.consoles
    consoles.opened(ALICE, "Linux")
    consoles.opened(ALICE, "Windows")
    consoles.closed(ALICE, "Windows")
    scene.connect()
    assert consoles.conflict(ALICE, "Windows") == "Linux"


def test_another_users_console_of_the_other_type_is_no_conflict(scene: Scene) -> None:
    scene.console_rules.consoles.opened(replace(ALICE, object_id="bob-id"), "Windows")
    scene.connect()


def test_an_unknown_machine_is_not_found(scene: Scene) -> None:
    scene.store.delete(LINUX)
    with pytest.raises(ArmError, match=r"The Resource 'Microsoft.Compute/virtualMachines/linux1' under .* 'lab'") as e:
        scene.connect()
    assert (e.value.status, e.value.code) == (404, "ResourceNotFound")


def test_an_instance_without_its_scale_set_names_its_parent() -> None:
    with closing(Scene(machine_id=INSTANCE)) as scene:
        scene.store.delete(INSTANCE.parent)
        with pytest.raises(ArmError, match=r"Parent resource 'web' not found\.") as e:
            scene.connect()
    assert e.value.code == "ParentResourceNotFound"


@pytest.mark.parametrize("exists", [True, False])
def test_who_has_no_role_learns_nothing_of_the_machine(scene: Scene, exists: bool) -> None:
    scene.permissions.forbidden.add("Microsoft.SerialConsole/serialPorts/connect/action")
    if not exists:
        scene.store.delete(LINUX)
        refusal = scene.refusal()
        assert refusal is not None
        assert refusal.code == "AuthorizationFailed"
        return
    scene.diagnostics(enabled=False)
    scene.power(PowerState.DEALLOCATED)
    refusal = scene.refusal()
    assert refusal is not None
    assert refusal.code == "AuthorizationFailed"


def test_the_order_after_the_role_is_that_of_azures_clients(scene: Scene) -> None:
    scene.power(PowerState.DEALLOCATED)
    scene.store.put(Resource(console_service(SUBSCRIPTION), {"properties": {"disabled": True}}))
    scene.diagnostics(enabled=False)
    codes = []
    for mend in ("diagnostics", "subscription", "power"):
        refusal = scene.refusal()
        assert refusal is not None
        codes.append(refusal.code)
        if mend == "diagnostics":
            scene.diagnostics()
        elif mend == "subscription":
            scene.change(console_service(SUBSCRIPTION), disabled=False)
        else:
            scene.power(PowerState.RUNNING)
    assert codes == ["BootDiagnosticsNotEnabled", "SubscriptionNotEnabled", "VirtualMachineNotRunning"]
    scene.connect()


@pytest.mark.parametrize("rule", ["boot-diagnostics", "console-enabled", "port-enabled", "role"])
def test_what_also_disconnects_ends_an_open_console(rule: str) -> None:
    breach = next(one for one in BREACHES if one.rule == rule)
    with closing(breach.scene()) as scene:
        scene.console_rules.check_session(ALICE, LINUX)
        breach.cause(scene)
        with pytest.raises(ArmError):
            scene.console_rules.check_session(ALICE, LINUX)


def test_a_machine_that_is_switched_off_does_not_end_an_open_console(scene: Scene) -> None:
    scene.power(PowerState.STOPPED)
    scene.console_rules.check_session(ALICE, LINUX)


def test_the_portals_texts_are_to_be_had(scene: Scene) -> None:
    scene.change_policy(wording=Wording.PORTAL)
    scene.diagnostics(enabled=False)
    refusal = scene.refusal()
    assert refusal is not None
    assert refusal.message.startswith("Azure Serial Console requires boot diagnostics to be enabled.")


def test_a_rule_that_is_not_there_cannot_be_left_out() -> None:
    with pytest.raises(UsageError, match="'fire' is not a rule: use one of role, multi-factor"):
        ALL_RULES.without("fire")


@pytest.mark.parametrize("action", ["read", "enableConsole/action", "disableConsole/action"])
def test_the_console_service_asks_for_its_own_action(scene: Scene, action: str) -> None:
    scene.console_rules.check_console_service(ALICE, SUBSCRIPTION, action)
    scene.permissions.forbidden |= {
        f"Microsoft.SerialConsole/consoleServices/{action}",
        "Microsoft.SerialConsole/consoleServices/write",
        "Microsoft.SerialConsole/serialPorts/connect/action",
    }
    with pytest.raises(ArmError) as e:
        scene.console_rules.check_console_service(ALICE, SUBSCRIPTION, action)
    assert e.value.status == 403


def test_write_permission_suffices_to_enable_and_disable(scene: Scene) -> None:
    scene.permissions.forbidden |= {
        "Microsoft.SerialConsole/consoleServices/enableConsole/action",
        "Microsoft.SerialConsole/consoleServices/disableConsole/action",
    }
    scene.console_rules.check_console_service(ALICE, SUBSCRIPTION, "enableConsole/action")
    scene.console_rules.check_console_service(ALICE, SUBSCRIPTION, "disableConsole/action")


def test_who_may_connect_may_read_whether_the_console_is_disabled(scene: Scene) -> None:
    scene.permissions.forbidden.add("Microsoft.SerialConsole/consoleServices/read")
    scene.console_rules.check_console_service(ALICE, SUBSCRIPTION, "read")


def test_a_lock_of_the_subscription_forbids_to_enable(scene: Scene) -> None:
    scene.permissions.locked.add(GROUP.parent)
    with pytest.raises(ArmError) as e:
        scene.console_rules.check_console_service(ALICE, SUBSCRIPTION, "enableConsole/action")
    assert e.value.status == 409


def test_an_unknown_subscription_is_said(scene: Scene) -> None:
    with pytest.raises(ArmError, match="The subscription 'nil' could not be found") as e:
        scene.console_rules.check_console_service(ALICE, "nil", "read")
    assert e.value.status == 404


def test_a_table_makes_the_policy() -> None:
    policy = ConsolePolicy.from_table(
        {"profile": "preview", "cloud": "AzureChinaCloud", "require_mfa": True, "preview_subscriptions": ["ABC"]}
    )
    assert policy == ConsolePolicy(
        Profile.PREVIEW, Wording.DOCUMENTS, Cloud.CHINA, require_mfa=True, preview_subscriptions=frozenset({"abc"})
    )


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"profil": "preview"}, "'profil' is not a setting of the console: use profile, wording, cloud"),
        ({"profile": "beta"}, "profile is 'beta': use one of default, preview"),
        ({"cloud": ["AzureCloud"]}, "cloud is .*: use one of AzureCloud, AzureUSGovernment, AzureChinaCloud"),
        ({"require_mfa": "yes"}, "require_mfa is 'yes': use true or false"),
        ({"preview_subscriptions": "abc"}, "preview_subscriptions is not a list"),
    ],
)
def test_a_wrong_table_is_said(table: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        ConsolePolicy.from_table(table)
