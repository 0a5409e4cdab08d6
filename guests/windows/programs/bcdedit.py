"""``bcdedit``: shows and changes the boot configuration data, for the next boot.  Syntax: Microsoft's page "BCDEdit"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..disk.boot_store import CURRENT_GUID, BootStore, BootStoreError, object_lines
from .program_context import ProgramContext

_DONE: Final = "The operation completed successfully.\n"
_TITLES: Final = {
    "{bootmgr}": "Windows Boot Manager",
    "{current}": "Windows Boot Loader",
    "{memdiag}": "Windows Memory Tester",
    "{emssettings}": "EMS Settings",
    "{dbgsettings}": "Debugger Settings",
    "{globalsettings}": "Global Settings",
    "{bootloadersettings}": "Boot Loader Settings",
}
#: What `/enum` shows for each of its words.
_LISTS: Final = {
    "active": ("{bootmgr}", "{current}"),
    "osloader": ("{current}",),
    "bootmgr": ("{bootmgr}",),
    "inherit": ("{emssettings}", "{dbgsettings}", "{globalsettings}", "{bootloadersettings}"),
    "bootapp": ("{memdiag}",),
    "firmware": (),
    "resume": (),
    "all": tuple(_TITLES),
}
_HELP: Final = """\
BCDEDIT - Boot Configuration Data Store Editor

    /enum [active|all|inherit|osloader|bootmgr|<id>] [/v]   List entries.
    /set [<id>] <element> <value>        Set an element of an entry.
    /deletevalue [<id>] <element>        Delete an element of an entry.
    /default <id>                        Set the default entry.
    /timeout <seconds>                   Set the boot manager's time-out.
    /displayorder <id>                   Set the order of the boot menu.
    /ems [<id>] {on|off}                 EMS for an operating system.
    /bootems [<id>] {on|off}             EMS for a boot application.
    /emssettings [EMSPORT:<port>] [EMSBAUDRATE:<baud>] | [BIOS]
    /debug [<id>] {on|off}               Kernel debugging.
    /bootdebug [<id>] {on|off}           Boot debugging.
    /dbgsettings [SERIAL [DEBUGPORT:<port>] [BAUDRATE:<baud>]]
"""
#: The commands that switch an element on or off, with the entry that they mean if none is given.
_SWITCHES: Final = {
    "/ems": ("ems", "{current}"),
    "/bootems": ("bootems", "{bootmgr}"),
    "/debug": ("debug", "{current}"),
    "/bootdebug": ("bootdebug", "{current}"),
}


class _UsageError(Exception):
    """The command line is not one of bcdedit's."""


async def bcdedit(context: ProgramContext) -> int:
    """Run bcdedit."""
    words = [word.strip("'") for word in context.words]
    if words and words[0].lower() in ("/?", "-?", "/help"):
        await context.write(_HELP)
        return 0
    if not context.token.administrator:
        return await context.fail("The boot configuration data store could not be opened.\nAccess is denied.")
    if words and words[0].lower() == "/store":
        return await context.fail(
            "The boot configuration data store could not be opened.\nThe system cannot find the file specified."
        )
    store, verbose = context.disk.boot_store, any(word.lower() == "/v" for word in words)
    words = [word for word in words if word.lower() != "/v"]
    try:
        if not words or words[0].lower() == "/enum":
            await context.write_lines(_listing(store, words[1:], verbose))
        elif words[0].lower() in ("/emssettings", "/dbgsettings") and len(words) == 1:
            await context.write_lines(_object(store, "{" + words[0][1:].lower() + "}", verbose=False))
        else:
            _change(store, words[0].lower(), words[1:])
            await context.write(_DONE)
    except _UsageError:
        name = words[0].lstrip("/")
        return await context.fail(
            f'The {name} command specified is not valid.\nRun "bcdedit /?" for command line assistance.\n'
            "The parameter is incorrect."
        )
    except BootStoreError as error:
        return await context.fail(str(error))
    return 0


def _change(store: BootStore, command: str, words: list[str]) -> None:
    if command in _SWITCHES:
        element, meant = _SWITCHES[command]
        identifier = words[0] if len(words) == 2 else meant
        if len(words) not in (1, 2) or words[-1].lower() not in ("on", "off"):
            raise _UsageError
        store.set(identifier, element, words[-1])
    elif command in ("/emssettings", "/dbgsettings"):
        _change_settings(store, "{" + command[1:] + "}", words)
    elif command in ("/set", "/deletevalue"):
        identifier, rest = (words[0], words[1:]) if words and words[0].startswith("{") else ("{current}", words)
        if len(rest) < (2 if command == "/set" else 1):
            raise _UsageError
        if command == "/set":
            store.set(identifier, rest[0], " ".join(rest[1:]))
        else:
            store.delete(identifier, rest[0])
    elif command == "/timeout" and len(words) == 1:
        store.set("{bootmgr}", "timeout", words[0])
    elif command in ("/default", "/displayorder") and words:
        store.identifier(words[0])  # there is one Windows only
    else:
        raise _UsageError


def _change_settings(store: BootStore, identifier: str, words: list[str]) -> None:
    numbers = ("emsport", "emsbaudrate") if identifier == "{emssettings}" else ("debugport", "baudrate")
    changes: list[tuple[str, str]] = []
    for word in words:
        name, colon, value = word.lower().partition(":")
        if identifier == "{emssettings}" and word.lower() == "bios":
            for element in numbers:
                store.objects[identifier].pop(element, None)
        elif identifier == "{dbgsettings}" and word.lower() == "serial":
            changes.append(("debugtype", "Serial"))
        elif colon and name in numbers:
            changes.append((name, value))
        else:
            raise _UsageError
    for name, value in changes:
        store.set(identifier, name, value)


def _listing(store: BootStore, words: list[str], verbose: bool) -> Iterator[str]:
    wanted = words[0].lower() if words else "active"
    if wanted.startswith("{"):
        identifiers: tuple[str, ...] = (store.identifier(wanted),)
    elif wanted in _LISTS and len(words) < 2:
        identifiers = _LISTS[wanted]
    else:
        raise _UsageError
    for identifier in identifiers:
        yield from _object(store, identifier, verbose)


def _object(store: BootStore, identifier: str, verbose: bool) -> Iterator[str]:
    for line in object_lines(_TITLES[identifier], identifier, store.objects[identifier]):
        yield re.sub(r"\{current\}", CURRENT_GUID, line) if verbose else line
