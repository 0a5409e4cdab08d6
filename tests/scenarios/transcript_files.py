"""The transcripts of scenarios, ``docs/scenarios/NAME.txt``: what COM1 showed while the test worked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from uartsim.printable import printable

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "scenarios"
#: How many lines of a boot's log are kept where there are many.
KEPT_LINES: Final = 8

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
    parts = ["\n".join(_shortened(text)) for text in texts]
    head = f"{name} on {guest}, {seconds:.0f} s\n\n"
    (FOLDER / f"{name}.txt").write_text(head + "\n\n-- another start --\n\n".join(parts).rstrip() + "\n")


def _shortened(text: str) -> list[str]:
    """The lines of a text, with long runs of a boot's log cut in the middle."""
    lines: list[str] = []
    for is_log, run in groupby(text.splitlines(), lambda line: _LOG_LINE.match(line) is not None):
        of_run = [printable(line).rstrip() for line in run]
        if is_log and len(of_run) > 2 * KEPT_LINES:
            left_out = len(of_run) - 2 * KEPT_LINES
            of_run[KEPT_LINES:-KEPT_LINES] = [f"[{left_out} lines of the log are left out here]"]
        lines += of_run
    return lines
