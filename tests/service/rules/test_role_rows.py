"""Who may open a console, and who may enable and disable it: refused by the rule, then let in by its mitigation."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.service.rules.azure_tenant import AzureTenant
from tests.service.rules.refusals import check_refused

NO_ROLE = (
    "You do not have the required permissions to use this VM with the serial console."
    " Ensure you have at least Virtual Machine Contributor role permissions."
)
LEAST = (
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.SerialConsole/serialPorts/connect/action",
)
Made = Callable[..., AzureTenant]


@pytest.mark.azure(
    "A-005", "A-011", "A-076", "A-100", "A-123", "P-006", "P-016", rule="role"
)  # fmt: skip
def test_role_on_the_machine_is_needed(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    for user in ("reader", "nobody"):
        azure.check_refused(machine, 403, NO_ROLE, user)
    azure.assign("nobody", "Virtual Machine Contributor", machine)
    azure.check_opens(machine, "nobody")
    for user in ("contributor", "owner"):
        azure.check_opens(machine, user)


@pytest.mark.azure("A-011", rule="role")
def test_least_privileged_role_is_enough(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.assign("nobody", azure.custom_role("Almost enough", *LEAST[:-1]), azure.group)
    azure.check_refused(machine, 403, NO_ROLE, "nobody")
    azure.assign("nobody", azure.custom_role("Console user", *LEAST), azure.group)
    azure.check_opens(machine, "nobody")


@pytest.mark.azure("A-077", "P-017", rule="multi-factor")
def test_multi_factor_is_needed_where_the_tenant_demands_it(azure_with: Made) -> None:
    azure = azure_with(require_mfa=True)
    machine = azure.vm("linux1")
    azure.check_refused(machine, 403, "requires multi-factor authentication (MFA)")
    azure.log_in("vmcontributor")  # with the password only
    azure.check_refused(machine, 403, "requires multi-factor authentication (MFA)")
    azure.log_in("vmcontributor_mfa")
    azure.check_opens(machine, "vmcontributor_mfa")


@pytest.mark.azure(rule="lock")
def test_read_only_lock_is_in_the_way_until_it_is_deleted(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    lock = f"{azure.group}/providers/Microsoft.Authorization/locks/keep"
    azure.do("PUT", lock, "owner", {"properties": {"level": "ReadOnly"}}, version="2020-05-01")
    azure.check_refused(machine, 409, "locked")
    azure.do("DELETE", lock, version="2020-05-01")
    azure.check_opens(machine)


def service(azure: AzureTenant, call: str = "") -> str:
    path = f"{azure.subscription}/providers/Microsoft.SerialConsole/consoleServices/default"
    return f"{path}/{call}" if call else path


@pytest.mark.azure("A-064", "A-067", "A-121", rule="console-service-role")
def test_only_writers_of_the_subscription_enable_and_disable(azure: AzureTenant) -> None:
    for user in ("reader", "vmcontributor", "nobody"):
        for call in ("disableConsole", "enableConsole"):
            check_refused(azure.request("POST", service(azure, call), user), 403, "does not have authorization")
    for user in ("contributor", "owner"):
        for call, disabled in (("disableConsole", True), ("enableConsole", False)):
            assert azure.do("POST", service(azure, call), user) == {"properties": {"disabled": disabled}}


@pytest.mark.azure("A-065", "A-122", rule="console-service-role")
def test_custom_role_with_write_enables_and_disables(azure: AzureTenant) -> None:
    check_refused(azure.request("POST", service(azure, "disableConsole"), "nobody"), 403, "does not have authorization")
    role = azure.custom_role("Console switch", "Microsoft.SerialConsole/consoleServices/write")
    azure.assign("nobody", role, azure.subscription)
    assert azure.do("POST", service(azure, "disableConsole"), "nobody") == {"properties": {"disabled": True}}
    assert azure.do("POST", service(azure, "enableConsole"), "nobody") == {"properties": {"disabled": False}}


@pytest.mark.azure("A-059", "A-066", "A-070", rule="console-enabled")
def test_disabled_console_is_refused_until_it_is_enabled(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.login()
        azure.do("POST", service(azure, "disableConsole"))
        terminal.check_ended("not enabled for this subscription")
    azure.check_refused(machine, 403, "Azure Serial Console is not enabled for this subscription")
    azure.do("POST", service(azure, "enableConsole"))
    azure.check_opens(machine)


@pytest.mark.azure("A-058", rule="console-enabled")
def test_new_subscription_has_the_console_enabled(azure: AzureTenant) -> None:
    assert azure.do("GET", service(azure), "reader") == {"properties": {"disabled": False}}
    azure.check_opens(azure.vm("linux1"))
    azure.do("POST", service(azure, "disableConsole"))
    azure.check_refused(azure.vm("linux1"), 403, "not enabled for this subscription")


def test_withdrawn_role_ends_the_console(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    name = f"{machine}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    role = (
        f"{azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
    )
    body = {"properties": {"roleDefinitionId": role, "principalId": azure.object_ids["nobody"]}}
    azure.do("PUT", name, "owner", body)
    with azure.console(machine, "nobody") as terminal:
        terminal.login()
        azure.do("DELETE", name)
        terminal.check_ended("required permissions")
