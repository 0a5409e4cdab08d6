"""What makes a transcript long and tells nothing: what GRUB's editor draws for each key, and a line that repeats."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

#: What the editor draws until the entry boots, or until it is left for the menu.
_EDITOR: Final = re.compile(r"(?s)(?<=Minimum Emacs-like screen editing).*?(?=Booting a command list|GNU GRUB|\Z)")
#: The first word of the kernel's line, with the tab behind it as GRUB draws it.
_KERNEL_LINE: Final = re.compile(r"(?<=[ \n])linux(?: {8}|\n)")
#: What follows a part of the line that is drawn: the rest of the frame, and the marks beside it.
_GAP: Final = re.compile(r" {4,}|\n")
#: A line that comes at least six times in a row.
_REPEATED: Final = re.compile(r"(?m)^(.+\n)\1((?:\1){4,})")


def without_keystrokes(text: str) -> str:
    """A text in which GRUB's editor shows the entry as it was opened, and the kernel's line as it was left."""
    return _EDITOR.sub(lambda drawn: _first_and_last(drawn[0]), text)


def without_repetitions(text: str) -> str:
    """A text in which a line that comes many times in a row comes twice, and is counted from there on."""
    return _REPEATED.sub(
        lambda found: f"{found[1] * 2}[{len(found[2]) // len(found[1])} more of the line above]\n", text
    )


def _first_and_last(drawn: str) -> str:
    lines = list(_KERNEL_LINE.finditer(drawn))
    if len(lines) < 2:
        return drawn
    line = ""
    for part in _GAP.split(drawn[lines[-1].end() :]):
        line = line.removesuffix("\\") + part
        if not part.endswith("\\"):
            break
    opened = drawn[: lines[0].end()].splitlines(keepends=True)
    again = set(opened)  # where all of the entry is drawn again, because it has scrolled
    opened += takewhile(
        lambda each: each not in again, drawn[lines[0].end() : lines[1].start()].splitlines(keepends=True)
    )
    shown = re.sub(r"\s+v?\s*$", "", "".join(opened))
    return f"{shown}\n[keys are pressed until it reads:]\nlinux {line}\n"
