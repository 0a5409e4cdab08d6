"""Programs that read text from a pipe: find, findstr, more, sort."""

from __future__ import annotations

import re
from typing import Final

from ..disk.volume import absolute
from ..terminal.text_terminal import EndOfInput
from ..terminal.vt_utf8_screen import LINES
from .program_context import Program, ProgramContext, split_words

_MORE: Final = "-- More  --"


async def _lines(context: ProgramContext, paths: list[str]) -> list[str]:
    """The lines of the files, or of what is piped or typed."""
    if paths:
        found: list[str] = []
        for path in paths:
            found += context.disk.volume.read(absolute(context.session.folder, path)).splitlines()
        return found
    if context.standard_input is not None:
        taken, context.standard_input = context.standard_input, []
        return taken
    typed: list[str] = []
    while len(typed) < 10_000:
        try:
            line = await context.read_line()
        except EndOfInput:
            break
        if line == "\x1a":
            break
        typed.append(line)
    return typed


async def find(context: ProgramContext) -> int:
    """``find``: lines that contain a string."""
    match = re.search(r'"([^"]*)"', context.tail)
    if match is None:
        return await context.fail("FIND: Parameter format not correct", 2)
    rest = split_words(context.tail[: match.start()] + context.tail[match.end() :])
    options = {word.lower() for word in rest if word.startswith("/")}
    wanted, ignore = match[1], "/i" in options
    lines = await _lines(context, [word for word in rest if not word.startswith("/")])
    hits = [
        (n, line)
        for n, line in enumerate(lines, 1)
        if ((wanted.lower() in line.lower()) if ignore else (wanted in line)) != ("/v" in options)
    ]
    if "/c" in options:
        await context.write(f"{len(hits)}\n")
    else:
        await context.write_lines(f"[{n}]{line}" if "/n" in options else line for n, line in hits)
    return 0 if hits else 1


async def findstr(context: ProgramContext) -> int:
    """``findstr``: lines that contain one of some strings, in which ``.`` and ``.*`` are wildcards with ``/r``."""
    words = context.words
    options = {word.lower() for word in words if word.startswith("/")}
    wanted = [word[3:] for word in words if word.lower().startswith("/c:")]
    rest = [word for word in words if not word.startswith("/")]
    if not wanted:
        if not rest:
            return await context.fail("FINDSTR: Bad command line", 2)
        wanted, rest = rest[0].split(), rest[1:]
    regular, ignore = "/r" in options, "/i" in options
    patterns = [_parts(text, regular, ignore) for text in wanted]
    lines = await _lines(context, rest)
    hits = [line for line in lines if any(_contains(line, parts) for parts in patterns) != ("/v" in options)]
    await context.write_lines(hits)
    return 0 if hits else 1


def _parts(text: str, regular: bool, ignore: bool) -> list[re.Pattern[str]]:
    """A pattern as what has to follow one after the other: ``.*`` is a gap, and ``.`` one character."""
    flags = re.IGNORECASE if ignore else 0
    if not regular:
        return [re.compile(re.escape(text), flags)]
    return [re.compile(".".join(map(re.escape, part.split("."))), flags) for part in text.split(".*")]


def _contains(line: str, parts: list[re.Pattern[str]]) -> bool:
    at = 0
    for part in parts:
        found = part.search(line, at)
        if found is None:
            return False
        at = found.end()
    return True


async def more(context: ProgramContext) -> int:
    """``more``: a screen at a time; the space bar shows the next one, Enter the next line, q ends it."""
    lines = await _lines(context, [word for word in context.words if not word.startswith("/")])
    room = LINES - 1
    while lines:
        await context.write_lines(lines[:room])
        del lines[:room]
        if not lines:
            break
        await context.write(_MORE)
        while True:
            try:
                key = (await context.terminal.read_key()).character
            except EndOfInput:
                key = " "
            if key in " \r\nqQ":
                break
        await context.write("\b \b" * len(_MORE))
        if key in "qQ":
            break
        room = LINES - 1 if key == " " else 1
    return 0


async def sort(context: ProgramContext) -> int:
    """``sort``: by the alphabet without regard to case; ``/r`` backwards."""
    words = context.words
    lines = await _lines(context, [word for word in words if not word.startswith("/")])
    await context.write_lines(sorted(lines, key=str.lower, reverse=any(word.lower() == "/r" for word in words)))
    return 0


TEXT_FILTERS: Final[dict[str, Program]] = {"find": find, "findstr": findstr, "more": more, "sort": sort}
