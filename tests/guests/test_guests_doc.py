"""The manifests in docs/guests.md are ones that load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uartsim.guest.catalogue import find_guest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guests.md"
MANIFESTS = [block for block in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S) if "[guest]" in block]


def test_the_page_has_manifests() -> None:
    assert len(MANIFESTS) >= 2


@pytest.mark.parametrize("text", MANIFESTS)
def test_a_manifest_of_the_page_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "guest.toml").write_text(text)
    (tmp_path / "guest.py").write_text("async def main(host): ...\n")
    definition = find_guest(str(tmp_path))
    command = definition.options.get("command", [])
    placeholders = {name for word in command for name in re.findall(r"\{(\w+)\}", word)}
    assert placeholders <= {"tty", "tty_name", "folder", "private", *definition.settings}
