"""The blocking classes have what the async ones have: members, parameters and docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import derive_blocking
from tools.derive_blocking import HOMES, LEFT_OUT, MODULES


def without_layout(text: str) -> tuple[set[str], list[str]]:
    """A module's imports, in any order, and its other statements, however they are wrapped."""
    body = ast.parse(text).body
    imports = {
        f"{getattr(node, 'module', '')} {ast.unparse(alias)}"
        for node in body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    return imports, [ast.unparse(node) for node in body if not isinstance(node, (ast.Import, ast.ImportFrom))]


@pytest.mark.parametrize("module", list(MODULES))
def test_module_is_what_the_tool_makes_of_the_async_classes(module: str) -> None:
    text = derive_blocking.path_of(module).read_text()
    assert without_layout(text) == without_layout(derive_blocking.derived(module)), (
        "an async class has changed: run python tools/derive_blocking.py --write"
    )


def classes() -> Iterator[tuple[str, type, type]]:
    for module, names in MODULES.items():
        for name, (origin, _) in names.items():
            yield name, getattr(importlib.import_module(origin), name), getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("name", "asynchronous", "blocking"), list(classes()), ids=list(HOMES))
def test_each_public_member_is_there_with_the_same_parameters_and_docstring(
    name: str, asynchronous: type, blocking: type
) -> None:
    public = {member for member in dir(asynchronous) if not member.startswith("_")}
    left_out = {member.removeprefix(f"{name}.") for member in LEFT_OUT if member.startswith(f"{name}.")}
    assert left_out <= public
    assert {member for member in dir(blocking) if not member.startswith("_")} == public - left_out
    for member in public - left_out:
        theirs: Any = inspect.getattr_static(asynchronous, member)
        ours: Any = inspect.getattr_static(blocking, member)
        assert ours.__doc__ == theirs.__doc__, member
        if isinstance(theirs, property):
            assert isinstance(ours, property), member
            assert (ours.fset is None) == (theirs.fset is None), member
        else:
            assert not inspect.iscoroutinefunction(ours), member
            given, wanted = inspect.signature(ours), inspect.signature(theirs)
            assert list(given.parameters.values()) == list(wanted.parameters.values()), member
            assert given.return_annotation == wanted.return_annotation, member


def test_the_tool_prints_what_it_would_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert derive_blocking.main([]) == 0
    assert capsys.readouterr().out == "".join(derive_blocking.derived(module) for module in MODULES)


def test_a_member_that_is_new_gets_a_blocking_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.py").write_text(
        "from re import Pattern\n\n\nclass Facet:\n"
        "    async def ask(self, what: Pattern[str], *more: int, loud: bool = False, **rest: str) -> str:\n"
        '        """Ask."""\n\n'
        "    @property\n    def answer(self) -> str:\n"
        '        """The answer."""\n\n'
        "    @answer.setter\n    def answer(self, value: str) -> None:\n        pass\n\n"
        "    def _hidden(self) -> None:\n        pass\n"
    )
    monkeypatch.setattr(derive_blocking, "ROOT", tmp_path)
    source = derive_blocking.Source.read("new")
    text = derive_blocking.class_lines(source, "Facet", "A facet")
    assert "    def ask(self, what: Pattern[str], *more: int, loud: bool=False, **rest: str) -> str:\n" in text
    assert "return self._thread.call(self._async.ask, what, *more, loud=loud, **rest)\n" in text
    assert "return self._thread.read(lambda: self._async.answer)\n" in text
    assert "        self._async.answer = value\n" in text
    assert "_hidden" not in text
    assert derive_blocking.used_names(source, "Facet") >= {"Pattern"}


def test_blocking_code_does_not_load_pytest() -> None:
    """``trio.testing`` brings pytest, which takes longer to load than all the rest."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, uartsim.blocking; print('pytest' in sys.modules, 'trio.testing' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=derive_blocking.ROOT,
    )
    assert done.stdout == "False False\n"
