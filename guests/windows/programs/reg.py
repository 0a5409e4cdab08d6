"""``reg``: shows and changes the registry.  Syntax: Microsoft's page "reg commands"."""

from __future__ import annotations

from typing import Final

from ..disk.registry_hive import TYPES, InvalidKey, Registry, RegistryValue, full_path, parse_data
from .program_context import ProgramContext

_DONE: Final = "The operation completed successfully.\n"
_NOT_FOUND: Final = "ERROR: The system was unable to find the specified registry key or value."
_SYNTAX: Final = 'ERROR: Invalid syntax.\nType "REG {} /?" for usage.'
_HELP: Final = """\
REG QUERY key [/v name] [/s]
REG ADD key [/v name | /ve] [/t type] [/d data] [/f]
REG DELETE key [/v name | /ve | /va] [/f]
"""


class _SyntaxError(Exception):
    """The command line is not one of reg's."""


class _Options:
    """The options behind a key."""

    def __init__(self, words: list[str]) -> None:
        self.name: str | None = None
        self.type = "REG_SZ"
        self.data = ""
        self.flags: set[str] = set()
        rest = iter(words)
        for word in rest:
            option = word.lower()
            if option in ("/v", "/t", "/d"):
                value = next(rest, None)
                if value is None:
                    raise _SyntaxError
                self._take(option, value)
            elif option == "/ve":
                self.name = ""
            elif option in ("/s", "/f", "/va"):
                self.flags.add(option)
            else:
                raise _SyntaxError

    def _take(self, option: str, value: str) -> None:
        if option == "/v":
            self.name = value
        elif option == "/t":
            self.type = value.upper()
        else:
            self.data = value


async def reg(context: ProgramContext) -> int:
    """Run reg."""
    words = context.words
    command = words[0].lower() if words else "/?"
    if command in ("/?", "-?") or "/?" in words:
        await context.write(_HELP)
        return 0
    try:
        if command not in _COMMANDS or len(words) < 2:
            raise _SyntaxError
        key, options = full_path(words[1]), _Options(words[2:])
        if command != "query" and not context.token.administrator and key.startswith("HKEY_LOCAL_MACHINE"):
            return await context.fail("ERROR: Access is denied.")
        return await _COMMANDS[command](context, key, options)
    except InvalidKey:
        return await context.fail("ERROR: Invalid key name.")
    except _SyntaxError:
        return await context.fail(_SYNTAX.format(command.upper()))


def _value_line(value: RegistryValue) -> str:
    return f"    {value.name or '(Default)'}    {value.type}    {value.data}"


async def _query(context: ProgramContext, key: str, options: _Options) -> int:
    registry = context.disk.registry
    if not registry.has_key(key):
        return await context.fail(_NOT_FOUND)
    if options.name is not None and "/s" not in options.flags:
        value = registry.get(key, options.name)
        if value is None:
            return await context.fail(_NOT_FOUND)
        await context.write(f"\n{key}\n{_value_line(value)}\n\n")
        return 0
    await context.write("\n")
    for path in _paths(registry, key, "/s" in options.flags):
        values = [
            value
            for value in registry.values(path)
            if options.name is None or value.name.lower() == options.name.lower()
        ]
        if values or path.lower() != key.lower():
            await context.write_lines([path, *map(_value_line, values)])
            if values:
                await context.write("\n")
    return 0


def _paths(registry: Registry, key: str, below: bool) -> list[str]:
    """The key, and its sub-keys; with ``below`` all below it."""
    found = [key]
    for path in registry.keys_below(key):
        parts = path[len(key) :].strip("\\").split("\\")
        shown = path if below else f"{key}\\{parts[0]}"
        if parts[0] and shown.lower() not in (each.lower() for each in found):
            found.append(shown)
    return found


async def _add(context: ProgramContext, key: str, options: _Options) -> int:
    registry = context.disk.registry
    if options.type not in TYPES:
        raise _SyntaxError
    if registry.is_full:
        return await context.fail("ERROR: Not enough quota is available to process this command.")
    if options.name is None:
        registry.add_key(key)
        await context.write(_DONE)
        return 0
    old = registry.get(key, options.name)
    if old is not None and "/f" not in options.flags:
        await context.write(f"Value {old.name} exists, overwrite(Yes/No)? ")
        if not (await context.read_line()).strip().lower().startswith("y"):
            await context.write("The operation was canceled by the user.\n")
            return 1
    try:
        registry.set(key, options.name, options.type, parse_data(options.type, options.data))
    except ValueError:
        raise _SyntaxError from None
    await context.write(_DONE)
    return 0


async def _delete(context: ProgramContext, key: str, options: _Options) -> int:
    registry = context.disk.registry
    if not registry.has_key(key) or (options.name is not None and registry.get(key, options.name) is None):
        return await context.fail(_NOT_FOUND)
    if "/f" not in options.flags:
        what = f"the registry value {options.name}" if options.name is not None else f"the registry key {key}"
        await context.write(f"Delete {what} (Yes/No)? ")
        if not (await context.read_line()).strip().lower().startswith("y"):
            await context.write("The operation was canceled by the user.\n")
            return 1
    if options.name is not None:
        registry.delete_value(key, options.name)
    elif "/va" in options.flags:
        for value in registry.values(key):
            registry.delete_value(key, value.name)
    else:
        registry.delete_key(key)
    await context.write(_DONE)
    return 0


_COMMANDS: Final = {"query": _query, "add": _add, "delete": _delete}
