"""The page of the guest ``windows``: its table of scenarios, its settings and its list of programs are true."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.guests.windows.windows_line import PROMPT, WINDOWS, running_windows, windows_module
from tests.machine.rig import virtual_time

PAGE = (WINDOWS.parents[1] / "docs" / "windows.md").read_text()
#: What is wrong, and the commands that mend it.
ROWS = re.findall(r"^\|[^|]*\| `([a-z-]+)` \| (`.*`) \|$", PAGE, re.MULTILINE)
SETTINGS = tomllib.loads((WINDOWS / "guest.toml").read_text())["settings"]


def test_every_fault_has_its_row() -> None:
    assert sorted(fault for fault, _ in ROWS) == sorted(windows_module("windows_settings").FAULTS)


@pytest.mark.parametrize(("fault", "commands"), ROWS)
@virtual_time
async def test_the_commands_of_the_table_mend_what_is_broken(fault: str, commands: str) -> None:
    async with running_windows(broken=fault) as line:
        await line.at_cmd()
        assert (await line.run_command("rdpstatus"))[0] == 1
        for command in re.findall(r"`([^`]+)`", commands):
            line.send(command.encode() + b"\r")
            await line.expect(b"(Y/N) " if "chkdsk" in command else b"Booting" if "shutdown" in command else PROMPT)
        if "shutdown" in commands:
            await line.at_sac()
        assert (await line.run_command("rdpstatus"))[0] == 0


def test_every_setting_is_on_the_page() -> None:
    assert [name for name in SETTINGS if f"`{name}`" not in PAGE and f"`{name}=" not in PAGE] == []


def test_every_program_is_on_the_page() -> None:
    programs = set(windows_module("programs.program_list").PROGRAMS) | {"powershell"}
    assert [name for name in programs - {"net", "net1", "wmic"} if f"`{name}" not in PAGE] == []


def test_the_settings_of_the_manifest_are_those_that_the_guest_knows() -> None:
    settings = windows_module("windows_settings").Settings
    assert settings()._asdict() == SETTINGS
