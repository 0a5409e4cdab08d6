"""The table of the programs that the shell can start, besides its builtins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..shell.command_context import CommandFunction
from .account_programs import ACCOUNT_PROGRAMS
from .checksum_programs import CHECKSUM_PROGRAMS
from .file_programs import FILE_PROGRAMS
from .passwd import passwd
from .power_programs import POWER_PROGRAMS
from .shell_programs import SHELL_PROGRAMS
from .stty import stty
from .system_programs import SYSTEM_PROGRAMS
from .text_programs import TEXT_PROGRAMS

#: Every program, by name.
PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    **SHELL_PROGRAMS,
    **TEXT_PROGRAMS,
    **CHECKSUM_PROGRAMS,
    **FILE_PROGRAMS,
    **SYSTEM_PROGRAMS,
    **POWER_PROGRAMS,
    **ACCOUNT_PROGRAMS,
    "passwd": passwd,
    "stty": stty,
}
