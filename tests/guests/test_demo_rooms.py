"""The rooms of the demo guest: what imports what, what is loaded when, and that the folder works wherever it lies."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.guests.fake_tty import DEMO
from tests.guests.line import Line
from tests.machine.rig import virtual_time
from uartsim.guest.catalogue import find_guest
from uartsim.guest.script import load_main

ROOT = DEMO.parents[1]
#: From the ground up: a room imports from the rooms above it in this list only.  The guest's folder itself comes last.
ROOMS = ("settings", "tty", "kernel", "grub", "shell", "userspace", "linux_system", "guest")


def modules_of(folder: Path) -> dict[str, Path]:
    """The modules of a package by their dotted names, without those that are called ``__init__``."""
    return {
        ".".join(file.relative_to(folder).with_suffix("").parts): file
        for file in sorted(folder.rglob("*.py"))
        if file.name != "__init__.py"
    }


def imports_of(name: str, source: str, modules: Mapping[str, object]) -> Iterator[str]:
    """The modules of the same package that a module imports, wherever the import stands in it.

    Args:
        name: the module's dotted name.
        source: its text.
        modules: the modules of the package.
    """
    package = name.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
        for alias in node.names:
            candidates = (".".join((*base, alias.name)), ".".join(base))
            yield from [each for each in candidates if each in modules][:1]


def imports_in(folder: Path) -> dict[str, set[str]]:
    """What each module of a package imports of the same package."""
    modules = modules_of(folder)
    return {name: set(imports_of(name, file.read_text(), modules)) for name, file in modules.items()}


def circle_in(imports: Mapping[str, set[str]]) -> list[str] | None:
    """A circle of imports, or None if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return None


def test_no_module_imports_itself_by_way_of_others() -> None:
    imports = imports_in(DEMO)
    assert "kernel.sysrq" in imports["kernel.kernel"]
    assert "linux_system" in imports["guest"]  # inside a function
    assert circle_in(imports) is None


def test_the_rooms_import_one_way_only() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, all_imported in imports_in(DEMO).items()
        for imported in all_imported
        if ROOMS.index(imported.split(".")[0]) > ROOMS.index(name.split(".")[0])
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "from .b import x",
        "from . import b",
        "from .b import x as y",
        "def lazy():\n    from .b import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .b import x",
        "from ..room import b",
    ],
)
def test_a_circle_is_found(tmp_path: Path, source: str) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text(source)
    (tmp_path / "room" / "b.py").write_text("from ..top import z")
    (tmp_path / "top.py").write_text("from .room.a import x")
    circle = circle_in(imports_in(tmp_path))
    assert circle is not None
    assert set(circle) == {"room.a", "room.b", "top"}


def test_a_file_name_occurs_once_in_uartsim_and_the_guests() -> None:
    ours = [file.name for file in DEMO.rglob("*.py") if file.name != "__init__.py"]
    others = {file.name for file in (ROOT / "uartsim").rglob("*.py")}
    assert len(ours) > 40
    assert sorted(ours) == sorted(set(ours) - others)


def test_the_kernel_and_what_runs_on_it_are_not_loaded_for_the_firmware_and_grub(tmp_path: Path) -> None:
    copy = shutil.copytree(
        DEMO, tmp_path / "demo", ignore=shutil.ignore_patterns("__pycache__")
    )  # not shared, so fresh
    package = load_main(copy, "guest.py").__module__.rpartition(".")[0]
    loaded = {name.removeprefix(f"{package}.") for name in sys.modules if name.startswith(f"{package}.")}
    assert "grub.boot_menu" in loaded
    late = {name for name in loaded if name.split(".")[0] in ("tty", "kernel", "shell", "userspace", "linux_system")}
    assert late == {"kernel", "kernel.release"}


@virtual_time
async def test_the_guest_boots_where_its_modules_have_been_taken_away() -> None:
    """pytester does that at the end of a session in this process: it puts ``sys.modules`` back."""
    package = load_main(DEMO, "guest.py").__module__.rpartition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    line = Line()
    async with line.open(find_guest("demo").with_settings({"grub_timeout": "0", "boot_seconds": "0"})):
        await line.log_in()


@virtual_time
async def test_a_copy_of_the_folder_is_a_guest_of_its_own(tmp_path: Path) -> None:
    copy = shutil.copytree(DEMO, tmp_path / "my-guest", ignore=shutil.ignore_patterns("__pycache__"))
    contents = copy / "kernel" / "disk_contents.py"
    contents.write_text(contents.read_text().replace("/etc/motd", "/etc/motd.tail"))
    line = Line()
    async with line.open(find_guest(str(copy)).with_settings({"grub_timeout": "0", "boot_seconds": "0"})):
        await line.log_in()
        assert await line.run("ls /etc/motd*") == "/etc/motd.tail"
        assert await line.run("echo abc | cksum") == "1112837078 4"
        line.send(b"reboot\r")
        await line.expect(b"SeaBIOS")
        await line.log_in()
