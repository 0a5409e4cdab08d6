"""uartsim: a virtual 16550A UART, its serial line, the machines behind it, and a console test harness.

This module holds every public name.  A name's module is imported when the name is first used, so that
``import uartsim`` itself is cheap.  ``uartsim.blocking`` has the same names for ordinary, blocking code.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uartsim import blocking
    from uartsim.chip.bench import Bench
    from uartsim.console.console import Console
    from uartsim.console.console_errors import (
        ConsoleBusy,
        ConsoleClosed,
        ExpectTimeout,
        GrubFailed,
        GuestEnded,
        LoginFailed,
        OutputTooLong,
        ProblemFound,
        RecoveryFailed,
        RunFailed,
        SacFailed,
        TransferFailed,
        TypingFailed,
        UnwantedOutput,
    )
    from uartsim.console.expectations import Match
    from uartsim.console.open_console import open_console
    from uartsim.console.shell.shell_line import Result
    from uartsim.console.text.screen import Screen
    from uartsim.errors import UartsimError, UsageError
    from uartsim.guest.catalogue import GuestDefinition, find_guest, list_guests
    from uartsim.line_format import LineFormat
    from uartsim.machine import AgentError, CommandResult, Machine, open_machine

__version__ = "0.1.0"

__all__ = [
    "AgentError",
    "Bench",
    "CommandResult",
    "Console",
    "ConsoleBusy",
    "ConsoleClosed",
    "ExpectTimeout",
    "GrubFailed",
    "GuestDefinition",
    "GuestEnded",
    "LineFormat",
    "LoginFailed",
    "Machine",
    "Match",
    "OutputTooLong",
    "ProblemFound",
    "RecoveryFailed",
    "Result",
    "RunFailed",
    "SacFailed",
    "Screen",
    "TransferFailed",
    "TypingFailed",
    "UartsimError",
    "UnwantedOutput",
    "UsageError",
    "__version__",
    "blocking",
    "find_guest",
    "list_guests",
    "open_console",
    "open_machine",
]

#: The module that defines each public name.
_HOMES = {
    "AgentError": "uartsim.machine",
    "Bench": "uartsim.chip.bench",
    "CommandResult": "uartsim.machine",
    "Console": "uartsim.console.console",
    "ConsoleBusy": "uartsim.console.console_errors",
    "ConsoleClosed": "uartsim.console.console_errors",
    "ExpectTimeout": "uartsim.console.console_errors",
    "GrubFailed": "uartsim.console.console_errors",
    "GuestDefinition": "uartsim.guest.catalogue",
    "GuestEnded": "uartsim.console.console_errors",
    "LineFormat": "uartsim.line_format",
    "LoginFailed": "uartsim.console.console_errors",
    "Machine": "uartsim.machine",
    "Match": "uartsim.console.expectations",
    "OutputTooLong": "uartsim.console.console_errors",
    "ProblemFound": "uartsim.console.console_errors",
    "RecoveryFailed": "uartsim.console.console_errors",
    "Result": "uartsim.console.shell.shell_line",
    "RunFailed": "uartsim.console.console_errors",
    "SacFailed": "uartsim.console.console_errors",
    "Screen": "uartsim.console.text.screen",
    "TransferFailed": "uartsim.console.console_errors",
    "TypingFailed": "uartsim.console.console_errors",
    "UartsimError": "uartsim.errors",
    "UnwantedOutput": "uartsim.console.console_errors",
    "UsageError": "uartsim.errors",
    "find_guest": "uartsim.guest.catalogue",
    "list_guests": "uartsim.guest.catalogue",
    "open_console": "uartsim.console.open_console",
    "open_machine": "uartsim.machine",
}


def __getattr__(name: str) -> Any:
    if name == "blocking":
        value: Any = importlib.import_module("uartsim.blocking")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
