"""Operations on machines while they run: the answers' headers, and the states that are shown meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.guests.test_script import make_script
from tests.patience import patience
from tests.service.served import TENANT, Served, vm_id

#: A guest that takes its time to shut down: until it is let go, by a file.
SLOW = """
    import trio
    async def main(host):
        pressed = trio.Event()
        host.on_power_button = pressed.set
        host.tty.open()
        await host.tty.write(b"up")
        await pressed.wait()
        while not (host.folder / "go").exists():
            await trio.sleep(0.02)
        return "poweroff"
"""
#: The id of a disk that does not exist.
NO_DISK = f"{vm_id().parent}/providers/Microsoft.Compute/disks/none"
VERSION = {"api-version": "2024-07-01"}


@pytest.fixture
def slow(serve: Callable[..., Served], tmp_path: Path) -> Served:
    make_script(tmp_path / "slow", SLOW)
    served = serve(TENANT + f'\n[[vm]]\nname = "vm1"\nguest = "{tmp_path / "slow"}"\n')
    await_state(served.client("owner"), "running")
    return served


def await_state(client: httpx.Client, power: str) -> list[str]:
    """Wait for a power state; returns the codes of the instance view."""
    ends_at = time.monotonic() + patience(20)
    while True:
        view = client.get(f"{vm_id()}/instanceView", params=VERSION).json()
        codes = [status["code"] for status in view["statuses"]]
        if codes[1] == f"PowerState/{power}":
            return codes
        assert time.monotonic() < ends_at, codes


def test_a_machine_is_updating_and_deallocating_until_its_guest_is_off(slow: Served, tmp_path: Path) -> None:
    client = slow.client("owner")
    answer = client.post(f"{vm_id()}/deallocate", params=VERSION)
    assert (answer.status_code, answer.headers["retry-after"], answer.content) == (202, "1", b"")
    assert await_state(client, "deallocating") == ["ProvisioningState/updating", "PowerState/deallocating"]
    assert client.get(str(vm_id()), params=VERSION).json()["properties"]["provisioningState"] == "Updating"
    assert client.get(answer.headers["azure-asyncoperation"]).json()["status"] == "InProgress"
    assert client.get(answer.headers["location"]).status_code == 202
    (tmp_path / "slow" / "go").touch()
    assert await_state(client, "deallocated") is not None
    ends_at = time.monotonic() + patience(20)
    while (found := client.get(answer.headers["azure-asyncoperation"]).json())["status"] != "Succeeded":
        assert time.monotonic() < ends_at, found
    assert client.get(answer.headers["location"]).status_code == 204
    assert await_state(client, "deallocated") == ["ProvisioningState/succeeded", "PowerState/deallocated"]


def test_power_off_without_shutdown_does_not_wait_for_a_shutdown_that_hangs(slow: Served) -> None:
    client = slow.client("owner")
    client.post(f"{vm_id()}/deallocate", params=VERSION)
    await_state(client, "deallocating")
    began = time.monotonic()
    client.post(f"{vm_id()}/powerOff", params={**VERSION, "skipShutdown": "true"})
    await_state(client, "deallocated")
    assert time.monotonic() - began < 20  # the guest would have had 30 s


def test_a_change_is_answered_with_the_machine_that_is_updating(slow: Served) -> None:
    client = slow.client("owner")
    off = {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": False}}}, "tags": {"a": "b"}}
    answer = client.patch(str(vm_id()), params=VERSION, json=off)
    assert answer.status_code == 200
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert answer.headers["azure-asyncoperation"]
    shown = client.get(str(vm_id()), params=VERSION).json()
    assert shown["tags"] == {"a": "b"}
    assert shown["properties"]["diagnosticsProfile"] == {"bootDiagnostics": {"enabled": False}}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"properties": {"hardwareProfile": {"vmSize": 7}}}, 400, "InvalidRequestContent"),
        ({"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": "yes"}}}}, 400, "InvalidRequestContent"),
        ({"properties": {"hardwareProfile": {"vmSize": "Huge"}}}, 400, "InvalidParameter"),
        ({"location": "elsewhere"}, 409, "PropertyChangeNotAllowed"),
        ({"properties": {"osProfile": {"computerName": "other"}}}, 409, "PropertyChangeNotAllowed"),
        ({"properties": {"storageProfile": {"osDisk": {"managedDisk": {"id": "no id"}}}}}, 400, "InvalidParameter"),
        ({"properties": {"storageProfile": {"osDisk": {"managedDisk": {"id": NO_DISK}}}}}, 404, "ResourceNotFound"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(
    slow: Served, body: object, status: int, code: str
) -> None:
    client = slow.client("owner")
    before = client.get(str(vm_id()), params=VERSION).json()
    answer = client.patch(str(vm_id()), params=VERSION, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert client.get(str(vm_id()), params=VERSION).json() == before


def test_a_service_that_starts_again_starts_what_ran(serve: Callable[..., Served], tmp_path: Path) -> None:
    make_script(tmp_path / "g", SLOW)
    tenant = TENANT + "".join(f'\n[[vm]]\nname = "{name}"\nguest = "{tmp_path / "g"}"\n' for name in ("vm1", "vm2"))
    first = serve(tenant, state=tmp_path / "kept")
    await_state(first.client("owner"), "running")
    first.client("owner").post(f"{vm_id('vm1')}/powerOff", params={**VERSION, "skipShutdown": "true"})
    await_state(first.client("owner"), "stopped")
    first.close()
    again = serve(tenant, state=tmp_path / "kept").client("owner")
    assert await_state(again, "stopped")
    ends_at = time.monotonic() + patience(20)
    while "PowerState/running" not in again.get(f"{vm_id('vm2')}/instanceView", params=VERSION).text:
        assert time.monotonic() < ends_at
