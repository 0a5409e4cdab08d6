r"""A command for a Unix shell, wrapped so that its output and its exit status can be told apart.  No I/O, no clock.

What is typed is one line::

     :; { _u=ID-; \printf 'uartsim-%s-begin\n' ID; } 2>/dev/null; \command eval '...';
     { _u=ID-$?-$?; \printf '\nuartsim-%s-end\n' "$_u"; } 2>/dev/null

- A mark is printed by ``printf`` alone.  Its echo does not look like it, wherever the terminal wraps the line, and
  neither does an error message that quotes the line, because ``%s`` is between the parts.  A line that was only half
  parsed prints no mark: a mark's line ends are written as ``\n`` in the line, and only a ``printf`` that runs turns them
  into line ends.  ID is different each time.
- The status is kept together with the ID, in ``_u``, so that a later question shows which command's status it is.
- The mark has the status twice: where noise has changed a digit, the two differ, and the shell is asked.
- It is one line, so that nothing waits in the tty for a command that reads its standard input.
- ``set -x`` shows what is typed, not what is printed, and the braces discard even that (except in a restricted shell,
  which cannot redirect).
- The end mark begins with a line end, because a command need not print one.
- ``eval``, so that a comment, a missing quote or an ``&`` at the end of the command stays in it.  ``command eval``,
  because a shell gives up the whole line at an error in a special builtin (POSIX 2.8.1), and ``command`` takes that
  property away: dash and BusyBox print the end behind a syntax error too.  In zsh an ``always`` block does that.
- Backslashes before names, so that aliases are not used.
- ``:;`` first, because bash, after a quote that ``eval`` has found unfinished, does not take the next line's first
  word as a keyword: a ``{`` would be an argument.
- A space first: bash and others can be configured to keep such a line out of their history.

A command that is long, has more than one line, or has characters that a line editor takes for keys (a tab, or ``!`` in
bash), is put into a variable piece by piece, with these characters as octal escapes.  It is run only if the variable has
the right length in the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from uartsim.errors import UsageError

#: The longest line that is typed, in characters: BusyBox takes 1024, the tty of a simple shell 4095.
LONGEST_LINE: Final = 900
#: Characters that cannot be typed as they are into every line editor, or not between single quotes.
_ODD: Final = re.compile(rb"[^ -~]|['!\\]")
#: The trace of the line's ``eval``, as bash and zsh quote its argument.
_TRACED_EVAL: Final = (
    r"(?:\++ *|\+\S*> )(?:command |builtin )?eval (?:'(?:[^']|'\\'')*'|\$'(?:[^'\\]|\\.)*'|{command}|[^\n]*)\n"
)
#: What a restricted shell's trace shows of the line's end.
_TRACED_END: Final = re.compile(r"(?:\++ (?:_u=|printf '.{1,2}nuartsim-)[^\n]*\n?)+\Z")
#: The share of a mark's characters that must have come for it to be recognised in spite of noise.
_LIKENESS: Final = 0.6

#: The shortest run of the ID's characters by which a damaged mark is recognised: other text does not contain one.
_ID_RUN: Final = 3


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a command.

    Attributes:
        output: all it printed, cleaned, without the kernel's own lines that came meanwhile.
        status: its exit status; None where the command line cannot say.
        elapsed: how long it took, in seconds.
    """

    output: str
    status: int | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class UnixShell:
    """What must be known of a shell to wrap a command for it.

    Attributes:
        is_zsh: whether it has ``always``, and a ``command`` that only runs programs.
        is_restricted: whether it cannot redirect (``bash -r``).
    """

    is_zsh: bool = False
    is_restricted: bool = False


#: A shell without peculiarities.
POSIX: Final = UnixShell()


class ShellQuestion:
    """A line that asks which shell is there.  It changes nothing, whatever reads it.

    csh and fish refuse the line because of ``$-``, in words that tell them apart; other command lines do not know it.

    Args:
        number: different each time; letters and digits.

    Attributes:
        line: what to type.
        answer: what a Unix shell prints, as a regular expression, for :meth:`shell`.
    """

    def __init__(self, number: str) -> None:
        self.line = rf""" \printf 'uartsim-%s-%s-%s-shell\n' {number} "$-" "${{ZSH_VERSION-}}" """.rstrip()
        self.answer = rf"uartsim-{number}-(\w*)-([\w.-]*)-shell\r?\n"

    @staticmethod
    def shell(match: re.Match[str]) -> UnixShell:
        """The shell that answered."""
        return UnixShell(is_zsh=bool(match[2]), is_restricted="r" in match[1])


class ShellLine:
    """One command.

    Args:
        command: for the shell.
        number: different each time; letters and digits.
        shell: which shell it is.

    Attributes:
        lines: what to type, each with Enter, the next when the prompt is back.
        question: what to type, at a prompt, to learn how the command ended when its end did not come whole.

    Raises:
        UsageError: a NUL is in the command.
    """

    def __init__(self, command: str, number: str, shell: UnixShell = POSIX) -> None:
        if "\0" in command:
            raise UsageError(f"{command!r} cannot be typed: a NUL is in it, which ends every word of a shell")
        self._number = number
        self._shell = shell
        self.question = r""" \printf '\nuartsim-%s-%d-asked\n' "${_u-}" "$?" """.rstrip()
        self._command = command
        data = command.encode("utf-8", "surrogateescape")
        whole = self._wrapped("'" + command.replace("'", "'\\''") + "'")
        if len(whole) <= LONGEST_LINE and not _ODD.search(data.replace(b"'", b"")):
            self.lines = [whole]
            return
        escaped = _ODD.sub(lambda m: b"\\0%03o" % m[0][0], data).decode("ascii")
        pieces = re.findall(rf"(?:\\0[0-7]{{3}}|[^\\]){{1,{LONGEST_LINE // 5 - 10}}}", escaped)
        self.lines = [f" :; _c='{pieces[0]}'" if pieces else " :; _c="]
        self.lines += [f" _c=$_c'{piece}'" for piece in pieces[1:]]
        run = self._wrapped('"$_c"', r'_c="$(\printf %b "$_c")"; ')
        torn = rf"\printf '\nuartsim-%s-torn\n' {number}"
        self.lines.append(f" :; if [ ${{#_c}} = {len(escaped)} ]; then{run}; else {torn}; fi")

    def _wrapped(self, words: str, first: str = "") -> str:
        quiet = "" if self._shell.is_restricted else " 2>/dev/null"
        number = self._number
        begin = rf"{{ {first}_u={number}-; \printf 'uartsim-%s-begin\n' {number}; }}{quiet}"
        end = rf"""{{ _u={number}-$?-$?; \printf '\nuartsim-%s-end\n' "$_u"; }}{quiet}"""
        if self._shell.is_zsh:
            return f" :; {begin}; {{ \\eval {words}; }} always {{ {end}; }}"
        return f" :; {begin}; \\command eval {words}; {end}"

    @property
    def begin(self) -> str:
        """What comes before the output, as a regular expression; a kernel line may be between the CR and LF of its line end."""
        return rf"uartsim-{self._number}-begin\r?\n"

    @property
    def end(self) -> str:
        """What comes behind the output, as a regular expression; group 1 is the status."""
        return rf"\r?\nuartsim-{self._number}-(\d{{1,3}})-\1-end\r?\n"

    @property
    def torn(self) -> str:
        """What comes instead if the command did not arrive whole and was not run."""
        return rf"\r?\nuartsim-{self._number}-torn\r?\n"

    @property
    def answer(self) -> str:
        """The answer to the question: group 1 is the ID of the last command, 2 its status, 3 the status of what ran last."""
        return r"\r?\nuartsim-(\w*)-?(\d*)(?:-\d+)?-(\d{1,3})-asked\r?\n"

    def status(self, answer: re.Match[str]) -> int | None:
        """The command's status by an answer to the question; None if it was not run."""
        if answer[1] != self._number:
            return None
        return int(answer[2] or answer[3])

    def is_damaged_end(self, line: str) -> bool:
        """Whether a line is what noise has left of the end mark."""
        end, begin = self._likeness(line)
        return end >= _LIKENESS and end > begin

    def without_damaged_begin(self, text: str) -> str:
        """The text without its first line, if that is what noise has left of the begin mark."""
        first, _, rest = text.partition("\n")
        end, begin = self._likeness(first.strip("\r"))
        return rest if begin >= _LIKENESS and begin > end else text

    def _likeness(self, line: str) -> tuple[float, float]:
        """How much a line is like the end mark and like the begin mark, from 0 to 1; 0 without a part of the ID."""
        number = self._number
        parts = {number[at : at + _ID_RUN] for at in range(len(number) - _ID_RUN + 1)}
        if len(line) > 40 or not any(part in line for part in parts):
            return 0, 0
        end, begin = (SequenceMatcher(None, line, f"uartsim-{number}-{kind}").ratio() for kind in ("0-0-end", "begin"))
        return end, begin

    def ends_damaged(self, text: str) -> bool:
        """Whether one of the last lines of a text is what noise has left of the end mark."""
        return any(self.is_damaged_end(line.strip("\r")) for line in text.rsplit("\n", 3)[-3:])

    def output(self, text: str, *, damaged: bool = False) -> str:
        """What the command printed, from the text between the marks.

        Args:
            text: the text behind the begin mark.
            damaged: whether what is left of the end mark is at the end of the text.
        """
        before, _, last = text.rstrip("\r\n").rpartition("\n")
        if damaged and self.is_damaged_end(last.strip("\r")):
            text = before
        if text.startswith("+"):
            trace = _TRACED_EVAL.replace("{command}", re.escape(self._command))
            text = re.sub(rf"\A(?:{trace})+", "", text)
        return _TRACED_END.sub("", text) if self._shell.is_restricted else text
