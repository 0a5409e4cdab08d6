"""The objects of the console's room use only the public names of one another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import uartsim.console

ROOM = Path(uartsim.console.__file__).parent
#: Methods of a NamedTuple, which begin with an underscore so that no field can have their names.
NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}


def own_names(tree: ast.Module) -> set[str]:
    """Every name that a module defines: its functions, classes and variables, and the attributes that it sets on ``self``."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
    return names


def private_uses(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every private attribute that a module uses and does not define."""
    tree = ast.parse(source)
    own = own_names(tree) | NAMEDTUPLE
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name.startswith("_") and not name.startswith("__") and name not in own:
                yield node.lineno, name
            case ast.ImportFrom(names=aliases):
                yield from ((node.lineno, alias.name) for alias in aliases if alias.name.startswith("_"))


def test_no_module_of_the_console_uses_private_names_of_another() -> None:
    files = sorted(ROOM.rglob("*.py"))
    assert len(files) > 40
    found = [
        f"{file.relative_to(ROOM)}:{line}: {name}" for file in files for line, name in private_uses(file.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class A:\n    def f(self, b):\n        return b._x", ["_x"]),
        ("class A(B):\n    def f(self):\n        return self._x", ["_x"]),
        ("class A:\n    def f(self, b):\n        b._x = 1", ["_x"]),
        ("from a import _x", ["_x"]),
        ("class A:\n    def f(self):\n        self._x = 1\n        return self._x + self.__class__._y", ["_y"]),
        ("class A:\n    def f(self, a):\n        return a._replace(x=1)", []),
        ("class A:\n    def _f(self):\n        return self._f()", []),
    ],
)
def test_a_private_name_of_another_object_is_found(source: str, names: list[str]) -> None:
    assert [name for _, name in private_uses(source)] == names
