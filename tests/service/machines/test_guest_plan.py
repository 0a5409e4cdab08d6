"""Which guest a machine runs: that of its disk, if the disk has one, and with that guest's settings only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from uartsim.service.machines.guest_plan import GuestChoice
from uartsim.service.store import Resource, ResourceId, Store

GROUP = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute"
DISK = ResourceId(f"{GROUP}/disks/d")


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None)
    yield store
    store.close()


def machine(**private: object) -> Resource:
    profile = {"osDisk": {"managedDisk": {"id": str(DISK)}}}
    return Resource(
        ResourceId(f"{GROUP}/virtualMachines/vm"), {"properties": {"storageProfile": profile}}, dict(private)
    )


def test_after_a_swap_the_settings_of_the_earlier_guest_are_left_out(store: Store) -> None:
    store.put(Resource(DISK, {}, {"guest": "windows", "settings": {"sac": False}}))
    choice = GuestChoice.of(machine(guest="demo", settings={"sysrq": 1}), store)
    assert (choice.guest, choice.settings) == ("windows", (("sac", "False"),))


def test_a_disk_without_a_guest_leaves_the_machine_its_own(store: Store) -> None:
    store.put(Resource(DISK, {}))
    choice = GuestChoice.of(machine(guest="demo", settings={"sysrq": 1}), store)
    assert (choice.guest, choice.settings) == ("demo", (("sysrq", "1"),))
