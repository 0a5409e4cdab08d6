"""The program stty, which shows and programs the real speed of the UART."""

from __future__ import annotations

import re
from typing import Final

from uartsim.guest.script import LineFormat

from ..shell.command_context import Context
from ..shell.streams import TerminalFile
from ..tty.termios_modes import COOKED, DEFAULT_CHARACTERS, Modes

#: The modes in the rows of ``stty -a``.
_ROWS: Final = (
    "ignbrk brkint ignpar parmrk inpck istrip inlcr igncr icrnl ixon ixoff iuclc ixany imaxbel iutf8",
    "opost olcuc ocrnl onlcr onocr onlret ofill ofdel",
    "isig icanon iexten echo echoe echok echonl noflsh xcase tostop echoprt echoctl echoke flusho extproc",
)
_ALL: Final = frozenset(" ".join(_ROWS).split()) | {"cread", "clocal", "hupcl", "tab3"}
#: The modes that ``stty sane`` sets; plain ``stty`` shows what differs from them.
_SANE: Final = COOKED.union(("brkint", "imaxbel", "iexten")) - {"ixoff", "iutf8"}
#: Combination modes, and the modes that they switch on and off.
_BUNDLES: Final[dict[str, tuple[str, str]]] = {
    "raw": (
        "",
        "ignbrk brkint ignpar parmrk inpck istrip inlcr igncr icrnl ixon ixoff ixany imaxbel opost isig icanon",
    ),
    "cooked": ("brkint ignpar istrip icrnl ixon opost isig icanon", ""),
    "cbreak": ("", "icanon"),
    "nl": ("", "icrnl onlcr"),
    "crterase": ("echoe", ""),
    "evenp": ("", ""),
}


async def stty(context: Context) -> int:
    """Show or change the terminal's modes, size and speed."""
    terminal = context.kernel.terminal
    arguments = list(context.arguments)
    if arguments[:1] in (["-F"], ["--file"]):
        arguments = arguments[2:]
    elif not isinstance(context.stdin, TerminalFile):
        return await context.complain("'standard input': Inappropriate ioctl for device")
    if not arguments:
        return await _show(context, everything=False)
    modes, line_format, has_shown = terminal.modes, terminal.port.line_format, False
    while arguments:
        word = arguments.pop(0)
        if await _show_word(context, word):
            has_shown = True
            continue
        value = ""
        if word in _TAKES_VALUE:
            if not arguments:
                return await context.complain(f"missing argument to '{word}'")
            value = arguments.pop(0)
        changed = _changed(modes, line_format, word, value)
        if changed is None:
            return await context.complain(f"invalid argument '{word}'\nTry 'stty --help' for more information.")
        modes, line_format = changed
    if has_shown and modes == terminal.modes and line_format == terminal.port.line_format:
        return 0
    await terminal.set_modes_after_output(modes)
    if line_format != terminal.port.line_format:
        await terminal.set_format(line_format)
    return 0


#: Words that another argument follows.
_TAKES_VALUE: Final = frozenset(
    ("ispeed", "ospeed", "rows", "cols", "columns", *DEFAULT_CHARACTERS, "min", "time", "line")
)


async def _show_word(context: Context, word: str) -> bool:
    """Print what one word asks for; return whether it asks for anything."""
    modes, line_format = context.kernel.terminal.modes, context.kernel.port.line_format
    if word in ("-a", "--all"):
        await _show(context, everything=True)
    elif word in ("-g", "--save"):
        await context.print(_saved(modes))
    elif word == "size":
        await context.print(f"{modes.rows} {modes.columns}")
    elif word == "speed":
        await context.print(f"{round(line_format.baud)}")
    else:
        return False
    return True


def _changed(modes: Modes, line_format: LineFormat, word: str, value: str) -> tuple[Modes, LineFormat] | None:
    """Apply one word and its value; return modes and line format, or None if stty does not have the word."""
    if word.isdigit() or word in ("ispeed", "ospeed"):
        return modes, _with_speed(line_format, int(value or word))
    if word in DEFAULT_CHARACTERS:
        return modes.with_character(word, _character(value)), line_format
    if word == "rows":
        return modes.with_size(int(value), modes.columns), line_format
    if word in ("cols", "columns"):
        return modes.with_size(modes.rows, int(value)), line_format
    if word in _TAKES_VALUE:
        return modes, line_format
    return _switched(modes, line_format, word)


def _with_speed(line_format: LineFormat, baud: int) -> LineFormat:
    try:
        speed = LineFormat.from_baud(baud)
    except ValueError:
        return line_format
    return LineFormat(speed.bit_ticks, line_format.data_bits, line_format.parity, line_format.stop_halves)


def _character(text: str) -> int:
    if text in ("undef", "^-", ""):
        return 0
    if text == "^?":
        return 0x7F
    if len(text) == 2 and text[0] == "^":
        return ord(text[1].upper()) & 0x1F
    return ord(text[0])


def _switched(modes: Modes, line_format: LineFormat, word: str) -> tuple[Modes, LineFormat] | None:
    """Apply a word that switches something; return modes and line format, or None if stty does not have the word."""
    off = word.startswith("-")
    name = word.removeprefix("-")
    if name == "sane":
        return Modes(_SANE | {"iutf8"}, dict(DEFAULT_CHARACTERS), modes.rows, modes.columns), line_format
    if name == "echo" or name in _ALL:
        return (modes.without(name) if off else modes.having(name)), line_format
    if name in _BUNDLES:
        opposite = {"raw": "cooked", "cooked": "raw"}.get(name, name) if off else name
        on_words, off_words = _BUNDLES[opposite]
        if off and name not in ("raw", "cooked"):
            on_words, off_words = off_words, on_words
        return modes.having(*on_words.split()).without(*off_words.split()), line_format
    if re.fullmatch(r"cs[5-8]", name) and not off:
        return modes, LineFormat(line_format.bit_ticks, int(name[2]), line_format.parity, line_format.stop_halves)
    if name == "cstopb":
        return modes, LineFormat(line_format.bit_ticks, line_format.data_bits, line_format.parity, 2 if off else 4)
    if name in ("parenb", "parodd"):
        return modes, _with_parity(line_format, name, on=not off)
    if name in ("crtscts", "cmspar", "echoprt"):
        return modes, line_format
    return None


def _with_parity(line_format: LineFormat, name: str, *, on: bool) -> LineFormat:
    parity = line_format.parity
    if name == "parenb":
        parity = ("O" if parity == "O" else "E") if on else "N"
    elif parity != "N":
        parity = "O" if on else "E"
    return LineFormat(line_format.bit_ticks, line_format.data_bits, parity, line_format.stop_halves)


def _saved(modes: Modes) -> str:
    return ":".join(("500", "5", "cbd", "8a3b", *(f"{value:x}" for value in modes.characters.values())))


async def _show(context: Context, *, everything: bool) -> int:
    terminal = context.kernel.terminal
    modes, line_format = terminal.modes, terminal.port.line_format
    speed = f"speed {round(line_format.baud)} baud;"
    if not everything:
        await context.print(f"{speed} line = 0;")
        for row in _ROWS:
            words = [_shown(modes, flag) for flag in row.split() if (flag in modes) != (flag in _SANE)]
            if words:
                await context.print(" ".join(words))
        return 0
    characters = {name: _caret(value) for name, value in modes.characters.items()}
    parity = line_format.parity
    control = (
        f"{'-' if parity == 'N' else ''}parenb {'' if parity == 'O' else '-'}parodd -cmspar cs{line_format.data_bits} "
        f"hupcl {'' if line_format.stop_halves > 2 else '-'}cstopb cread clocal -crtscts"
    )
    await context.print(f"{speed} rows {modes.rows}; columns {modes.columns}; line = 0;")
    await context.print("{}; quit = {quit}; erase = {erase}; kill = {kill}; eof = {eof}; eol = {eol};".format(
        f"intr = {characters['intr']}", **characters))  # fmt: skip
    await context.print(
        "eol2 = <undef>; swtch = <undef>; start = {start}; stop = {stop}; susp = {susp}; rprnt = {rprnt};".format(
            **characters
        )
    )
    await context.print(
        "werase = {werase}; lnext = {lnext}; discard = {discard}; min = 1; time = 0;".format(**characters)
    )
    await context.print(control)
    first, second, third = _ROWS
    words = first.split()
    await context.print(" ".join(_shown(modes, flag) for flag in words[:11]))
    await context.print(" ".join(_shown(modes, flag) for flag in words[11:]))
    await context.print(" ".join(_shown(modes, flag) for flag in second.split()) + " nl0 cr0 tab0 bs0 vt0 ff0")
    words = third.split()
    await context.print(" ".join(_shown(modes, flag) for flag in words[:11]))
    await context.print(" ".join(_shown(modes, flag) for flag in words[11:]))
    return 0


def _shown(modes: Modes, flag: str) -> str:
    return flag if flag in modes else f"-{flag}"


def _caret(value: int) -> str:
    if value == 0:
        return "<undef>"
    return f"^{chr(value ^ 0x40)}" if value < 0x20 or value == 0x7F else chr(value)
