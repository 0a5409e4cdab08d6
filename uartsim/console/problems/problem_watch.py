"""Finds what went wrong on a console, as its text comes.  No I/O, no clock.

Theory of operation
-------------------
A :class:`ProblemWatch` takes in the cleaned text as it comes.  Kernel lines are examined by themselves, without their
prefix; the rest line by line, where a line that a kernel line has cut is whole again.  So an expression can rely on
``^``, and a message that another splits is still found.  A line counts when it is complete; a prompt, which never is,
when the guest pauses.

Most text shows no problem, and that must be seen quickly: for each expression there are texts of which every match
contains one (``patterns.required_literals``), and each piece is searched for these first.

These are not reported:

- what was typed and comes back as its echo;
- what was asked for: a ``reboot`` that was typed, or announced with :meth:`ProblemWatch.expect_boot`;
- a kernel line that had come before in this boot: the log is being read.

The same problem with the same cause is reported once, and counted from then on (``problem_reports.py``).  If the
cause is on the next line, the problem is reported when that line is there, or the guest pauses.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from uartsim.console.problems.problem_catalogue import STAGES, Catalogue, Entry, Mark, quick_texts
from uartsim.console.problems.problem_lines import Look, Quick, bare, next_line
from uartsim.console.problems.problem_reports import KEPT, KEPT_OF_ONE, Problem, Reports
from uartsim.console.text.kernel_lines import KernelBlock, KernelLifter, KernelLine, KernelLog, Plain, Segment

__all__ = ["KEPT", "KEPT_OF_ONE", "MAX_LINE", "Problem", "ProblemWatch"]

#: A line is examined in parts of this many characters.
MAX_LINE: Final = 4096
#: How many typed lines are remembered whose echo would be a problem.
_KEPT_TYPED: Final = 64
#: Instead of an item's number: a kernel started here; this line may complete the problem of the line before.
_START: Final = -1
_NEXT: Final = -2
#: The line in which a kernel reports the options that it was started with.
_COMMAND_LINE: Final = re.compile(r"^(?:Kernel command|Command) line: (?P<options>.*)")
#: How the last line of a kernel's report of a fault begins.
_REPORT_END: Final = "---[ end "


class ProblemWatch:
    """Watches one console.

    Args:
        catalogue: what is a problem.
        allow: ids, or patterns such as ``linux.*``, of problems to ignore.
        kernel_log: the log of the matcher whose segments are given to :meth:`take`.

    Attributes:
        problems: the problems so far, oldest first, at most ``KEPT``.
        excused: severe ones that were allowed or asked for, oldest first.
        counts: how many times each id came, repeated ones included.

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
        self._reports = Reports(self.catalogue, allow)
        self.problems = self._reports.problems
        self.excused = self._reports.excused
        self.counts = self._reports.counts
        self.allowed = self._reports.allowed
        #: The end of the last complete report of a kernel fault, in characters of the text as sent.
        self.report_end = 0
        self._entries = list(self.catalogue.entries.values())
        context = {text for entry in self._entries for text in (*entry.unless_seen, *entry.settled_by)}
        # in the order in which a line is examined: context, how far the boot is, what is wrong
        searched: list[tuple[str | re.Pattern[str] | Mark | Entry, frozenset[str]]]
        searched = [(text, frozenset([text])) for text in sorted({*context, _REPORT_END})]
        searched += [(_COMMAND_LINE, quick_texts((_COMMAND_LINE,)))]
        searched += [(mark, quick_texts(mark.match)) for mark in self.catalogue.marks]
        searched += [(entry, quick_texts(entry.match)) for entry in self._entries if entry.match]
        self._searched = [item for item, _ in searched]
        #: The items whose cause may be on the next line; and the last one seen, with its place.
        self._has_next = {n for n, item in enumerate(self._searched) if isinstance(item, Entry) and item.next}
        self._awaited: tuple[Entry, Look, dict[str, str]] | None = None
        self._wants_line = self._wants_kernel_line = False  # the next line may complete what is awaited
        self._quick = Quick([texts for _, texts in searched])
        self._rebooted = next((entry for entry in self._entries if entry.watch == "reboot"), None)
        self._lifter = KernelLifter(kernel_log)
        self._log = self._lifter.log
        self._boots_seen = self._log.boots
        self._stage = -1
        self._stage_at = 0  # where its mark is
        self._kernel_started = False
        self._typed = ""
        # what the echoes of typed lines, and of the one being typed, will look like: the problem's id, and its match
        self._echoes: deque[tuple[str, str]] = deque(maxlen=_KEPT_TYPED)
        self._echoes_now: list[tuple[str, str]] = []
        # the unfinished line: its text, and the place of each part of it in the text as sent
        self._line = ""
        self._parts: list[tuple[int, int]] = []
        self._line_done: set[str] = set()  # ids that were found in it at a pause

    # -- what comes in ------------------------------------------------------------------------------------------

    def feed(self, text: str, at: float = 0.0) -> list[Problem]:
        """Take in cleaned text that came at ``at`` seconds; returns the problems of the lines it completes."""
        return self.take(self._lifter.feed(text, at), at)

    def take(self, segments: Sequence[Segment], at: float = 0.0) -> list[Problem]:
        """As :meth:`feed`, for text that a matcher has split into segments."""
        kernel = [line for segment in segments if isinstance(segment, KernelBlock) for line in segment.lines]
        plain = [segment for segment in segments if isinstance(segment, Plain)]
        looks = self._complete(plain, at) if plain else []
        if kernel:
            looks += self._of_kernel(kernel)
        # in the order in which the lines were complete, however the text was cut into pieces
        looks.sort(key=lambda look: look.end)
        return [problem for look in looks for problem in self._look(look)]

    def pause(self, at: float = 0.0) -> list[Problem]:
        """Examine the unfinished line too: the guest has stopped sending for now."""
        found = [problem for look in self._of_lines(self._line, at) for problem in self._look(look)]
        return found + self._complete_awaited("")

    def finish(self, at: float = 0.0) -> list[Problem]:
        """Examine what was held back and the unfinished line: the text ends here."""
        return self.take(self._lifter.finish(), at) + self.pause(at) + self._reports.overdue()

    @property
    def pending(self) -> list[Problem]:
        """The problems that are not reported yet because they may still resolve themselves."""
        return self._reports.pending

    def overdue(self, at: float | None = None) -> list[Problem]:
        """The problems that have not resolved themselves by ``at`` seconds; without a time: by the end of the text."""
        return self._reports.overdue(at)

    def typed(self, data: str | bytes) -> None:
        """Note what is typed: its echo is not a problem, nor is what it asks for."""
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        *lines, self._typed = re.split(r"[\r\n]", (self._typed + text)[-MAX_LINE:])
        for line in lines:
            self._echoes += self._matches(line)
            self._reports.asked_by(line)
        self._echoes_now = self._matches(self._typed)

    def _matches(self, line: str) -> list[tuple[str, str]]:
        numbers = sorted(set().union(*self._quick.lines(line).values()))
        entries = [item for number in numbers if isinstance(item := self._searched[number], Entry)]
        return [(entry.id, match[0]) for entry in entries if (match := entry.search(line)) is not None]

    def expect_boot(self) -> None:
        """Note that the guest is asked to start again: neither that nor its shutdown before is a problem."""
        self.ask_for("linux.reboot", "guest.off")

    @property
    def boot_is_expected(self) -> bool:
        """Whether the guest was asked to start again and has not yet."""
        return self._reports.boot_is_expected

    def note_command_line(self, text: str) -> None:
        """Note the command line of the kernel that boots next: a rescue mode that it asks for is not a problem."""
        self._reports.will_boot_with(text)

    def ask_for(self, *ids: str) -> None:
        """Note that these ids are asked for: they are ignored until the guest starts again."""
        self._reports.ask_for(*ids)

    def report(self, kind: str, values: Mapping[str, object], at: float, offset: int = 0) -> list[Problem]:
        """Report what a watchdog found.

        Args:
            kind: which ``watch``.
            values: the values that the entry's cause names.
            at: when, in seconds.
            offset: where in the text as sent.
        """
        entry = next((entry for entry in self._entries if entry.watch == kind), None)
        if entry is None:
            return []
        line = str(values.get("line", ""))
        look = Look(offset + len(line), offset, line, at, [], set())
        return self._reports.add(entry, _problem(entry, look, entry.sentence(values), {}))

    # -- looking ------------------------------------------------------------------------------------------------

    def _complete(self, plain: Sequence[Plain], at: float) -> list[Look]:
        """Take in text between kernel lines; returns what is to be examined in the lines that it completes."""
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

    def _of_lines(self, block: str, at: float) -> list[Look]:
        looks: list[Look] = []
        found = self._quick.lines(block)
        wanted = [0] if self._wants_line else []
        wanted += [end + 1 for (_, end), numbers in found.items() if not self._has_next.isdisjoint(numbers)]
        for start in wanted:
            bounds = next_line(block, start)
            self._wants_line = bounds is None
            if bounds is not None:
                found.setdefault(bounds, set()).add(_NEXT)
        for (first, last), numbers in found.items():
            for part in range(first, last, MAX_LINE):
                part_end = min(last, part + MAX_LINE)
                start, end = self._place(part), self._place(part_end - 1) + 1
                done = self._line_done if part == 0 else set()
                looks.append(Look(end, start, block[part:part_end], at, sorted(numbers), done))
        return looks

    def _of_kernel(self, lines: list[KernelLine]) -> list[Look]:
        looks = []
        while self._boots_seen < self._log.boots:
            self._boots_seen += 1
            banner, decided = self._log.starts[self._boots_seen - self._log.boots - 1]
            looks.append(Look(decided, banner.start, banner.text, banner.at, [_START], set()))
        block = "\n".join([line.text for line in lines])
        candidates = self._quick.lines(block)
        found: dict[int, set[int]] = {0: {_NEXT}} if self._wants_kernel_line else {}
        self._wants_kernel_line = False
        starts = list(accumulate((len(line.text) + 1 for line in lines), initial=0)) if candidates else []
        for bounds, numbers in candidates.items():
            index = bisect_right(starts, bounds[0]) - 1
            # marks count in plain lines only: a kernel may mention its boot loader
            found.setdefault(index, set()).update(n for n in numbers if not isinstance(self._searched[n], Mark))
            if not self._has_next.isdisjoint(numbers):
                found.setdefault(index + 1, set()).add(_NEXT)
        self._wants_kernel_line = found.pop(len(lines), None) is not None
        for index, wanted in found.items():
            line = lines[index]
            if not line.replayed:
                looks.append(Look(line.end, line.start, line.text, line.at, sorted(wanted), set()))
        return looks

    def _look(self, look: Look) -> list[Problem]:
        found: list[Problem] = []
        look = look._replace(line=bare(look.line))
        for number in look.numbers:
            if number == _START:
                found += self._kernel_start(look)
            elif number == _NEXT:
                found += self._complete_awaited(look.line)
            else:
                item = self._searched[number]
                if isinstance(item, Entry):
                    found += self._look_for(item, look)
                elif isinstance(item, Mark):
                    if any(regex.search(look.line) for regex in item.match):
                        found += self._reached(STAGES.index(item.stage), look, item.once)
                elif isinstance(item, str):
                    found += self._reports.saw(item)
                    self.report_end = look.end if item == _REPORT_END else self.report_end
                elif match := item.search(look.line):
                    self._reports.booted_with(match["options"])
        return found

    def _look_for(self, entry: Entry, look: Look) -> list[Problem]:
        if entry.id in look.done or (match := entry.search(look.line)) is None:
            return []
        look.done.add(entry.id)
        if self._is_echo(entry.id, match[0]):
            return []
        values = {name: value.strip() for name, value in match.groupdict("").items()}
        if entry.next is None:
            return self._found(entry, look, values)
        found = self._complete_awaited("")
        self._awaited = (entry, look, values)
        return found

    def _complete_awaited(self, line: str) -> list[Problem]:
        """Take the line after a problem whose cause may be there; "" if none has come."""
        if self._awaited is None:
            return []
        (entry, look, values), self._awaited = self._awaited, None
        if entry.next is not None and (match := entry.next.search(line)) is not None:
            values = values | {name: value.strip() for name, value in match.groupdict("").items()}
        return self._found(entry, look, values)

    def _found(self, entry: Entry, look: Look, values: dict[str, str]) -> list[Problem]:
        cause = entry.sentence({"line": look.line.strip(), **values})
        return self._reports.add(entry, _problem(entry, look, cause, values))

    def _place(self, index: int) -> int:
        """The place in the text as sent of the character at ``index`` of the unfinished line."""
        part = max(0, bisect_right(self._parts, index, key=lambda p: p[0]) - 1)
        first, start = self._parts[part]
        return start + index - first

    def _is_echo(self, entry_id: str, text: str) -> bool:
        """Whether this match is the echo of typed text; a terminal may have wrapped it, and then only a part matches."""
        for echo in (*self._echoes_now, *self._echoes):
            if echo[0] == entry_id and (echo[1].startswith(text) or text.startswith(echo[1])):
                if echo in self._echoes:
                    self._echoes.remove(echo)
                return True
        return False

    # -- what counts --------------------------------------------------------------------------------------------

    def _kernel_start(self, look: Look) -> list[Problem]:
        stage = STAGES.index("kernel")
        found = self._reached(stage, look, once=True) if self._kernel_started else []
        # that it was a start and not a replay is known late: user space may have printed something already
        self._kernel_started, self._stage = True, max(self._stage, stage)
        self._stage_at = max(self._stage_at, look.start)
        return found

    def _reached(self, stage: int, look: Look, once: bool) -> list[Problem]:
        """Take in a mark of a boot; ``once``: it comes only once in a boot."""
        if look.start < self._stage_at:
            return []  # a line that was cut by a later mark
        self._stage_at = look.start
        again = stage < self._stage or (once and self._kernel_started)
        first, self._stage = self._stage < 0, stage
        self._kernel_started = once or (self._kernel_started and not again)
        if not again and not first:
            return []
        found = self._complete_awaited("") + self._reports.overdue()
        asked, entry, line = self._reports.new_boot(look.line), self._rebooted, look.line.strip()
        if first or entry is None:
            return found
        look = look._replace(end=look.start + len(line))
        problem = _problem(entry, look, entry.sentence({"line": line}), {})
        return found + self._reports.add(entry, problem, asked)


def _problem(entry: Entry, look: Look, cause: str, values: Mapping[str, str]) -> Problem:
    line = look.line.strip()
    return Problem(
        entry.id, entry.severity, cause, entry.advice, entry.phase, line, look.start, look.end, look.at, values
    )
