"""What a console has received, as a transcript shows it where the sender's speed was much lower than the receiver's."""

from __future__ import annotations

import re
from typing import Final

from uartsim.console.text.cleaned_text import TextCleaner

#: Each start bit of a much slower sender is read as a NUL, and cleaned text has none of them.  Short runs have other causes.
_NULS: Final = re.compile(rb"\0{100,}")


def text_with_counted_nuls(received: bytes) -> str:
    """The cleaned text, with a line that counts them for each run of NULs."""
    return TextCleaner().feed(_NULS.sub(lambda run: b"\n[%d NULs]\n" % len(run[0]), received))
