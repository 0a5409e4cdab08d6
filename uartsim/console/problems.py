"""Seeing at once what went wrong on a console.  No I/O, no clock.

Theory of operation
-------------------
A :class:`ProblemWatch` takes in the cleaned text as it comes.  Kernel lines are looked at by themselves, without their
prefix; the rest line by line, where a line that a kernel line has cut is whole again.  So an expression can rely on
``^``, and a message split by another is still seen.  A line counts when it is complete; a prompt, which never is, when
the guest pauses.

Most text is no problem, so most of the work is to see that quickly: from each expression follow texts of which every
match contains one (``patterns.required_literals``), and a whole piece is searched for these first.

What is no problem:

- what was typed and comes back as its echo;
- what was asked for: a ``reboot`` that was typed, or announced with :meth:`ProblemWatch.expect_boot`; a rescue mode
  that the kernel's command line names;
- a kernel line that had come before in this boot: somebody reads the log.

The same problem with the same cause is reported once, and counted from then on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NamedTuple

from uartsim.console.kernel_lines import KernelBlock, KernelLifter, KernelLine, KernelLog, Plain, Segment
from uartsim.console.problem_catalogue import SEVERITIES, STAGES, Catalogue, Entry, Mark, quick_texts

#: A line is looked at in parts of this many characters.
MAX_LINE: Final = 4096
#: How many problems are kept, and how many with one id; more are only counted.
KEPT: Final = 1000
KEPT_OF_ONE: Final = 100
#: How many typed lines are remembered, of those whose echo would be a problem.
_KEPT_TYPED: Final = 64
#: In place of an item's number: here a kernel started; here it says its command line.
_START: Final = -1
_COMMAND_LINE: Final = -2
_SAYS_COMMAND_LINE: Final = re.compile(r"(?:Kernel c|C)ommand line: ")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong.

    Attributes:
        id: its entry in the catalogue, as ``linux.panic``.
        severity: ``info``, ``warn``, ``error`` or ``fatal``.
        cause: what it means.
        advice: what to do.
        phase: where in a guest's life it belongs.
        line: the line that shows it, cleaned; "" where it is none.
        start, end: where that line stands in the cleaned text as sent; absolute, in characters.
        at: when the line began (of other text: when it was complete), in seconds of the caller's clock.
        values: the named groups of the expression.
    """

    id: str
    severity: str
    cause: str
    advice: str
    phase: str = "any"
    line: str = ""
    start: int = 0
    end: int = 0
    at: float = 0.0
    values: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_severe(self) -> bool:
        """Whether it is an ``error`` or ``fatal``."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index("error")

    @property
    def is_fatal(self) -> bool:
        """Whether nothing good can come any more: a wait ends."""
        return self.severity == "fatal"

    def __str__(self) -> str:
        return self.cause


class _Quick:
    """Finds the lines of a text that may be one of many items.

    Args:
        items: of each, texts of which its lines contain one; none where that is not known.
    """

    def __init__(self, items: Sequence[frozenset[str]]) -> None:
        #: Those without a text to look for: they are asked about each line.
        self.slow = [number for number, texts in enumerate(items) if not texts]
        users: dict[str, list[int]] = {}
        for number, texts in enumerate(items):
            for text in texts:
                users.setdefault(text, []).append(number)
        self.users = list(users.items())

    def lines(self, block: str) -> dict[tuple[int, int], set[int]]:
        """Bounds of lines of ``block`` (without their ends), and the items that may match there."""
        found: dict[tuple[int, int], set[int]] = {}
        for text, numbers in self.users:
            at = block.find(text)
            while at >= 0:
                end = block.find("\n", at)
                end = end if end >= 0 else len(block)
                found.setdefault((block.rfind("\n", 0, at) + 1, end), set()).update(numbers)
                at = block.find(text, end)
        if self.slow:
            start = 0
            for line in block.split("\n"):
                if line:
                    found.setdefault((start, start + len(line)), set()).update(self.slow)
                start += len(line) + 1
        return found


class _Look(NamedTuple):
    """A line that may be something: which items (their numbers), and the ids that it is already known to be."""

    end: int
    start: int
    line: str
    at: float
    numbers: list[int]
    done: set[str]


class ProblemWatch:
    """Watches one console.

    Args:
        catalogue: what is a problem.
        allow: ids (or patterns, ``linux.*``) that are none here.
        kernel_log: that of the matcher whose pieces are given to :meth:`take`; needed with it.

    Attributes:
        problems: those so far, oldest first, at most ``KEPT``.
        counts: how often each id came, the repeated ones too.

    Raises:
        UsageError: an id in ``allow`` is unknown.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        allow: Iterable[str] = (),
        kernel_log: KernelLog | None = None,
    ) -> None:
        self.catalogue = catalogue if catalogue is not None else Catalogue.standard()
        self.problems: deque[Problem] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self.allowed = self.catalogue.ids(allow)
        self._entries = list(self.catalogue.entries.values())
        context = sorted({text for entry in self._entries for text in entry.unless_seen})
        # in the order of what is asked of a line: what came before, where the boot is, what is wrong
        searched: list[tuple[str | Mark | Entry, frozenset[str]]] = [(text, frozenset([text])) for text in context]
        searched += [(mark, quick_texts(mark.match)) for mark in self.catalogue.marks]
        searched += [(entry, quick_texts(entry.match)) for entry in self._entries if entry.match]
        self._searched = [item for item, _ in searched]
        self._quick = _Quick([texts for _, texts in searched])
        self._rebooted = next((entry for entry in self._entries if entry.watch == "reboot"), None)
        self._lifter = KernelLifter(kernel_log)
        self._log = self._lifter.log
        self._boots_seen = self._log.boots
        self._stage = -1
        self._stage_at = 0  # where the mark of it stands
        self._kernel_started = False
        self._reported: set[tuple[str, str]] = set()
        self._in_boot: set[str] = set()  # prompts that were reported in this boot, and texts for unless_seen
        self._asked: set[str] = set()
        self._asked_at_boot: set[str] = set()  # by the command line of the kernel that runs
        self._typed = ""
        # what the echo of typed lines, and of the one being typed, will look like: the problem's id, and its match
        self._echoes: deque[tuple[str, str]] = deque(maxlen=_KEPT_TYPED)
        self._echoes_now: list[tuple[str, str]] = []
        # the unfinished line: its text, and where each part of it stands in the text as sent
        self._line = ""
        self._parts: list[tuple[int, int]] = []
        self._line_done: set[str] = set()  # ids that it was found to be at a pause

    # -- what comes in ------------------------------------------------------------------------------------------

    def feed(self, text: str, at: float = 0.0) -> list[Problem]:
        """Take in cleaned text that came at ``at`` seconds; returns the problems of the lines it completes."""
        return self.take(self._lifter.feed(text, at), at)

    def take(self, segments: Sequence[Segment], at: float = 0.0) -> list[Problem]:
        """As :meth:`feed`, for text that a matcher has taken apart."""
        kernel = [line for segment in segments if isinstance(segment, KernelBlock) for line in segment.lines]
        plain = [segment for segment in segments if isinstance(segment, Plain)]
        looks = self._complete(plain, at) if plain else []
        if kernel:
            looks += self._of_kernel(kernel)
        # in the order in which the lines were complete, whatever came in one piece
        looks.sort(key=lambda look: look.end)
        return [problem for look in looks for problem in self._look(look)]

    def pause(self, at: float = 0.0) -> list[Problem]:
        """The guest has stopped sending for now: the unfinished line is looked at too."""
        return [problem for look in self._of_lines(self._line, at) for problem in self._look(look)]

    def finish(self, at: float = 0.0) -> list[Problem]:
        """The text ends here: what was held back and the unfinished line are looked at."""
        return self.take(self._lifter.finish(), at) + self.pause(at)

    def typed(self, data: str | bytes) -> None:
        """Somebody types this: its echo is no problem, and what it asks for is none."""
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        *lines, self._typed = re.split(r"[\r\n]", (self._typed + text)[-MAX_LINE:])
        for line in lines:
            self._echoes += self._matches(line)
            self._asked |= {e.id for e in self._entries if e.asked_by is not None and e.asked_by.search(line)}
        self._echoes_now = self._matches(self._typed)

    def _matches(self, line: str) -> list[tuple[str, str]]:
        numbers = sorted(set().union(*self._quick.lines(line).values()))
        entries = [item for number in numbers if isinstance(item := self._searched[number], Entry)]
        return [(entry.id, match[0]) for entry in entries if (match := entry.search(line)) is not None]

    def expect_boot(self) -> None:
        """The next start of the guest, and its going down before, are asked for."""
        self.ask_for("linux.reboot", "guest.off")

    @property
    def boot_is_expected(self) -> bool:
        """Whether the guest was asked to start again and has not yet."""
        return "linux.reboot" in self._asked

    def note_command_line(self, text: str) -> None:
        """The kernel that boots next has this command line: a rescue mode that it asks for is no problem."""
        self._asked |= {entry.id for entry in self._entries if entry.is_asked_at_boot(text)}

    def ask_for(self, *ids: str) -> None:
        """These are asked for, and no problem until the guest starts again."""
        self._asked |= set(ids)

    def report(self, kind: str, values: Mapping[str, object], at: float, offset: int = 0) -> list[Problem]:
        """Report what a watchdog found.

        Args:
            kind: which ``watch``.
            values: what the entry's cause names.
            at: when, in seconds.
            offset: where in the text as sent.
        """
        entry = next((entry for entry in self._entries if entry.watch == kind), None)
        if entry is None:
            return []
        line = str(values.get("line", ""))
        return self._add(entry, entry.sentence(values), line, offset, offset + len(line), at, {})

    # -- looking ------------------------------------------------------------------------------------------------

    def _complete(self, plain: Sequence[Plain], at: float) -> list[_Look]:
        """Take in text between kernel lines; returns what is to be looked at in the lines that it completes."""
        starts = accumulate((len(segment.text) for segment in plain), initial=len(self._line))
        self._parts += zip(starts, (segment.start for segment in plain), strict=False)
        block = self._line + "".join([segment.text for segment in plain])
        cut = max(block.rfind("\n"), block.rfind("\r")) + 1
        if len(block) - cut >= MAX_LINE:
            cut += (len(block) - cut) // MAX_LINE * MAX_LINE
        self._line = block[cut:]
        if not cut:
            return []
        looks = self._of_lines(block[:cut].replace("\r", "\n"), at)
        part = bisect_right(self._parts, cut, key=lambda p: p[0]) - 1
        first, start = self._parts[part]
        self._parts = [(0, start + cut - first), *((p - cut, s) for p, s in self._parts[part + 1 :])]
        self._line_done = set()
        return looks

    def _of_lines(self, block: str, at: float) -> list[_Look]:
        looks: list[_Look] = []
        for (first, last), numbers in self._quick.lines(block).items():
            for part in range(first, last, MAX_LINE):
                part_end = min(last, part + MAX_LINE)
                start, end = self._place(part), self._place(part_end - 1) + 1
                done = self._line_done if part == 0 else set()
                looks.append(_Look(end, start, block[part:part_end], at, sorted(numbers), done))
        return looks

    def _of_kernel(self, lines: list[KernelLine]) -> list[_Look]:
        looks = []
        while self._boots_seen < self._log.boots:
            self._boots_seen += 1
            banner, decided = self._log.starts[self._boots_seen - self._log.boots - 1]
            looks.append(_Look(decided, banner.start, banner.text, banner.at, [_START], set()))
        block = "\n".join([line.text for line in lines])
        if "ommand line: " in block:
            looks += [
                _Look(line.end, line.start, line.text, line.at, [_COMMAND_LINE], set())
                for line in lines
                if not line.replayed and _SAYS_COMMAND_LINE.match(line.text)
            ]
        candidates = self._quick.lines(block)
        if candidates:
            starts = list(accumulate((len(line.text) + 1 for line in lines), initial=0))
            for bounds, numbers in candidates.items():
                line = lines[bisect_right(starts, bounds[0]) - 1]
                if not line.replayed:
                    # marks are of plain lines: a kernel may well speak of its boot loader
                    mine = sorted(number for number in numbers if isinstance(self._searched[number], Entry))
                    looks.append(_Look(line.end, line.start, line.text, line.at, mine, set()))
        return looks

    def _look(self, look: _Look) -> list[Problem]:
        found: list[Problem] = []
        line, start, end, at = look.line.strip(), look.start, look.end, look.at
        for number in look.numbers:
            if number == _START:
                found += self._kernel_start(line, start, at)
                continue
            if number == _COMMAND_LINE:
                self._asked_at_boot = {entry.id for entry in self._entries if entry.is_asked_at_boot(line)}
                continue
            item = self._searched[number]
            if isinstance(item, str):
                self._in_boot.add(item)
            elif isinstance(item, Mark):
                if any(regex.search(look.line) for regex in item.match):
                    found += self._reached(STAGES.index(item.stage), line, start, at, item.once)
            elif item.id not in look.done and (match := item.search(look.line)) is not None:
                look.done.add(item.id)
                if not self._is_echo(item.id, match[0]):
                    values = {name: value.strip() for name, value in match.groupdict("").items()}
                    cause = item.sentence({"line": line, **values})
                    found += self._add(item, cause, line, start, end, at, values)
        return found

    def _place(self, index: int) -> int:
        """Where the character at ``index`` of the unfinished line, and what came with it, stands in the text as sent."""
        part = max(0, bisect_right(self._parts, index, key=lambda p: p[0]) - 1)
        first, start = self._parts[part]
        return start + index - first

    def _is_echo(self, entry_id: str, text: str) -> bool:
        """Whether this match is what somebody typed; a terminal may have broken it, and then only a part matches."""
        for echo in (*self._echoes_now, *self._echoes):
            if echo[0] == entry_id and (echo[1].startswith(text) or text.startswith(echo[1])):
                if echo in self._echoes:
                    self._echoes.remove(echo)
                return True
        return False

    # -- what counts --------------------------------------------------------------------------------------------

    def _kernel_start(self, line: str, start: int, at: float) -> list[Problem]:
        stage = STAGES.index("kernel")
        found = self._reached(stage, line, start, at, once=True) if self._kernel_started else []
        # that it was a start and no replay is known late: user space may speak already
        self._kernel_started, self._stage = True, max(self._stage, stage)
        self._stage_at = max(self._stage_at, start)
        return found

    def _reached(self, stage: int, line: str, start: int, at: float, once: bool) -> list[Problem]:
        """A mark of a boot was seen; ``once``: one that comes only once in a boot."""
        if start < self._stage_at:
            return []  # a line that was cut by what has told more already
        self._stage_at = start
        again = stage < self._stage or (once and self._kernel_started)
        first, self._stage = self._stage < 0, stage
        self._kernel_started = once or (self._kernel_started and not again)
        if not again and not first:
            return []
        self._in_boot = {text for text in self._in_boot if text in line}
        entry, asked, self._asked = self._rebooted, self._asked, set()
        if first or entry is None or entry.id in asked:
            return []
        values = {"line": line.strip()}
        return self._add(entry, entry.sentence(values), line.strip(), start, start + len(line), at, {})

    def _add(
        self, entry: Entry, cause: str, line: str, start: int, end: int, at: float, values: Mapping[str, str]
    ) -> list[Problem]:
        if entry.id in self.allowed or entry.id in self._asked | self._asked_at_boot:
            return []
        if any(text in self._in_boot for text in entry.unless_seen):
            return []
        self.counts[entry.id] += 1
        if entry.prompt:
            if entry.id in self._in_boot:
                return []
            self._in_boot.add(entry.id)
        elif (entry.id, cause) in self._reported or self.counts[entry.id] > KEPT_OF_ONE:
            return []
        self._reported.add((entry.id, cause))
        problem = Problem(entry.id, entry.severity, cause, entry.advice, entry.phase, line, start, end, at, values)
        self.problems.append(problem)
        return [problem]
