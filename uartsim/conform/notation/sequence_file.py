"""A file of sequences: topics, named groups of steps, sequences.

::

    topic registers

    steps clear-fifos
        FCR <- FIFO_ENABLE, FIFO_ENABLE | RCVR_RESET | XMIT_RESET, 0

    sequence ier-mask "IER has four bits"
        parts 16550A, 16750
        do clear-fifos
        IER <- 0xFF
        IER -> 0x0F          "bits 7:4 read 0" [8.7]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from uartsim.conform.notation.blocks import Block, Unroller, Variables, blocks
from uartsim.conform.notation.scanner import Scanner, SourceLine
from uartsim.conform.notation.step_lines import steps_of
from uartsim.conform.steps import ALL_PARTS, Sequence, Step

#: A file that makes more steps than this is refused.
_MOST_STEPS: Final = 100_000


def parse(text: str, file: str = "sequences") -> tuple[Sequence, ...]:
    """The sequences that a text holds, in order.

    Args:
        text: in the notation of ``docs/conformance.md``.
        file: its name, for messages.

    Raises:
        NotationError: the text cannot be read; the message says where, and what is allowed there.
    """
    return tuple(_File(text, file).sequences())


class _File:
    """A file that is being read."""

    def __init__(self, text: str, file: str) -> None:
        self._blocks = blocks(text, file)
        self._unroller = Unroller()
        self._groups: dict[str, tuple[Step, ...]] = {}
        self._names: set[str] = set()
        self._count = 0

    def sequences(self) -> Iterator[Sequence]:
        topic = ""
        for line, inner, variables in self._unroller.unroll(self._blocks, {}):
            scanner = Scanner(line)
            kind = scanner.one_of(("topic", "steps", "sequence", "for"), "what begins at the left margin")
            if kind == "topic":
                topic = scanner.rest("the heading under which a report shows the sequences below")
                _nothing_below(line, inner)
            elif kind == "steps":
                name = scanner.name("a name for the steps")
                scanner.finish()
                if name in self._groups:
                    raise line.error(f"there are steps {name} above: use another name")
                if not inner:
                    raise line.error(f"the steps {name} are empty: indent them below the name")
                self._groups[name] = tuple(self._steps(inner, variables))
            else:
                if not topic:
                    raise line.error("the sequence has no topic: put a line such as 'topic receiver' above it")
                yield self._sequence(scanner, topic, inner, variables)

    def _sequence(self, scanner: Scanner, topic: str, inner: list[Block], variables: Variables) -> Sequence:
        name = scanner.name("a name of letters, digits and dashes")
        if name in self._names:
            raise scanner.line.error(f"there is a sequence {name} above: use another name")
        self._names.add(name)
        title = scanner.text("what the sequence shows")
        scanner.finish()
        parts = ALL_PARTS
        if inner and inner[0].line.text.startswith("parts "):
            parts = _parts(inner[0].line)
            _nothing_below(inner[0].line, inner[0].inner)
            inner = inner[1:]
        steps = tuple(self._steps(inner, variables))
        if not steps:
            raise scanner.line.error(f"the sequence {name} has no steps: indent them below it")
        sequence = Sequence(name, title, steps, parts, topic)
        checks = Counter(check.what for check in sequence.checks())
        for what, count in checks.items():
            if count > 1:
                raise scanner.line.error(f'{name} has {count} checks "{what}": give each its own text')
        return sequence

    def _steps(self, inner: list[Block], variables: Variables) -> Iterator[Step]:
        for line, below, _ in self._unroller.unroll(inner, variables):
            _nothing_below(line, below)
            scanner = Scanner(line)
            steps = self._group(scanner) if scanner.take("do") else steps_of(line)
            self._count += len(steps)
            if self._count > _MOST_STEPS:
                raise line.error(f"the file makes more than {_MOST_STEPS} steps: repeat less")
            yield from steps

    def _group(self, scanner: Scanner) -> tuple[Step, ...]:
        """``do NAME``."""
        name = scanner.name("the name of steps")
        scanner.finish()
        if name not in self._groups:
            known = ", ".join(self._groups) or "none"
            raise scanner.line.error(f"no steps are called {name}: use some from above; there are: {known}")
        return self._groups[name]


def _parts(line: SourceLine) -> tuple[str, ...]:
    """``parts 16550A, 16750``."""
    scanner = Scanner(line)
    scanner.need("parts")
    parts = [scanner.part()]
    while scanner.take(","):
        parts.append(scanner.part())
    scanner.finish()
    return tuple(parts)


def _nothing_below(line: SourceLine, inner: list[Block]) -> None:
    if inner:
        raise inner[0].line.error("this line is indented below a line that takes none: move it to the left")
