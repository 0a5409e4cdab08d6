"""The command ``config``: which options have another value than their default, and where that comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from uartsim.cli.help_text import described
from uartsim.errors import UsageError
from uartsim.own_files.places import config_file
from uartsim.printable import printable_line

if TYPE_CHECKING:
    from uartsim.cli.option_defaults import OptionDefault
    from uartsim.cli.user_config import ConfigFile

#: Variables that decide about more than one option.
_VARIABLES: Final = ("UARTSIM_RUNTIME_DIR", "UARTSIM_IMAGES_LIMIT", "UARTSIM_DEBUG")
#: Variables whose values are not shown.
_SECRETS: Final = ("UARTSIM_SECRET", "UARTSIM_TOKEN")


def _complete_command(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    command: click.Command = context.find_root().command
    for word in context.params.get("words") or ():
        command = command.commands[word] if isinstance(command, click.Group) else command
    below = command.commands if isinstance(command, click.Group) else {}
    return [CompletionItem(name) for name in below if name.startswith(incomplete)]


@described("Show which defaults are in force, and from where.", "uartsim config run", "uartsim config run linux")
@click.command()
@click.argument("words", nargs=-1, metavar="[COMMAND]... [GUEST]", shell_complete=_complete_command)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.pass_context
def config(context: click.Context, words: tuple[str, ...], as_json: bool) -> None:
    """Show the defaults that your configuration file and the environment have set; with COMMAND, all of its options, and
    with 'run GUEST' what is in force for that guest.

    \b
    The file is ~/.config/uartsim/config.toml; UARTSIM_CONFIG names another one, or none if it is empty:
      [run]                      a command
      no-attach = true           its option, without the dashes
      [run.guest.debian-12]      an option of 'uartsim run' for one guest
      memory = 2048

    The command line comes before the environment, the environment before the file, the file before the default.
    """
    from uartsim.cli.option_defaults import option_defaults
    from uartsim.cli.user_config import read_config

    commands = context.find_root().command
    assert isinstance(commands, click.Group)
    file = read_config()
    defaults = option_defaults(file, commands) if file is not None else []
    words, guest = (words[:1], words[1]) if words[:1] == ("run",) and len(words) == 2 else (words, None)
    rows = list(_rows(_commands_below(commands, words), defaults, guest, all_of_them=bool(words)))
    found = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    found |= {name: "(set, not shown)" for name in _SECRETS if os.environ.get(name)}
    if as_json:
        told = {"file": file.path if file else None, "options": rows, "environment": found}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"file  {_where(file)}")
    shown = [_shown(row) for row in rows]
    width = min(max(map(len, shown), default=0), 60)
    for text, row in zip(shown, rows, strict=True):
        click.echo(printable_line(f"{text:<{width}}  {row['from']}"))
    for name, value in found.items():
        click.echo(printable_line(f"{name}={value}"))


def _where(file: ConfigFile | None) -> str:
    if file is not None:
        return printable_line(file.path)
    path, is_named = config_file()
    if is_named or not path:
        return "none: UARTSIM_CONFIG is empty"
    why = "is in a folder that is not yours" if os.path.lexists(path) else "is not there"
    return f"none: {printable_line(path)} {why}"


def _shown(row: dict[str, Any]) -> str:
    from uartsim.cli.option_defaults import value_text

    guest = f" {row['guest']}" if row["guest"] else ""
    value = row["value"]
    text = "(none)" if value is None else " ".join(map(value_text, value if isinstance(value, list) else [value]))
    return printable_line(f"{row['command']}{guest} {row['option']} {text}")


def _commands_below(commands: click.Group, words: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    """The command that was named, or all of a group.

    Raises:
        UsageError: there is no such command.
    """
    command: click.Command = commands
    for number, word in enumerate(words):
        below = command.commands if isinstance(command, click.Group) else {}
        if word not in below:
            from uartsim.guest.manifest import near_matches

            raise UsageError(f"no command '{' '.join(words[: number + 1])}'{near_matches(word, below)}")
        command = below[word]
    return list(_leaves(words, command))


def _leaves(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, each in command.commands.items():
        yield from _leaves((*path, name), each)


def _rows(
    commands: list[tuple[tuple[str, ...], click.Command]],
    defaults: list[OptionDefault],
    guest: str | None,
    *,
    all_of_them: bool,
) -> Iterator[dict[str, Any]]:
    """What is in force for each option, and from where, for a guest if one is named.

    Options at their defaults only if all are wanted.
    """
    from uartsim.cli.option_defaults import is_for_once, option_names

    for path, command in commands:
        of_command = [each for each in defaults if each.command == path]
        for name, option in option_names(command).items():
            of_option = [each for each in of_command if each.option is option]
            for default in [each for each in of_option if each.guest is not None and guest is None]:
                yield _row(path, name, default.value, default.place, default.guest)
            of_all = [each for each in of_option if each.guest is None]
            last = next(reversed([*of_all, *(each for each in of_option if each.guest == guest is not None)]), None)
            variable = option.envvar if isinstance(option.envvar, str) else None
            if variable and os.environ.get(variable):
                yield _row(path, name, os.environ[variable], variable)
            elif last is not None:
                yield _row(path, name, last.value, last.place)
            elif all_of_them and not is_for_once(path, name):
                default_value = option.to_info_dict()["default"]
                yield _row(path, name, default_value if _is_told(default_value) else None, "the default")


def _is_told(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, list))


def _row(path: tuple[str, ...], name: str, value: Any, source: str, guest: str | None = None) -> dict[str, Any]:
    return {"command": " ".join(path), "guest": guest, "option": f"--{name}", "value": value, "from": source}
