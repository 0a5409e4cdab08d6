"""Machines with guests in QEMU: their disk lives through power cycles and restarts of the service, and goes with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guests.boot_code import SETUP
from tests.machine.rig import real_time
from tests.service.machines.tenant import add_machine, machine_id, output_with, running
from uartsim.service.machines.guest_plan import GuestChoice
from uartsim.service.machines.virtual_machine import Machines, VirtualMachine
from uartsim.service.store import Store

pytestmark = pytest.mark.needs("qemu-system-x86_64", "qemu-img")

#: xor ax,ax; mov ds,ax; mov es,ax
START = bytes.fromhex("31C0 8ED8 8EC0")
#: mov ax,0201h (read a sector; 0301h: write it); mov bx,7E00h; mov cx,2; mov dx,0080h; int 13h
READ = bytes.fromhex("B80102 BB007E B90200 BA8000 CD13")
WRITE = bytes.fromhex("B80103 BB007E B90200 BA8000 CD13")
#: inc byte [7E00h]
COUNT = bytes.fromhex("FE06007E")
#: mov dx,3F8h; mov al,'#'; out dx,al; mov al,[7E00h]; add al,'0'; out dx,al; hlt for ever
SHOW = bytes.fromhex("BAF803 B023 EE A0007E 0430 EE F4 EBFD")


def counting_guest(folder: Path) -> Path:
    """A disk that counts its boots, and says ``#`` and how many there were."""
    folder.mkdir()
    code = START + READ + COUNT + WRITE + SETUP + SHOW
    (folder / "disk.img").write_bytes((code.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "qemu"\ndescription = "counts its boots"\n'
        '[qemu]\nimage = "{folder}/disk.img"\nmemory_mb = 32\nregisters = "off"\n'
    )
    return folder


def machine_in(machines: Machines) -> VirtualMachine:
    machine = machines.get(machine_id())
    assert machine is not None
    return machine


@real_time
async def test_the_disk_of_a_guest_in_qemu_lives_as_long_as_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store, said = Store(None), list[str]()
    guest = counting_guest(tmp_path / "counter")
    original = (guest / "disk.img").read_bytes()
    add_machine(store, guest=str(guest))
    overlays = tmp_path / "state" / "uartsim" / "overlays"
    async with running(store, said, shutdown_s=0.2) as machines:
        machine = machine_in(machines)
        await machine.start()
        await output_with(machine, b"#1")
        await machine.deallocate()
        await machine.start()
        await output_with(machine, b"#2")
        await machine.restart()  # nothing in this guest listens to the power button
        await output_with(machine, b"#3")
    assert said == ["vm1: the guest has not shut down within 0.2 s: the power is cut"] * 2
    async with running(store, said) as machines:
        machine = machine_in(machines)
        await output_with(machine, b"#4") if machine.hub else await machine.start()
        await output_with(machine, b"#4")
        await machine.power_off(skip_shutdown=True)
        assert len([*overlays.glob("counter-*")]) == 1
        disk = next(store.list("Microsoft.Compute/disks"))
        store.delete(machine_id())
        assert len([*overlays.glob("counter-*")]) == 1
        store.delete(disk.id)
        assert [*overlays.glob("counter-*")] == []
    assert (guest / "disk.img").read_bytes() == original


def test_a_machine_gets_the_memory_and_the_cores_of_its_size(tmp_path: Path) -> None:
    store = Store(None)
    add_machine(store, guest=str(counting_guest(tmp_path / "counter")))
    resource = store.get(machine_id())
    assert resource is not None
    for size, memory_mb, cores in (("Standard_B1ls", 512, 1), ("standard_b2s", 4096, 2)):
        changed = resource.with_properties(hardwareProfile={"vmSize": size})
        options = GuestChoice.of(changed, store).definition().options
        assert (options["memory_mb"], options["cores"]) == (memory_mb, cores)
