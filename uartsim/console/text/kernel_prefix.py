"""What a message of the kernel looks like on a serial console: its prefix, and what may become one.  No I/O, no clock.

Linux puts a time before each message (``printk.time``), and a task or processor (``CONFIG_PRINTK_CALLER``); the level is
there only where the log is read raw::

    <6>[   12.345678][   T101] random: crng init done

All that looks for kernel lines takes their form from here.
"""

from __future__ import annotations

import re
from typing import Final

#: The longest message, in characters; the kernel's own bound is 2048 with the prefix.
MAX_LINE: Final = 2048
#: No prefix is longer, in characters.
LONGEST_PREFIX: Final = 64
_STAMP: Final = r"\d{1,11}\.\d{6}"
_CALLER: Final = r"[TC]\d{1,10}"
_FORM: Final = r"\[ {0,11}%s\](?:\[ {0,10}%s\])? "
#: What a kernel line begins with, as a regular expression without groups.
PREFIX: Final = r"(?:<\d{1,3}>)?" + _FORM % (_STAMP, _CALLER)
#: The same without the level; its groups are the time and the caller.
PREFIX_FIELDS: Final = _FORM % (f"({_STAMP})", f"({_CALLER})")
_CALLER_BEGUN: Final = r"\[(?: {1,10}|(?: {0,10}[TC](?:\d{1,10}\]?)?))?"
_STAMP_BEGUN: Final = rf"\d{{1,11}}(?:\.(?:\d{{0,5}}|\d{{6}}(?:\](?:{_CALLER_BEGUN})?)?))?"
_BEGUN: Final = rf"\[(?: {{1,11}}|(?: {{0,11}}{_STAMP_BEGUN}))?"
#: Each beginning of a prefix, as a regular expression.
PREFIX_BEGUN: Final = rf"(?:<(?:\d{{1,3}}(?:>(?:{_BEGUN})?)?)?|{_BEGUN})"
_BEGUN_AT_END: Final = re.compile(rf"{PREFIX_BEGUN}\Z")
_PREFIX: Final = re.compile(PREFIX)


def may_become_prefix(text: str) -> int:
    """Where in ``text`` the part at its end begins that may become a kernel line's prefix; its length if none does."""
    begun = _BEGUN_AT_END.search(text)
    return begun.start() if begun is not None else len(text)


def without_kernel_lines(sent: str, typed: str) -> tuple[str, int, str]:
    """Remove the kernel lines from ``sent``, except those whose prefix is in ``typed``.

    Returns:
        The text; the place up to which ``sent`` is decided; and what is behind it, which may begin a kernel line.
    """
    parts: list[str] = []
    done = at = 0
    while (match := _PREFIX.search(sent, at)) is not None:
        if match[0].strip() in typed:
            at = match.end()
            continue
        end = sent.find("\n", match.end(), match.end() + MAX_LINE)
        parts.append(sent[done : match.start()])
        if end < 0 and len(sent) < match.end() + MAX_LINE:
            return "".join(parts), match.start(), ""
        done = at = end + 1 if end >= 0 else match.end() + MAX_LINE
    begun = max(done, done + may_become_prefix(sent[done:]))
    parts.append(sent[done:begun])
    return "".join(parts), begun, sent[begun:]


def lift_kernel_lines(text: str) -> str:
    """``text`` without kernel lines, wherever in a line they begin; one at the end may be unfinished."""
    plain, _, undecided = without_kernel_lines(text, "")
    return plain + undecided
