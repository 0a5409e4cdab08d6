"""The floors of the house: imports run downwards only, and two rooms of one floor do not know each other.

Imports are read from the source, so that one inside a function or under TYPE_CHECKING counts like any other.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: The name that ``uartsim/__init__.py``, the public face, has in the table.
FACE = "uartsim"
#: From the ground up.  A room is a module or a package directly under ``uartsim``.
FLOORS = (
    {"blocked_loop", "control_sequences", "error_groups", "errors", "printable", "registers", "toml_text"},
    {"boot_stages", "own_files", "register_bits"},
    {"file_cache", "line_format", "standard_streams"},
    {"chip", "wire", "record", "images"},
    {"machine"},
    {"guest", "access", "trace"},
    {"scenarios"},
    {"console", "conform"},
    {"blocking", "playback", "service", "azure_client"},
    {FACE},
    {"cli", "pytest_plugin"},
    {"__main__"},
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Rooms without a clock, an operating system or chance; and what these would come by.
PURE_ROOMS = {
    "control_sequences",
    "error_groups",
    "errors",
    "boot_stages",
    "printable",
    "registers",
    "register_bits",
    "line_format",
    "chip",
    "wire",
}
IMPURE_MODULES = {
    *("asyncio", "datetime", "os", "random", "secrets", "select", "selectors", "signal", "socket", "subprocess"),
    *("sys", "tempfile", "threading", "time", "trio", "uuid"),
}


def imported_names(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything that a module imports.

    Args:
        source: the module's text.
        package: the package it stands in, to which its relative imports refer.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                for alias in names:
                    yield node.lineno, f"{base}.{alias.name}"
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def room_of(dotted: str, rooms: set[str]) -> str | None:
    """The room that ``uartsim.x.y`` is in, or None for what is not ours."""
    top, *rest = dotted.split(".")
    if top != "uartsim":
        return None
    return rest[0] if rest and rest[0] in rooms else FACE


def violations(package: Path) -> list[str]:
    """Every import in a ``uartsim`` package that breaks a rule of the house, as ``FILE:LINE: what``."""
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()} | set(FLOOR_OF)
    found: list[str] = []
    for file in sorted(package.rglob("*.py")):
        relative = file.relative_to(package)
        room = FACE if relative.name == "__init__.py" and len(relative.parts) == 1 else Path(relative.parts[0]).stem
        if room not in FLOOR_OF:
            found.append(f"{relative}:1: {room} has no floor: give it one in the table FLOORS")
            continue
        in_package = ".".join(("uartsim", *relative.parts[:-1]))
        for line, name in imported_names(file.read_text(), in_package):
            target = room_of(name, rooms)
            if target is None:
                if room in PURE_ROOMS and name.split(".")[0] in IMPURE_MODULES:
                    found.append(f"{relative}:{line}: {room} is pure and must not import {name}")
            elif target != room and FLOOR_OF.get(target, len(FLOORS)) >= FLOOR_OF[room]:
                found.append(f"{relative}:{line}: {room} must not import {target} ({name}): it is not below")
    return found


def guest_violations(guests: Path) -> list[str]:
    """Every import in a guest's script that is not of itself, the script host, trio or the standard library."""
    allowed = {"trio", *sys.stdlib_module_names}
    return [
        f"{file.relative_to(guests)}:{line}: a guest's script must not import {name}"
        for file in sorted(guests.rglob("*.py"))
        for line, name in imported_names(file.read_text(), ".".join(file.relative_to(guests).parts[:-1]))
        if not f"{name}.".startswith("uartsim.guest.script.")
        and name.split(".")[0] not in {*allowed, file.relative_to(guests).parts[0]}
    ]


def test_imports_run_downwards_only() -> None:
    assert (ROOT / "uartsim" / "line_format.py").is_file()
    assert violations(ROOT / "uartsim") == []


def test_the_docs_draw_the_same_house() -> None:
    drawing = (ROOT / "docs" / "development.md").read_text().partition("## The house")[2].partition("\n## ")[0]
    shown: list[set[str]] = []
    for number, room in re.findall(r"^ +(\d*) +│ (\S+) {2,}\S", drawing, re.MULTILINE):
        if number:
            shown.append(set())
        shown[-1].add(room)
    assert shown[::-1] == [set(rooms) for rooms in FLOORS]


def test_scripts_of_guests_import_the_script_host_trio_and_the_standard_library_only() -> None:
    assert any((ROOT / "guests").rglob("*.py"))
    assert guest_violations(ROOT / "guests") == []


@pytest.mark.parametrize(
    ("file", "source", "what"),
    [
        ("chip/uart.py", "from uartsim.machine import com1", "chip must not import machine"),
        ("chip/uart.py", "import uartsim.wire.frame", "chip must not import wire"),
        ("chip/uart.py", "def lazy():\n    from uartsim.wire import frame", "uart.py:2: chip must not import wire"),
        ("chip/uart.py", "from ..wire.frame import Frame", "chip must not import wire"),
        ("chip/uart.py", "from .. import cli", "chip must not import cli"),
        ("chip/uart.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import uartsim.cli", "uart.py:3:"),
        ("chip/uart.py", "import importlib\nimportlib.import_module('uartsim.cli')", "uart.py:2:"),
        ("chip/uart.py", "from uartsim import open_console", "chip must not import uartsim"),
        ("chip/uart.py", "import uartsim", "chip must not import uartsim"),
        ("chip/uart.py", "import time", "chip is pure"),
        ("wire/faults.py", "from random import Random", "wire is pure"),
        ("wire/faults.py", "import os.path", "wire is pure"),
        ("guest/script.py", "from uartsim.access.hub import Hub", "guest must not import access"),
        ("access/hub.py", "from uartsim.guest import script", "access must not import guest"),
        ("cli/entry.py", "import uartsim.pytest_plugin", "cli must not import pytest_plugin"),
        ("__init__.py", "from uartsim.cli import main", "uartsim must not import cli"),
        ("attic/junk.py", "", "attic has no floor"),
        ("junk.py", "", "junk has no floor"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, source: str, what: str) -> None:
    module = tmp_path / file
    module.parent.mkdir(exist_ok=True)
    module.write_text(source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert what in found[0]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("chip/uart.py", "from .registers import LSR\nfrom ..line_format import LineFormat\nimport enum"),
        ("machine/com1.py", "import trio, time\nfrom uartsim.chip.uart import Uart\nfrom uartsim.wire import cable"),
        ("cli/run.py", "from uartsim import open_console\nfrom uartsim.line_format import UsageError"),
        ("__main__.py", "from uartsim.cli import main"),
    ],
)
def test_an_allowed_import_is_left_alone(tmp_path: Path, file: str, source: str) -> None:
    module = tmp_path / file
    module.parent.mkdir(exist_ok=True)
    module.write_text(source)
    assert violations(tmp_path) == []


@pytest.mark.parametrize("source", ["import pyte", "from uartsim.machine.driver import Flag", "from ..agetty import x"])
def test_a_forbidden_import_of_a_guests_script_is_found(tmp_path: Path, source: str) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "guest.py").write_text(
        f"from .grub import Menu\nfrom uartsim.guest.script import Flag\n{source}"
    )
    assert len(guest_violations(tmp_path)) == 1
