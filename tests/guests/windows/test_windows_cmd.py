"""The guest ``windows``: cmd's prompt and the programs that can be started at it."""

from __future__ import annotations

import pytest

from tests.guests.windows.windows_line import PROMPT, running_windows, unpadded
from tests.machine.rig import virtual_time

#: A command line, and what has to be in its output.
OUTPUTS = [
    ("ver", "Microsoft Windows [Version 10.0.14393]"),
    ("hostname", "WIN-UARTSIM"),
    ("whoami", "win-uartsim\\system"),
    ("echo %USERNAME% on %COMPUTERNAME%", "SYSTEM on WIN-UARTSIM"),
    ("echo %NOT_SET%", "%NOT_SET%"),
    ("echo a^&b", "a&b"),
    ("echo.", ""),
    ("frob", "'frob' is not recognized as an internal or external command,\noperable program or batch file."),
    (r"C:\Windows\System32\HOSTNAME.EXE", "WIN-UARTSIM"),
    ("echo one& echo two", "one\ntwo"),
    ("frob 2>nul || echo no", "no"),
    ("ver >nul && echo yes", "yes"),
    ("dir |", "| was unexpected at this time."),
    ("echo x >", "The syntax of the command is incorrect."),
    ("systeminfo | find /i \"os name\"", "OS Name:                   Microsoft Windows Server 2016 Datacenter"),
    ('systeminfo | findstr /i /r "os.*version.*build"', "OS Version:                10.0.14393 N/A Build 14393"),
    ("wmic os get caption,version,buildnumber /format:list", "Version=10.0.14393"),
    ("sc qc termservice", "START_TYPE         : 3   DEMAND_START"),
    ("sc qc nobody", "[SC] OpenService FAILED 1060:"),
    ("sc start termservice", "[SC] StartService FAILED 1056:"),
    ("net start", "These Windows services are started:"),
    ("net start termservice", "The requested service has already been started."),
    ("net stop nobody", "The service name is invalid."),
    ("net localgroup", "*Remote Desktop Users"),
    ("net user Administrator", "Local Group Memberships      *Administrators"),
    ("net user nobody", "The user name could not be found."),
    ("net frob", "The syntax of this command is:"),
    ("ipconfig", "IPv4 Address. . . . . . . . . . . : 10.0.0.4"),
    ("ping -n 1 8.8.8.8", "Packets: Sent = 1, Received = 1, Lost = 0 (0% loss),"),
    ("nslookup bing.com", "Address:  203.0.113.10"),
    ("netstat -an | find \"3389\"", "TCP    0.0.0.0:3389           0.0.0.0:0              LISTENING"),
    ("netsh interface show interface", "Enabled        Connected      Dedicated        Ethernet"),
    ("netsh interface ip show config", "IP Address:                           10.0.0.4"),
    ("netsh interface set interface name=Wifi admin=enabled", "not registered with the router"),
    ("netsh interface ip set address Ethernet static 1.2.3", "Invalid address parameter (1.2.3)"),
    ("netsh advfirewall show currentprofile", "State                                 ON"),
    ("netsh advfirewall firewall set rule name=all enable=no", "write new before what changes"),
    ("netsh frob", "The following command was not found: frob."),
    ('netsh advfirewall firewall show rule name="Remote Desktop - User Mode (TCP-In)"', "LocalPort:            "),
    (r'reg query "HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server" /v fDenyTSConnections', "REG_DWORD    0x0"),
    (r'reg query "HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"', "ERROR: The system was unable to find"),
    (r"reg query HKXX\A", "ERROR: Invalid key name."),
    (r"reg add HKLM\SOFTWARE\A /v n /t REG_DWORD /d nine", "ERROR: Invalid syntax."),
    ("tasklist | find \"spoolsv\"", "spoolsv.exe"),
    ("taskkill /pid 99999", 'ERROR: The process "99999" not found.'),
    ("bcdedit /enum {emssettings}", "emsbaudrate             115200"),
    ("bcdedit /ems {nobody} on", "An error occurred while attempting to reference the specified entry."),
    ("bcdedit /ems {current} maybe", "The ems command specified is not valid."),
    ("bcdedit /set {current} frob 1", "element data type specified is not recognized"),
    ("bcdedit /set {bootmgr} timeout soon", "The element data supplied is not valid."),
    ("bcdedit /deletevalue {current} safeboot", "Element not found."),
    (r"bcdedit /store f:\boot\bcd /ems {default} on", "The system cannot find the file specified."),
    ("bcdedit /v", "identifier              {5a0f2b1c-"),
    ("chkdsk", "Windows has scanned the file system and found no problems."),
    ("chkdsk d:", "The specified drive does not exist."),
    ("dism /online /cleanup-image /scanhealth", "No component store corruption detected."),
    (r"dir C:\nowhere", "File Not Found"),
    (r"dir C:\nowhere\deeper", "The system cannot find the path specified."),
    (r"type C:\nowhere", "The system cannot find the file specified."),
    ("d:", "The system cannot find the drive specified."),
    ("shutdown", "shutdown /r | /s | /a"),
    ("shutdown /r /t soon", "Invalid value for /t: soon"),
    ("cmd /c echo inside", "inside"),
    ("wmic timezone get caption,standardname /format:list", "StandardName=Coordinated Universal Time"),
    ("wmic os get frob", "Invalid query"),
    ("wevtutil qe nowhere", "could not be found"),
    ("wevtutil qe system /c:1 /f:text", "Event ID: 12"),
    ("gpupdate /force /wait:-1", "Computer Policy update has completed successfully."),
    (r"icacls C:\Windows /t /c", r"C:\Windows NT AUTHORITY\SYSTEM:(F)"),
    (r"takeown /f C:\Windows /a /r", "now owned by"),
    ("telnet bing.com 80", "'telnet' is not recognized"),
    ("dism /online /Enable-Feature /FeatureName:TelnetClient & telnet bing.com 80", "Connecting To bing.com...connected"),
    ("help", "BCDEDIT"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), OUTPUTS)
@virtual_time
async def test_what_a_command_line_writes(command: str, expected: str) -> None:
    async with running_windows(boot_seconds=0) as line:
        await line.at_sac()
        _, text = await line.run_command(command)
        assert expected in text


@virtual_time
async def test_the_prompt_follows_the_folder_and_files_can_be_made() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("cd \\", b"C:\\>")
        await line.cmd("md work\\deep", b"C:\\>")
        await line.cmd("cd work", b"C:\\work>")
        await line.cmd("echo first> a.txt & echo second>> a.txt", b"C:\\work>")
        assert await line.cmd("type A.TXT", b"C:\\work>") == "first\nsecond"
        await line.cmd("copy a.txt deep & ren a.txt b.txt", b"C:\\work>")
        listed = await line.cmd("dir", b"C:\\work>")
        assert "<DIR>          deep" in listed
        assert "b.txt" in listed
        assert "a.txt" not in listed
        assert await line.cmd("dir /b deep", b"C:\\work>") == "a.txt"
        assert "not empty" in await line.cmd("rd deep", b"C:\\work>")
        await line.cmd("del deep\\*.txt & rd deep", b"C:\\work>")
        assert await line.cmd("dir /b", b"C:\\work>") == "b.txt"
        assert "cannot find the path" in await line.cmd("cd nowhere", b"C:\\work>")
        await line.cmd("cd ..\\windows\\system32", b"C:\\Windows\\System32>")


@virtual_time
async def test_cls_empties_the_screen() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"cls\r")
        await line.expect(b"\x1b[2J\x1b[H")
        assert unpadded(await line.expect(PROMPT)) == "\nC:\\Windows\\system32>"


@virtual_time
async def test_more_shows_a_screen_and_then_a_line_or_a_screen() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"tasklist | more\r")
        await line.expect(b"-- More  --")
        line.send(b"\r")
        rest = unpadded(await line.silence(1))
        assert len([each for each in rest.split("\n") if each.strip("\b ")]) <= 2
        line.send(b" ")
        await line.expect(PROMPT)


@virtual_time
async def test_ctrl_c_ends_a_program_and_what_waits_behind_it_is_forgotten() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"ping -t 8.8.8.8\r")
        await line.expect(b"Reply from")
        line.send(b"echo forgotten\r\x03")
        text = unpadded(await line.expect(PROMPT))
        assert "^C" in text
        assert "forgotten" not in text
        assert await line.cmd("echo again") == "again"


@virtual_time
async def test_ctrl_c_at_the_prompt_gives_a_new_one() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"half a line\x03")
        assert unpadded(await line.expect(PROMPT)).startswith("half a line^C\n")


@virtual_time
async def test_keys_of_vt100_are_not_understood() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"echo \x1b[A\x1b[3~\r")
        await line.expect(b"\r\n")
        assert unpadded(await line.expect(PROMPT)).startswith("[A[3~\n")


@virtual_time
async def test_a_long_command_goes_on_in_the_next_line_of_the_screen() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        assert await line.cmd("echo " + "x" * 70) == "x" * 70
        line.send(b"echo " + b"y" * 70 + b"\x7f" * 69 + b"\r")
        await line.expect(b"\x1b[A\x1b[80G")
        await line.expect(b"\n")
        assert unpadded(await line.expect(PROMPT)).startswith("y\n")


@virtual_time
async def test_reg_asks_before_it_overwrites_or_deletes() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        key = r"HKLM\SOFTWARE\Test"
        assert "successfully" in await line.cmd(f"reg add {key} /v a /d one")
        line.send(f"reg add {key} /v a /d two\r".encode())
        await line.expect(b"overwrite(Yes/No)?")
        assert "canceled" in await line.cmd("no")
        assert "one" in await line.cmd(f"reg query {key} /v A")
        assert "successfully" in await line.cmd(f"reg add {key} /v a /d two /f")
        assert "two" in await line.cmd(f"reg query {key}")
        assert "Test" in await line.cmd(r"reg query HKLM\SOFTWARE")
        assert "successfully" in await line.cmd(f"echo y| reg delete {key}")
        assert "unable to find" in await line.cmd(f"reg query {key}")


@virtual_time
async def test_a_service_is_stopped_disabled_and_refused() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        assert "STATE              : 1  STOPPED" in await line.cmd("sc stop termservice")
        assert "3389" not in await line.cmd("netstat -an")
        assert "ChangeServiceConfig SUCCESS" in await line.cmd("sc config termservice start= disabled")
        assert "[SC] StartService FAILED 1058:" in await line.cmd("sc start termservice")
        assert "System error 1051" in await line.cmd("net stop bfe")
        assert "1052" in await line.cmd("sc stop rpcss")
        await line.cmd("sc config spooler depend= nobody")
        await line.cmd("net stop spooler")
        assert "1075" in await line.cmd("sc start spooler")


@virtual_time
async def test_services_that_depend_on_each_other_in_a_circle_are_refused() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("sc stop spooler")
        await line.cmd("sc stop w32time")
        await line.cmd("sc config spooler depend= W32Time")
        await line.cmd("sc config w32time depend= Spooler")
        assert "1068" in await line.cmd("sc start spooler")


@virtual_time
async def test_killing_a_services_process_stops_the_service() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        assert "SUCCESS" in await line.cmd("taskkill /f /im spoolsv.exe")
        assert "STOPPED" in await line.cmd("sc query spooler")


@virtual_time
async def test_accounts_are_made_changed_and_deleted() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("net user bob Secret-123 /add")
        assert "2224" in await line.cmd("net user bob x /add")
        assert "2202" in await line.cmd('net user "a+b" x /add')
        await line.cmd("net localgroup administrators bob /add")
        assert "already a member" in await line.cmd("net localgroup administrators bob /add")
        assert "bob" in await line.cmd("net localgroup administrators")
        await line.cmd("net user bob /active:no")
        assert "Account active               No" in await line.cmd("net user bob")
        line.send(b"net user bob *\r")
        await line.expect(b"Type a password for the user: ")
        line.send(b"Other-456\r")
        await line.expect(b"Retype the password to confirm: ")
        line.send(b"Other-456\r")
        shown = await line.expect(PROMPT)
        assert b"Other" not in shown
        await line.cmd("net user bob /delete")
        assert "2221" in await line.cmd("net user bob")
        assert "1371" in await line.cmd("net user administrator /delete")


@virtual_time
async def test_a_drive_can_be_full() -> None:
    async with running_windows() as line:
        await line.at_sac()
        doubling = "type C:\\a >> C:\\b & type C:\\b >> C:\\a\n"
        _, text = await line.run_command("echo " + "x" * 4000 + " > C:\\a\n" + doubling * 12)
        assert "There is not enough space on the disk." in text
        assert (await line.run_command("echo fine"))[1] == "fine\n"


@virtual_time
async def test_cmd_started_by_cmd_too_often_is_refused() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"cmd\r" * 30)
        await line.expect(b"Not enough memory resources are available")
        line.send(b"exit\r" * 40)
        await line.expect(b"A channel has been closed.")


@virtual_time
async def test_the_date_is_set_by_an_administrator() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("date 02-29-2024")
        assert await line.cmd("date /t") == "Thu 02/29/2024"
        await line.cmd("time 23:30")
        assert (await line.cmd("time /t")).startswith("11:30 PM")
        assert "cannot accept" in await line.cmd("date 31-31-2024")


@virtual_time
async def test_a_long_paste_loses_nothing() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send("".join(f"echo [{n}]\r" for n in range(1500)).encode())
        text = unpadded(await line.expect(b"\r\n[1499]", 600))
        assert [f"\n[{n}]\n" in text + "\n" for n in range(1500)] == [True] * 1500


@virtual_time
async def test_the_registry_can_be_full() -> None:
    async with running_windows() as line:
        await line.at_sac()
        keys = "".join(f"reg add HKCU\\Key{n}\n" for n in range(2100))
        assert "Not enough quota" in (await line.run_command(keys))[1]
        assert "no room" in (await line.run_command(r"Set-ItemProperty HKCU:\Key1 a b", "powershell"))[1]


@virtual_time
async def test_the_event_log_says_what_happened_in_earlier_starts() -> None:
    errors = 'wevtutil qe system /f:text /q:"Event[System[Level=2]]"'
    async with running_windows(broken="filesystem") as line:
        await line.at_sac()
        text = (await line.run_command(errors))[1]
        assert "Source: Ntfs\n" in text
        assert "The Remote Desktop Services service failed to start: The file or directory is corrupted" in text
        assert "Level: Information" not in text
        await line.guest.reset()
        await line.at_sac()
        await line.guest.nmi()
        await line.expect(b"!SAC>")
        line.send(b"restart\r")
        await line.at_sac()
        text = (await line.run_command(errors + " /rd:true"))[1]
        assert text.index("The bugcheck was: 0x00000080") < text.index("previous system shutdown was unexpected")
        query = "Event[System[Provider[@Name='User32'] and EventID=1074]]"
        assert (await line.run_command(f'wevtutil qe system /q:"{query}"'))[1] == ""
        await line.run_command("shutdown /r /t 0")
        await line.at_sac()
        assert "initiated the restart of" in (await line.run_command(f'wevtutil qe system /q:"{query}"'))[1]
        assert (
            "unexpected"
            not in (await line.run_command('wevtutil qe system /c:1 /rd:true /q:"Event[System[Level=2]]"'))[1]
        )
