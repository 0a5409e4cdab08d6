"""The guest ``windows``: stop errors, and the prompt ``!SAC>`` behind them."""

from __future__ import annotations

import pytest

from tests.guests.windows.windows_line import running_windows, unpadded
from tests.machine.rig import virtual_time

CRASH_CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control\CrashControl"


@virtual_time
async def test_crashdump_stops_the_system_and_restart_boots_it_again() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"crashdump\r")
        text = unpadded(await line.expect(b"!SAC>"))
        assert "MANUALLY_INITIATED_CRASH" in text
        assert "*** STOP: 0x000000E2 (0x0000000000000000," in text
        assert "A memory dump was written" in text
        names = [each.split()[0] for each in (await line.sac("?", "!SAC>")).splitlines()]
        assert names == ["d", "?", "id", "q", "restart"]
        assert "*** STOP: 0x000000E2" in await line.sac("d", "!SAC>")
        assert "Computer Name:          WIN-UARTSIM" in await line.sac("id", "!SAC>")
        assert "Unrecognized" in await line.sac("cmd", "!SAC>")
        line.send(b"restart\r")
        await line.expect(b"Booting from Hard Disk")
        await line.at_sac()
        assert "MANUALLY_INITIATED_CRASH" in (await line.run_command(r"type C:\Windows\MEMORY.DMP"))[1]


@virtual_time
async def test_the_nmi_button_stops_the_system_wherever_one_is() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.guest.nmi()
        assert "NMI_HARDWARE_FAILURE" in unpadded(await line.expect(b"!SAC>"))
        line.send(b"restart\r")
        await line.at_sac()


@virtual_time
async def test_q_leaves_the_system_stopped_until_it_is_reset() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.guest.nmi()
        await line.expect(b"!SAC>")
        line.send(b"q\r")
        await line.expect(b"until it is reset.")
        line.send(b"restart\r?\r")
        assert b"SAC>" not in await line.silence(60)
        await line.guest.reset()
        await line.at_sac()


@virtual_time
async def test_without_crash_dumps_crashdump_is_refused_and_an_nmi_writes_none() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command(f"reg add {CRASH_CONTROL} /v CrashDumpEnabled /t REG_DWORD /d 0 /f")
        assert "not enabled" in await line.sac("crashdump")
        await line.guest.nmi()
        assert "No memory dump was written." in unpadded(await line.expect(b"!SAC>"))


@virtual_time
async def test_an_nmi_is_only_noted_where_the_registry_says_so() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command(f"reg add {CRASH_CONTROL} /v NMICrashDump /t REG_DWORD /d 0 /f")
        await line.guest.nmi()
        assert await line.silence(60) == b""
        assert "A non-maskable interrupt came" in await line.sac("d")


@pytest.mark.parametrize("sac", [True, False])
@virtual_time
async def test_a_stopped_system_restarts_by_itself_where_the_registry_says_so(sac: bool) -> None:
    async with running_windows(sac=sac) as line:
        await line.expect(b"SAC>" if sac else b"End")
        await line.silence(10)
        await line.run_command(f"reg add {CRASH_CONTROL} /v AutoReboot /t REG_DWORD /d 1 /f")
        await line.guest.nmi()
        await line.expect(b"Booting from Hard Disk")


@pytest.mark.parametrize("command", ["taskkill /f /im csrss.exe", "taskkill /pid 576"])
@virtual_time
async def test_windows_stops_without_a_process_that_it_needs(command: str) -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(command.encode() + b"\r")
        assert "CRITICAL_PROCESS_DIED" in unpadded(await line.expect(b"!SAC>"))


@virtual_time
async def test_without_sac_a_stopped_system_says_nothing_on_the_port() -> None:
    async with running_windows(sac=False, health_seconds=0) as line:
        await line.expect(b"Health Report - End")
        await line.silence(1)
        await line.guest.nmi()
        line.send(b"\r\r")
        assert await line.silence(600) == b""
        await line.guest.reset()
        await line.expect(b"Health Report - End")
