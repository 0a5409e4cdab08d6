"""What a cmdlet is, and what it works in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ..programs.program_context import ProgramContext
from .cmdlet_lines import CmdletCall, PipedObject

#: Parameters without a value.
SWITCHES: Final = frozenset(
    ["force", "all", "autosize", "passthru", "nopassword", "confirm", "wait", "noexit", "nologo", "noprofile"]
)


class Shell:
    """What lasts in one PowerShell.

    Attributes:
        context: the context that it was started in.
        has_readline: whether PSReadLine is loaded.
        as_list: whether the objects of this pipeline are shown as a list.
    """

    def __init__(self, context: ProgramContext) -> None:
        self.context = context
        self.has_readline = True
        self.as_list = False


Objects = list[PipedObject] | None
Cmdlet = Callable[[Shell, CmdletCall, Objects], Awaitable[Objects]]
