"""Help: commands by task, a line and an example for each; and the manual pages that are made of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.access.rig import ROOT, uartsim
from tools.man_pages import escaped, paragraphs
from uartsim.cli.command_group import TASKS, commands
from uartsim.cli.help_text import examples_of

PATHS: list[tuple[str, ...]] = []


def _walk(path: tuple[str, ...], command: click.Command) -> None:
    PATHS.append(path)
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            _walk((*path, name), each)


_walk((), commands)


def command_of(path: tuple[str, ...]) -> click.Command:
    command: click.Command = commands
    for word in path:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return command


def test_the_list_of_commands_is_grouped_by_task(runtime: Path) -> None:
    said = uartsim(runtime, "--help").stdout
    titles = re.findall(r"^(\S[^:\n]*):$", said, re.MULTILINE)
    assert titles == ["Options", *TASKS]
    assert "..." not in said.partition("\n")[2], "a line is cut off"
    run = said.index("\nRun a machine:\n  run ")
    assert run < said.index("\nAttach and type:\n  attach ") < said.index("\nGuests, scenarios and images:\n  guests ")
    assert said.rstrip().endswith("Examples:\n    uartsim run demo\n    uartsim attach demo")


def test_every_command_is_in_one_task() -> None:
    names = [name for of_task in commands.tasks.values() for name in of_task]
    assert sorted(names) == sorted(commands.commands)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: "-".join(path) or "uartsim")
def test_a_command_has_a_line_and_an_example_that_is_right(path: tuple[str, ...]) -> None:
    command = command_of(path)
    line = command.short_help or ""
    assert re.fullmatch(r"[A-Z].{5,59}\.", line), line
    examples = examples_of(command)
    assert examples
    for example in examples:
        program, *words = shlex.split(example, comments=True)
        assert program == "uartsim"
        context, arguments = click.Context(commands, info_name=program), words
        while isinstance(context.command, click.Group):
            name, *arguments = arguments
            below = context.command.commands[name]
            context = (
                click.Context(below, info_name=name, parent=context)
                if isinstance(below, click.Group)
                else below.make_context(name, arguments, parent=context)
            )
        if not isinstance(command, click.Group):
            assert context.command is command


@pytest.mark.parametrize("path", PATHS, ids=lambda path: "-".join(path) or "uartsim")
def test_help_ends_with_the_examples(path: tuple[str, ...]) -> None:
    command = command_of(path)
    with click.Context(command, info_name="uartsim", **command.context_settings) as context:
        said = command.get_help(context)
    assert said.rstrip().endswith(examples_of(command)[-1])


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all manual pages."""
    folder = tmp_path_factory.mktemp("manual") / "man1"
    subprocess.run(
        [sys.executable, "tools/man_pages.py", "--write", str(folder)],
        cwd=ROOT,
        env=os.environ | {"SOURCE_DATE_EPOCH": "86400"},
        check=True,
    )
    return folder


def rendered(page: Path) -> str:
    """A manual page as man(1) shows it, with nothing to complain about."""
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(page)],
        env=os.environ | {"MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANROFFOPT": "-c"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


def test_there_is_a_page_for_every_command(manual: Path) -> None:
    assert {path.name for path in manual.iterdir()} == {f"{'-'.join(('uartsim', *path))}.1" for path in PATHS}


@pytest.mark.needs("mandoc")
def test_mandoc_finds_no_mistake_in_the_pages(manual: Path) -> None:
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *map(str, manual.iterdir())], capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.needs("man")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: "-".join(path) or "uartsim")
def test_a_page_has_what_the_help_has(manual: Path, path: tuple[str, ...]) -> None:
    command = command_of(path)
    shown = " ".join(re.sub(r"[-‐]\n *", "-", rendered(manual / f"{'-'.join(('uartsim', *path))}.1")).split())
    with click.Context(command, info_name="uartsim", **command.context_settings) as context:
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
            if record is not None:
                assert " ".join(record[0].split()) in shown
    for example in examples_of(command):
        assert " ".join(example.split()) in shown
    assert "1970-01-02" in shown  # SOURCE_DATE_EPOCH


def test_what_roff_would_obey_is_text() -> None:

    assert escaped(".TH of\\f-x") == "\\&.TH of\\(rsf\\-x"
    assert escaped("'quoted' ~ ^ `") == "\\(aqquoted\\(aq \\(ti \\(ha \\(ga"
    assert list(paragraphs("One\ntwo.\n\n\b\n  a   b\n  .c\n\nThree.")) == [
        *("One two.", ".PP\n.nf", "  a   b", "  .c", ".fi", ".PP", "Three.")
    ]
