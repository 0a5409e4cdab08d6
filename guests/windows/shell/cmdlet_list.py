"""All cmdlets and their aliases."""

from __future__ import annotations

from typing import Final

from .cmdlet_shell import Cmdlet
from .configuration_cmdlets import CONFIGURATION_CMDLETS
from .management_cmdlets import MANAGEMENT_CMDLETS
from .session_cmdlets import SESSION_CMDLETS

CMDLETS: Final[dict[str, Cmdlet]] = {**SESSION_CMDLETS, **CONFIGURATION_CMDLETS, **MANAGEMENT_CMDLETS}
ALIASES: Final = {
    "?": "where-object", "cat": "get-content", "cd": "set-location", "clear": "clear-host", "cls": "clear-host",
    "dir": "get-childitem", "echo": "write-output", "fl": "format-list", "ft": "format-table", "gc": "get-content",
    "gl": "get-location", "gps": "get-process", "gsv": "get-service", "gwmi": "get-wmiobject", "kill": "stop-process",
    "ls": "get-childitem", "more": "out-host", "ps": "get-process", "pwd": "get-location", "sasv": "start-service",
    "select": "select-object", "spps": "stop-process", "spsv": "stop-service", "type": "get-content",
    "where": "where-object",
}  # fmt: skip
