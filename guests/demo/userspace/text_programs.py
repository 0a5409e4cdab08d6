"""Programs that filter or make text: cat, grep, head, tail, wc, tr, seq, yes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NoReturn

import trio

from ..kernel.vfs import FileError
from ..shell import getopt
from ..shell.command_context import CommandFunction, Context
from ..shell.lexer import decode_escapes, encoded
from ..shell.streams import BytesSource, Lines, Source, read_all
from .program_input import is_standard_input, open_inputs


async def _cat(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "nAveETsu")
    status, number = 0, 0
    for name in parsed.operands or ["-"]:
        path = context.path(name)
        if is_standard_input(context, name):
            source: Source = context.stdin
        else:
            try:
                if path == "/dev/zero":
                    return await _flood(context, bytes(512))
                data = context.files.read(path)
            except FileError as error:
                status = await context.complain(f"{name}: {error}")
                continue
            if "n" not in parsed and not parsed.flags & set("Ave"):
                await context.stdout.write(data)
                continue
            source = BytesSource(data)
        if not parsed.flags:
            while piece := await source.read():
                await context.stdout.write(piece)
            continue
        async for line in Lines(source):
            number += 1
            shown = _visible(line) if parsed.flags & set("Ave") else line
            if parsed.flags & set("AeE"):
                shown = shown.replace(b"\n", b"$\n")
            await context.stdout.write((b"%6d\t" % number if "n" in parsed else b"") + shown)
    return status


def _visible(line: bytes) -> bytes:
    """Show control characters as ``^X`` and bytes above 127 as ``M-X``, as ``cat -v`` does."""
    result = bytearray()
    for byte in line:
        if byte >= 0x80:
            result += b"M-"
            byte &= 0x7F
        if byte == 0x0A:
            result.append(byte)
        elif byte < 0x20 or byte == 0x7F:
            result += bytes((0x5E, byte ^ 0x40))
        else:
            result.append(byte)
    return bytes(result)


async def _flood(context: Context, data: bytes) -> NoReturn:
    while True:
        await context.stdout.write(data)
        await trio.lowlevel.checkpoint()


async def _yes(context: Context) -> int:
    line = encoded(" ".join(context.arguments) or "y") + b"\n"
    await _flood(context, line * max(1, 256 // len(line)))


async def _grep(context: Context) -> int:
    parsed = getopt.parse(
        context.arguments, "ivcnqEFwxohHse:A:B:C:m:", {"color": "s", "ignore-case": "i", "quiet": "q", "count": "c"}
    )
    operands = list(parsed.operands)
    pattern = parsed.values.get("e")
    if pattern is None:
        if not operands:
            return await context.complain("usage: grep [OPTION]... PATTERNS [FILE]...", 2)
        pattern = operands.pop(0)
    try:
        expression = _expression(pattern, parsed.flags)
    except re.error as error:
        return await context.complain(f"Invalid regular expression: {error}", 2)
    matched = 0
    for name, source in await open_inputs(context, operands):
        prefix = f"{name}:".encode() if len(operands) > 1 and "h" not in parsed else b""
        count = await _grep_source(context, source, expression, parsed, prefix)
        matched += count
        if matched and "q" in parsed:
            break
        if "c" in parsed:
            await context.stdout.write(prefix + b"%d\n" % count)
    return 0 if matched else 1


def _expression(pattern: str, flags: set[str]) -> re.Pattern[bytes]:
    """A pattern of grep, basic or extended, as an expression of Python.

    Raises:
        re.error: the pattern is not valid.
    """
    if "F" in flags:
        pattern = re.escape(pattern)
    elif "E" not in flags:
        pattern = re.sub(r"\\?[+?|(){}]", lambda match: match[0][1:] if len(match[0]) > 1 else "\\" + match[0], pattern)
    pattern = re.sub(r"\[\[:(\w+):\]", lambda match: "[" + _CLASSES.get(match[1], ""), pattern)
    if "w" in flags:
        pattern = rf"\b(?:{pattern})\b"
    if "x" in flags:
        pattern = rf"^(?:{pattern})$"
    return re.compile(encoded(pattern), re.IGNORECASE if "i" in flags else 0)


async def _grep_source(
    context: Context, source: Source, expression: re.Pattern[bytes], parsed: getopt.Parsed, prefix: bytes
) -> int:
    """Print the matching lines of one file; return how many there were (with ``-q`` at most 1)."""
    limit = getopt.number(parsed.values.get("m", "0"))
    number = count = 0
    async for line in Lines(source):
        number += 1
        text = line.rstrip(b"\n")
        found = expression.search(text)
        if bool(found) == ("v" in parsed):
            continue
        count += 1
        if "q" in parsed:
            break
        if "c" not in parsed:
            shown = found[0] if found and "o" in parsed else text
            place = b"%d:" % number if "n" in parsed else b""
            await context.stdout.write(prefix + place + shown + b"\n")
        if count == limit:
            break
    return count


_CLASSES: Final = {
    "digit": "0-9",
    "alpha": "A-Za-z",
    "alnum": "A-Za-z0-9",
    "space": r"\s",
    "upper": "A-Z",
    "lower": "a-z",
}


def _count(arguments: list[str], default: int) -> tuple[getopt.Parsed, str, str]:
    """Parse the options of head and tail: ``-n N``, ``-N``, ``-c N``.

    Returns:
        The options, the count as text with its sign, and its unit: "n" for lines or "c" for bytes.
    """
    arguments = [f"-n{word[1:]}" if re.fullmatch(r"-\d+", word) else word for word in arguments]
    parsed = getopt.parse(arguments, "n:c:qvf", {"lines": "n", "bytes": "c"})
    unit = "c" if "c" in parsed.values else "n"
    return parsed, parsed.values.get(unit, str(default)), unit


async def _head(context: Context) -> int:
    parsed, text, unit = _count(context.arguments, 10)
    count = getopt.number(text)
    for _name, source in await open_inputs(context, parsed.operands):
        if unit == "c":
            left = count
            while left > 0 and (piece := await source.read()):
                await context.stdout.write(piece[:left])
                left -= len(piece)
        elif count < 0:
            whole = (await read_all(source)).splitlines(keepends=True)
            await context.stdout.write(b"".join(whole[:count]))
        elif count > 0:
            left = count
            async for line in Lines(source):
                await context.stdout.write(line)
                left -= 1
                if left == 0:
                    break
    return 0


async def _tail(context: Context) -> int:
    parsed, text, unit = _count(context.arguments, 10)
    count = abs(getopt.number(text.lstrip("+")))
    for _name, source in await open_inputs(context, parsed.operands):
        data = await read_all(source)
        if unit == "c":
            await context.stdout.write(data[count - 1 :] if text.startswith("+") else data[-count:] if count else b"")
            continue
        whole = data.splitlines(keepends=True)
        kept = whole[count - 1 :] if text.startswith("+") else whole[-count:] if count else []
        await context.stdout.write(b"".join(kept))
    return 0


async def _wc(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "lwcm", {"lines": "l", "words": "w", "bytes": "c", "chars": "m"})
    wanted = parsed.flags or set("lwc")
    for name, source in await open_inputs(context, parsed.operands):
        data = await read_all(source)
        counts = {
            "l": data.count(b"\n"),
            "w": len(data.split()),
            "m": len(data.decode(errors="replace")),
            "c": len(data),
        }
        shown = [counts[letter] for letter in "lwmc" if letter in wanted]
        width = 1 if len(shown) == 1 else 7
        ending = f" {name}" if parsed.operands else ""
        await context.print(" ".join(f"{number:{width}d}" for number in shown) + ending)
    return 0


async def _tr(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "dsc")
    sets = [_character_set(encoded(decode_escapes(word)).decode("latin-1")) for word in parsed.operands]
    if not sets:
        return await context.complain("missing operand")
    while piece := await context.stdin.read():
        text = piece.decode("latin-1")
        if "c" in parsed:
            sets[0] = "".join(chr(code) for code in range(256) if chr(code) not in sets[0])
        if "d" in parsed:
            text = "".join(each for each in text if each not in sets[0])
        elif len(sets) > 1 and sets[1]:
            target = sets[1] + sets[1][-1] * max(0, len(sets[0]) - len(sets[1]))
            text = text.translate({ord(old): new for old, new in zip(sets[0], target, strict=False)})
        if "s" in parsed:
            text = re.sub(f"([{re.escape(sets[-1])}])\\1+", r"\1", text)
        await context.stdout.write(text.encode("latin-1"))
    return 0


def _character_set(text: str) -> str:
    text = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], ""), text)
    return re.sub(
        r"(.)-(.)", lambda match: "".join(chr(code) for code in range(ord(match[1]), ord(match[2]) + 1)), text
    )


async def _seq(context: Context) -> int:
    parsed_words = [word for word in context.arguments if word not in ("-w",)]
    separator = "\n"
    if parsed_words[:1] == ["-s"]:
        separator, parsed_words = parsed_words[1], parsed_words[2:]
    numbers = [getopt.number(word, "floating point argument") for word in parsed_words]
    if not 1 <= len(numbers) <= 3:
        return await context.complain("missing operand")
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    last = numbers[-1]
    if step == 0:
        return await context.complain("invalid Zero increment value: '0'")
    series = range(first, last + (1 if step > 0 else -1), step)
    for start in range(0, len(series), 64):
        piece = separator.join(str(number) for number in series[start : start + 64])
        end = "\n" if start + 64 >= len(series) else separator
        await context.print(piece, end)
    return 0


#: These programs, by name.
TEXT_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "cat": _cat,
    "yes": _yes,
    "grep": _grep,
    "head": _head,
    "tail": _tail,
    "wc": _wc,
    "tr": _tr,
    "seq": _seq,
}
