"""docs/development.md names what there is to run."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_benchmark_that_can_be_run_is_in_the_table() -> None:
    programs = [path.stem for path in (ROOT / "benchmarks").glob("*.py") if '"__main__"' in path.read_text()]
    assert len(programs) >= 8
    table = (ROOT / "docs" / "development.md").read_text()
    assert [name for name in programs if f"| `python -m benchmarks.{name}` |" not in table] == []
