"""The rooms of the guest ``windows``: what imports what, what is loaded when, and that the folder works wherever it lies."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.guests.line import Line
from tests.guests.test_demo_rooms import circle_in, imports_in
from tests.guests.windows.windows_line import WINDOWS
from tests.machine.rig import virtual_time
from uartsim.guest.catalogue import find_guest
from uartsim.guest.script import load_main

#: From the ground up: a room imports from the rooms before it in this list only.  The guest's folder itself comes last.
ROOMS = (
    "windows_settings",
    "terminal",
    "disk",
    "system",
    "bootmgr",
    "programs",
    "shell",
    "sac",
    "windows_agent",
    "windows_system",
    "windows_machine",
)


def test_no_module_imports_itself_by_way_of_others() -> None:
    imports = imports_in(WINDOWS)
    assert "system.running_windows" in imports["sac.sac_commands"]
    assert "windows_system" in imports["windows_machine"]  # inside a function
    assert circle_in(imports) is None


def test_the_rooms_import_one_way_only() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, all_imported in imports_in(WINDOWS).items()
        for imported in all_imported
        if ROOMS.index(imported.split(".")[0]) > ROOMS.index(name.split(".")[0])
    ]
    assert wrong == []


def test_cmd_is_not_loaded_before_somebody_logs_on(tmp_path: Path) -> None:
    copy = shutil.copytree(WINDOWS, tmp_path / "windows", ignore=shutil.ignore_patterns("__pycache__"))
    package = load_main(copy, "windows_machine.py").__module__.rpartition(".")[0]
    loaded = {name.removeprefix(f"{package}.") for name in sys.modules if name.startswith(f"{package}.")}
    assert "bootmgr.bootmgr_menu" in loaded
    assert {name for name in loaded if name.split(".")[0] in ("shell", "programs", "sac", "windows_system")} == set()


@virtual_time
async def test_a_copy_of_the_folder_is_a_guest_of_its_own(tmp_path: Path) -> None:
    copy = shutil.copytree(WINDOWS, tmp_path / "my-windows", ignore=shutil.ignore_patterns("__pycache__"))
    commands = copy / "sac" / "sac_commands.py"
    commands.write_text(commands.read_text().replace("Channel List", "List of the channels"))
    line = Line()
    async with line.open(find_guest(str(copy))):
        await line.expect(b"now available.")
        line.send(b"ch\r")
        await line.expect(b"List of the channels")
