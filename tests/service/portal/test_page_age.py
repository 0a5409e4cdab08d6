"""A page that was built before its sources were changed is noticed, in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uartsim.service.portal.page_age import why_outdated

BUILT_AT_S = 1_000_000


def written(path: Path, at_s: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (at_s, at_s))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with its sources beside it."""
    written(tmp_path / "page" / "files.json", BUILT_AT_S)
    written(tmp_path / "web" / "vite.config.ts", BUILT_AT_S - 10)
    written(tmp_path / "web" / "src" / "ui" / "base.css", BUILT_AT_S - 10)
    return tmp_path / "page"


@pytest.mark.parametrize("name", ["vite.config.ts", "src/ui/base.css", "src/ui/new.tsx"])
def test_a_source_that_is_newer_than_the_page_is_said(page: Path, name: str) -> None:
    assert why_outdated(page) is None
    written(page.parent / "web" / name, BUILT_AT_S + 1)
    said = why_outdated(page)
    assert said is not None
    assert f"run 'npm ci && npm run build' in {page.parent / 'web'}" in said


@pytest.mark.parametrize("name", ["node_modules/vite/index.js", "src/route.test.ts"])
def test_what_is_no_source_of_the_page_makes_it_no_older(page: Path, name: str) -> None:
    written(page.parent / "web" / name, BUILT_AT_S + 1)
    assert why_outdated(page) is None


def test_nothing_is_said_where_there_are_no_sources_or_no_page(page: Path, tmp_path: Path) -> None:
    (page / "files.json").unlink()
    assert why_outdated(page) is None
    written(tmp_path / "wheel" / "page" / "files.json", BUILT_AT_S)
    assert why_outdated(tmp_path / "wheel" / "page") is None
