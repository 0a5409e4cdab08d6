"""A record as a log: the text that the guest sent, line by line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.drawn_screens import DrawnScreens
from uartsim.console.text.line_reader import LineReader
from uartsim.console.text.own_lines import OwnLines
from uartsim.printable import printable
from uartsim.record.casts import Record
from uartsim.record.text_logs import stamp


def timed_lines(record: Record) -> Iterator[tuple[float, str]]:
    """Each line of the guest's, without control sequences, with the time of its first character in seconds.

    Of a screen that the guest has drawn these are its rows, when it stands still.
    """
    sent = [
        (event.seconds, event.data) for event in record.events if event.kind == "o" and isinstance(event.data, bytes)
    ]
    transcript = Transcript(sum(len(data) for _, data in sent))
    screens = DrawnScreens(transcript, record.rows, record.columns)
    reader = LineReader(transcript, screens, OwnLines(transcript, screens), own=True)
    for seconds, data in sent:
        screens.feed(data, seconds)
        yield from ((line.at, line.text) for line in reader.more())
    yield from ((line.at, line.text) for line in reader.more(is_last=True))


def log_lines(record: Record, *, stamps: bool = False) -> Iterator[str]:
    """A record as the lines of a log.

    Args:
        record: the record.
        stamps: whether each line begins with its time in seconds, as ``[   12.345678] ``, and marks, breaks and how much was
            typed unechoed are told too.
    """
    if not stamps:
        for _, line in timed_lines(record):
            yield printable(line)
        return
    noted = [event for event in record.events if event.kind in ("b", "h", "m")]
    notes = [f"{stamp(event.seconds)} -- {printable(event.note)}" for event in noted]
    times = [event.seconds for event in noted]
    told = 0
    for seconds, line in timed_lines(record):
        behind = bisect_right(times, seconds, told)
        yield from notes[told:behind]
        told = behind
        yield f"{stamp(seconds)} {printable(line)}"
    yield from notes[told:]
