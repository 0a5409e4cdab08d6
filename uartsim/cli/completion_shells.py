"""Completion in bash, zsh and fish: from the line that is typed to the answers, in the form that each shell's script reads.

The scripts in ``completion_scripts/`` call uartsim with ``_UARTSIM_COMPLETE=SHELL_complete``, which is click's protocol, and
with the line up to the cursor in ``_UARTSIM_LINE``.  What is possible at its end is found by click and by the functions of
:mod:`uartsim.cli.completion_values`.  An answer is a *whole* word, a word that has only *begun*, such as ``grub_timeout=``,
after which no space is put, or says that files or folders are possible.

Click's own scripts know no word that has only begun, and in bash no ``--option=value`` and no colon: bash regards ``=``
and ``:`` as the ends of words (COMP_WORDBREAKS), and replaces only what is behind them.
"""

from __future__ import annotations

import os
import re
from importlib.resources import files
from typing import Any, Final

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

from uartsim.printable import printable_line

#: The shells that there is a script for.
SHELLS: Final = ("bash", "zsh", "fish")
#: The variable in which a script says what it wants.
VARIABLE: Final = "_UARTSIM_COMPLETE"
#: An item of this type is a word that has only begun: no space follows.
BEGUN: Final = "begun"

#: Click's names for files and folders, and ours.
_PATHS: Final = {"file": "files", "dir": "folders"}
#: A description is cut to so many characters, to have a line of its own.
_LONGEST_DESCRIPTION: Final = 72
#: What bash would take for more than a part of a word.
_SPECIAL: Final = re.compile(r"""([\s'"\\$`!&;|<>()*?#~\[\]{}])""")
#: The same between double quotes.
_SPECIAL_IN_QUOTES: Final = re.compile(r"""(["\\$`])""")


def script(shell: str) -> str:
    """The script that a shell reads.

    Args:
        shell: one of :data:`SHELLS`.
    """
    return (files("uartsim.cli") / "completion_scripts" / f"uartsim.{shell}").read_text(encoding="utf-8")


def typed_words(line: str) -> tuple[list[str], str]:
    """The arguments in a line that are complete, without the program's name, and the one that its end is in."""
    words = split_arg_string(f"{line}x")  # a character more: no word at the end is an empty one
    return words[1:-1], words[-1][:-1] if words else ""


def open_quote(line: str) -> str:
    """The quote in which a line ends, or an empty text."""
    quote = ""
    characters = iter(line)
    for character in characters:
        if character == "\\" and quote != "'":
            next(characters, "")
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
    return quote


class _Completion(ShellComplete):
    """What the three have in common."""

    def source(self) -> str:
        """The script."""
        return script(self.name)

    def get_completion_args(self) -> tuple[list[str], str]:
        """The arguments that are complete, and the one at the cursor."""
        return typed_words(os.environ.get("_UARTSIM_LINE", ""))

    def complete(self) -> str:
        """The answers, a line for each."""
        arguments, word = self.get_completion_args()
        # In --option=value click completes the value, without what is before it.
        before = word[: word.index("=") + 1] if word.startswith("--") and "=" in word else ""
        answers = []
        for item in self.get_completions(arguments, word):
            if item.type in _PATHS:
                answers.append(self.path_answer(_PATHS[item.type], len(before) + int(item.before or 0)))
            else:
                answers.append(self.word_answer(item, f"{before}{item.value}", word))
        return "\n".join(answers)

    def path_answer(self, kind: str, before: int) -> str:
        """The answer that files or folders are possible, after so many characters of the word."""
        return f"{kind}\t{before}\t"

    def word_answer(self, item: CompletionItem, value: str, word: str) -> str:
        """The answer that a word is possible.

        Args:
            item: as click or our function has found it.
            value: the whole word.
            word: what is typed of it.
        """
        kind = BEGUN if item.type == BEGUN else "whole"
        return f"{kind}\t{value}\t{_description(item.help or '')}"


class BashCompletion(_Completion):
    """Answers for bash."""

    name = "bash"

    def path_answer(self, kind: str, before: int) -> str:
        """Bash itself looks for the path behind the last ``=``."""
        return kind

    def word_answer(self, item: CompletionItem, value: str, word: str) -> str:
        """The part of a word that bash replaces, quoted as the line is."""
        quote = open_quote(os.environ.get("_UARTSIM_LINE", ""))
        if quote == "'":
            value = value.replace("'", "'\\''")
        elif quote:
            value = _SPECIAL_IN_QUOTES.sub(r"\\\1", value)
        else:
            breaks = set(os.environ.get("_UARTSIM_BREAKS", "=:")) - set(" \t\n\"'")
            kept = max((word.rfind(each) + 1 for each in breaks), default=0)
            value = _SPECIAL.sub(r"\\\1", value[kept:])
        return f"={value}" if item.type == BEGUN else f"={value} "


class ZshCompletion(_Completion):
    """Answers for zsh."""

    name = "zsh"


class FishCompletion(_Completion):
    """Answers for fish."""

    name = "fish"


def register() -> None:
    """Have click use ours."""
    for shell in (BashCompletion, ZshCompletion, FishCompletion):
        add_completion_class(shell)


def answer_shell(commands: Any) -> int:
    """Answer the script of a shell.  Nobody would see a message: an error is no answer, and status 1.

    Args:
        commands: the group of all commands.
    """
    register()
    # A message of the system's or of a library would land in the middle of the person's line.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        commands(prog_name="uartsim", complete_var=VARIABLE)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except Exception:
        return 1
    return 0


def _description(text: str) -> str:
    """The first sentence of a help text, on one line."""
    line = printable_line(" ".join(text.split()))
    sentence = re.split(r"(?<=[a-z0-9)'])\.(?: |$)", line, maxsplit=1)[0]
    return sentence if len(sentence) <= _LONGEST_DESCRIPTION else f"{sentence[: _LONGEST_DESCRIPTION - 3].rstrip()}..."
