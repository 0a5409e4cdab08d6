"""The guest ``windows``: the small PowerShell, and PSReadLine's trouble with what is pasted."""

from __future__ import annotations

import pytest

from tests.guests.windows.windows_line import PROMPT, WindowsLine, running_windows, unpadded
from tests.machine.rig import virtual_time

PS = b"PS C:\\Windows\\system32> "


async def start(line: WindowsLine) -> None:
    """From the machine's start to PowerShell's prompt."""
    await line.at_cmd()
    line.send(b"powershell\r")
    await line.expect(b"Windows PowerShell")
    await line.expect(PS)


async def type_slowly(line: WindowsLine, text: str) -> None:
    """Type as a person does."""
    for character in text:
        line.send(character.encode())
        await line.silence(0.1)


@virtual_time
async def test_a_paste_has_a_third_character_where_the_text_had_two_until_psreadline_is_removed() -> None:
    async with running_windows() as line:
        await start(line)
        assert await line.cmd("Write-Output hello-aaa-bookkeeper", PS) == "helllo-aaaa-boookkkeeeper"
        assert "PSReadLine" in await line.cmd("Get-Module PSReadLine", PS)
        assert await line.cmd("Remove-Module PSReadLine", PS) == ""
        assert await line.cmd("Write-Output hello-aaa-bookkeeper", PS) == "hello-aaa-bookkeeper"
        assert await line.cmd("Get-Module PSReadLine", PS) == ""
        assert "No modules were removed" in await line.cmd("Remove-Module PSReadLine", PS)


@virtual_time
async def test_what_is_typed_by_hand_stays_as_it_is() -> None:
    async with running_windows() as line:
        await start(line)
        await type_slowly(line, "Write-Output hello\r")
        line.send(b"\r")
        await type_slowly(line, "Write-Output see")
        line.send(b"\r")
        assert unpadded(await line.expect(PS)).split("\n")[1] == "see"


@virtual_time
async def test_another_powershell_has_psreadline_again() -> None:
    async with running_windows() as line:
        await start(line)
        await line.cmd("Remove-Module PSReadLine", PS)
        await line.cmd("exit")
        await line.cmd("powershell", PS)
        assert await line.cmd("echo ball", PS) == "balll"


@virtual_time
async def test_exit_goes_back_to_cmd_and_ctrl_c_gives_a_new_prompt() -> None:
    async with running_windows() as line:
        await start(line)
        line.send(b"abc\x03")
        await line.expect(PS)
        line.send(b"ping -t 8.8.8.8\r")
        await line.expect(b"Reply from")
        line.send(b"\x03")
        await line.expect(b"^C")
        await line.expect(PS)
        line.send(b"exit\r")
        await line.expect(b"\n" + PROMPT)


#: A line, and what has to be in its output.
OUTPUTS = [
    ("Get-Service TermService", "Running TermService Remote Desktop Services"),
    ("get-service nobody", "Cannot find any service with service name 'nobody'."),
    ("stop-service termservice; get-service termservice", "Stopped TermService"),
    ("Stop-Service bfe", "dependent on"),
    ("Get-Process csrss | Format-List", "ProcessName : csrss"),
    ("Stop-Process -Id 99999", 'The process "99999" not found.'),
    ("Get-NetAdapter", "Ethernet Microsoft Hyper-V Network Adapter Up     00-0D-3A-55-41-52"),
    (
        "get-netadapter | where {$_.ifdesc.startswith('Microsoft Hyper-V Network Adapter')} | disable-netadapter; "
        "get-netadapter",
        "Disabled",
    ),
    ("get-netadapter | where {$_.Status -eq 'Down'}; echo none", "none"),
    ("Set-NetIPInterface -InterfaceAlias Ethernet -Dhcp Maybe", "Dhcp: use Enabled or Disabled."),
    ("Get-NetIPAddress", "IPAddress      : 10.0.0.4"),
    ("Test-NetConnection", "PingSucceeded"),
    ("test-netconnection -ComputerName bing.com -Port 80", "TcpTestSucceeded : True"),
    ("Test-NetConnection bing.com -Port x", "Port: 'x' is not a number"),
    ("resolve-dnsname bing.com", "203.0.113.10"),
    ("get-netfirewallrule -name RemoteDesktop-UserMode-In-TCP", "Enabled      : True"),
    ("get-netfirewallrule -name nobody", "No MSFT_NetFirewallRule objects found"),
    ("Set-NetFirewallRule -DisplayGroup 'Remote Desktop' -Enabled False -Action Block; Get-NetFirewallRule "
     "-Name RemoteDesktop-UserMode-In-TCP", "Action       : Block"),
    ("Set-NetFirewallProfile -All -Enabled False; Get-NetFirewallProfile", "Public  False"),
    ("New-NetFirewallRule -DisplayName web -LocalPort 80 -Protocol TCP; cmd /c netsh advfirewall firewall show rule "
     "name=web", "LocalPort:                            80"),
    ("Disable-NetFirewallRule", "Use -Name, -DisplayName or -DisplayGroup"),
    (r"get-itemproperty -path 'hklm:\system\curRentcontrolset\control\terminal server' -name 'fdenytsconNections'",
     "fDenyTSConnections : 0"),
    (r"get-itemproperty -path 'hklm:\nowhere'", "Cannot find path"),
    (r"set-itemproperty -path hklm:\software -name a -value x -type dword", "is none of the type REG_DWORD"),
    ("get-localuser | where {$_.SID -like \"S-1-5-21-*-500\"} | format-list *", "Name        : Administrator"),
    ("new-localuser bob; add-localgroupmember -group Administrators -member bob; net user bob", "*Administrators *Users"),
    ("enable-localuser nobody", "The user name could not be found."),
    ("bcdedit /ems '{current}' on", "The operation completed successfully."),
    ("systeminfo | find /i \"original\"", "Original Install Date"),
    ("$ProgressPreference = \"SilentlyContinue\"; $PSVersionTable", "5.1.14393"),
    ("cd C:\\Users; Get-Location", "C:\\Users"),
    ("Set-Location C:\\nowhere", "Cannot find path 'C:\\nowhere'"),
    ("Get-Content C:\\Windows\\win.ini | select *", "[fonts]"),
    ("Get-ChildItem C:\\ | where {$_.Name -match 'Win'}", "WindowsAzure"),
    ("get-wmiobject win32_service -filter \"name='termservice'\" | format-list Name,State,StartMode,StartName",
     "StartMode : Manual"),
    ("gwmi Win32_UserAccount -Filter \"SID like 'S-1-5-%-500'\" | format-list Name,Disabled", "Name     : Administrator"),
    ("get-wmiobject win32_operatingsystem | format-list caption,version,buildnumber", "BuildNumber : 14393"),
    ("Get-WmiObject Win32_Frob", "Invalid class"),
    ("Get-WmiObject win32_service -Filter frob", "Invalid query"),
    ("get-winevent -logname system -maxevents 1 -filterxpath \"*[System[EventID=12]]\"", "The operating system started"),
    ("get-winevent -logname system -filterxpath \"*[System[EventID=99]]\"", "No events were found"),
    ("frob -x", "'frob' is not recognized"),
    ("Get-Date | frob", "not recognized as the name of a cmdlet in a pipeline"),
    ("echo 'open", "is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), OUTPUTS)
@virtual_time
async def test_what_a_line_writes(text: str, expected: str) -> None:
    async with running_windows(boot_seconds=0) as line:
        await line.at_sac()
        _, written = await line.run_command(text, "powershell")
        assert expected in written


@virtual_time
async def test_a_user_who_is_no_administrator_changes_nothing() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command("net user bob Secret-123 /add")
        await line.open_channel()
        await line.log_on("bob", "Secret-123")
        await line.expect(PROMPT)
        for command in (
            "Stop-Service TermService",
            "Disable-NetAdapter -Name Ethernet",
            "Set-NetFirewallProfile -All -Enabled False",
            "New-LocalUser mallory",
            r"Set-ItemProperty -Path HKLM:\SOFTWARE -Name a -Value b",
            "Stop-Process -Id 4",
        ):
            assert "Access is denied." in await line.cmd(f"powershell {command}")


@virtual_time
async def test_restart_computer_restarts() -> None:
    async with running_windows() as line:
        await start(line)
        line.send(b"Restart-Computer\r")
        await line.expect(b"Booting from Hard Disk")
