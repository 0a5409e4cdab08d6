"""The table of commands: the shell's builtins and the programs, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import (
    commands_data,
    commands_files,
    commands_shell,
    commands_system,
    commands_text,
    commands_tty,
    commands_values,
)

if TYPE_CHECKING:
    from .shell_context import CommandFunction

#: Every command by its name.
COMMANDS: Final[dict[str, CommandFunction]] = {
    **commands_shell.COMMANDS,
    **commands_values.COMMANDS,
    **commands_text.COMMANDS,
    **commands_data.COMMANDS,
    **commands_files.COMMANDS,
    **commands_system.COMMANDS,
    **commands_tty.COMMANDS,
}
