"""The guest ``windows``: SAC off, kernel debugging, the client edition; and what the guest agent does about them."""

from __future__ import annotations

import json
import re

import pytest

from tests.guests.windows.windows_line import AVAILABLE, PROMPT, running_windows, unpadded
from tests.machine.rig import virtual_time
from uartsim.errors import UsageError

REPORT = re.compile(
    r"======== Microsoft Azure VM Health Report - Start \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ========\r\n"
    r"(\{.*\})\r\n"
    r"======== Microsoft Azure VM Health Report - End \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ========\r\n"
)


@virtual_time
async def test_without_sac_there_is_a_health_report_only_and_input_is_ignored() -> None:
    async with running_windows(sac=False, health_seconds=100) as line:
        await line.expect(b"Booting from Hard Disk...\r\n\r\n")
        line.send(b"\r\r?\rcmd\r")
        text = (await line.silence(90)).decode()
        match = REPORT.fullmatch(text)
        assert match is not None
        assert json.loads(match[1])["specialAdministrationConsole"] == "disabled"
        line.send(b"\r\x1b\t0")
        assert REPORT.fullmatch((await line.silence(100)).decode())


@pytest.mark.parametrize("shell", ["cmd", "powershell"])
@virtual_time
async def test_the_documents_steps_bring_a_machine_without_sac_to_its_prompt(shell: str) -> None:
    async with running_windows(sac=False) as line:
        await line.expect(b"Health Report - End")
        done = "The operation completed successfully.\n"
        assert await line.run_command("bcdedit /ems {current} on", shell) == (0, done)
        assert await line.run_command("bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200", shell) == (0, done)
        assert b"SAC>" not in await line.silence(600)
        await line.run_command("shutdown /r /t 0", shell)
        await line.at_cmd()


@pytest.mark.parametrize("step", ["bcdedit /ems {current} on", "bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200"])
@virtual_time
async def test_one_of_the_two_steps_is_not_enough(step: str) -> None:
    async with running_windows(sac=False) as line:
        await line.expect(b"Health Report - End")
        await line.run_command(f"{step}\nshutdown /r /t 0")
        await line.expect(b"Booting from Hard Disk")
        assert b"SAC>" not in await line.silence(600)


@virtual_time
async def test_nothing_can_be_typed_at_sac_while_the_kernel_is_debugged() -> None:
    async with running_windows(kernel_debug=True) as line:
        await line.at_sac()
        line.send(b"?\rcmd\r\x1b\t")
        assert await line.silence(60) == b""
        assert (await line.run_command("bcdedit /debug {current} off"))[0] == 0
        line.send(b"?\r")
        assert await line.silence(60) == b""
        await line.run_command("shutdown /r /t 0")
        await line.at_sac()
        assert "ch " in await line.sac("?")


@virtual_time
async def test_debugging_without_sac_says_nothing() -> None:
    async with running_windows(kernel_debug=True, sac=False) as line:
        await line.expect(b"Booting from Hard Disk...\r\n\r\n")
        line.send(b"\r")
        assert await line.silence(1000) == b""


@virtual_time
async def test_a_client_edition_has_no_sac_whatever_its_bcd_says() -> None:
    async with running_windows(edition="client", sac=True) as line:
        await line.expect(b"Health Report - End")
        line.send(b"\r\r")
        assert b"SAC" not in (await line.silence(60)).replace(b"specialAdministrationConsole", b"")
        assert "ems                     Yes" in (await line.run_command("bcdedit"))[1]
        assert "Windows 10 Enterprise" in (await line.run_command("systeminfo"))[1]
        await line.run_command("shutdown /r /t 0")
        await line.expect(b"Health Report - End")


@virtual_time
async def test_without_its_helper_service_sac_has_no_cmd() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command("sc config sacsvr start= disabled\nshutdown /r /t 0")
        await line.expect(b"Computer is booting")
        assert AVAILABLE not in await line.silence(60)
        assert "sacsvr does not run" in await line.sac("cmd")


# ------------------------------------------------------------------------------------------------------------- the agent
@virtual_time
async def test_set_password_makes_an_administrator_who_can_log_on() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.guest.set_password("azureuser", "Correct-Horse-9")
        await line.open_channel()
        await line.log_on("azureuser", "Correct-Horse-9")
        await line.expect(PROMPT)
        assert "Administrators" in await line.cmd("net user azureuser")
        assert "operation completed" in await line.cmd("bcdedit /timeout 20")


@virtual_time
async def test_set_password_changes_a_password_and_activates_the_account() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command("net user Administrator /active:no")
        await line.guest.set_password("administrator", "New-Password-1")
        await line.open_channel()
        await line.log_on(password="New-Password-1")
        await line.expect(PROMPT)


@pytest.mark.parametrize(("user", "password"), [("a/b", "x"), ("", "x"), ("bob", ""), ("bob", "x" * 200)])
@virtual_time
async def test_an_impossible_user_or_password_is_refused(user: str, password: str) -> None:
    async with running_windows() as line:
        await line.at_sac()
        with pytest.raises(UsageError, match="password"):
            await line.guest.set_password(user, password)


@virtual_time
async def test_run_command_gives_status_output_and_messages() -> None:
    async with running_windows() as line:
        await line.at_sac()
        result = await line.guest.run_command("@echo off\r\nrem nothing\r\n:: nothing\r\nwhoami\r\nfrob", shell="cmd")
        assert (result.status, result.stdout) == (9009, "win-uartsim\\system\n")
        assert "'frob' is not recognized" in result.stderr
        result = await line.guest.run_command("exit 7", shell="cmd")
        assert result.status == 7
        result = await line.guest.run_command("chkdsk /f", shell="cmd")
        assert result.status == 3
        with pytest.raises(UsageError, match="use shell='cmd'"):
            await line.guest.run_command("ls", shell="sh")


@virtual_time
async def test_a_run_command_is_not_seen_on_the_serial_line() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.run_command("dir C:\\Windows")
        assert unpadded(await line.silence(10)) == ""


@virtual_time
async def test_there_is_no_agent_before_windows_has_started() -> None:
    async with running_windows(boot_seconds=10) as line:
        await line.expect(b"Booting from Hard Disk")
        with pytest.raises(UsageError, match="no guest agent runs in it now"):
            await line.guest.run_command("ver", shell="cmd")
