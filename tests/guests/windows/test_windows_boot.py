"""The guest ``windows``: the boot manager, what a boot takes from the BCD, and what a restart keeps."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guests.windows.windows_line import running_windows, unpadded, windows_module
from tests.machine.rig import run_virtual, virtual_time

MENU = {"displaybootmenu": True, "bootems": True, "timeout": 10}
CHOICE = b"Choose an operating system to start"


@pytest.mark.parametrize("missing", ["displaybootmenu", "bootems", "timeout"])
@virtual_time
async def test_the_menu_needs_displaybootmenu_and_bootems_and_a_timeout(missing: str) -> None:
    async with running_windows(**{**MENU, missing: 0}) as line:
        assert CHOICE not in await line.expect(b"SAC>")


@virtual_time
async def test_the_menu_counts_down_and_starts_windows() -> None:
    async with running_windows(**MENU) as line:
        menu = (await line.expect(b"started automatically: 10")).decode()
        assert "Windows Boot Manager" in menu
        assert "Windows Server 2016 [EMS Enabled]" in menu
        began = trio.current_time()
        await line.expect(b"SAC>")
        assert trio.current_time() - began == pytest.approx(10 + 1.2, abs=0.3)


@virtual_time
async def test_enter_starts_windows_at_once() -> None:
    async with running_windows(**MENU) as line:
        await line.expect(b"started automatically: 10")
        began = trio.current_time()
        line.send(b"\r")
        await line.expect(b"SAC>")
        assert trio.current_time() - began < 2


@virtual_time
async def test_any_other_key_stops_the_countdown() -> None:
    async with running_windows(**MENU) as line:
        await line.expect(b"started automatically: 10")
        line.send(b"x")
        assert b"SAC>" not in await line.silence(60)
        line.send(b"\r")
        await line.expect(b"SAC>")


@virtual_time
async def test_escape_leaves_the_boot_manager_for_a_restart() -> None:
    async with running_windows(**MENU) as line:
        await line.expect(b"started automatically: 10")
        line.send(b"\x1b")
        await line.expect(b"Booting from Hard Disk")
        await line.expect(CHOICE)


@virtual_time
async def test_tab_selects_the_memory_diagnostic_which_ends_with_a_restart() -> None:
    async with running_windows(**MENU) as line:
        await line.expect(b"started automatically: 10")
        line.send(b"\t\r")
        await line.expect(b"No memory problems were found.")
        await line.expect(b"Booting from Hard Disk")


@pytest.mark.parametrize("key", [b"\x1b8", b"\x1b[19~"])
@virtual_time
async def test_f8_shows_the_advanced_options_and_safe_mode_has_no_network(key: bytes) -> None:
    async with running_windows(**MENU) as line:
        await line.expect(b"started automatically: 10")
        line.send(key)
        await line.expect(b"Advanced Boot Options")
        await line.expect(b"Start Windows with its regular settings.")
        line.send(b"\x1b[A" * 7)
        await line.expect(b"Start Windows with only the core drivers and services.")
        line.send(b"\r")
        await line.at_sac()
        assert "Safe Mode:              Minimal" in await line.sac("id")
        assert "safe mode without networking" in (await line.run_command("rdpstatus"))[1]
        assert (await line.run_command("echo %SAFEBOOT_OPTION%"))[1] == "MINIMAL\n"
        await line.run_command("shutdown /r /t 0")
        await line.expect(CHOICE)
        line.send(b"\r")
        await line.at_sac()
        assert "Safe Mode:              No" in await line.sac("id")


@virtual_time
async def test_f8_is_heard_without_a_menu_where_the_boot_manager_uses_the_port() -> None:
    async with running_windows(bootems=True) as line:
        await line.expect(b"Booting from Hard Disk")
        line.send(b"\x1b8")
        await line.expect(b"Advanced Boot Options")
        line.send(b"\x1b")
        await line.expect(b"SAC>")


@virtual_time
async def test_bcdedit_is_seen_by_the_next_boot_only() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        for command in ("displaybootmenu yes", "timeout 5", "bootems yes"):
            assert await line.cmd(f"bcdedit /set {{bootmgr}} {command}") == "The operation completed successfully."
        await line.cmd("bcdedit /set {current} description Another Windows")
        await line.cmd("bcdedit /ems {current} off")
        assert "ems                     No" in await line.cmd("bcdedit /enum")
        await line.back_at_sac()
        assert "Boot Entry:             Windows Server 2016" in await line.sac("id")
        line.send(b"restart\r")
        await line.expect(b"Another Windows  ")
        assert b"SAC>" not in await line.silence(60)


@virtual_time
async def test_the_speed_of_ems_is_that_of_the_bcd() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert line.machine.com1.uart.line_format.baud == 115200
        await line.run_command("bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:9600")
        await line.run_command("shutdown /r /t 0")
        await line.at_sac()
        assert line.machine.com1.uart.line_format.baud == 9600


@virtual_time
async def test_another_port_for_ems_leaves_this_one_without_sac() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command("bcdedit /emssettings EMSPORT:2\r\nshutdown /r /t 0")
        await line.expect(b"Booting from Hard Disk")
        assert b"SAC>" not in await line.silence(60)


@virtual_time
async def test_the_reset_button_keeps_what_is_on_the_disk() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd(r"echo kept > C:\note.txt")
        await line.cmd("net user bob Secret-123 /add")
        await line.guest.reset()
        await line.expect(b"Booting from Hard Disk")
        await line.at_cmd("bob", "Secret-123")
        assert await line.cmd(r"type C:\note.txt") == "kept"


@virtual_time
async def test_another_machine_has_a_disk_of_its_own() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command(r"echo kept > C:\note.txt")
    async with running_windows() as line:
        await line.at_sac()
        assert (await line.run_command(r"type C:\note.txt"))[0] == 1


@virtual_time
async def test_shutdown_waits_and_can_be_taken_back() -> None:
    async with running_windows(session_timeout=0) as line:
        await line.at_cmd()
        await line.cmd("shutdown /s /t 100")
        assert await line.silence(90) == b""
        assert await line.cmd("shutdown /a") == ""
        assert await line.silence(300) == b""
        assert "1116" in await line.cmd("shutdown /a")
        await line.cmd("shutdown /r /t 60")
        await line.silence(30)
        line.send(b"shutdown /s /t 20\r")
        assert (await line.machine.wait_ended()).reason == "poweroff"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"edition": "home"}, "use server or client"),
        ({"hostname": "a_b"}, "hostname: use 1 to 15"),
        ({"user": "a/b"}, "user: use 1 to 20"),
        ({"broken": "firewall,mirror"}, "unknown mirror"),
        ({"boot_seconds": -1}, "boot_seconds is -1"),
    ],
)
@virtual_time
async def test_an_impossible_setting_is_said(wrong: dict[str, object], words: str) -> None:
    async with running_windows(**wrong) as line:
        end = await line.machine.wait_ended()
        assert end.reason == "failed"
        assert words in end.detail


def test_keys_of_the_boot_manager_do_not_depend_on_how_they_are_cut() -> None:
    keys = windows_module("bootmgr.bootmgr_keys").BootKeys(None)
    for byte in b"\x1b[19~a\x1b[B\x1bOA\x1b8\r":
        keys.feed(bytes([byte]))
    assert list(keys._keys) == ["F8", "a", "down", "up", "F8", "enter"]


@virtual_time
async def test_the_menu_names_windows_without_ems_plainly() -> None:
    async with running_windows(**MENU, sac=False) as line:
        menu = unpadded(await line.expect(b"started automatically: "))
        assert "Windows Server 2016" in menu
        assert "EMS Enabled" not in menu


@virtual_time
async def test_boot_logging_lists_the_drivers_on_the_line() -> None:
    async with running_windows() as line:
        assert b"Loaded driver" not in await line.expect(b"SAC>")
        await line.silence(5)
        await line.run_command("bcdedit /set {current} sos on\nshutdown /r /t 0")
        assert b"Loaded driver sacdrv.sys\r\n" in await line.expect(b"SAC>")


@virtual_time
async def test_the_power_button_shuts_windows_down() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert await line.guest.press_power_button()
        assert (await line.machine.wait_ended()).reason == "poweroff"


@virtual_time
async def test_the_boot_manager_inherits_bootems_of_the_ems_settings() -> None:
    async with running_windows(displaybootmenu=True) as line:
        assert CHOICE not in await line.expect(b"SAC>")
        await line.silence(5)
        await line.run_command("bcdedit /set {emssettings} bootems yes\nshutdown /r /t 0")
        await line.expect(CHOICE)


@settings(max_examples=20, deadline=timedelta(seconds=20))
@given(
    st.lists(
        st.sampled_from([b"\x1b", b"\x1b[", b"A", b"B", b"8", b"19~", b"\r", b"\t"]) | st.binary(max_size=3),
        max_size=30,
    )
)
def test_no_key_ends_the_boot_manager_but_for_a_start(keys: list[bytes]) -> None:
    async def main() -> None:
        async with running_windows(**MENU, boot_seconds=0, time_scale=0) as line:
            await line.expect(b"started automatically: 10")
            line.send(b"".join(keys))
            await line.silence(60)
            line.send(b"\r\r\r")
            await line.silence(60)
            assert line.machine.ended is None
            await line.guest.reset()
            await line.expect(CHOICE)

    run_virtual(main)
