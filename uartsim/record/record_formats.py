"""The formats of a record, and which of them a file gets by its ending."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Final

from uartsim.errors import UsageError
from uartsim.record.casts import COLUMNS, ROWS
from uartsim.record.line_recorder import LineRecorder
from uartsim.record.record_writer import RecordEncoder, RecordWriter
from uartsim.record.text_logs import CastRecord, PlainLog, StampedLog
from uartsim.record.transcript import JsonLines

#: The formats by name, each with what it holds.
RECORD_FORMATS: Final = {
    "jsonl": "every byte with its time and direction, breaks and marks, as JSON lines",
    "log": "what the guest has sent, and nothing else",
    "stamped-log": "lines of text with the time at which each began, and marks",
    "cast": "asciicast v2, for asciinema",
    "cast3": "asciicast v3",
}
#: The formats by the ending of the file; the first that fits.
_ENDINGS: Final = ((".stamped.log", "stamped-log"), (".log", "log"), (".cast", "cast"))


def record_format(path: str) -> str:
    """The format that a file gets by its ending: a key of :data:`RECORD_FORMATS`."""
    name = os.path.basename(path).lower()
    return next((kind for ending, kind in _ENDINGS if name.endswith(ending)), "jsonl")


def open_record(
    path: str,
    name: str,
    start: int,
    *,
    line_format: str = "as the guest programs it",
    kind: str | None = None,
    limit_bytes: int | None = None,
    size: tuple[int, int] = (ROWS, COLUMNS),
) -> RecordWriter:
    """Begin a record.

    Args:
        path: the file; it must not exist yet.
        name: the machine's name.
        start: the time of the start, in ticks.
        line_format: the line's format as text, for the header of a transcript.
        kind: the format; None for the one that goes with the file's ending.
        limit_bytes: about how much all parts may take; None for no limit.
        size: the rows and columns of the terminal, for the header of a cast.

    Raises:
        UsageError: the file exists or cannot be made or written, the format is unknown, or the limit too small.
    """
    kind = kind or record_format(path)
    encoder: RecordEncoder
    if kind == "jsonl":
        encoder = JsonLines(name, line_format)
    elif kind == "log":
        encoder = PlainLog()
    elif kind == "stamped-log":
        encoder = StampedLog()
    elif kind in ("cast", "cast3"):
        encoder = CastRecord(3 if kind == "cast3" else 2, name, time.time(), size)
    else:
        raise UsageError(f"a record of format {kind!r} is unknown: use one of {', '.join(RECORD_FORMATS)}")
    return RecordWriter(path, encoder, start, limit_bytes)


def open_recorder(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    name: str,
    start: int,
    *,
    kind: str | None = None,
    limit_bytes: int | None = None,
    size: tuple[int, int] = (ROWS, COLUMNS),
) -> LineRecorder:
    """Begin the records of a line: one file, or several; see :func:`open_record`.  If one cannot be made, none is left.

    Raises:
        UsageError: as :func:`open_record`.
    """
    recorder = LineRecorder()
    try:
        for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
            recorder.writers.append(
                open_record(os.fspath(path), name, start, kind=kind, limit_bytes=limit_bytes, size=size)
            )
    except UsageError:
        recorder.discard()
        raise
    return recorder
