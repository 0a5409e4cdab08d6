r"""A command for a Unix shell, wrapped so that its output and its exit status can be told apart.  No I/O, no clock.

What is typed is one line::

     { _u=; printf 'uartsim-%s-begin\n' ID; } 2>/dev/null; eval '...';
     { _u=$?; printf '\nuartsim-%s-%d-end\n' ID $_u; } 2>/dev/null

- Its echo never looks like what it prints: ``%s`` stands between the parts, wherever the terminal wraps the line.
- One line, so that nothing waits in the tty for a command that reads its standard input.
- ``set -x`` shows what is typed, not what is printed; and the braces send even that away.
- The end's mark begins with a line end: a command need not print one.
- ``eval``, so that a comment, a missing quote or an ``&`` at the end of the command stays in it.
- A space first: bash and others keep such a line out of their history, where they are told to.

A command that is long, or has more than one line, or characters that an editor of lines takes for keys (a tab, or
``!`` in bash), is put into a variable piece by piece, with all of that as octal escapes.

A shell that gives the line up (dash, at a missing quote) prints no end; so does one that was interrupted.  When the
prompt is back, it is asked for the end again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UsageError

#: The longest line that is typed, in characters: BusyBox takes 1024, the tty of a simple shell 4095.
LONGEST_LINE: Final = 900
_QUIET: Final = "2>/dev/null"
#: What cannot be typed as it is into every editor of lines, nor stand between single quotes.
_ODD: Final = re.compile(rb"[^ -~]|['!\\]")
_TRACED_EVAL: Final = re.compile(r"\A\++ eval [^\n]*\n")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did.

    Attributes:
        output: all it printed, cleaned; without the kernel's own lines that came meanwhile.
        status: its exit status; None where the command line cannot say.
        elapsed: how long it took, in seconds.
    """

    output: str
    status: int | None
    elapsed: float


class ShellLine:
    """One command.

    Args:
        command: for the shell.
        number: different each time; letters and digits.

    Attributes:
        lines: what to type, each with Enter, the next when the prompt is back.
        again: what to type when the prompt is back without an end.

    Raises:
        UsageError: a NUL is in the command.
    """

    def __init__(self, command: str, number: str) -> None:
        if "\0" in command:
            raise UsageError(f"{command!r} cannot be typed: a NUL is in it, which ends every word of a shell")
        self._number = number
        begin = rf"{{ _u=; printf 'uartsim-%s-begin\n' {number}; }} {_QUIET}"
        end = rf"{{ _u=$?; printf '\nuartsim-%s-%d-end\n' {number} $_u; }} {_QUIET}"
        self.again = rf" printf '\nuartsim-%s-%d-end\n' {number} ${{_u:-$?}}"
        data = command.encode("utf-8", "surrogateescape")
        whole = f" {begin}; eval '{command}'; {end}"
        if len(whole) <= LONGEST_LINE and not _ODD.search(data.replace(b"'", b"")):
            quoted = command.replace("'", "'\\''")
            self.lines = [f" {begin}; eval '{quoted}'; {end}"]
            return
        escaped = _ODD.sub(lambda m: b"\\0%03o" % m[0][0], data).decode("ascii")
        pieces = re.findall(rf"(?:\\0[0-7]{{3}}|[^\\]){{1,{LONGEST_LINE // 5 - 10}}}", escaped)
        self.lines = [f" _c='{pieces[0]}'" if pieces else " _c="]
        self.lines += [f" _c=$_c'{piece}'" for piece in pieces[1:]]
        self.lines.append(f' {begin}; eval "$(printf %b "$_c")"; {end}')

    @property
    def begin(self) -> str:
        """What stands before the output, as a regular expression; a line of the kernel may part the two of a line's end."""
        return rf"uartsim-{self._number}-begin\r?\n"

    @property
    def end(self) -> str:
        """What stands behind it, as a regular expression; group 1 is the status."""
        return rf"\r?\nuartsim-{self._number}-(\d{{1,3}})-end\r?\n"

    def output(self, text: str) -> str:
        """What the command printed, of what stood between the marks."""
        return _TRACED_EVAL.sub("", text)
