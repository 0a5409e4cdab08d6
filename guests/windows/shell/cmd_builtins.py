"""The commands that cmd does itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from ..programs.file_commands import FILE_COMMANDS
from ..programs.program_context import Program, ProgramContext
from ..system.running_windows import VERSION
from ..terminal.text_terminal import EndOfInput

#: So many variables may be set.
_MOST_VARIABLES: Final = 1000
_NAMES: Final = (
    "ASSOC BREAK CALL CD CHDIR CLS COLOR COPY DATE DEL DIR ECHO ERASE EXIT MD MKDIR MOVE PATH PAUSE PROMPT RD REM REN "
    "RENAME RMDIR SET TIME TITLE TYPE VER VOL"
)


class ExitRequested(Exception):
    """``exit`` was typed; ``status`` is what it gave."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def _echo(context: ProgramContext) -> int:
    text = context.tail[1:]  # behind the blank, or what else stands after the name, as in `echo.`
    if context.tail[:1] not in (" ", "\t", "") or text.strip().lower() not in ("", "on", "off"):
        await context.write(f"{text}\n")
    elif not text.strip():
        await context.write("ECHO is on.\n")
    return 0


async def _set(context: ProgramContext) -> int:
    text, variables = context.tail.strip(), context.session.variables
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    name, equals, value = text.partition("=")
    if not equals:
        shown = [f"{each}={variables[each]}" for each in sorted(variables) if each.startswith(name.strip().upper())]
        await context.write_lines(shown)
        return 0 if shown else await context.fail(f"Environment variable {name} not defined")
    key = name.strip().upper()
    if not key or (len(variables) >= _MOST_VARIABLES and key not in variables):
        return await context.fail("The syntax of the command is incorrect.")
    if value:
        variables[key] = value
    else:
        variables.pop(key, None)
    return 0


async def _exit(context: ProgramContext) -> int:
    match = re.fullmatch(r"(?:/b)?\s*(-?[0-9]{1,9})?\s*", context.tail.strip(), re.IGNORECASE)
    raise ExitRequested(int(match[1]) if match and match[1] else context.session.status)


async def _clear(context: ProgramContext) -> int:
    await context.terminal.clear()
    return 0


async def _version(context: ProgramContext) -> int:
    await context.write(f"\nMicrosoft Windows [Version {VERSION}]\n")
    return 0


async def _nothing(_context: ProgramContext) -> int:
    return 0


async def _pause(context: ProgramContext) -> int:
    await context.write("Press any key to continue . . . ")
    try:
        await context.terminal.read_key()
    except EndOfInput:
        pass
    await context.write("\n")
    return 0


async def _call(context: ProgramContext) -> int:
    return await context.fail("There are no batch files on this machine.")


async def _path(context: ProgramContext) -> int:
    await context.write(f"PATH={context.session.variables.get('PATH', '')}\n")
    return 0


async def _date(context: ProgramContext) -> int:
    now = context.windows.now()
    text = context.tail.strip()
    if not text or text.lower() == "/t":
        await context.write(f"{'' if text else 'The current date is: '}{now:%a %m/%d/%Y}\n")
        return 0
    context.need_administrator()
    return await _set_clock(context, text, "%m-%d-%Y", now, "The system cannot accept the date entered.")


async def _time(context: ProgramContext) -> int:
    now = context.windows.now()
    text = context.tail.strip()
    if not text or text.lower() == "/t":
        await context.write(f"{now:%I:%M %p}\n" if text else f"The current time is: {now:%H:%M:%S.00}\n")
        return 0
    context.need_administrator()
    return await _set_clock(context, text, "%H:%M", now, "The system cannot accept the time entered.")


async def _set_clock(context: ProgramContext, text: str, pattern: str, now: datetime, refusal: str) -> int:
    try:
        given = datetime.strptime(text.replace("/", "-"), pattern).replace(tzinfo=UTC)
        if "Y" in pattern:
            when = now.replace(year=given.year, month=given.month, day=given.day)
        else:
            when = now.replace(hour=given.hour, minute=given.minute, second=0)
        context.windows.set_clock(when)
    except ValueError:
        return await context.fail(refusal)
    return 0


async def _help(context: ProgramContext) -> int:
    others = (
        "BCDEDIT CHKDSK CHKNTFS CMD DISM FIND FINDSTR GPUPDATE HOSTNAME ICACLS IPCONFIG MORE NET NETSH NETSTAT NSLOOKUP "
        "PING POWERSHELL RDPSTATUS REG SC SFC SHUTDOWN SORT SYSTEMINFO TAKEOWN TASKKILL TASKLIST TELNET WEVTUTIL WHOAMI WMIC"
    )
    await context.write(f"cmd does itself:\n\n{_wrapped(_NAMES)}\n\nPrograms:\n\n{_wrapped(others)}\n")
    return 0


def _wrapped(names: str) -> str:
    words = names.split()
    return "\n".join(
        "    " + "".join(f"{word:<12}" for word in words[n : n + 6]).rstrip() for n in range(0, len(words), 6)
    )


BUILTINS: Final[dict[str, Program]] = {
    **FILE_COMMANDS,
    "assoc": _nothing, "break": _nothing, "call": _call, "cls": _clear, "color": _nothing, "date": _date,
    "echo": _echo, "exit": _exit, "help": _help, "path": _path, "pause": _pause, "prompt": _nothing,
    "rem": _nothing, "set": _set, "time": _time, "title": _nothing, "ver": _version,
}  # fmt: skip
