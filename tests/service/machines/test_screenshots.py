"""The picture on a machine's display: real pictures of QEMU, their form as BMP, and machines that have none."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from tests.machine.rig import real_time
from tests.service.machines.tenant import add_machine, machine_id, output_with, running
from uartsim.errors import UartsimError
from uartsim.guest.catalogue import find_guest
from uartsim.guest.qemu_display import with_display
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.screenshots import bitmap, bitmap_of, has_display, screenshot
from uartsim.service.store import Store

#: Code that says ``#`` on COM1, and stops: mov dx,3F8h; mov al,'#'; out dx,al; hlt for ever
SAYS = bytes.fromhex("BAF803 B023 EE F4 EBFD")


def guest_folder(folder: Path, more: str = "") -> Path:
    """A disk whose boot sector says ``#`` on COM1; the BIOS has written to the display before."""
    folder.mkdir()
    (folder / "disk.img").write_bytes((SAYS.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "qemu"\ndescription = "says one character"\n'
        f'[qemu]\nimage = "{{folder}}/disk.img"\nmemory_mb = 32\nregisters = "off"\n{more}\n'
    )
    return folder


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose chunks are whole."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, []
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        data = png[at + 4 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size)[0] == zlib.crc32(data)
        kinds.append(kind)
        at += 12 + size
    assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND")
    width, height = struct.unpack_from(">II", png, 16)
    return width, height


@pytest.mark.needs("qemu-system-x86_64", "qemu-img")
@real_time
async def test_a_machine_in_qemu_shows_its_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = Store(None)
    add_machine(store, guest=str(guest_folder(tmp_path / "says")))
    async with running(store, []) as machines:
        machine = machines.get(machine_id())
        assert machine is not None
        assert not has_display(machine)
        await machine.start()
        await output_with(machine, b"#")
        assert has_display(machine)
        width, height = png_size(await screenshot(machine))
        assert (width, height) == (720, 400)  # text of 80 times 25 characters
        whole = await bitmap(machine)
        assert struct.unpack_from("<ii", whole, 18) == (width, height)
        assert len(whole) == 54 + 3 * width * height
        assert max(whole[54:]) > 0  # the BIOS has written something
        await machine.power_off(skip_shutdown=True)
        with pytest.raises(ArmError, match="needs a running virtual machine") as refused:
            await screenshot(machine)
        assert refused.value.status == 409
        assert len(await bitmap(machine)) == 54 + 3 * 8 * 4


@pytest.mark.needs("qemu-system-x86_64", "qemu-img")
@real_time
async def test_a_manifest_can_leave_the_display_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = Store(None)
    add_machine(store, guest=str(guest_folder(tmp_path / "says", "display = false")))
    async with running(store, []) as machines:
        machine = machines.get(machine_id())
        assert machine is not None
        await machine.start()
        assert not has_display(machine)
        with pytest.raises(ArmError, match="display = true") as refused:
            await screenshot(machine)
        assert (refused.value.status, refused.value.code) == (409, "NoDisplay")


@pytest.mark.parametrize(("name", "has_one"), [("linux", True), ("seabios", False), ("u-boot-arm64", False)])
def test_a_guest_whose_firmware_shows_its_screen_on_the_line_keeps_it_there(name: str, has_one: bool) -> None:
    assert with_display(find_guest(name)).options.get("display", False) is has_one


def test_rows_of_a_bitmap_run_upwards_blue_first_and_are_padded() -> None:
    red, green, blue = b"\xff\0\0", b"\0\xff\0", b"\0\0\xff"
    made = bitmap_of(b"P6\n1 3\n255\n" + red + green + blue)
    assert made[:2] == b"BM"
    assert struct.unpack_from("<IxxxxI", made, 2) == (len(made), 54)
    assert struct.unpack_from("<IiiHHI", made, 14) == (40, 1, 3, 1, 24, 0)
    assert made[54:] == b"\xff\0\0\0" + b"\0\xff\0\0" + b"\0\0\xff\0"


@pytest.mark.parametrize("data", [b"", b"P5\n1 1\n255\n\0", b"P6\n1 1\n65535\n\0\0\0\0\0\0", b"P6\n2 2\n255\n\0\0\0"])
def test_a_picture_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(UartsimError, match="QEMU has made a picture"):
        bitmap_of(data)
