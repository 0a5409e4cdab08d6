"""The stages of the boots in a record, as a table (:mod:`uartsim.boot_stages` tells them)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uartsim.boot_stages import BootStages
from uartsim.console.text.cleaned_text import TextCleaner
from uartsim.printable import printable
from uartsim.record.casts import Record
from uartsim.record.transcript import RESET_MARK

#: How much of a line is looked at, in bytes on each side of the sign of its stage.
_LINE: Final = 400
#: The cursor is placed somewhere, as in a menu.
_PLACED: Final = re.compile(rb"\x1b\[[0-9;]*[Hf]")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that a boot has reached.

    Attributes:
        boot: which boot of the record, from 1.
        name: one of :data:`uartsim.boot_stages.BOOT_STAGES`.
        seconds: since the start of the record.
        line: what tells it.
    """

    boot: int
    name: str
    seconds: float
    line: str


def stages_of(record: Record) -> Iterator[Stage]:
    """Each stage of each boot, with the time at which its sign had come."""
    sent = b"".join(event.data for event in record.events if event.kind == "o" and isinstance(event.data, bytes))
    stages = BootStages()
    for seconds, kind, data in record.events:
        if isinstance(data, bytes):
            for reached in stages.feed(data, seconds) if kind == "o" else ():
                yield Stage(len(stages.boots), reached.name, seconds, _line_at(sent, reached.place))
        elif kind == "m" and data == RESET_MARK:
            stages.restart(seconds)


def _line_at(sent: bytes, place: int) -> str:
    """The line of which the byte at ``place`` is, without control sequences; where the cursor was placed, a line begins."""
    begin = sent.rfind(b"\n", max(0, place - _LINE), place) + 1
    for placed in _PLACED.finditer(sent, begin or max(0, place - _LINE), place):
        begin = placed.end()
    if not begin and place > _LINE:
        begin = place
    before = TextCleaner().feed(sent[begin:place])
    end = sent.find(b"\n", place)
    behind = TextCleaner().feed(sent[place : min(end if end >= 0 else len(sent), place + _LINE)])
    return before.rpartition("\n")[2] + behind.partition("\n")[0]


def timeline(record: Record) -> Iterator[str]:
    """The stages as a table: when each began, and how long it took until the next."""
    stages = list(stages_of(record))
    if not stages:
        yield f"no stage of a boot is in this record of {record.seconds:.3f} s"
        return
    ends = [stage.seconds for stage in stages[1:]] + [record.seconds]
    longest = max(end - stage.seconds for stage, end in zip(stages, ends, strict=True)) or 1.0
    yield f"{'boot':>4}  {'stage':8} {'at':>10} {'took':>10}"
    for stage, end in zip(stages, ends, strict=True):
        took = end - stage.seconds
        bar = "#" * max(1, round(24 * took / longest))
        row = f"{stage.boot:4}  {stage.name:8} {stage.seconds:8.3f} s {took:8.3f} s  {bar:24}"
        yield f"{row}  {printable(stage.line.strip())[:60]}".rstrip()
