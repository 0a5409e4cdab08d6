"""All sequences, as the files in ``sequences/`` hold them: the datasheet by topic, then the drivers."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from uartsim.conform.notation import parse
from uartsim.conform.steps import Sequence
from uartsim.errors import UsageError
from uartsim.printable import shown_name

#: The files, in the order of a report.
FILES: Final = (
    *("registers.seq", "interrupts.seq", "transmitter.seq", "receiver.seq", "loopback.seq"),
    *("linux.seq", "seabios.seq", "ovmf.seq", "u-boot.seq", "grub.seq", "freebsd.seq", "xen.seq", "memtest.seq"),
)


_FOLDER: Final = files("uartsim.conform") / "sequences"

#: The sequences of each file, by its name.
BY_FILE: Final = MappingProxyType({name: parse((_FOLDER / name).read_text(encoding="utf-8"), name) for name in FILES})
#: Every sequence, in the order of a report.
SEQUENCES: Final[tuple[Sequence, ...]] = tuple(sequence for name in FILES for sequence in BY_FILE[name])


def chosen(patterns: Iterable[str]) -> tuple[Sequence, ...]:
    """The sequences whose names match one of ``patterns``, or all if there are no patterns.

    Args:
        patterns: names, in which ``*`` stands for any characters.

    Raises:
        UsageError: a pattern matches no sequence.
    """
    patterns = tuple(patterns)
    for pattern in patterns:
        if not any(fnmatchcase(sequence.name, pattern) for sequence in SEQUENCES):
            raise UsageError(
                f"no sequence is called {shown_name(pattern)}: docs/conformance.md lists them; * stands for anything"
            )
    if not patterns:
        return SEQUENCES
    return tuple(s for s in SEQUENCES if any(fnmatchcase(s.name, pattern) for pattern in patterns))
