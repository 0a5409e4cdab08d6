"""The pages of docs/ and the README: their links lead somewhere, and their examples work as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uartsim.guest.script import load_main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def python_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("example", python_blocks("chip.md"))
def test_the_examples_of_the_chip_run(example: str) -> None:
    exec(compile(example, "docs/chip.md", "exec"), {})


@pytest.mark.parametrize("page", ["guests.md", "modem.md"])
def test_the_scripts_of_guests_load(page: str, tmp_path: Path) -> None:
    blocks = python_blocks(page)
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"guest{number}.py").write_text(block)
        assert callable(load_main(tmp_path, f"guest{number}.py"))
