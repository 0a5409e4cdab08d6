"""How far a judgement is: a bar where somebody looks at a terminal, a line now and then otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TextIO, TypeAlias

from uartsim.standard_streams import unfiltered

#: A stage is said to be done in so many plain lines.
_PLAIN_LINES = 4

#: Told how many more steps of the stage are done.
Tick: TypeAlias = Callable[[int], None]
#: Given what a stage is and how many steps it has; the stage lasts as long as the context.
Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Tick]]


def silent(what: str, total: int) -> AbstractContextManager[Tick]:
    """Show nothing: for a program that calls us."""
    return nullcontext(lambda count: None)


@contextmanager
def stage(what: str, total: int, to: TextIO | None = None) -> Iterator[Tick]:
    """Show one stage of ``total`` steps on standard error while the block runs.

    It is a bar on a terminal and plain lines in CI (the variable ``CI`` is set); elsewhere nobody looks at it.
    """
    stream = sys.stderr if to is None else to
    if total <= 0:
        yield lambda count: None
    elif stream.isatty():
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(file=unfiltered(stream)), transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda count: progress.advance(task, count)
    elif os.environ.get("CI", "").lower() not in ("", "0", "false"):
        yield _plain(what, total, stream)
    else:
        yield lambda count: None


def _plain(what: str, total: int, stream: TextIO) -> Tick:
    done = said = 0

    def tick(count: int) -> None:
        nonlocal done, said
        done += count
        if done * _PLAIN_LINES // total > said:
            said = done * _PLAIN_LINES // total
            stream.write(f"{what}: {min(done, total)} of {total}\n")
            stream.flush()

    return tick
