"""Where a mark is written: pytest does not say it, so the file is read again."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.nodes import Node


def place_of(node: Node, mark: pytest.Mark) -> str:
    """``FILE:LINE`` of a mark, the file relative to the directory in which pytest was started.

    A mark that was made elsewhere, such as in another file, is said to be where its test, class or module is.

    Args:
        node: the test, class or module that has the mark.
        mark: the mark.
    """
    path, line = node.path, _line_of(node)
    calls = [call for call in _calls(path, mark.name) if _is_like(call, mark)]
    inside = [call for call in calls if line is not None and call.lineno >= line]
    for call in (inside or calls)[:1] if line is not None else calls[-1:]:
        line = call.lineno
    return f"{_shown(node.config, path)}:{line or 1}"


def place_of_test(item: pytest.Item) -> str:
    """``FILE:LINE`` of a test."""
    path, line, _ = item.reportinfo()
    return f"{_shown(item.config, Path(path))}:{(line or 0) + 1}"


def _shown(config: pytest.Config, path: Path) -> str:
    relative = os.path.relpath(path, config.invocation_params.dir)
    return str(path) if relative.startswith(os.pardir) else relative


def _line_of(node: Node) -> int | None:
    """The line of a node's first decorator or of its name; None: it is a file or a folder."""
    if isinstance(node, pytest.Class | pytest.Item):
        line: int | None = node.reportinfo()[1] if isinstance(node, pytest.Item) else _class_line(node)
        return None if line is None else line + 1
    return None


def _class_line(node: pytest.Class) -> int | None:
    line = node.reportinfo()[1]
    return line if isinstance(line, int) else None


@lru_cache(maxsize=16)
def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _calls(path: Path, name: str) -> Iterator[ast.Call]:
    """The places in a file where a mark of a name is made, from its beginning on."""
    found = [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
    ]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def _is_like(call: ast.Call, mark: pytest.Mark) -> bool:
    """Whether a call has the arguments of a mark, as far as they are plain values."""
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        each.arg is None for each in call.keywords
    ):
        return True
    given = {str(each.arg): each.value for each in call.keywords}
    if len(call.args) != len(mark.args) or set(given) != set(mark.kwargs):
        return False
    pairs = [*zip(call.args, mark.args, strict=True), *((given[name], mark.kwargs[name]) for name in given)]
    return all(_may_be(written, value) for written, value in pairs)


def _may_be(written: ast.expr, value: object) -> bool:
    try:
        return bool(ast.literal_eval(written) == value)
    except ValueError:
        return True  # an expression
