"""The recipes of docs/console.md work as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uartsim import blocking

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "console.md").read_text()
GRUB_RECIPES = [block for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S) if "console.grub." in block]


def test_page_has_recipes_for_grub() -> None:
    assert len(GRUB_RECIPES) == 2


@pytest.mark.parametrize("recipe", GRUB_RECIPES)
def test_recipe_for_grub_works_and_nothing_is_a_problem(recipe: str) -> None:
    with blocking.open_console("demo", clock="virtual", timeout=120) as console:
        exec(compile(recipe, "docs/console.md", "exec"), {"console": console})
        assert console.run("true").status == 0
        assert [problem for problem in console.problems if problem.is_severe] == []
