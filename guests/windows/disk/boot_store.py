"""The boot configuration data (BCD) of the disk, and what a boot makes of it.

Only the objects that the boot of one Windows needs are there.  A change is seen by the next boot; the running system keeps
the :class:`BootOptions` that it was started with.  Names and types of the elements: Microsoft's page "BCDEdit /set".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

Value = bool | int | str

#: The identifier of the only Windows, as `bcdedit /v` shows it.
CURRENT_GUID: Final = "{5a0f2b1c-7c6e-4f0a-9d51-6c1f3e2a8b40}"
_RESUME_GUID: Final = "{5a0f2b1b-7c6e-4f0a-9d51-6c1f3e2a8b40}"
_CURRENT: Final = "{current}"
_BOOLEANS: Final = frozenset(
    [
        "bootdebug",
        "bootems",
        "bootlog",
        "bootstatusdisplay",
        "debug",
        "detecthal",
        "displaybootmenu",
        "ems",
        "nointegritychecks",
        "nolowmem",
        "recoveryenabled",
        "safebootalternateshell",
        "sos",
        "testsigning",
        "usefirmwarepcisettings",
        "vga",
        "bootshutdowndisabled",
        "onetimeadvancedoptions",
        "advancedoptions",
        "optionsedit",
        "quietboot",
    ]
)
_NUMBERS: Final = frozenset(
    [
        "baudrate",
        "debugport",
        "emsbaudrate",
        "emsport",
        "maxproc",
        "numproc",
        "removememory",
        "timeout",
        "truncatememory",
    ]
)
_STRINGS: Final = frozenset(
    [
        "bootmenupolicy",
        "bootstatuspolicy",
        "debugtype",
        "description",
        "device",
        "hypervisorlaunchtype",
        "inherit",
        "locale",
        "nx",
        "osdevice",
        "pae",
        "path",
        "resumeobject",
        "safeboot",
        "systemroot",
        "default",
    ]
)
_TRUE: Final = ("yes", "on", "true", "1")
_FALSE: Final = ("no", "off", "false", "0")
_CHOICES: Final = {
    "safeboot": {"minimal": "Minimal", "network": "Network", "dsrepair": "DsRepair"},
    "bootstatuspolicy": {
        "displayallfailures": "DisplayAllFailures",
        "ignoreallfailures": "IgnoreAllFailures",
        "ignoreshutdownfailures": "IgnoreShutdownFailures",
    },
    "bootmenupolicy": {"legacy": "Legacy", "standard": "Standard"},
    "nx": {"optin": "OptIn", "optout": "OptOut", "alwayson": "AlwaysOn", "alwaysoff": "AlwaysOff"},
}


class BootStoreError(Exception):
    """What bcdedit says of a request that cannot be done."""


class BootOptions(NamedTuple):
    """What one start of Windows takes from the BCD.

    Attributes:
        ems: Emergency Management Services are on for the entry that is started.
        port: the number of the COM port for EMS, or 0 if none is set.
        baud: its speed.
        debug: the kernel debugger owns COM1.
        safeboot: "" or "Minimal" or "Network".
        description: the entry's name.
        log: drivers are listed as they load (``sos``).
    """

    ems: bool = False
    port: int = 0
    baud: int = 115200
    debug: bool = False
    safeboot: str = ""
    description: str = ""
    log: bool = False


class BootStore:
    """The BCD.

    Args:
        description: the name of the Windows in the boot menu.
        ems: whether EMS is on for it, with COM1 at 115200 baud.
        debug: whether kernel debugging is on for it.
        menu: the boot manager's displaybootmenu and bootems.
        timeout: the boot menu's, in seconds.
    """

    def __init__(self, description: str, ems: bool, debug: bool, menu: tuple[bool, bool], timeout: int) -> None:
        display, bootems = menu
        self.objects: dict[str, dict[str, Value]] = {
            "{bootmgr}": {
                "device": r"partition=\Device\HarddiskVolume1",
                "description": "Windows Boot Manager",
                "locale": "en-US",
                "inherit": "{globalsettings}",
                "default": _CURRENT,
                "resumeobject": _RESUME_GUID,
                "displayorder": _CURRENT,
                "toolsdisplayorder": "{memdiag}",
                "timeout": timeout,
            },
            _CURRENT: {
                "device": "partition=C:",
                "path": r"\Windows\system32\winload.exe",
                "description": description,
                "locale": "en-US",
                "inherit": "{bootloadersettings}",
                "recoveryenabled": False,
                "osdevice": "partition=C:",
                "systemroot": r"\Windows",
                "resumeobject": _RESUME_GUID,
                "nx": "OptOut",
            },
            "{memdiag}": {
                "device": r"partition=\Device\HarddiskVolume1",
                "path": r"\boot\memtest.exe",
                "description": "Windows Memory Diagnostic",
                "locale": "en-US",
                "inherit": "{globalsettings}",
            },
            "{emssettings}": {"bootems": False},
            "{dbgsettings}": {"debugtype": "Serial", "debugport": 1, "baudrate": 115200},
            "{globalsettings}": {"inherit": "{dbgsettings} {emssettings}"},
            "{bootloadersettings}": {"inherit": "{globalsettings}"},
        }
        if display:
            self.objects["{bootmgr}"]["displaybootmenu"] = True
        if bootems:
            self.objects["{bootmgr}"]["bootems"] = True
        if ems:
            self.objects[_CURRENT]["ems"] = True
            self.objects["{emssettings}"].update(emsport=1, emsbaudrate=115200)
        if debug:
            self.objects[_CURRENT]["debug"] = True

    # -------------------------------------------------------------------------------------------------------- changes
    def identifier(self, text: str) -> str:
        """The object that a command means.

        Raises:
            BootStoreError: there is none.
        """
        wanted = text.strip("'\"").lower()
        if wanted in ("{default}", CURRENT_GUID, "current", "default"):
            wanted = _CURRENT
        if wanted in self.objects:
            return wanted
        if not re.fullmatch(r"\{[^{}]+\}", wanted):
            raise BootStoreError("The specified entry identifier is not valid.")
        raise BootStoreError(
            "An error occurred while attempting to reference the specified entry.\n"
            "The system cannot find the file specified."
        )

    def set(self, identifier: str, element: str, text: str) -> None:
        """Set an element of an object.

        Raises:
            BootStoreError: there is no such object or element, or the value is none.
        """
        name = element.lower()
        self.objects[self.identifier(identifier)][name] = parse_value(name, text)

    def delete(self, identifier: str, element: str) -> None:
        """Remove an element from an object.

        Raises:
            BootStoreError: there is no such object, or it has no such element.
        """
        elements, name = self.objects[self.identifier(identifier)], element.lower()
        if name not in elements:
            raise BootStoreError(
                "An error occurred while attempting to delete the specified data element.\nElement not found."
            )
        del elements[name]

    # ------------------------------------------------------------------------------------------------------ what is set
    def element(self, identifier: str, name: str, missing: Value) -> Value:
        """An element's value, or ``missing``."""
        return self.objects[identifier].get(name, missing)

    @property
    def shows_menu(self) -> bool:
        """Whether the boot menu comes on the serial line at the next boot."""
        manager = self.objects["{bootmgr}"]
        return bool(manager.get("displaybootmenu")) and self.talks_on_serial

    @property
    def talks_on_serial(self) -> bool:
        """Whether the boot manager uses COM1 (``bootems``)."""
        ems = self.objects["{emssettings}"]  # which {bootmgr} inherits, by way of {globalsettings}
        on = self.objects["{bootmgr}"].get("bootems", ems.get("bootems", False))
        return bool(on) and ems.get("emsport", 1) == 1

    @property
    def timeout(self) -> int:
        """The boot menu's, in seconds."""
        return int(self.element("{bootmgr}", "timeout", 30))

    def options(self) -> BootOptions:
        """What the next boot takes from the store."""
        windows, ems = self.objects[_CURRENT], self.objects["{emssettings}"]
        return BootOptions(
            ems=bool(windows.get("ems")),
            port=int(ems.get("emsport", 0)),
            baud=int(ems.get("emsbaudrate", 115200)),
            debug=bool(windows.get("debug")) and self.element("{dbgsettings}", "debugport", 1) == 1,
            safeboot=str(windows.get("safeboot", "")),
            description=str(windows.get("description", "")),
            log=bool(windows.get("sos")),
        )


def parse_value(name: str, text: str) -> Value:
    """An element's value, from what was typed.

    Raises:
        BootStoreError: there is no such element, or no such value of it.
    """
    plain = text.strip().lower()
    if name in _BOOLEANS and plain in _TRUE + _FALSE:
        return plain in _TRUE
    if name in _NUMBERS and re.fullmatch(r"0x[0-9a-f]{1,15}|[0-9]{1,18}", plain):
        return int(plain, 0) if plain.startswith("0x") else int(plain)
    if name in _CHOICES and plain in _CHOICES[name]:
        return _CHOICES[name][plain]
    if name in _STRINGS and name not in _CHOICES and plain:
        return text.strip()
    if name in _BOOLEANS | _NUMBERS | _STRINGS:
        raise BootStoreError("The element data supplied is not valid.\nThe parameter is incorrect.")
    raise BootStoreError(
        "The element data type specified is not recognized, or does not apply to the\nspecified entry."
    )


def value_text(value: Value) -> str:
    """A value as bcdedit shows it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def object_lines(title: str, identifier: str, elements: dict[str, Value]) -> Iterator[str]:
    """An object as bcdedit lists it."""
    yield ""
    yield title
    yield "-" * len(title)
    for name, value in ({"identifier": identifier} | elements).items():
        yield f"{name:<24}{value_text(value)}"
