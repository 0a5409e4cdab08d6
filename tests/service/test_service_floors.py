"""The floors within the service: imports run downwards only, as the table in its docstring says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_floors import imported_names
from uartsim import service

PACKAGE = Path(service.__file__).parent
#: ``parts.py`` stands between two floors.
BETWEEN = {"parts": 4.5}


def floors() -> dict[str, float]:
    """The floor of each room, from the table in the docstring."""
    rows = re.findall(r"^(\d+) +``(\w+)(?:\.py)?`` ", service.__doc__ or "", re.MULTILINE)
    return {**{room: float(number) for number, room in rows}, **BETWEEN}


def violations(package: Path) -> list[str]:
    """Every import of another room of the service that is not on a floor below."""
    found = []
    floor_of = floors()
    for file in sorted(package.rglob("*.py")):
        room = Path(file.relative_to(package).parts[0]).stem
        if room == "__init__":
            continue
        if room not in floor_of:
            found.append(
                f"{file.relative_to(package)}: {room} has no floor: give it one in uartsim/service/__init__.py"
            )
            continue
        within = ".".join(("uartsim.service", *file.relative_to(package).parts[:-1]))
        for line, name in imported_names(file.read_text(), within):
            match = re.match(r"uartsim\.service\.(\w+)", name)
            if match is None or match[1] == room or match[1] not in floor_of:
                continue
            if floor_of[match[1]] >= floor_of[room]:
                found.append(f"{file.relative_to(package)}:{line}: {room} must not import {match[1]}: it is not below")
    return found


def test_the_rooms_of_the_service_import_downwards_only() -> None:
    assert {path.stem for path in PACKAGE.iterdir() if path.name not in ("__init__.py", "__pycache__")} == set(floors())
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "source", "what"),
    [
        ("store/x.py", "from uartsim.service.identity import tokens", "store must not import identity"),
        ("identity/x.py", "from uartsim.service.diagnostics import Audit", "identity must not import diagnostics"),
        ("gateway/x.py", "from uartsim.service.parts import Parts", "gateway must not import parts"),
        (
            "arm/x.py",
            "def f():\n from uartsim.service.serving import application",
            "x.py:2: arm must not import serving",
        ),
        ("attic/x.py", "", "attic has no floor"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, source: str, what: str) -> None:
    module = tmp_path / file
    module.parent.mkdir()
    module.write_text(source)
    (found,) = violations(tmp_path)
    assert what in found


def test_an_allowed_import_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / "x.py").write_text(
        "from uartsim.service.parts import Parts\nfrom uartsim.service.arm_error import ArmError"
    )
    assert violations(tmp_path) == []
