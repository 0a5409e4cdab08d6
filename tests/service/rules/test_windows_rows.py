"""The documents' rows about Windows, on the guest ``windows`` behind the whole service."""

from __future__ import annotations

import pytest

from tests.service.rules.azure_tenant import AzureTenant, Terminal

PROMPT = "\r\nC:\\Windows\\system32>"


def at_sac(terminal: Terminal) -> None:
    terminal.expect("EVENT: The CMD command is now available.")
    terminal.expect("SAC>")


def at_command_prompt(terminal: Terminal) -> None:
    """From the start of the machine to a prompt of cmd."""
    at_sac(terminal)
    terminal.type("cmd")
    terminal.expect("Channel: Cmd0001")
    terminal.expect("SAC>")
    terminal.type("ch -sn Cmd0001")
    terminal.expect("Use any other key to view this channel.")
    terminal.send("\r")
    for question, answer in (("Username: ", "Administrator"), ("Domain  : ", ""), ("Password: ", "Passw0rd!")):
        terminal.expect(question)
        terminal.type(answer)
    terminal.expect(PROMPT)


def command(terminal: Terminal, line: str, prompt: str = PROMPT) -> str:
    """Run a command of cmd; returns what came, its lines padded to 80 columns."""
    terminal.type(line)
    return terminal.expect(prompt)


def started(azure: AzureTenant, name: str) -> str:
    machine = azure.vm(name)
    azure.do("POST", f"{machine}/start")
    return machine


@pytest.mark.azure("A-007", "A-130", "P-051", "P-052", "P-053", "P-054", "P-055", "P-062")
def test_windows_comes_to_sac_by_the_documents_commands(azure: AzureTenant) -> None:
    machine = started(azure, "health1")
    with azure.console(machine) as terminal:
        terminal.expect("Microsoft Azure VM Health Report")
        terminal.type("cmd")
        assert "SAC>" not in terminal.seen
        for line in ("bcdedit /ems '{current}' on", "bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200"):
            assert "The operation completed successfully." in azure.run_command(machine, line, windows=True)
        assert "SAC>" not in terminal.seen  # not before the next boot
        azure.do("POST", f"{machine}/restart", "vmcontributor")
        at_sac(terminal)
        terminal.type("id")
        assert "WIN-UARTSIM" in terminal.expect("SAC>")


@pytest.mark.azure("A-090")
def test_windows_logs_an_idle_command_prompt_off(azure: AzureTenant) -> None:
    machine = started(azure, "idle1")
    with azure.console(machine) as terminal:
        at_command_prompt(terminal)
        terminal.expect("A channel has been closed.")  # nobody types; the time-out of the set-up is a second


@pytest.mark.azure("P-031")
def test_windows_firewall_is_mended_at_the_command_prompt(azure: AzureTenant) -> None:
    with azure.console(started(azure, "broken1")) as terminal:
        at_command_prompt(terminal)
        shown = 'netsh advfirewall firewall show rule name="Remote Desktop - User Mode (TCP-In)"'
        assert enabled(command(terminal, shown)) == "No"
        mended = command(terminal, 'netsh advfirewall firewall set rule group="remote desktop" new enable=yes')
        assert "Updated" in mended
        assert enabled(command(terminal, shown)) == "Yes"


def enabled(rule: str) -> str:
    """Whether a rule of the firewall is enabled, as netsh shows it."""
    return rule.partition("Enabled:")[2].split()[0]


@pytest.mark.azure("P-035")
def test_windows_remote_desktop_is_mended(azure: AzureTenant) -> None:
    key = r'"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server" /v fDenyTSConnections'
    with azure.console(started(azure, "broken1")) as terminal:
        at_command_prompt(terminal)
        assert "0x1" in command(terminal, f"reg query {key}")
        assert "completed successfully" in command(terminal, f"reg add {key} /t REG_DWORD /d 0 /f")
        assert "0x0" in command(terminal, f"reg query {key}")


@pytest.mark.azure("P-036")
def test_windows_network_is_brought_back(azure: AzureTenant) -> None:
    with azure.console(started(azure, "broken1")) as terminal:
        at_command_prompt(terminal)
        assert "Disabled" in command(terminal, "netsh interface show interface")
        command(terminal, "netsh interface set interface Ethernet admin=enabled")
        assert "Enabled" in command(terminal, "netsh interface show interface")


@pytest.mark.azure("P-033")
def test_windows_file_system_is_checked(azure: AzureTenant) -> None:
    with azure.console(started(azure, "broken1")) as terminal:
        at_command_prompt(terminal)
        assert "found problems" in command(terminal, "chkdsk")
        terminal.type("chkdsk c: /f")
        terminal.expect("(Y/N)")
        command(terminal, "y")
        terminal.type("shutdown /r /t 0")
        at_command_prompt(terminal)
        assert "found no problems" in command(terminal, "chkdsk")


@pytest.mark.azure("P-038")
def test_windows_boot_menu_is_reached_at_the_console(azure: AzureTenant) -> None:
    with azure.console(started(azure, "windows1")) as terminal:
        at_command_prompt(terminal)
        for setting in ("displaybootmenu yes", "timeout 10", "bootems yes"):
            assert "completed successfully" in command(terminal, f"bcdedit /set {{bootmgr}} {setting}")
        terminal.type("shutdown /r /t 0")
        terminal.expect("Windows Boot Manager")
        terminal.send("\r")
        at_sac(terminal)
