"""What keeps the house easy to find one's way in: a file name once, files and functions of a length that one reads."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: What ships: the package and the guests, which travel in the wheel beside it.
SHIPPED = ("uartsim", "guests")
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60


def modules() -> list[Path]:
    """Every module that ships."""
    found = [path for folder in SHIPPED for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(found) > 200
    return found


def page_sources() -> list[Path]:
    """The TypeScript sources of the portal page, with their tests."""
    sources = ROOT / "uartsim/service/portal/web/src"
    found = [path for ending in ("ts", "tsx") for path in sorted(sources.rglob(f"*.{ending}"))]
    assert len(found) > 100
    return found


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of a module with the number of lines that each takes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_file_name_occurs_once() -> None:
    names = Counter(path.name for path in modules() if path.name != "__init__.py")
    assert [name for name, times in names.items() if times > 1] == []


def test_a_file_name_of_the_page_occurs_once() -> None:
    names = Counter(path.name.partition(".")[0] for path in page_sources() if not path.name.endswith(".test.ts"))
    assert [name for name, times in names.items() if times > 1] == []


def test_no_file_is_longer_than_one_reads() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in [*modules(), *page_sources()]
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_longer_than_one_reads() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in modules()
        for name, lines in functions(path)
        if lines > MOST_LINES_OF_A_FUNCTION
    ]
    assert found == []


@pytest.mark.parametrize("lines", [MOST_LINES_OF_A_FUNCTION, MOST_LINES_OF_A_FUNCTION + 1])
def test_the_lines_of_a_function_are_counted(tmp_path: Path, lines: int) -> None:
    module = tmp_path / "module.py"
    module.write_text("def long() -> None:\n" + "    pass\n" * (lines - 1))
    assert list(functions(module)) == [("long", lines)]
