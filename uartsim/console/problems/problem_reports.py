"""Decides which of the problems that were seen are reported: each once, and not those that were allowed or asked for.

No I/O, no clock.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from uartsim.console.problems.problem_catalogue import SEVERITIES, Catalogue, Entry

#: How many problems are kept, and how many of one id; further ones are only counted.
KEPT: Final = 1000
KEPT_OF_ONE: Final = 100
#: How long a problem that may still resolve itself is held back before it is reported, in seconds.
PATIENCE_S: Final = 10.0
#: A span of time in a cause; two causes that differ only in these are the same.
_SPAN: Final = re.compile(
    r"\b\d+(?:\.\d+)?(?: ?(?:us|ms|s|secs?|seconds?|min(?:utes)?|h|hours?|d|jiffies))\b(?: \d+(?:\.\d+)?(?:ms|s|min|h)\b)*"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong.

    Attributes:
        id: its entry in the catalogue, such as ``linux.panic``.
        severity: ``info``, ``warn``, ``error`` or ``fatal``.
        cause: what it means.
        advice: what to do.
        phase: the phase of a guest's life in which it occurs.
        line: the line that shows it, cleaned; "" if no line does.
        start, end: the place of that line in the cleaned text as sent; absolute, in characters.
        at: when the line began (for text that is not the kernel's: when it was complete), in seconds of the caller's clock.
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
        """Whether it ends a wait: after it, nothing useful can come."""
        return self.severity == "fatal"

    def __str__(self) -> str:
        return self.cause


class Reports:
    """The problems of one console.

    Args:
        catalogue: what is a problem.
        allow: ids, or patterns such as ``linux.*``, of problems to ignore.

    Attributes:
        problems: those reported so far, oldest first, at most ``KEPT``.
        excused: severe ones that were seen but allowed or asked for.
        counts: how many times each id came, repeated ones included.

    Raises:
        UsageError: an id in ``allow`` is unknown.
    """

    def __init__(self, catalogue: Catalogue, allow: Iterable[str] = ()) -> None:
        self.allowed = catalogue.ids(allow)
        self.problems: deque[Problem] = deque(maxlen=KEPT)
        self.excused: deque[Problem] = deque(maxlen=KEPT_OF_ONE)
        self.counts: Counter[str] = Counter()
        self._entries = list(catalogue.entries.values())
        self._reported: set[tuple[str, str]] = set()
        self._asked: set[str] = set()
        self._booted_with: set[str] = set()
        # of this boot: texts that were seen, ids that were found, and problems that may still resolve themselves
        self._seen: set[str] = set()
        self._found: set[str] = set()
        self._found_excused: set[str] = set()
        self._open: dict[str, tuple[Entry, Problem]] = {}

    # -- what was asked for ---------------------------------------------------------------------------------------

    def ask_for(self, *ids: str) -> None:
        """Ignore these ids until the guest starts again."""
        self._asked |= set(ids)

    def asked_by(self, line: str) -> None:
        """Note a typed line: what it asks for is ignored."""
        self._asked |= {e.id for e in self._entries if e.asked_by is not None and e.asked_by.search(line)}

    @property
    def boot_is_expected(self) -> bool:
        """Whether the guest was asked to start again and has not yet."""
        return "linux.reboot" in self._asked

    def will_boot_with(self, command_line: str) -> None:
        """Note the command line of the kernel that boots next."""
        self._asked |= {e.id for e in self._entries if e.booted_with and e.booted_with.search(command_line)}

    def booted_with(self, command_line: str) -> None:
        """Note the command line that a kernel reports: it may ask for a rescue shell."""
        self._booted_with = {
            entry.id for entry in self._entries if entry.booted_with and entry.booted_with.search(command_line)
        }

    # -- what happens ---------------------------------------------------------------------------------------------

    def saw(self, text: str) -> list[Problem]:
        """Note a text that entries name in ``unless_seen`` or ``settled_by``; returns the pending problems that it resolves."""
        self._seen.add(text)
        settled = [entry_id for entry_id, (entry, _) in self._open.items() if text in entry.settled_by]
        return [self._keep(_ended_well(self._open.pop(entry_id)[1])) for entry_id in settled]

    def new_boot(self, line: str) -> frozenset[str]:
        """The guest starts again, and ``line`` shows it; returns the ids that were asked for until now."""
        asked, self._asked = frozenset(self._asked), set()
        self._seen = {text for text in self._seen if text in line}
        self._found.clear()
        self._found_excused.clear()
        return asked

    @property
    def pending(self) -> list[Problem]:
        """The problems that are not reported yet because they may still resolve themselves."""
        return [problem for _, problem in self._open.values()]

    def overdue(self, at: float | None = None) -> list[Problem]:
        """The problems that have not resolved themselves within ``PATIENCE_S``; without a time: by the end of the text."""
        late = [i for i, (_, problem) in self._open.items() if at is None or at - problem.at >= PATIENCE_S]
        return [self._keep(self._open.pop(entry_id)[1]) for entry_id in late]

    def add(self, entry: Entry, problem: Problem, asked: Iterable[str] = ()) -> list[Problem]:
        """Take in a problem that was seen; returns it if it is to be reported.

        Args:
            entry: its kind.
            problem: what was seen.
            asked: ids that were asked for, besides those known here.
        """
        if any(text in self._seen for text in entry.unless_seen):
            return []
        if entry.id in self.allowed or entry.id in self._asked or entry.id in self._booted_with or entry.id in asked:
            self._found_excused.add(entry.id)
            if problem.is_severe and not entry.watch:
                self.excused.append(problem)
            return []
        self.counts[entry.id] += 1
        known = entry.id in self._found
        if (entry.prompt and known) or not (self._found | self._found_excused).isdisjoint(entry.unless_found):
            return []
        self._found.add(entry.id)
        if not entry.prompt:
            key = (entry.id, _SPAN.sub("#", problem.cause))
            if key in self._reported or self.counts[entry.id] > KEPT_OF_ONE:
                return []
            self._reported.add(key)
        if entry.settled_by:
            self._open.setdefault(entry.id, (entry, problem))
            return []
        return [self._keep(problem)]

    def _keep(self, problem: Problem) -> Problem:
        self.problems.append(problem)
        return problem


def _ended_well(problem: Problem) -> Problem:
    return dataclasses.replace(problem, severity="info", cause=f"{problem.cause}; this ended well")
