"""The guest ``windows``: the scenarios of the documents' tables: what is broken is mended at the serial console."""

from __future__ import annotations

import json

import pytest

from tests.guests.windows.windows_line import PROMPT, running_windows, unpadded
from tests.machine.rig import virtual_time

TERMINAL_SERVER = r'"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"'
RDP_TCP = TERMINAL_SERVER[:-1] + r'\WinStations\RDP-Tcp"'

#: What is wrong, what is typed, and the reason that is given before.
SCENARIOS = [
    (
        "firewall",
        ['netsh advfirewall firewall set rule group="remote desktop" new enable=yes'],
        "the firewall's profile public blocks TCP port 3389",
    ),
    ("firewall", ["netsh advfirewall set allprofiles state off"], "the firewall's profile"),
    (
        "firewall",
        ["netsh advfirewall firewall add rule name=rdp dir=in action=allow protocol=TCP localport=3389"],
        "the firewall's profile",
    ),
    ("firewall", ["powershell Enable-NetFirewallRule -DisplayGroup 'Remote Desktop'"], "the firewall's profile"),
    ("firewall", ["powershell Set-NetFirewallProfile -Profile Domain,Public,Private -Enabled False"], "the firewall's"),
    (
        "rdp-disabled",
        [f"reg add {TERMINAL_SERVER} /v fDenyTSConnections /t REG_DWORD /d 0 /f"],
        "remote connections are denied",
    ),
    (
        "rdp-disabled",
        [
            "powershell set-itemproperty -path 'hklm:\\system\\curRentcontrolset\\control\\terminal server' "
            "-name 'fdenytsconNections' 0 -type dword"
        ],
        "remote connections are denied",
    ),
    ("rdp-port", [f"reg add {RDP_TCP} /v PortNumber /t REG_DWORD /d 3389 /f"], "Remote Desktop listens at port 3390"),
    (
        "rdp-service",
        ["sc config termservice start= demand", "sc start termservice"],
        "the service TermService is not running",
    ),
    (
        "rdp-service",
        ["powershell set-service termservice -startuptype Manual", "net start termservice"],
        "the service TermService is not running",
    ),
    (
        "network-disabled",
        ['netsh interface set interface name="Ethernet" admin=enabled'],
        "the network adapter is disabled",
    ),
    ("network-disabled", ["powershell Enable-NetAdapter -Name Ethernet"], "the network adapter is disabled"),
    ("network-address", ['netsh interface ip set address name="Ethernet" source=dhcp'], "the address 192.168.77.77"),
    (
        "network-address",
        ["netsh interface ip set address Ethernet static 10.0.0.4 255.255.255.0 10.0.0.1"],
        "the address 192.168.77.77",
    ),
]


@pytest.mark.parametrize(("broken", "commands", "reason"), SCENARIOS)
@virtual_time
async def test_remote_desktop_is_reached_after_the_commands_of_the_documents(
    broken: str, commands: list[str], reason: str
) -> None:
    async with running_windows(broken=broken) as line:
        await line.at_cmd()
        assert f"Reason: {reason}" in (await line.cmd("rdpstatus")).replace("\n", "")
        assert "TcpTestSucceeded : False" in await line.cmd("powershell Test-NetConnection %COMPUTERNAME% -Port 3389")
        for command in commands:
            await line.cmd(command)
        assert "Remote Desktop:               reachable" in await line.cmd("rdpstatus")
        assert "TcpTestSucceeded : True" in await line.cmd("powershell Test-NetConnection %COMPUTERNAME% -Port 3389")


@virtual_time
async def test_what_was_mended_stays_mended_after_a_restart() -> None:
    async with running_windows(broken="rdp-service,firewall") as line:
        await line.at_sac()
        await line.run_command("sc config termservice start= auto")
        await line.run_command("powershell Enable-NetFirewallRule -DisplayGroup 'Remote Desktop'")
        await line.run_command("shutdown /r /t 0")
        await line.at_sac()
        assert (await line.run_command("rdpstatus"))[0] == 0


@virtual_time
async def test_chkdsk_mends_the_file_system_at_the_next_boot() -> None:
    async with running_windows(broken="filesystem") as line:
        await line.at_cmd()
        assert "TermService is not running" in await line.cmd("rdpstatus")
        assert "1392" in await line.cmd("sc start termservice")
        assert "Please run chkdsk /f" in await line.cmd("chkdsk c:")
        assert "found corrupt files" in await line.cmd("sfc /scannow")
        line.send(b"chkdsk c: /f\r")
        await line.expect(b"checked the next time the system restarts? (Y/N)")
        line.send(b"y\r")
        assert "This volume will be checked the next time" in unpadded(await line.expect(PROMPT))
        assert "TermService is not running" in await line.cmd("rdpstatus")
        line.send(b"shutdown /r /t 0\r")
        await line.expect(b"Checking file system on C:")
        await line.expect(b"Windows has made corrections to the file system.")
        await line.at_cmd()
        assert "Remote Desktop:               reachable" in await line.cmd("rdpstatus")
        assert "found no problems" in await line.cmd("chkdsk")


@virtual_time
async def test_no_at_chkdsks_question_schedules_nothing() -> None:
    async with running_windows(broken="filesystem") as line:
        await line.at_cmd()
        line.send(b"chkdsk /f\r")
        await line.expect(b"(Y/N)")
        await line.cmd("n")
        assert "C: is dirty" in await line.cmd("chkntfs c:")
        assert await line.cmd("echo y | chkdsk /f") != ""
        assert "has been scheduled" in await line.cmd("chkntfs c:")
        await line.cmd("chkntfs /x c:")
        assert "has been scheduled" not in await line.cmd("chkntfs c:")


@virtual_time
async def test_a_rule_that_blocks_comes_before_one_that_allows() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd(
            "netsh advfirewall firewall add rule name=shut dir=in action=block protocol=TCP localport=3000-4000"
        )
        assert "blocks TCP port 3389" in (await line.cmd("rdpstatus")).replace("\n", "")
        assert "Deleted 1 rule(s)." in await line.cmd("netsh advfirewall firewall delete rule name=shut")
        assert "Remote Desktop:               reachable" in await line.cmd("rdpstatus")
        assert "No rules match" in await line.cmd("netsh advfirewall firewall show rule name=shut")


@virtual_time
async def test_stopping_the_firewalls_service_blocks_everything() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("net stop mpssvc")
        assert "MpsSvc is not running" in (await line.cmd("rdpstatus")).replace("\n", "")


@virtual_time
async def test_the_address_can_also_be_set_right_at_sac_without_logging_on() -> None:
    async with running_windows(broken="network-address") as line:
        await line.at_sac()
        await line.sac("i 1 10.0.0.4 255.255.255.0 10.0.0.1")
        assert (await line.run_command("rdpstatus"))[0] == 0


@virtual_time
async def test_the_health_report_says_whether_remote_desktop_is_reached() -> None:
    async with running_windows(sac=False, broken="rdp-disabled", health_seconds=60) as line:
        await line.expect(b"========\r\n")
        report = json.loads((await line.expect(b"\r\n")).decode())
        assert report["remoteDesktop"] == {
            "reachable": False,
            "reason": "remote connections are denied (fDenyTSConnections)",
        }
        await line.expect(b"End")
        await line.run_command(f"reg add {TERMINAL_SERVER} /v fDenyTSConnections /t REG_DWORD /d 0 /f")
        await line.expect(b"Start", 100)
        await line.expect(b"========\r\n")
        assert json.loads((await line.expect(b"\r\n")).decode())["remoteDesktop"]["reachable"]
