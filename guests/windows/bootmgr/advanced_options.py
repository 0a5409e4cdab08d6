"""The advanced options that F8 shows, and what each changes for this boot only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ..disk.boot_store import BootOptions


class AdvancedOption(NamedTuple):
    """An option: its line, its description, and what it makes of the boot."""

    title: str
    description: str
    apply: Callable[[BootOptions], BootOptions]


def _unchanged(options: BootOptions) -> BootOptions:
    return options


OPTIONS: Final = (
    AdvancedOption(
        "Safe Mode",
        "Start Windows with only the core drivers and services.",
        lambda options: options._replace(safeboot="Minimal"),
    ),
    AdvancedOption(
        "Safe Mode with Networking",
        "Start Windows with core drivers, plus networking support.",
        lambda options: options._replace(safeboot="Network"),
    ),
    AdvancedOption(
        "Safe Mode with Command Prompt",
        "Start Windows with core drivers, and launch the command prompt.",
        lambda options: options._replace(safeboot="Minimal"),
    ),
    AdvancedOption(
        "Enable Boot Logging",
        "List each driver on the console as it is loaded.",
        lambda options: options._replace(log=True),
    ),
    AdvancedOption(
        "Enable low-resolution video", "Set the display to 640x480; the serial line is unchanged.", _unchanged
    ),
    AdvancedOption(
        "Debugging Mode",
        "Enable the Windows kernel debugger on COM1.",
        lambda options: options._replace(debug=True),
    ),
    AdvancedOption("Disable Driver Signature Enforcement", "Allow drivers with improper signatures.", _unchanged),
    AdvancedOption("Start Windows Normally", "Start Windows with its regular settings.", _unchanged),
)
