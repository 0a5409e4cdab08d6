"""The guest u-boot, and the keys that are pressed for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guests.line import Line, guest, in_trio
from uartsim.guest.boot_keys import BootKeys
from uartsim.guest.catalogue import find_guest


@given(st.integers(1, 20))
def test_keys_are_pressed_once_in_each_boot_however_the_text_is_cut(size: int) -> None:
    boot_keys = BootKeys([(b"Hit any key", b" "), (b"login:", b"root\r")])
    said = b"U-Boot\r\nHit any key to stop: 2\r\n=> echo Hit any key\r\nlogin: "
    for _ in range(2):
        boot_keys.boot()
        pressed = [boot_keys.keys_after(said[at : at + size]) for at in range(0, len(said), size)]
        assert [keys for keys in pressed if keys] in ([b" ", b"root\r"], [b" root\r"])


def test_nothing_is_pressed_before_power_comes_on_and_without_a_text() -> None:
    assert BootKeys([(b"x", b"y")]).keys_after(b"x") == b""
    boot_keys = BootKeys([])
    boot_keys.boot()
    assert boot_keys.keys_after(b"x") == b""


@pytest.mark.needs(guest="u-boot")
class TestUBoot:
    @in_trio
    async def test_a_prompt_comes_by_itself_and_commands_are_answered(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot")) as machine:
            said = await line.expect(b"=> ")
            assert b"Hit any key to stop autoboot" in said
            line.send(b"version\r")
            assert b"U-Boot 20" in await line.expect(b"=> ")
            assert machine.status()["com1"]["line"]["overruns"] == 0

    @in_trio
    async def test_the_reset_button_and_its_own_reset_bring_a_new_prompt(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot")) as machine:
            await line.expect(b"=> ")
            for _ in range(2):
                await machine.reset()
                assert b"Hit any key" in await line.expect(b"\r\n=> ")
            line.send(b"reset\r")
            assert b"Hit any key" in await line.expect(b"\r\n=> ")

    @in_trio
    async def test_stop_autoboot_false_lets_it_count_down(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot").with_settings({"stop_autoboot": "false"})):
            await line.expect(b"Hit any key to stop autoboot")
            assert b" 0 " in await line.expect(b"=> ")  # it has found nothing to boot


@pytest.mark.needs("qemu-system-x86_64")
@in_trio
async def test_a_folder_of_one_s_own_can_have_keys_pressed(tmp_path: Path) -> None:
    definition = guest(
        "qemu",
        tmp_path,
        machine="pc,graphics=off",
        memory_mb=32,
        args=["-boot", "menu=on"],
        registers="off",  # at 9600 baud, where SeaBIOS leaves the port, its text comes in pieces of a screen
        press=[{"after": "Press ESC for boot menu", "keys": "\x1b"}],
    )
    line = Line()
    async with line.open(definition):
        await line.expect(b"Select boot device")
