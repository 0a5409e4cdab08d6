"""The table of commands: the shell's builtins and the programs, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..shell import builtins as commands_shell
from ..shell import builtins_values as commands_values
from . import checksum_programs as commands_data
from . import file_programs as commands_files
from . import stty as commands_tty
from . import system_programs as commands_system
from . import text_programs as commands_text

if TYPE_CHECKING:
    from ..shell.command_context import CommandFunction

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
