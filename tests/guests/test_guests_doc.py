"""What docs/guests.md shows is so: its manifests load, and the shell of the guest demo has the commands listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guests.fake_tty import demo_module
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


def test_the_commands_listed_are_those_that_the_demos_shell_has() -> None:
    section = PAGE.read_text().partition("## The guest demo")[2]
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (`.*`) \|$", section, re.M))
    listed = {kind: re.findall(r"`(\S+)`", names) for kind, names in rows.items()}
    builtins = listed.pop("builtins")
    programs = [name for names in listed.values() for name in names]
    assert builtins == sorted(demo_module("shell.builtins").BUILTINS)
    assert sorted(programs) == sorted(demo_module("userspace.program_table").PROGRAMS)
