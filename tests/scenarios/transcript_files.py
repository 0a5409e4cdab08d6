"""The transcripts of scenarios, ``docs/scenarios/NAME.txt``: what COM1 showed while the test worked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.scenarios.transcript_noise import without_keystrokes, without_repetitions
from uartsim.printable import printable
from uartsim.scenarios import find_scenarios

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "scenarios"
#: How many lines of a boot's log are kept where there are many.
KEPT_LINES: Final = 8

#: What separates the parts of a screen that was drawn by moving the cursor, where the moves are gone.
_DRAWN: Final = re.compile(r" {8,}|[+|]-*[+|][-+|]*")
#: A line that is longer was drawn so.
_LONGEST: Final = 200
#: How wide the terminal is at which a line wraps.
_COLUMNS: Final = 80
#: What console.run() types around a command, and what the guest prints for it.
_TYPED: Final = re.compile(r" ?:; \{ _u=[0-9a-f]{6}-;.*?\\command eval '(.*)'; \{ _u=.*")
_MARKER: Final = re.compile(r"uartsim-[0-9a-f]{6}-.*")
_PROBE: Final = re.compile(r".*\\printf 'uartsim-%s-%s-%s-shell.*")
#: The end of a probe, which is on the next line where it has wrapped.
_PROBE_END: Final = '_VERSION-}"'
#: The words of COM1's in what a scenario shows.
_QUOTED: Final = re.compile(r'"([^"]+)"')
#: What is drawn again and again, with another number.
_COUNTS: Final = re.compile(r"\d+")
_LOG_LINE: Final = re.compile(r"\[ *\d+\.\d{6}\] |\[(  OK  |FAILED)\] |         (Starting|Stopping) ")


def write_transcript(name: str, guest: str, texts: Sequence[str], seconds: float) -> None:
    """Write the transcript of a scenario.

    Args:
        name: the scenario.
        guest: what it ran on.
        texts: what each of the test's consoles has shown, without control sequences.
        seconds: how long the test has taken.
    """
    FOLDER.mkdir(exist_ok=True)
    quoted = [words for scenario in find_scenarios(name) for words in _QUOTED.findall(scenario.shown)]
    parts = ["\n".join(shortened(_without_noise(text), quoted)) for text in texts]
    head = f"{name} on {guest}, {max(seconds, 1):.0f} s\n\n"
    (FOLDER / f"{name}.txt").write_text(head + "\n\n-- another start --\n\n".join(parts).rstrip() + "\n")


def _without_noise(text: str) -> str:
    """A text without what tells nothing, one line for each that was drawn."""
    return without_repetitions("\n".join(_undrawn(without_keystrokes(_without_harness(text)))) + "\n")


def _without_harness(text: str) -> str:
    """A text without what ``console.run()`` adds to a command and to its output."""
    lines: list[str] = []
    wraps, before = False, ""
    for line in text.splitlines():
        is_rest_of_probe = _PROBE.fullmatch(before) is not None and not before.endswith(_PROBE_END)
        if wraps:  # readline may draw the last character of a full line again at the start of the next
            lines[-1] += line[len(before) != _COLUMNS and line[:1] == before[-1:] :]
        elif not (_MARKER.fullmatch(line) or _PROBE.fullmatch(line) or is_rest_of_probe):
            lines.append(line)
        wraps = " _u=" in (lines[-1] if lines else "") and not lines[-1].endswith(("2>/dev/null", "; fi"))
        before = line
    return "\n".join(_TYPED.sub(lambda match: match[1].replace("'\\''", "'"), line) for line in lines)


def _undrawn(text: str) -> Iterator[str]:
    """The lines of a text, with screens that were drawn on one line taken apart, and without what was drawn again."""
    for line in text.splitlines():
        parts = [line] if len(line) <= _LONGEST else [part for part in map(str.strip, _DRAWN.split(line)) if part]
        for number, part in enumerate(parts):
            again = number > 0 and _COUNTS.sub("", part) == _COUNTS.sub("", parts[number - 1])
            if not again:
                yield part


def shortened(text: str, quoted: Sequence[str]) -> list[str]:
    """The lines of a text, with long runs of a boot's log cut in the middle, but for lines with words of the scenario's."""

    def may_go(line: str) -> bool:
        return _LOG_LINE.match(line) is not None and not any(words in line for words in quoted)

    lines: list[str] = []
    for is_log, run in groupby(text.splitlines(), may_go):
        of_run = [printable(line).rstrip() for line in run]
        if is_log and len(of_run) > 2 * KEPT_LINES + 1:
            left_out = len(of_run) - 2 * KEPT_LINES
            of_run[KEPT_LINES:-KEPT_LINES] = [f"[{left_out} lines of the log are left out here]"]
        lines += of_run
    return lines
