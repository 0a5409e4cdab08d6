"""What is demanded of the machine, its cloud and its storage: refused by the rule, then let in by its mitigation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import websocket

from tests.service.rules.azure_tenant import PATIENCE_S, AzureTenant
from tests.service.rules.refusals import NotRefused, check_refused
from uartsim.service.store import Resource, ResourceId

Made = Callable[..., AzureTenant]
FORBIDDEN = 'A "Forbidden" response was encountered when accessing this VM\'s boot diagnostic storage account.'
HIERARCHICAL = "Azure Data Lake Storage Gen2 with hierarchical namespaces"


def change(azure: AzureTenant, path: str, **body: Any) -> None:
    """Change what no request changes: a region, a provisioning state."""
    store = azure.parts.store
    found = azure.call(store.get, ResourceId(path))
    assert found is not None
    properties = {**found.properties, **body.pop("properties", {})}
    azure.call(store.put, Resource(found.id, {**found.body, **body, "properties": properties}, found.private))


def no_diagnostics(name: str) -> str:
    return (
        f"Unable to retrieve boot diagnostics settings for {name}."
        " To use the serial console, ensure that boot diagnostics is enabled for this VM."
    )


@pytest.mark.azure("A-016", "A-049", "A-060", "A-061", "A-098", "P-028", rule="boot-diagnostics")
def test_boot_diagnostics_are_needed(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.boot_diagnostics(machine, enabled=False)
    azure.check_refused(machine, 409, no_diagnostics("linux1"))
    azure.boot_diagnostics(machine)
    azure.check_opens(machine)


@pytest.mark.azure("A-061", "P-028", rule="boot-diagnostics")
def test_switching_boot_diagnostics_off_disconnects(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.login()
        azure.boot_diagnostics(machine, enabled=False)
        terminal.check_ended("boot diagnostics")
    azure.boot_diagnostics(machine)
    azure.check_opens(machine)


@pytest.mark.azure("A-027", "A-063", "A-097", rule="boot-diagnostics")
def test_instances_get_boot_diagnostics_by_model_and_upgrade(azure: AzureTenant) -> None:
    scale_set = azure.instance(0).rpartition("/virtualMachines/")[0]

    def model(*, enabled: bool) -> dict[str, Any]:
        profile = {"diagnosticsProfile": {"bootDiagnostics": {"enabled": enabled}}}
        return {"properties": {"virtualMachineProfile": profile}}

    azure.do("PATCH", scale_set, "owner", model(enabled=False))
    azure.check_opens(azure.instance(0))  # the model alone changes nothing
    azure.do("POST", f"{scale_set}/manualupgrade", "owner", {"instanceIds": ["*"]})
    azure.check_refused(azure.instance(0), 409, "Unable to retrieve boot diagnostics settings for")
    azure.do("PATCH", scale_set, "owner", model(enabled=True))
    azure.check_refused(azure.instance(0), 409, "Unable to retrieve boot diagnostics settings for")
    azure.do("POST", f"{scale_set}/manualupgrade", "owner", {"instanceIds": ["0"]})
    azure.check_opens(azure.instance(0))
    azure.check_refused(azure.instance(1), 409, "Unable to retrieve boot diagnostics settings for")


@pytest.mark.azure("A-099", rule="running")
def test_stopped_machine_is_refused_until_it_is_started(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    for call in ("powerOff", "deallocate"):
        azure.do("POST", f"{machine}/{call}")
        text = "The VM is in a stopped deallocated state. Start the VM and retry the serial console connection."
        azure.check_refused(machine, 409, text)
        azure.do("POST", f"{machine}/start", "vmcontributor")
        azure.check_opens(machine)


@pytest.mark.azure(rule="provisioned")
def test_machine_that_is_not_provisioned_is_refused(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    change(azure, machine, properties={"provisioningState": "Creating"})
    azure.check_refused(machine, 409, "Provisioning for this VM has not yet succeeded.")
    change(azure, machine, properties={"provisioningState": "Succeeded"})
    azure.check_opens(machine)


@pytest.mark.azure(rule="port-enabled")
def test_disabled_port_is_refused_until_it_is_enabled(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    port = f"{machine}/providers/Microsoft.SerialConsole/serialPorts/0"
    azure.do("PUT", port, "owner", {"properties": {"state": "disabled"}})
    azure.check_refused(machine, 409, "The serial port of the virtual machine linux1 is not enabled")
    azure.do("PUT", port, "owner", {"properties": {"state": "enabled"}})
    azure.check_opens(machine)


@pytest.mark.azure("A-008", rule="cloud")
def test_any_global_region_will_do(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    for region in ("westeurope", "australiaeast", "brazilsouth", "usgovvirginia"):
        change(azure, machine, location=region)
        if region == "usgovvirginia":
            azure.check_refused(machine, 403, "It is not yet available in Azure government or Azure China clouds.")
        else:
            assert azure.connect(machine).status_code == 200


@pytest.mark.azure("A-009", rule="cloud")
@pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChinaCloud"])
def test_other_clouds_do_not_have_the_service(azure_with: Made, cloud: str) -> None:
    azure = azure_with(cloud=cloud)
    azure.check_refused(azure.vm("linux1"), 403, "It is not yet available in Azure government or Azure China clouds.")


@pytest.mark.azure("A-010", rule="deployment-model")
def test_classic_machine_is_refused(azure: AzureTenant) -> None:
    classic = f"{azure.group}/providers/Microsoft.ClassicCompute/virtualMachines/old1"
    found = azure.call(azure.parts.store.get, ResourceId(azure.vm("linux1")))
    assert found is not None
    azure.call(azure.parts.store.put, Resource(ResourceId(classic), found.body, found.private))
    azure.assign("vmcontributor", "Contributor", azure.group)
    azure.check_refused(classic, 409, "Classic deployments aren't supported")
    azure.check_opens(azure.vm("linux1"))


# -- storage ---------------------------------------------------------------------------------------------------


@pytest.mark.azure("A-012", "A-101", rule="storage-role")
def test_role_on_the_storage_account_is_needed(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    azure.boot_diagnostics(machine, "diagnostics1")
    azure.assign("nobody", "Virtual Machine Contributor", machine)
    text = (
        "Unable to determine the resource group for the boot diagnostics storage account diagnostics1."
        " Verify that boot diagnostics is enabled for this VM and you have access to this storage account."
    )
    azure.check_refused(machine, 403, text, "nobody")
    azure.assign("nobody", "Virtual Machine Contributor", azure.account("diagnostics1"))
    azure.check_opens(machine, "nobody")


@pytest.mark.azure(rule="storage-writable")
def test_storage_account_must_be_writable(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    azure.boot_diagnostics(machine, "diagnostics1")
    azure.assign("nobody", "Virtual Machine Contributor", machine)
    azure.assign("nobody", "Reader", azure.account("diagnostics1"))
    azure.check_refused(
        machine, 403, "permissions to write to the boot diagnostics storage account for this VM", "nobody"
    )
    azure.assign("nobody", "Virtual Machine Contributor", azure.account("diagnostics1"))
    azure.check_opens(machine, "nobody")


@pytest.mark.azure(rule="storage-uri")
def test_storage_account_is_given_by_its_https_address(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    settings = {"enabled": True, "storageUri": "http://diagnostics1.blob.core.windows.net/"}
    change(azure, machine, properties={"diagnosticsProfile": {"bootDiagnostics": settings}})
    azure.check_refused(machine, 400, "'Bad Request' (400)")
    azure.boot_diagnostics(machine, "diagnostics1")
    azure.check_opens(machine)


@pytest.mark.azure("A-105", rule="storage-exists")
def test_missing_storage_account_is_refused_until_another_is_set(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    azure.boot_diagnostics(machine, "diagnostics1")
    azure.check_opens(machine)
    azure.do("DELETE", azure.account("diagnostics1"))
    azure.check_refused(machine, 404, "The storage account 'diagnostics1' used for boot diagnostics on this VM")
    azure.create_account("diagnostics2")
    azure.boot_diagnostics(machine, "diagnostics2")
    azure.check_opens(machine)


@pytest.mark.azure("A-104", "A-112", rule="storage-firewall")
def test_firewalled_storage_account_is_refused_until_it_is_open(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    azure.boot_diagnostics(machine, "diagnostics1")
    azure.check_opens(machine)
    firewall = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7", "action": "Allow"}]}
    azure.do("PATCH", azure.account("diagnostics1"), "owner", {"properties": {"networkAcls": firewall}})
    azure.check_refused(machine, 403, FORBIDDEN)
    opened = {"defaultAction": "Allow", "ipRules": []}
    azure.do("PATCH", azure.account("diagnostics1"), "owner", {"properties": {"networkAcls": opened}})
    azure.check_opens(machine)


@pytest.mark.azure("A-113", "A-115", rule="storage-namespace")
def test_hierarchical_namespace_is_refused_until_another_account_is_set(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("lake1", isHnsEnabled=True)
    azure.boot_diagnostics(machine, "lake1")
    azure.check_refused(machine, 409, HIERARCHICAL)
    azure.create_account("flat1")
    azure.boot_diagnostics(machine, "flat1")
    azure.check_opens(machine)


@pytest.mark.azure("A-114")
def test_hierarchical_namespace_cannot_be_changed(azure: AzureTenant) -> None:
    azure.create_account("lake1", isHnsEnabled=True)
    answer = azure.request("PATCH", azure.account("lake1"), "owner", {"properties": {"isHnsEnabled": False}})
    shown = azure.do("GET", azure.account("lake1"))
    assert shown["properties"]["isHnsEnabled"] is True
    assert answer.status_code in {200, 400, 409}


# -- operating systems -----------------------------------------------------------------------------------------


@pytest.mark.azure("P-067", rule="os-type")
def test_console_of_the_other_type_is_refused_once(azure: AzureTenant) -> None:
    text = 'Existing console has conflicting OS type "Windows" with the requested OS type of Linux'
    azure.do("POST", f"{azure.vm('windows1')}/start")
    with azure.console(azure.vm("windows1")) as windows:
        windows.send("\r")
        azure.check_refused(azure.vm("linux1"), 409, text)
        azure.check_opens(azure.vm("linux1"))


# -- the preview -----------------------------------------------------------------------------------------------


@pytest.mark.azure("P-007", "P-013", "P-066", rule="preview-subscription")
def test_preview_is_for_white_listed_subscriptions(azure_with: Made) -> None:
    azure = azure_with(profile="preview")
    azure.check_refused(azure.vm("linux1"), 403, "limited to white-listed subscriptions")
    azure = azure_with(profile="preview", white_listed=True)
    azure.check_opens(azure.vm("linux1"))


@pytest.mark.azure("P-003")
def test_preview_opens_a_console_on_linux_and_windows(azure_with: Made) -> None:
    azure = azure_with(profile="preview", white_listed=True)
    azure.do("POST", f"{azure.vm('windows1')}/start")
    azure.check_opens(azure.vm("linux1"))
    azure.check_opens(azure.vm("windows1"))


@pytest.mark.azure("P-008", "P-063", rule="preview-region")
def test_preview_is_for_two_regions(azure_with: Made) -> None:
    azure = azure_with(profile="preview", white_listed=True)
    machine = azure.vm("linux1")
    for region in ("westcentralus", "westeurope"):
        change(azure, machine, location=region)
        azure.check_opens(machine)
    change(azure, machine, location="eastus")
    azure.check_refused(machine, 403, "available in West US Central and West Europe regions of Azure.")


@pytest.mark.azure("P-060", rule="preview-scale-set")
def test_preview_has_no_consoles_of_scale_sets(azure_with: Made) -> None:
    azure = azure_with(profile="preview", white_listed=True)
    text = "At the time of preview we do not support access to serial console for VMSS instances"
    azure.check_refused(azure.instance(0), 400, text)


@pytest.mark.azure("P-058", rule="storage-role")
def test_preview_says_error_500_where_a_role_on_the_account_is_missing(azure_with: Made) -> None:
    azure = azure_with(profile="preview", white_listed=True)
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    azure.boot_diagnostics(machine, "diagnostics1")
    azure.assign("nobody", "Virtual Machine Contributor", machine)
    text = "Error 500 Message: Unable to determine the resource group for the boot diagnostics storage account"
    azure.check_refused(machine, 500, text, "nobody")
    azure.assign("nobody", "Virtual Machine Contributor", azure.account("diagnostics1"))
    azure.check_opens(machine, "nobody")


# -- faults ----------------------------------------------------------------------------------------------------


@pytest.mark.azure("A-096", "P-057")
def test_retry_cures_an_internal_error(azure: AzureTenant) -> None:
    azure.set_faults({"internal_error": 1})
    azure.check_refused(azure.vm("linux1"), 500, "Server encountered an internal error")
    azure.check_opens(azure.vm("linux1"))


@pytest.mark.azure("P-059")
def test_preview_says_error_500_for_an_internal_error(azure_with: Made) -> None:
    azure = azure_with(profile="preview", white_listed=True)
    azure.set_faults({"internal_error": 1})
    azure.check_refused(azure.vm("linux1"), 500, "Error 500 Message: Server encountered an internal error")
    azure.check_opens(azure.vm("linux1"))


def test_service_that_is_slow_says_that_it_did_not_respond_in_time(azure: AzureTenant) -> None:
    azure.set_faults({"timeout": 1})
    azure.check_refused(azure.vm("linux1"), 504, "the service did not respond in a timely manner")
    azure.check_opens(azure.vm("linux1"))


@pytest.mark.azure("A-102")
def test_blocked_gateway_closes_the_web_socket(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.set_faults({"block_gateway": True})
    with pytest.raises(websocket.WebSocketBadStatusException, match="503") as refused:
        azure.console(machine)
    assert b"Web socket is closed or could not be opened." in (refused.value.resp_body or b"")
    azure.set_faults({"block_gateway": False})
    azure.check_opens(machine)


@pytest.mark.azure("A-102")
def test_dropped_socket_says_so_and_a_retry_cures_it(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.set_faults({"drop_socket": 1})
    url = azure.connect(machine).json()["connectionString"]
    dropped = websocket.create_connection(url, timeout=PATIENCE_S, sslopt={"context": azure.tls})
    opcode, data = dropped.recv_data()
    assert (opcode, data[2:]) == (websocket.ABNF.OPCODE_CLOSE, b"Web socket is closed or could not be opened.")
    dropped.shutdown()  # type: ignore[no-untyped-call]
    azure.check_opens(machine)


@pytest.mark.parametrize("user", ["contributor", "vmcontributor", "reader", "nobody"])
def test_faults_are_the_owners(azure: AzureTenant, user: str) -> None:
    check_refused(azure.request("POST", "/_uartsim/faults", user, {"internal_error": 1}), 403, "may not change")
    with pytest.raises(NotRefused):
        azure.check_refused(azure.vm("linux1"), 500, "internal error")


@pytest.mark.parametrize("body", [[], {"fire": 1}, {"timeout": 0}])
def test_wrong_faults_are_said(azure: AzureTenant, body: object) -> None:
    answer = azure.request("POST", "/_uartsim/faults", "owner", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidRequestContent"
