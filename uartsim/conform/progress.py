"""The progress of a long run: a bar on a terminal, a few plain lines in CI, and nothing elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TextIO, TypeAlias

from uartsim.standard_streams import unfiltered

#: How many plain lines a stage writes.
_PLAIN_LINES = 4

#: Called with the number of steps that were done since the last call.
Tick: TypeAlias = Callable[[int], None]
#: Called with the name of a stage and its number of steps; the stage lasts as long as the context that is returned.
Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Tick]]


def silent(what: str, total: int) -> AbstractContextManager[Tick]:
    """Show nothing: for programs that use the conformance kit."""
    return nullcontext(lambda count: None)


@contextmanager
def stage(what: str, total: int, to: TextIO | None = None) -> Iterator[Tick]:
    """Show one stage of ``total`` steps on standard error while the block runs.

    Standard error gets a bar if it is a terminal, plain lines in CI (the variable ``CI`` is set), and nothing otherwise.
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
