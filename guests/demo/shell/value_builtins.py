"""The builtins that make, test and read values: echo, printf, test, read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Final

import trio

from . import getopt
from .command_context import CommandFunction, Context
from .lexer import decode_escapes, encoded
from .streams import TerminalFile, read_line


async def _echo(context: Context) -> int:
    arguments = list(context.arguments)
    newline, escapes = "\n", False
    while arguments and re.fullmatch(r"-[neE]+", arguments[0]):
        for letter in arguments.pop(0)[1:]:
            if letter == "n":
                newline = ""
            else:
                escapes = letter == "e"
    text = " ".join(arguments)
    if escapes:
        text, stop, _ = text.partition("\\c")
        text = decode_escapes(text)
        newline = "" if stop else newline
    await context.stdout.write(encoded(text + newline))
    return 0


async def _printf(context: Context) -> int:
    if not context.arguments:
        return await context.complain("usage: printf [-v var] format [arguments]", 2)
    layout, *values = context.arguments
    result: list[str] = []
    while True:
        before = len(values)
        result.append(_format(layout, values))
        if not values or len(values) == before:
            break
    await context.stdout.write(encoded("".join(result)))
    return 0


def _format(layout: str, values: list[str]) -> str:
    """Apply printf's format once; the values that it uses are removed from ``values``."""

    def replace(match: re.Match[str]) -> str:
        flags, kind = match[1], match[2]
        if kind == "%":
            return "%"
        value = values.pop(0) if values else ""
        if kind == "b":
            return decode_escapes(value)
        if kind == "q":
            return value if re.fullmatch(r"[\w./-]+", value) else "'" + value.replace("'", "'\\''") + "'"
        if kind == "c":
            return value[:1]
        if kind == "s":
            return f"%{flags}s" % value
        try:
            number = float(value) if kind in "feg" else int(value or "0", 0)
        except ValueError:
            number = 0
        return f"%{flags}{'d' if kind in 'iu' else kind}" % number

    pieces = re.split(r"(%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%])", layout)
    return "".join(
        re.sub(r"%([-+ #0]*\d*(?:\.\d+)?)([sbqcdiuxXofeg%])", replace, piece)
        if piece.startswith("%") and index % 2
        else decode_escapes(piece)
        for index, piece in enumerate(pieces)
    )


async def _test(context: Context) -> int:
    arguments = list(context.arguments)
    if context.name in ("[", "[["):
        closing = "]" if context.name == "[" else "]]"
        if not arguments or arguments.pop() != closing:
            return await context.complain(f"missing `{closing}'", 2)
    try:
        return int(not _evaluate(context, arguments))
    except ValueError as error:
        return await context.complain(str(error), 2)


def _evaluate(context: Context, words: list[str]) -> bool:
    for joint, combine in (("-o", any), ("||", any), ("-a", all), ("&&", all)):
        if joint in words[1:-1]:
            index = words.index(joint, 1)
            return combine((_evaluate(context, words[:index]), _evaluate(context, words[index + 1 :])))
    if not words:
        return False
    if words[0] == "!" and len(words) > 1:
        return not _evaluate(context, words[1:])
    if len(words) == 1:
        return bool(words[0])
    if len(words) == 2:
        return _unary(context, *words)
    if len(words) == 3:
        return _binary(*words)
    raise ValueError("too many arguments")


def _unary(context: Context, operator: str, word: str) -> bool:
    files = context.files
    path = context.path(word)
    if operator == "-n":
        return bool(word)
    if operator == "-z":
        return not word
    if operator == "-t":
        return word in ("0", "1", "2")
    if operator not in ("-e", "-f", "-d", "-r", "-w", "-x", "-s", "-c", "-b", "-L", "-h"):
        raise ValueError(f"{operator}: unary operator expected")
    if not word or not files.exists(path):
        return False
    node = files.find(path, follow=operator not in ("-L", "-h"))
    if operator == "-s":
        return bool(node.data or node.read)
    if operator == "-x":
        return bool(node.mode & 0o111)
    kinds = {"-f": "file", "-d": "directory", "-c": "device", "-b": "device", "-L": "link", "-h": "link"}
    return operator not in kinds or node.kind == kinds[operator]


def _binary(left: str, operator: str, right: str) -> bool:
    if operator in ("=", "=="):
        return left == right
    if operator == "!=":
        return left != right
    if operator == "=~":
        return re.search(right, left) is not None
    if operator in ("<", ">"):
        return left < right if operator == "<" else left > right
    comparisons = {"-eq": 0, "-ne": 0, "-lt": -1, "-le": -1, "-gt": 1, "-ge": 1}
    if operator not in comparisons:
        raise ValueError(f"{operator}: binary operator expected")
    for word in (left, right):
        if not re.fullmatch(r"\s*[-+]?\d+\s*", word):
            raise ValueError(f"{word}: integer expression expected")
    first, second = int(left), int(right)
    return {
        "-eq": first == second,
        "-ne": first != second,
        "-lt": first < second,
        "-le": first <= second,
        "-gt": first > second,
        "-ge": first >= second,
    }[operator]


async def _read(context: Context) -> int:
    """Run ``read [-r] [-s] [-t SECONDS] [-p PROMPT] [NAME...]``."""
    parsed = getopt.parse(context.arguments, "rst:p:n:")
    names = parsed.operands or ["REPLY"]
    if "p" in parsed.values:
        await context.stderr.write(encoded(parsed.values["p"]))
    terminal = context.kernel.terminal
    data = b""
    with terminal.modes_restored() if isinstance(context.stdin, TerminalFile) else nullcontext():
        if "s" in parsed and isinstance(context.stdin, TerminalFile):
            terminal.set_modes(terminal.modes.without("echo"))
        with trio.move_on_after(float(parsed.values.get("t", "inf"))) as scope:
            data = await read_line(context.stdin)
    if scope.cancelled_caught:
        return 142
    line = data.decode(errors="replace").split("\n")[0]
    if not context.shell.variables.get("IFS", " "):
        words = [line]
    else:
        words = line.split(None, len(names) - 1) if len(names) > 1 else [line.strip()]
    for index, name in enumerate(names):
        context.shell.variables[name] = words[index] if index < len(words) else ""
    return 0 if data else 1


#: These builtins, by name.
VALUE_BUILTINS: Final[Mapping[str, CommandFunction]] = {
    "echo": _echo,
    "printf": _printf,
    "test": _test,
    "[": _test,
    "[[": _test,
    "read": _read,
}
