"""The configuration file: defaults for the options that a person always types.

It is TOML, at ``uartsim/config.toml`` in ``$XDG_CONFIG_HOME`` (``~/.config`` without it).  ``$UARTSIM_CONFIG`` names another
file, or none if it is empty.  The file is only data: it is never run, and uartsim never writes it.  A table is a command, and
its keys are that command's options without the dashes:

    [run]
    no-attach = true

    [run.guest.debian-12]                  # only for this guest
    memory = 2048
    set = { sysrq = 1 }

    [console]                              # all commands of the group that have the option
    user = "me@example.com"

    [images.fetch]
    timeout = 120

What is nearer counts: the command line, then a variable of the environment, then this file, then the default.  Only the command
line reads it: a test or a program that imports uartsim gets the same whoever runs it.
"""

from __future__ import annotations

import functools
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from uartsim.errors import UsageError
from uartsim.own_files.places import config_file, is_ours
from uartsim.printable import printable_line
from uartsim.toml_text import TomlMistake, parse_toml

if TYPE_CHECKING:
    from uartsim.guest.toml_lines import Lines

#: Names the file; empty for none.
VARIABLE: Final = "UARTSIM_CONFIG"
#: A larger file is refused.
LIMIT_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file that has been read, and not checked yet.

    Attributes:
        path: where it is.
        text: what is in it.
        tables: the same, as TOML has it.
    """

    path: str
    text: str = field(repr=False)
    tables: dict[str, Any]

    def line_of(self, *keys: str) -> int:
        """The line of a key, from 1."""
        return self._lines.line_of(keys)

    @functools.cached_property
    def _lines(self) -> Lines:
        from uartsim.guest.toml_lines import Lines

        return Lines(self.text)


def read_config() -> ConfigFile | None:
    """The configuration file, or None if there is none.

    A file at the usual place that is another user's is not used, as with ``sudo -E``.

    Raises:
        UsageError: the file that was named is missing, or it cannot be read, is not TOML, or others can write to it.
    """
    path, is_named = config_file()
    if not path or not (is_named or (os.path.lexists(path) and is_ours(os.path.dirname(path)))):
        return None
    shown = printable_line(path)
    try:
        content = _content(path, shown)
        text = content.decode("utf-8")
        return ConfigFile(path, text, parse_toml(text))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{shown}:{line}: a byte that is not UTF-8: save the file as UTF-8") from None
    except TomlMistake as mistake:
        raise UsageError(f"{shown}:{mistake.line}: {printable_line(str(mistake))}") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        named = f", which {VARIABLE} names," if is_named else ""
        raise UsageError(
            f"the configuration file {shown}{named} cannot be read ({why}); {VARIABLE}= for none"
        ) from None


def _content(path: str, shown: str) -> bytes:
    # A named pipe would be waited for.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise UsageError(f"{shown} is not a file: a configuration file is; {VARIABLE}= for none")
        if state.st_uid not in (os.geteuid(), 0) or state.st_mode & stat.S_IWOTH:
            raise UsageError(
                f"others can change the configuration file {shown}: have it be yours, and run 'chmod o-w' on it"
            )
        content = file.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise UsageError(f"{shown} has more than {LIMIT_BYTES >> 10} KiB: no configuration file is that large")
    return content
