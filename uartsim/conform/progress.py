"""How far a judgement is: a bar where somebody looks at a terminal, a line now and then otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

#: A stage is said to be done in so many plain lines.
_PLAIN_LINES = 4

#: Told how many more steps of the stage are done.
Tick = Callable[[int], None]


@contextmanager
def stage(what: str, total: int, to: TextIO | None = None) -> Iterator[Tick]:
    """Show one stage of ``total`` steps on standard error while the block runs."""
    stream = sys.stderr if to is None else to
    if total <= 0:
        yield lambda count: None
    elif stream.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(file=stream), transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda count: progress.advance(task, count)
    else:
        yield _plain(what, total, stream)


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
