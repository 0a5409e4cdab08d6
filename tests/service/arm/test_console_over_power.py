"""A console over the power operations of azure-mgmt-compute, through the whole path: WebSocket, gateway, line, guest."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.service.arm.azure_sdk import GROUP, compute_client
from tests.service.rules.azure_tenant import Terminal
from tests.service.served import TENANT, Served, vm_id

MACHINE = """
[[vm]]
name = "vm1"
guest = "demo"
settings = { grub_timeout = 3, boot_seconds = 0.0, time_scale = 0.0 }
port = { rate = "unlimited" }
"""
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture
def served_with_grub(serve: Callable[..., Served]) -> Served:
    return serve(TENANT + MACHINE)


def open_console(served: Served) -> Terminal:
    port = f"{vm_id()}/providers/Microsoft.SerialConsole/serialPorts/0/connect?api-version=2024-07-01"
    answer = served.client("owner").post(port)
    assert answer.status_code == 200, answer.text
    context = ssl.create_default_context(cafile=served.ca_file)
    return Terminal(answer.json()["connectionString"], served.token("owner"), context)


def test_a_console_goes_on_over_a_restart_and_is_not_interrupted_by_a_reset(served_with_grub: Served) -> None:
    served = served_with_grub
    with compute_client(served) as client, open_console(served) as console:
        machines: Any = client.virtual_machines
        console.login()
        first = console.run(BOOT_ID)
        machines.begin_restart(GROUP, "vm1").result()
        assert "reboot: Power down" in console.expect("SeaBIOS")
        console.login()
        second = console.run(BOOT_ID)
        machine = served.parts.machines.get(vm_id())
        assert machine is not None
        hub = machine.hub
        served.run(machine.reset)
        console.expect("GNU GRUB")
        console.send("c")  # GRUB is caught, in the console that was open before
        console.expect("grub> ")
        assert machine.hub is hub
        assert first != second


def test_after_deallocate_size_change_and_start_the_console_shows_the_new_boot_only(served_with_grub: Served) -> None:
    served = served_with_grub
    with compute_client(served) as client:
        machines: Any = client.virtual_machines
        with open_console(served) as console:
            console.login()
            first = console.run(BOOT_ID)
            machines.begin_deallocate(GROUP, "vm1").result()
            console.expect("reboot: Power down")  # it worked until the machine was really off
        size = {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}}}
        machines.begin_update(GROUP, "vm1", size).result()
        machines.begin_start(GROUP, "vm1").result()
        with open_console(served) as console:
            console.login()
            assert console.run(BOOT_ID) != first
            assert console.seen.count("Welcome to GRUB!") == 1
            assert first not in console.seen
            assert "Power down" not in console.seen
