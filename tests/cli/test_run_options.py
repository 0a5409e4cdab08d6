"""The options of ``run``: read early and by click, from one list."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from uartsim.access.endpoints import Endpoints
from uartsim.cli import early_endpoints
from uartsim.cli.run_command import run
from uartsim.cli.run_options import PARTS, RUN_OPTIONS, RunOption
from uartsim.registers import VARIANTS

READ = [option for option in RUN_OPTIONS if option.early or option.takes == "nothing"]


def words(option: RunOption) -> list[str]:
    """The option as it is typed, with a value that is right."""
    values = {"text": "x=1" if option.parameter == "settings" else "x", "path": "x", "seconds": "2.5", "count": "2"}
    if option.names == "--fault":
        values["text"] = "noise"
    value = option.choices[0] if option.choices else values.get(option.takes)
    return [option.names.split("/")[0], *([] if value is None else [value])]


def shown(option: RunOption) -> str:
    return option.names


def test_the_parts_are_those_of_the_chip() -> None:
    assert set(PARTS) == set(VARIANTS)


@pytest.mark.parametrize("option", RUN_OPTIONS, ids=shown)
def test_click_takes_every_option(option: RunOption) -> None:
    context = run.make_context("run", ["box", *words(option)])
    assert context.params["guest"] == "box"
    click.echo(run.get_help(context))


@pytest.mark.parametrize("option", READ, ids=shown)
def test_an_option_that_can_be_checked_is_read_early(option: RunOption) -> None:
    for name in option.names.split("/"):
        typed = [name, *words(option)[1:]]
        read = early_endpoints._read([*typed, "box"])
        assert read == ("box", {name: typed[1]} if typed[1:] else {})
        if typed[1:]:
            assert early_endpoints._read(["box", "=".join(typed)]) == read


@pytest.mark.parametrize("option", [option for option in RUN_OPTIONS if option not in READ], ids=shown)
def test_an_option_that_cannot_be_checked_leaves_the_name_for_later(option: RunOption) -> None:
    assert early_endpoints._read([*words(option), "box"]) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rate", "fast"],
        ["--uart", "16550a"],  # right, but only click knows that capitals do not matter
        ["--name"],
        ["--name", ""],
        ["--name="],
        ["--no-attach=1"],
        ["--registers=1"],
        ["--nam", "x"],
        ["-h"],
        ["one", "two"],
    ],
)
def test_arguments_that_are_not_plain_or_not_right_leave_the_name_for_later(arguments: list[str]) -> None:
    assert early_endpoints._read(arguments) is None


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """The names and links for which endpoints would have been opened."""
    found: list[tuple[str, str | None]] = []

    def note(name: str, link: str | None = None) -> Endpoints | None:
        found.append((name, link))
        return None

    monkeypatch.setattr("uartsim.access.endpoints.open_endpoints", note)
    return found


def test_endpoints_are_opened_early_for_a_plain_command_line(
    opened: list[tuple[str, str | None]], tmp_path: Path
) -> None:
    record = str(tmp_path / "r")
    early_endpoints.open_for_run(["run"])
    early_endpoints.open_for_run(["--debug", "run", "demo", "--name", "box", "--link", "l", "--record", record])
    assert opened == [("demo", None), ("box", "l")]


def test_endpoints_are_not_opened_for_anything_that_may_be_wrong(
    opened: list[tuple[str, str | None]], tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.touch()
    new = str(tmp_path / "new")
    for arguments in (
        ["list"],
        ["run", "nosuch"],
        ["run", "--name", "-x"],
        ["run", "--name=a b"],
        ["run", "--clock", "virtual"],
        ["run", "--record", str(there)],
        ["run", "--record", str(tmp_path / "no" / "r")],
        ["run", "--record", new, "--trace", new],
    ):
        early_endpoints.open_for_run(arguments)
    assert opened == []
