"""Finds problems in a saved log: the raw output of any console, a transcript of uartsim, or an asciicast."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import BinaryIO, Final, NamedTuple

from uartsim.console.problems.problem_catalogue import Catalogue
from uartsim.console.problems.problem_watch import Problem, ProblemWatch
from uartsim.console.problems.watchdogs import GarbageWatch
from uartsim.console.text.cleaned_text import TextCleaner
from uartsim.console.text.kernel_lines import KernelLog
from uartsim.errors import UsageError
from uartsim.record.casts import begun_record
from uartsim.record.record_input import open_input
from uartsim.record.transcript import Event, transcript_events

#: How many bytes are read at once.
_PIECE: Final = 1 << 16
#: How long the guest must be silent for an unfinished line to be examined, in seconds.
_PAUSE_S: Final = 0.05


def _seconds(event: Event) -> float:
    return event.seconds


def _of_transcript(path: str, file: BinaryIO) -> tuple[list[Event], Iterator[Event]]:
    """What was typed, which stands behind its echo, with the time at which it was typed; and the rest, read meanwhile."""
    typed = sorted((event for event in transcript_events(path, file) if event.kind == "i"), key=_seconds)
    file.seek(0)
    return typed, (event for event in transcript_events(path, file) if event.kind == "o")


class LoggedProblem(NamedTuple):
    """A problem and its place: the number of its line, from 1, and when it came, in seconds (None: not known)."""

    line: int
    seconds: float | None
    problem: Problem


class SavedLog:
    """A saved log, read once from its beginning.

    Args:
        path: the file; ``-`` is the standard input.
        catalogue: what is a problem.
        allow: ids of problems to ignore.

    Attributes:
        lines: how many lines have been read.

    Raises:
        UsageError: an id is unknown.
    """

    def __init__(self, path: str, catalogue: Catalogue, allow: Iterable[str] = ()) -> None:
        self.path = path
        self.lines = 0
        self._catalogue = catalogue
        self._allow = tuple(allow)
        self._cleaner = TextCleaner()
        self._garbage = GarbageWatch()
        self._end = 0
        # pieces in which a problem may begin that is reported later: offset, line number there, text
        self._pieces: list[tuple[int, int, str]] = []
        # where problems began that are reported later: offset, and number of the line
        self._begun: dict[int, int] = {}

    def problems(self) -> Iterator[LoggedProblem]:
        """The problems, in the order in which they are seen.

        Raises:
            UsageError: the file cannot be read, or is a record of another version, or a damaged one.
        """
        try:
            with sys.stdin.buffer if self.path == "-" else open_input(self.path) as file:
                begun = begun_record(file)
                if begun.is_transcript:
                    yield from self._timed(*_of_transcript(self.path, begun.file))
                elif begun.is_cast:
                    events = begun.read(self.path).events
                    yield from self._timed((), iter(events))
                else:
                    yield from self._raw(begun.file.read(_PIECE), begun.file)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from None

    def _raw(self, data: bytes, file: BinaryIO) -> Iterator[LoggedProblem]:
        watch = ProblemWatch(self._catalogue, self._allow, KernelLog(clocked=False))
        while data:
            yield from self._located(self._taken(watch, data, 0.0), None)
            data = file.read(_PIECE)
        yield from self._located(watch.finish(), None)
        self._count_last_line()

    def _timed(self, typed: Iterable[Event], others: Iterator[Event]) -> Iterator[LoggedProblem]:
        watch = ProblemWatch(self._catalogue, self._allow)
        last_s = 0.0
        for seconds, kind, data in merge(typed, others, key=_seconds):
            if kind == "i" and isinstance(data, bytes):
                watch.typed(data)
            if kind != "o" or not isinstance(data, bytes):
                continue
            if seconds >= last_s + _PAUSE_S:
                yield from self._located(watch.pause(last_s), last_s)
            last_s = seconds
            yield from self._located(self._taken(watch, data, seconds), seconds)
        yield from self._located(watch.finish(last_s), last_s)
        self._count_last_line()

    def _taken(self, watch: ProblemWatch, data: bytes, at: float) -> list[Problem]:
        garbage = self._garbage.feed(data)
        found = watch.report("garbage", garbage, at, self._end) if garbage else []
        text = self._cleaner.feed(data)
        self._pieces.append((self._end, self.lines, text))
        self._end += len(text)
        self.lines += text.count("\n")
        # a line that is not complete has at most this much
        while len(self._pieces) > 1 and self._pieces[1][0] < self._end - 4 * _PIECE:
            self._pieces.pop(0)
        found += watch.feed(text, at)
        for problem in watch.pending:
            if problem.start not in self._begun:
                self._begun[problem.start] = self._line_number(problem.start)
        return found

    def _located(self, found: list[Problem], seconds: float | None) -> Iterator[LoggedProblem]:
        for problem in found:
            number = self._begun.pop(problem.start, None) or self._line_number(problem.start)
            yield LoggedProblem(number, None if seconds is None else problem.at, problem)

    def _line_number(self, offset: int) -> int:
        number = 1
        for at, lines, text in self._pieces:
            if at <= offset:
                number = lines + text.count("\n", 0, offset - at) + 1
        return number

    def _count_last_line(self) -> None:
        if self._pieces and not self._pieces[-1][2].endswith("\n"):
            self.lines += 1
