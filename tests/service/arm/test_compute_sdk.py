"""azure-mgmt-compute, unmodified: machines and their power, size, disk, diagnostics, and what is done in their guests."""

from __future__ import annotations

import re
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.service.arm.azure_sdk import GROUP, compute_client
from tests.service.served import Served, vm_id
from uartsim.service.machines.virtual_machine import PowerState, VirtualMachine


def machine_of(served: Served, name: str = "vm1") -> VirtualMachine:
    machine = served.parts.machines.get(vm_id(name))
    assert machine is not None
    return machine


def wait_for(served: Served, *words: bytes, name: str = "vm1", since: int = 0) -> bytes:
    """What the present boot has sent, from an offset on, once all the words are in it."""

    async def wait() -> bytes:
        with trio.fail_after(30):
            machine = machine_of(served, name)
            while machine.hub is None:
                await machine.changed.park()
            while not all(word in machine.hub.history()[since:] for word in words):
                await machine.hub.wait_news()
            return machine.hub.history()[since:]

    return served.run(wait)


def boot_id(client: Any, name: str = "vm1") -> str:
    """The guest's boot_id, by run-command."""
    command = {"commandId": "RunShellScript", "script": ["cat /proc/sys/kernel/random/boot_id"]}
    result = client.virtual_machines.begin_run_command(GROUP, name, command).result()
    found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", result.value[0].message)
    assert found is not None, result.value[0].message
    return found[0]


def states(client: Any, name: str = "vm1") -> list[str]:
    return [status.code for status in client.virtual_machines.instance_view(GROUP, name).statuses]


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with compute_client(served) as made:
        yield made


def test_a_machine_is_listed_and_shown_with_its_instance_view(served: Served, client: Any) -> None:
    wait_for(served, b"login: ")
    for found in (client.virtual_machines.list(GROUP), client.virtual_machines.list_all()):
        assert [one.name for one in found] == ["vm1"]
    shown = client.virtual_machines.get(GROUP, "VM1", expand="instanceView")
    assert (shown.name, shown.type, shown.provisioning_state) == (
        "vm1",
        "Microsoft.Compute/virtualMachines",
        "Succeeded",
    )
    assert shown.vm_id
    view = shown.instance_view
    assert (view.os_name, view.os_version) == ("debian", "12")
    assert [(one.code, one.display_status) for one in view.statuses] == [
        ("ProvisioningState/succeeded", "Provisioning succeeded"),
        ("PowerState/running", "VM running"),
    ]
    assert view.boot_diagnostics is not None
    with pytest.raises(ResourceNotFoundError, match=r"The Resource 'Microsoft.Compute/virtualMachines/vm9'"):
        client.virtual_machines.get(GROUP, "vm9")


def test_restart_and_reset_change_the_boot_id_and_power_off_and_deallocate_end_the_boot(
    served: Served, client: Any
) -> None:
    wait_for(served, b"login: ")
    machines = client.virtual_machines
    first = boot_id(client)
    assert boot_id(client) == first
    machines.begin_restart(GROUP, "vm1").result()
    wait_for(served, b"login: ")
    second = boot_id(client)
    hub = machine_of(served).hub
    assert hub is not None
    since = served.run_sync(lambda: hub.end)
    served.run(machine_of(served).reset)
    wait_for(served, b"login: ", since=since)
    assert machine_of(served).hub is hub
    assert len({first, second, boot_id(client)}) == 3
    machines.begin_power_off(GROUP, "vm1").result()
    assert states(client) == ["ProvisioningState/succeeded", "PowerState/stopped"]
    machines.begin_deallocate(GROUP, "vm1").result()
    view = machines.instance_view(GROUP, "vm1")
    assert view.statuses[1].display_status == "VM deallocated"
    assert (view.os_name, view.os_version) == (None, None)
    with pytest.raises(HttpResponseError, match="needs a running virtual machine"):
        machines.begin_restart(GROUP, "vm1").result()
    machines.begin_start(GROUP, "vm1").result()
    assert states(client)[1] == "PowerState/running"
    assert boot_id(client) not in (first, second)  # run-command waits for the agent of a machine that has just started


def test_a_resize_within_the_cluster_restarts_and_another_one_wants_the_machine_deallocated(
    served: Served, client: Any
) -> None:
    wait_for(served, b"login: ")
    machines, before = client.virtual_machines, machine_of(served).power_ons
    sizes = {size.name for size in machines.list_available_sizes(GROUP, "vm1")}
    assert "Standard_B2s" in sizes
    assert "Standard_D2s_v5" not in sizes
    shown = machines.begin_update(
        GROUP, "vm1", {"properties": {"hardwareProfile": {"vmSize": "Standard_B2s"}}}
    ).result()
    assert shown.hardware_profile.vm_size == "Standard_B2s"
    assert shown.provisioning_state == "Succeeded"
    assert machine_of(served).power_ons == before + 1
    another = {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}}}
    with pytest.raises(ResourceExistsError, match="not available in the current hardware cluster") as caught:
        machines.begin_update(GROUP, "vm1", another)
    assert "(OperationNotAllowed)" in str(caught.value)
    machines.begin_deallocate(GROUP, "vm1").result()
    machines.begin_update(GROUP, "vm1", another).result()
    assert machine_of(served).power_state is PowerState.DEALLOCATED
    with pytest.raises(HttpResponseError, match="VM size is not valid"):
        machines.begin_update(GROUP, "vm1", {"properties": {"hardwareProfile": {"vmSize": "Standard_Z9"}}})


def test_an_administrator_that_cannot_be_made_fails_the_creation_but_not_the_machine(client: Any) -> None:
    body = {
        "location": "westeurope",
        "properties": {
            "storageProfile": {"imageReference": {"publisher": "uartsim", "offer": "firmware", "version": "latest"}},
            "osProfile": {"computerName": "new", "adminUsername": "azureuser", "adminPassword": "Secret-4711"},
        },
    }
    with pytest.raises(HttpResponseError, match="cannot run commands or set passwords") as failed:
        client.virtual_machines.begin_create_or_update(GROUP, "new", body).result()
    assert "Secret-4711" not in str(failed.value)
    shown = client.virtual_machines.get(GROUP, "new", expand="instanceView")
    assert "PowerState/running" in [status.code for status in shown.instance_view.statuses]


def test_a_machine_is_created_from_an_image_with_an_administrator_and_deleted(served: Served, client: Any) -> None:
    machines = client.virtual_machines
    body = {
        "location": "westeurope",
        "properties": {
            "storageProfile": {
                "imageReference": {"publisher": "uartsim", "offer": "demo", "sku": "1", "version": "latest"}
            },
            "osProfile": {"computerName": "new", "adminUsername": "azureuser", "adminPassword": "Secret-4711"},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }
    poller = machines.begin_create_or_update(GROUP, "new", body)
    shown = poller.result()
    assert shown.provisioning_state == "Succeeded"
    assert shown.os_profile.admin_username == "azureuser"
    assert shown.os_profile.admin_password is None
    resource = served.parts.store.get(vm_id("new"))
    assert "Secret-4711" not in f"{resource}{served.said}"
    disk = client.disks.get(GROUP, shown.storage_profile.os_disk.name)
    assert (disk.managed_by, disk.os_type) == (shown.id, "Linux")
    command = {"commandId": "RunShellScript", "script": ["id azureuser"]}
    message = machines.begin_run_command(GROUP, "new", command).result().value[0].message
    assert message.startswith("Enable succeeded: \n[stdout]\nuid=")
    machines.begin_delete(GROUP, "new").result()
    with pytest.raises(ResourceNotFoundError):
        machines.get(GROUP, "new")
    assert client.disks.get(GROUP, disk.name).disk_state == "Unattached"
    wrong = {**body, "properties": {"storageProfile": {"imageReference": {"publisher": "Canonical", "offer": "x"}}}}
    with pytest.raises(ResourceNotFoundError, match="publisher:offer is one of"):
        machines.begin_create_or_update(GROUP, "other", wrong)


def test_the_operating_system_disk_is_swapped_while_the_machine_is_deallocated_and_back_again(
    served: Served, client: Any
) -> None:
    wait_for(served, b"login: ")
    machines = client.virtual_machines
    machines.begin_run_command(
        GROUP, "vm1", {"commandId": "RunShellScript", "script": ["echo mine > /root/mark"]}
    ).result()
    first = machines.get(GROUP, "vm1").storage_profile.os_disk.managed_disk.id
    source = {"creationData": {"createOption": "Copy", "sourceResourceId": first}, "osType": "Linux"}
    disk = client.disks.begin_create_or_update(
        GROUP, "other", {"location": "westeurope", "properties": source}
    ).result()

    def swap(disk_id: str) -> Any:
        change = {"properties": {"storageProfile": {"osDisk": {"managedDisk": {"id": disk_id}}}}}
        return machines.begin_update(GROUP, "vm1", change).result()

    with pytest.raises(ResourceExistsError, match="only when the VM is deallocated"):
        swap(disk.id)
    machines.begin_deallocate(GROUP, "vm1").result()
    assert swap(disk.id).storage_profile.os_disk.name == "other"
    assert client.disks.get(GROUP, "other").managed_by == machines.get(GROUP, "vm1").id
    machines.begin_start(GROUP, "vm1").result()
    wait_for(served, b"login: ")
    look = {"commandId": "RunShellScript", "script": ["cat /root/mark"]}
    assert "mine" not in machines.begin_run_command(GROUP, "vm1", look).result().value[0].message
    machines.begin_deallocate(GROUP, "vm1").result()
    swap(first)
    machines.begin_start(GROUP, "vm1").result()
    wait_for(served, b"login: ")
    assert "mine" in machines.begin_run_command(GROUP, "vm1", look).result().value[0].message


def test_a_disk_that_the_caller_may_not_write_is_not_attached(served: Served) -> None:
    with compute_client(served, "operator") as operator:  # who may write machines, and no disks
        assert operator.virtual_machines.get(GROUP, "vm1").name == "vm1"
        disk_id = f"{vm_id().parent}/providers/Microsoft.Compute/disks/anything"
        change = {"properties": {"storageProfile": {"osDisk": {"managedDisk": {"id": disk_id}}}}}
        with pytest.raises(HttpResponseError, match=r"Microsoft\.Compute/disks/write") as caught:
            operator.virtual_machines.begin_update(GROUP, "vm1", change)
        assert "(AuthorizationFailed)" in str(caught.value)


def test_a_password_is_reset_by_vm_access_and_is_stored_nowhere(served: Served, client: Any) -> None:
    wait_for(served, b"login: ")
    extension: dict[str, Any] = {
        "location": "westeurope",
        "properties": {
            "publisher": "Microsoft.OSTCExtensions",
            "type": "VMAccessForLinux",
            "typeHandlerVersion": "1.5",
            "protectedSettings": {"username": "newcomer", "password": "Secret-4711"},
        },
    }
    extensions = client.virtual_machine_extensions
    shown = extensions.begin_create_or_update(GROUP, "vm1", "enablevmaccess", extension).result()
    assert shown.provisioning_state == "Succeeded"
    assert [one.name for one in extensions.list(GROUP, "vm1").value] == ["enablevmaccess"]
    stored = served.run_sync(lambda: [str(one) for one in served.parts.store.list(f"{vm_id().type}/extensions")])
    assert "Secret-4711" not in "".join([*stored, *served.said])
    hub = machine_of(served).hub
    assert hub is not None
    begin = served.run_sync(lambda: hub.end)

    async def log_in() -> None:
        assert hub is not None
        with hub.attach("tester", force=True) as user:
            await user.send(b"newcomer\r")
            while b"Password: " not in hub.history()[begin:]:
                await hub.wait_news()
            await user.send(b"Secret-4711\r")
            while b"newcomer@" not in hub.history()[begin:]:
                await hub.wait_news()

    served.run(log_in)
    extension["properties"]["protectedSettings"] = {"username": "newcomer"}
    with pytest.raises(HttpResponseError, match="needs username and password"):
        extensions.begin_create_or_update(GROUP, "vm1", "enablevmaccess", extension)
    extension["properties"]["type"] = "VMAccessAgent"
    with pytest.raises(HttpResponseError, match="is for Windows"):
        extensions.begin_create_or_update(GROUP, "vm1", "enablevmaccess", extension)


def test_run_command_gives_both_streams_and_refuses_what_the_guest_cannot(served: Served, client: Any) -> None:
    wait_for(served, b"login: ")
    run = client.virtual_machines.begin_run_command
    command = {
        "commandId": "RunShellScript",
        "script": ['echo "$word"', "echo bad >&2"],
        "parameters": [{"name": "word", "value": "it's here"}],
    }
    result = run(GROUP, "vm1", command).result()
    assert result.value[0].code == "ProvisioningState/succeeded"
    assert result.value[0].message == "Enable succeeded: \n[stdout]\nit's here\n\n[stderr]\nbad\n"
    long = run(GROUP, "vm1", {"commandId": "RunShellScript", "script": ["seq 2000"]}).result().value[0].message
    output = long.removeprefix("Enable succeeded: \n[stdout]\n").removesuffix("\n[stderr]\n")
    assert (len(output), output[-10:]) == (4096, "1999\n2000\n")
    with pytest.raises(ResourceExistsError, match="is for Windows"):
        run(GROUP, "vm1", {"commandId": "RunPowerShellScript", "script": ["dir"]})
    with pytest.raises(ResourceNotFoundError, match="use one of RunShellScript"):
        run(GROUP, "vm1", {"commandId": "Nonsense"})
    client.virtual_machines.begin_power_off(GROUP, "vm1").result()
    with pytest.raises(ResourceExistsError, match="needs a running virtual machine"):
        run(GROUP, "vm1", command)


def test_boot_diagnostics_are_switched_and_their_log_is_read_by_its_link(served: Served, client: Any) -> None:
    wait_for(served, b"login: ")
    machines = client.virtual_machines
    data = machines.retrieve_boot_diagnostics_data(GROUP, "vm1")
    context = ssl.create_default_context(cafile=served.ca_file)

    def fetch(url: str) -> bytes:
        with urllib.request.urlopen(url, context=context) as answer:
            content: bytes = answer.read()
            return content

    assert b"demo login: " in fetch(data.serial_console_log_blob_uri)
    assert fetch(data.console_screenshot_blob_uri).startswith(b"BM")
    off = {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": False}}}}
    machines.begin_update(GROUP, "vm1", off).result()
    assert machines.instance_view(GROUP, "vm1").boot_diagnostics is None
    with pytest.raises(ResourceExistsError, match="not enabled"):
        machines.retrieve_boot_diagnostics_data(GROUP, "vm1")
    uri = "https://bootlogs.blob.core.windows.net/"
    on = {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": True, "storageUri": uri}}}}
    shown = machines.begin_update(GROUP, "vm1", on).result()
    assert shown.diagnostics_profile.boot_diagnostics.storage_uri == uri
    view = machines.instance_view(GROUP, "vm1").boot_diagnostics
    assert view.serial_console_log_blob_uri.startswith(f"{served.url}/bootlogs/bootdiagnostics-vm1-")
    assert view.console_screenshot_blob_uri.startswith(uri)
    ours = {"bootDiagnostics": {"enabled": True, "storageUri": f"{served.url}/bootlogs/"}}
    shown = machines.begin_update(GROUP, "vm1", {"properties": {"diagnosticsProfile": ours}}).result()
    assert shown.diagnostics_profile.boot_diagnostics.storage_uri == uri
    assert machines.retrieve_boot_diagnostics_data(GROUP, "vm1").serial_console_log_blob_uri


def test_who_has_no_role_with_the_action_is_refused(served: Served) -> None:
    with compute_client(served, "reader") as reader:
        assert reader.virtual_machines.get(GROUP, "vm1").name == "vm1"
        for call in (reader.virtual_machines.begin_restart, reader.virtual_machines.begin_delete):
            with pytest.raises(HttpResponseError) as caught:
                call(GROUP, "vm1")
            assert "(AuthorizationFailed)" in str(caught.value)


def test_a_machine_whose_guest_is_missing_says_so_in_its_instance_view_and_others_go_on(serve: Any) -> None:
    from tests.service.served import MACHINES, TENANT

    served = serve(TENANT + MACHINES)
    with compute_client(served) as client:
        wait_for(served, b"login: ")
        resource = served.parts.store.get(vm_id())
        served.run_sync(served.parts.store.put, resource.with_private(guest="/nowhere/at-all"))
        disk_id = client.virtual_machines.get(GROUP, "vm1").storage_profile.os_disk.managed_disk.id
        disk = served.parts.store.get(type(vm_id())(disk_id))
        served.run_sync(served.parts.store.put, disk.with_private(guest="/nowhere/at-all"))
        client.virtual_machines.begin_power_off(GROUP, "vm1").result()
        with pytest.raises(HttpResponseError, match="could not be started: /nowhere/at-all"):
            client.virtual_machines.begin_start(GROUP, "vm1").result()
        status = client.virtual_machines.instance_view(GROUP, "vm1").statuses
        assert [one.code for one in status] == ["ProvisioningState/failed", "PowerState/stopped"]
        assert "there is no such folder" in status[1].message
        instances = client.virtual_machine_scale_set_vms.list(GROUP, "web", expand="instanceView")
        assert {one.instance_view.statuses[1].code for one in instances} == {"PowerState/running"}
