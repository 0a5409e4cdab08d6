"""The settings of GRUB that can be changed while the guest is off, and which values they may have.

They are keys of ``/etc/default/grub`` (GNU GRUB manual, "Simple configuration handling").  ``update-grub`` makes
``grub.cfg`` of them, in the running guest.  Offline, only those are possible whose effect on ``grub.cfg`` is plain.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from uartsim.errors import UsageError
from uartsim.printable import quoted

#: Those that go to the kernel's command line; an empty value removes what is there.
COMMAND_LINES: Final = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
#: Those that choose GRUB's terminals, with the commands that do it.
TERMINALS: Final[Mapping[str, tuple[str, ...]]] = {
    "GRUB_TERMINAL": ("terminal_input", "terminal_output"),
    "GRUB_TERMINAL_INPUT": ("terminal_input",),
    "GRUB_TERMINAL_OUTPUT": ("terminal_output",),
}
#: Every key, with the pattern of its values and a sentence about them.
_VALUES: Final[Mapping[str, tuple[str, str]]] = {
    "GRUB_TIMEOUT": (r"-1|\d{1,6}", "a number of seconds, or -1 to wait for a key"),
    "GRUB_RECORDFAIL_TIMEOUT": (r"-1|\d{1,6}", "a number of seconds, or -1 to wait for a key"),
    "GRUB_TIMEOUT_STYLE": (r"menu|countdown|hidden", "menu, countdown or hidden"),
    "GRUB_DEFAULT": (
        r"[^\"'\\$`\x00-\x1f\x7f]+",
        "an entry's number (from 0), title or id, with > before one in a submenu, or saved",
    ),
    **dict.fromkeys(
        TERMINALS, (r"(console|serial)( (console|serial))?", "console, serial, or both with a space between")
    ),
    "GRUB_SERIAL_COMMAND": (
        r"serial( --(unit|port|speed|word|parity|stop)=[0-9a-zx]+)*",
        "such as 'serial --unit=0 --speed=115200 --word=8 --parity=no --stop=1'",
    ),
    **dict.fromkeys(
        COMMAND_LINES,
        (
            r"[^\"'\\$`;&|<>{}#\x00-\x1f\x7f]*",
            "parameters with spaces between, without quotes, $, ;, &, |, <, >, {, } or #",
        ),
    ),
}
#: The keys that can be changed, with what their values are.
SETTINGS: Final[Mapping[str, str]] = {key: values for key, (_, values) in _VALUES.items()}
#: Settings from which ``update-grub`` computes the menu, so that they have no effect offline.
_ONLY_IN_THE_GUEST: Final = (
    *("GRUB_BACKGROUND", "GRUB_BADRAM", "GRUB_BUTTON_CMOS_ADDRESS", "GRUB_CMDLINE_LINUX_RECOVERY"),
    *("GRUB_CMDLINE_LINUX_XEN_REPLACE", "GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT", "GRUB_CMDLINE_XEN"),
    *("GRUB_CMDLINE_XEN_DEFAULT", "GRUB_DEFAULT_BUTTON", "GRUB_DISABLE_LINUX_PARTUUID", "GRUB_DISABLE_LINUX_UUID"),
    *("GRUB_DISABLE_OS_PROBER", "GRUB_DISABLE_RECOVERY", "GRUB_DISABLE_SUBMENU", "GRUB_DISTRIBUTOR"),
    *("GRUB_EARLY_INITRD_LINUX_CUSTOM", "GRUB_ENABLE_BLSCFG", "GRUB_ENABLE_CRYPTODISK", "GRUB_FONT"),
    *("GRUB_GFXMODE", "GRUB_GFXPAYLOAD_LINUX", "GRUB_HIDDEN_TIMEOUT", "GRUB_HIDDEN_TIMEOUT_QUIET", "GRUB_INIT_TUNE"),
    *("GRUB_OS_PROBER_SKIP_LIST", "GRUB_PRELOAD_MODULES", "GRUB_SAVEDEFAULT", "GRUB_THEME", "GRUB_TOP_LEVEL"),
    *("GRUB_USE_LINUXEFI", "GRUB_VIDEO_BACKEND"),
)


def check_grub_settings(settings: Mapping[str, str]) -> None:
    """Check the names and values of settings of GRUB.

    Raises:
        UsageError: one is unknown, cannot be changed offline, or has an impossible value.
    """
    for key, value in settings.items():
        if key in _ONLY_IN_THE_GUEST:
            raise UsageError(
                f"--grub {key}: update-grub computes the menu from it, and can only run in the guest; change /etc/default/grub "
                f"there. Possible here: {', '.join(_VALUES)}"
            )
        if key not in _VALUES:
            near = difflib.get_close_matches(key[:100].upper(), _VALUES, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"possible: {', '.join(_VALUES)}"
            raise UsageError(f"--grub {quoted(key)}: GRUB has no such setting that can be changed here; {hint}")
        pattern, values = _VALUES[key]
        if not re.fullmatch(pattern, value) or len(value) > 2000:
            raise UsageError(f"--grub {key}={quoted(value)}: give {values}")
