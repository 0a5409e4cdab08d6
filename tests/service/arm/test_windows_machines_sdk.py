"""azure-mgmt-compute, unmodified, on a Windows machine: run-command and VMAccess, as the console's documents use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from azure.core.exceptions import ResourceExistsError

from tests.service.arm.azure_sdk import GROUP, compute_client
from tests.service.served import TENANT, Served, vm_id

WINDOWS = """
[[vm]]
name = "win1"
guest = "windows"
settings = { sac = false, boot_seconds = 0.0, time_scale = 0.0, health_seconds = 1 }
port = { rate = "unlimited" }
"""


def wait_for(served: Served, word: bytes) -> bytes:
    async def wait() -> bytes:
        machine = served.parts.machines.get(vm_id("win1"))
        assert machine is not None
        with trio.fail_after(30):
            while machine.hub is None:
                await machine.changed.park()
            while word not in machine.hub.history():
                await machine.hub.wait_news()
            return machine.hub.history()

    return served.run(wait)


@pytest.fixture
def windows(serve: Callable[..., Served]) -> Served:
    return serve(TENANT + WINDOWS)


def test_run_command_switches_sac_on_for_the_next_boot(windows: Served) -> None:
    assert b"SAC>" not in wait_for(windows, b"VM Health Report")
    with compute_client(windows) as client:
        machines: Any = client.virtual_machines
        view = machines.instance_view(GROUP, "win1")
        assert view.os_name.startswith("Windows Server")
        enabled = machines.begin_run_command(GROUP, "win1", {"commandId": "EnableEMS"}).result()
        assert [one.code for one in enabled.value] == [
            "ComponentStatus/StdOut/succeeded",
            "ComponentStatus/StdErr/succeeded",
        ]
        assert "The operation completed successfully." in enabled.value[0].message
        script = {"commandId": "RunPowerShellScript", "script": ["hostname"]}
        assert "WIN-UARTSIM" in machines.begin_run_command(GROUP, "win1", script).result().value[0].message
        machines.begin_restart(GROUP, "win1").result()
        wait_for(windows, b"SAC>")
        with pytest.raises(ResourceExistsError, match="is for Linux"):
            machines.begin_run_command(GROUP, "win1", {"commandId": "RunShellScript", "script": ["ls"]})


def test_vm_access_resets_the_administrators_password(windows: Served) -> None:
    wait_for(windows, b"VM Health Report")
    extension = {
        "location": "westeurope",
        "properties": {
            "publisher": "Microsoft.Compute",
            "type": "VMAccessAgent",
            "typeHandlerVersion": "2.4",
            "settings": {"UserName": "newadmin"},
            "protectedSettings": {"Password": "Secret-4711"},
        },
    }
    with compute_client(windows) as client:
        poller = client.virtual_machine_extensions.begin_create_or_update(GROUP, "win1", "enablevmaccess", extension)
        assert poller.result().provisioning_state == "Succeeded"
        script = {"commandId": "RunPowerShellScript", "script": ["net user newadmin"]}
        message = client.virtual_machines.begin_run_command(GROUP, "win1", script).result().value[0].message
        assert "newadmin" in message
        assert "Administrators" in message
