"""azure-mgmt-compute, unmodified: scale sets, their instances, and the upgrade that brings the model to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from azure.core.exceptions import ResourceNotFoundError

from tests.service.arm.azure_sdk import GROUP, compute_client
from tests.service.served import Served, instance_id
from uartsim.service.machines.virtual_machine import PowerState

OFF = {"properties": {"virtualMachineProfile": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": False}}}}}


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with compute_client(served) as made:
        yield made


def power_of(served: Served, number: int) -> PowerState:
    machine = served.parts.machines.get(instance_id(number))
    assert machine is not None
    return machine.power_state


def wait_running(served: Served) -> None:
    async def wait() -> None:
        with trio.fail_after(30):
            for number in (0, 1):
                machine = served.parts.machines.get(instance_id(number))
                assert machine is not None
                while machine.power_state is not PowerState.RUNNING:
                    await machine.changed.park()

    served.run(wait)


def wait_for_login(served: Served, number: int) -> None:
    async def wait() -> None:
        machine = served.parts.machines.get(instance_id(number))
        assert machine is not None
        assert machine.hub is not None
        with trio.fail_after(30):
            while b"login: " not in machine.hub.history():
                await machine.hub.wait_news()

    served.run(wait)


def test_a_scale_set_and_its_instances_are_listed_and_shown(served: Served, client: Any) -> None:
    wait_running(served)
    sets, instances = client.virtual_machine_scale_sets, client.virtual_machine_scale_set_vms
    assert [one.name for one in sets.list(GROUP)] == [one.name for one in sets.list_all()] == ["web"]
    shown = sets.get(GROUP, "web")
    assert (shown.sku.capacity, shown.upgrade_policy.mode) == (2, "Manual")
    assert [(one.name, one.instance_id) for one in instances.list(GROUP, "web")] == [("web_0", "0"), ("web_1", "1")]
    one = instances.get(GROUP, "web", "1", expand="instanceView")
    assert (one.latest_model_applied, one.provisioning_state) == (True, "Succeeded")
    assert one.instance_view.statuses[1].code == "PowerState/running"
    view = instances.get_instance_view(GROUP, "web", "1")
    assert (view.os_name, view.boot_diagnostics is not None) == ("debian", True)
    summary = {one.code: one.count for one in sets.get_instance_view(GROUP, "web").virtual_machine.statuses_summary}
    assert summary == {"PowerState/running": 2, "ProvisioningState/succeeded": 2}
    with pytest.raises(ResourceNotFoundError, match="Parent resource 'nothing' not found"):
        instances.get(GROUP, "nothing", "0")


def test_only_an_upgrade_brings_a_change_of_the_model_to_an_instance(served: Served, client: Any) -> None:
    wait_running(served)
    sets, instances = client.virtual_machine_scale_sets, client.virtual_machine_scale_set_vms

    def enabled(number: str) -> tuple[bool, bool]:
        found = instances.get(GROUP, "web", number)
        return found.diagnostics_profile.boot_diagnostics.enabled, found.latest_model_applied

    shown = sets.begin_update(GROUP, "web", OFF).result()
    assert shown.virtual_machine_profile.diagnostics_profile.boot_diagnostics.enabled is False
    assert (enabled("0"), enabled("1")) == ((True, False), (True, False))
    sets.begin_update_instances(GROUP, "web", {"instanceIds": ["1"]}).result()
    assert (enabled("0"), enabled("1")) == ((True, False), (False, True))
    assert (
        served.run_sync(lambda: served.parts.diagnostics and served.parts.diagnostics.present(instance_id(1))) is None
    )
    with pytest.raises(ResourceNotFoundError, match="no instances '7'"):
        sets.begin_update_instances(GROUP, "web", {"instanceIds": ["7"]})
    sets.begin_update_instances(GROUP, "web", {"instanceIds": ["*"]}).result()
    assert enabled("0") == (False, True)


def test_with_automatic_upgrades_a_change_of_the_model_reaches_all_instances(served: Served, client: Any) -> None:
    wait_running(served)
    change = {"properties": {**OFF["properties"], "upgradePolicy": {"mode": "Automatic"}}}
    client.virtual_machine_scale_sets.begin_update(GROUP, "web", change).result()
    for instance in client.virtual_machine_scale_set_vms.list(GROUP, "web"):
        assert instance.latest_model_applied is True
        assert instance.diagnostics_profile.boot_diagnostics.enabled is False


def test_power_operations_reach_one_instance_some_or_all(served: Served, client: Any) -> None:
    wait_running(served)
    sets, instances = client.virtual_machine_scale_sets, client.virtual_machine_scale_set_vms
    instances.begin_power_off(GROUP, "web", "0", skip_shutdown=True).result()
    assert (power_of(served, 0), power_of(served, 1)) == (PowerState.STOPPED, PowerState.RUNNING)
    sets.begin_deallocate(GROUP, "web", {"instanceIds": ["1"]}).result()
    assert (power_of(served, 0), power_of(served, 1)) == (PowerState.STOPPED, PowerState.DEALLOCATED)
    sets.begin_start(GROUP, "web").result()
    assert (power_of(served, 0), power_of(served, 1)) == (PowerState.RUNNING, PowerState.RUNNING)
    instances.begin_restart(GROUP, "web", "1").result()
    machine = served.parts.machines.get(instance_id(1))
    assert machine is not None
    assert machine.power_ons == 3
    wait_for_login(served, 0)
    command = {"commandId": "RunShellScript", "script": ["hostname"]}
    assert "demo" in instances.begin_run_command(GROUP, "web", "0", command).result().value[0].message


def test_the_capacity_is_changed_and_numbers_are_not_used_again(served: Served, client: Any) -> None:
    wait_running(served)
    sets, instances = client.virtual_machine_scale_sets, client.virtual_machine_scale_set_vms
    shown = sets.begin_update(GROUP, "web", {"sku": {"capacity": 3}}).result()
    assert shown.sku.capacity == 3
    assert power_of(served, 2) is PowerState.RUNNING
    sets.begin_update(GROUP, "web", {"sku": {"capacity": 1}}).result()
    assert [one.instance_id for one in instances.list(GROUP, "web")] == ["0"]
    assert served.parts.machines.get(instance_id(2)) is None
    sets.begin_update(GROUP, "web", {"sku": {"capacity": 2}}).result()
    assert [one.instance_id for one in instances.list(GROUP, "web")] == ["0", "3"]
    sets.begin_delete_instances(GROUP, "web", {"instanceIds": ["0"]}).result()
    assert [one.name for one in instances.list(GROUP, "web")] == ["web_3"]
    sets.begin_delete(GROUP, "web").result()
    assert list(sets.list(GROUP)) == []


def test_a_scale_set_is_created_from_an_image(served: Served, client: Any) -> None:
    body = {
        "location": "westeurope",
        "sku": {"name": "Standard_B1s", "capacity": 1},
        "properties": {
            "upgradePolicy": {"mode": "Manual"},
            "virtualMachineProfile": {
                "storageProfile": {"imageReference": {"publisher": "uartsim", "offer": "demo"}},
                "osProfile": {"computerNamePrefix": "new", "adminUsername": "u", "adminPassword": "Secret-4711"},
            },
        },
    }
    shown = client.virtual_machine_scale_sets.begin_create_or_update(GROUP, "new", body).result()
    assert (shown.provisioning_state, shown.sku.capacity) == ("Succeeded", 1)
    instance = client.virtual_machine_scale_set_vms.get(GROUP, "new", "0", expand="instanceView")
    assert instance.os_profile.computer_name == "new000000"
    assert instance.instance_view.statuses[1].code == "PowerState/running"
    stored = served.run_sync(
        lambda: [str(one) for one in served.parts.store.list("Microsoft.Compute/virtualMachineScaleSets")]
    )
    assert "Secret-4711" not in str(stored)
