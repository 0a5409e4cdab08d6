"""From the configuration file to defaults of options: every key is checked against the commands that there are."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import click

from uartsim.cli.user_config import ConfigFile
from uartsim.errors import UsageError
from uartsim.printable import printable_line, quoted

#: Options that are meant for one time.  A default of these would do harm, or nothing.
_ONCE: Final[Mapping[tuple[str, ...], Collection[str]]] = {
    ("run",): ("record", "trace", "vcd"),  # files that must be new
    ("export",): ("html", "svg", "png", "text", "log", "stamped-log", "cast", "cast3", "timeline", "output"),
    ("attach",): ("force",),
    ("pty",): ("link", "remove"),
    ("modem",): ("dtr", "rts"),
    ("fault",): ("clear", "reset", "list"),
    ("problems",): ("list",),
    ("images", "build"): ("rebuild",),
    ("images", "import"): ("name",),
    ("images", "fetch"): ("name", "sha256"),
    ("images", "remove"): ("unused",),
    ("serve",): ("reset-state",),
    ("console", "screenshot"): ("output", "force"),
    ("console", "faults"): ("clear",),
}
#: Options with a secret, and what to use in a file.
_SECRET: Final = {"token": "token-file"}


@dataclass(frozen=True)
class OptionDefault:
    """The default of one option.

    Attributes:
        command: the command's words, such as ``("images", "fetch")``.
        guest: the guest for which alone it counts, as it is typed; or None.
        option: the option.
        value: what click converts.
        name: the option's long name, without dashes.
        place: where it is: the file's path, and the line, from 1.
    """

    command: tuple[str, ...]
    guest: str | None
    option: click.Option
    value: Any
    name: str
    place: str


def option_names(command: click.Command) -> dict[str, click.Option]:
    """The options of a command by their long names without dashes."""
    return {
        name.removeprefix("--"): each
        for each in command.params
        if isinstance(each, click.Option) and each.name not in ("help", "version")
        for name in each.opts
        if name.startswith("--")
    }


def is_for_once(command: tuple[str, ...], name: str) -> bool:
    """Whether an option is meant for one time, or secret."""
    return name in _ONCE.get(command, ()) or name in _SECRET


def option_defaults(file: ConfigFile, commands: click.Group) -> list[OptionDefault]:
    """The defaults that a configuration file has; those that count for less come first.

    Raises:
        UsageError: a key is unknown, or its value is not possible; the message has the line, and what fits.
    """
    reader = _Reader(file)
    reader.check_sizes((), file.tables)
    return list(reader.group((), commands, file.tables))


def default_map(defaults: Iterable[OptionDefault]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The defaults as click takes them, and those of ``run`` for each guest."""
    tree: dict[str, Any] = {}
    guests: dict[str, dict[str, Any]] = {}
    for default in defaults:
        table = tree if default.guest is None else guests.setdefault(default.guest, {})
        if default.guest is None:
            for word in default.command:
                table = table.setdefault(word, {})
        table[default.option.name or ""] = default.value
    return tree, guests


class _Reader:
    """Reads the tables of one file."""

    def __init__(self, file: ConfigFile) -> None:
        self._file = file

    def _fail(self, keys: tuple[str, ...], message: str) -> NoReturn:
        raise UsageError(f"{self._place(keys)}: {message}")

    def _place(self, keys: tuple[str, ...]) -> str:
        return f"{printable_line(self._file.path)}:{self._file.line_of(*keys)}"

    def check_sizes(self, keys: tuple[str, ...], value: Any) -> None:
        """Refuse whole numbers that TOML does not have, which Python would not even print."""
        if isinstance(value, dict):
            for key, each in value.items():
                self.check_sizes((*keys, key), each)
        elif isinstance(value, list):
            for each in value:
                self.check_sizes(keys, each)
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            self._fail(keys, f"{keys[-1]!r} is a number of more than 64 bits, which TOML does not have")

    def group(self, path: tuple[str, ...], group: click.Group, table: Mapping[str, Any]) -> Iterator[OptionDefault]:
        """The defaults in the table of a group; of the group's own keys first."""
        below = group.commands
        for key, value in table.items():
            if not (isinstance(value, dict) and key in below):
                yield from self._shared(path, key, value, below)
        for key, value in table.items():
            if not isinstance(value, dict) or key not in below:
                continue
            command = below[key]
            if isinstance(command, click.Group):
                yield from self.group((*path, key), command, value)
            else:
                yield from self._command((*path, key), command, value)

    def _shared(
        self, path: tuple[str, ...], key: str, value: Any, below: Mapping[str, click.Command]
    ) -> Iterator[OptionDefault]:
        """A key in the table of a group: it counts for all of its commands that have such an option."""
        name = key.replace("_", "-")
        having = (
            {word: found[name] for word, each in below.items() if name in (found := option_names(each))} if path else {}
        )
        usable = {word: option for word, option in having.items() if not is_for_once((*path, word), name)}
        if having and not usable:
            self._refuse_once((*path, key), (*path, next(iter(having))), name)
        if not usable:
            options = {name for each in below.values() for name in option_names(each)} if path else set()
            self._unknown((*path, key), key, {*below, *options}, path)
        for word, option in usable.items():
            yield self._default((*path, word), None, option, value, (*path, key))

    def _command(
        self, path: tuple[str, ...], command: click.Command, table: Mapping[str, Any]
    ) -> Iterator[OptionDefault]:
        guests = table.get("guest") if path == ("run",) else None
        options = {key: value for key, value in table.items() if key != "guest" or guests is None}
        yield from self._options(path, None, command, options, path)
        if guests is None:
            return
        if not isinstance(guests, dict):
            self._fail((*path, "guest"), "options for one guest are a table, such as [run.guest.demo]")
        for guest, own in guests.items():
            self._check_guest(guest)
            if not isinstance(own, dict):
                self._fail((*path, "guest", guest), f"options for one guest are a table: [run.guest.{guest}]")
            yield from self._options(path, guest, command, own, (*path, "guest", guest))

    def _check_guest(self, guest: str) -> None:
        """Refuse a word that names no guest, and is close to one that is there; an image may come later."""
        if os.path.lexists(guest) or not guest.replace("-", "").isalnum():
            return
        from uartsim.guest.catalogue import catalogue_folder
        from uartsim.guest.manifest import similar_names

        known = [entry.name for entry in os.scandir(catalogue_folder()) if entry.is_dir()]
        if guest not in known and (near := similar_names(guest, known)):
            self._fail(("run", "guest", guest), f"there is no guest {guest!r}; did you mean {' or '.join(near)}?")

    def _options(
        self,
        path: tuple[str, ...],
        guest: str | None,
        command: click.Command,
        table: Mapping[str, Any],
        keys: tuple[str, ...],
    ) -> Iterator[OptionDefault]:
        known = option_names(command)
        seen: dict[str, str] = {}
        for key, value in table.items():
            name = key.replace("_", "-")
            if name in seen:
                self._fail(
                    (*keys, key), f"{quoted(key)} and {quoted(seen[name])} are the same option: keep one of them"
                )
            seen[name] = key
            if name not in known:
                self._unknown((*keys, key), key, [each for each in known if not is_for_once(path, each)], keys)
            if is_for_once(path, name):
                self._refuse_once((*keys, key), path, name)
            yield self._default(path, guest, known[name], value, (*keys, key))

    def _unknown(self, keys: tuple[str, ...], key: str, known: Collection[str], table: tuple[str, ...]) -> NoReturn:
        from uartsim.guest.manifest import near_matches

        if not table and key in known:
            self._fail(keys, f"{key!r} is a command: its options are in a table, [{key}]")
        where = f" in [{'.'.join(table)}]" if table else ""
        fits = near_matches(key, known) or "; it has no options that can be set here"
        self._fail(keys, f"unknown {'key' if table else 'command'} {quoted(key)}{where}{printable_line(fits)}")

    def _refuse_once(self, keys: tuple[str, ...], path: tuple[str, ...], name: str) -> NoReturn:
        if name in _SECRET:
            self._fail(keys, f"{name!r} is a secret: name a file with {_SECRET[name]!r} instead")
        self._fail(keys, f"'uartsim {' '.join(path)}' takes --{name} for one time: give it on the command line")

    def _default(
        self, path: tuple[str, ...], guest: str | None, option: click.Option, value: Any, keys: tuple[str, ...]
    ) -> OptionDefault:
        name = keys[-1]
        if isinstance(value, dict) and option.metavar == "KEY=VALUE":
            value = [f"{key}={value_text(each)}" for key, each in value.items() if self._is_plain((*keys, key), each)]
        if option.is_flag:
            if not isinstance(value, bool):
                self._fail(keys, f"{name!r} must be true or false, not {quoted(value)}")
        elif option.multiple:
            pairs = ", or a table of them" if option.metavar == "KEY=VALUE" else ""
            if not isinstance(value, list):
                self._fail(keys, f"{name!r} can be given several times: write an array{pairs}, not {quoted(value)}")
            value = [self._converted(keys, option, each) for each in value]
        else:
            value = self._converted(keys, option, value)
        return OptionDefault(path, guest, option, value, name.replace("_", "-"), self._place(keys))

    def _is_plain(self, keys: tuple[str, ...], value: Any) -> bool:
        if not isinstance(value, (str, int, float)):
            self._fail(keys, f"{keys[-1]!r} must be a string, a number, true or false")
        return True

    def _converted(self, keys: tuple[str, ...], option: click.Option, value: Any) -> Any:
        """One value, as text or number; it is checked as on the command line, but stays as it is."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "" or "\0" in str(value):
            self._fail(keys, f"{keys[-1]!r} must be a string with some text or a number, not {quoted(value)}")
        if isinstance(option.type, click.Path) and isinstance(value, str):
            value = os.path.expanduser(value)  # on the command line the shell does it
        try:
            option.type.convert(str(value), option, None)
        except click.UsageError as error:
            if isinstance(option.type, click.types.IntParamType) and not isinstance(value, int):
                self._fail(keys, f"{keys[-1]!r} must be a whole number, not {quoted(value)}")
            self._fail(keys, f"{keys[-1]!r}: {printable_line(error.message)}")
        return str(value)


def value_text(value: Any) -> str:
    """A value as it is written on the command line, or in the file."""
    return str(value).lower() if isinstance(value, bool) else str(value)
