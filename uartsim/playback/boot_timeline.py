"""The stages of the boots in a record: firmware, loader, menu, kernel, init, login."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uartsim.console.problems.problem_catalogue import Catalogue
from uartsim.playback.plain_log import timed_lines
from uartsim.printable import printable
from uartsim.record.casts import Record

#: The stages of a boot, in order.
BOOT_STAGES: Final = ("firmware", "loader", "menu", "kernel", "init", "login")
#: What tells a stage that the catalogue of problems does not know, or counts to another.
_MENU: Final = re.compile(r"GNU GRUB  version|The highlighted entry will be executed|^boot: ?$")
_KERNEL: Final = re.compile(r"(?:^|\] )Linux version \d")
_INIT: Final = re.compile(
    r"(?:^|\] )Run (?:/sbin/init|/init) as init process|systemd\[1\]: systemd |^INIT: version |^ *OpenRC "
)
_LOGIN: Final = re.compile(r"\blogin: ?\Z")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that a boot has reached.

    Attributes:
        boot: which boot of the record, from 1.
        name: one of :data:`BOOT_STAGES`.
        seconds: since the start of the record.
        line: what tells it.
    """

    boot: int
    name: str
    seconds: float
    line: str


def boot_stages(record: Record) -> Iterator[Stage]:
    """Each stage when it is first seen in its boot; a stage before one that was reached begins another boot."""
    boot, reached = 1, -1
    for seconds, line in timed_lines(record):
        for name in _stages_of(line):
            index = BOOT_STAGES.index(name)
            if index == reached or (index < reached and index > BOOT_STAGES.index("kernel")):
                continue
            if index < reached:
                boot += 1
            reached = index
            yield Stage(boot, name, seconds, line)


def _stages_of(line: str) -> Iterator[str]:
    for mark in Catalogue.standard().marks:
        if mark.stage != "userspace" and any(regex.search(line) for regex in mark.match):
            yield mark.stage
            break
    for name, regex in (("menu", _MENU), ("kernel", _KERNEL), ("init", _INIT), ("login", _LOGIN)):
        if regex.search(line):
            yield name


def timeline(record: Record) -> Iterator[str]:
    """The stages as a table: when each began, and how long it took until the next."""
    stages = list(boot_stages(record))
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
