"""The recorder of a line: what happens on it goes into any number of records, which may begin and end while it runs.

Characters that were sent to the guest are recorded once it has echoed them; of others only the number is recorded
(:mod:`uartsim.record.echo_witness`).  The stages of a boot are marks: ``boot stage: kernel`` (:mod:`uartsim.boot_stages`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, Final

from uartsim.boot_stages import BootStages
from uartsim.record.echo_witness import EchoWitness, Typed
from uartsim.record.record_writer import RecordWriter
from uartsim.record.transcript import RESET_MARK

#: Stages are looked for when so many bytes have come, or at the next tick: piece by piece it would cost several times more.
_SEARCHED: Final = 1 << 14
#: In a flood, from one tick to the next, they are looked for in so many bytes at its beginning and at its end, so that
#: looking costs less than recording.  No line is so fast, and no boot: only a line at unlimited rate.
BURST: Final = 1 << 16


class LineRecorder:
    """Records a line.

    Args:
        writers: the records.

    Attributes:
        writers: the records that are open.
    """

    def __init__(self, writers: Iterable[RecordWriter] = ()) -> None:
        self.writers = list(writers)
        self._witness = EchoWitness()
        self._stages = BootStages()
        #: Output in which stages have not been looked for yet, with its times; and how much was searched since the tick.
        self._unsearched: list[tuple[bytes, int]] = []
        self._unsearched_size = 0
        self._searched = 0
        self._has_output = False  # since the last reset

    def output(self, data: bytes, at: int) -> None:
        """The guest sent ``data``; the last of it arrived at ``at`` ticks."""
        for writer in self.writers:
            writer.output(data, at)
        if self.writers:
            self._has_output = True
            self._unsearched.append((data, at))
            self._unsearched_size += len(data)
            if self._unsearched_size >= _SEARCHED:
                if self._searched < BURST:
                    self._mark_stages()
                elif self._unsearched_size >= 4 * BURST:
                    self._skip_all_but_the_end()
        if self._witness.undecided:
            self._put(self._witness.heard(data, at))

    def input(self, data: bytes, at: int, *, secret: bool = False, plain: bool = False) -> None:
        """``data`` was sent to the guest at ``at`` ticks.

        Args:
            data: what was sent.
            at: when.
            secret: only its length is recorded, whatever the guest echoes.
            plain: it is no secret, even if the guest does not echo it, such as a key for SysRq.
        """
        self._put(self._witness.typed(data, at, secret=secret, plain=plain))

    def line_break(self, direction: str, at: int) -> None:
        """A break at ``at`` ticks; ``direction`` is ``"o"`` from the guest or ``"i"`` to it."""
        for writer in self.writers:
            writer.line_break(direction, at)

    def reset(self, at: int) -> None:
        """The machine was reset at ``at`` ticks.  Several resets with nothing between them get one mark."""
        self._mark_stages()
        self._stages.restart(at)
        if self._has_output:
            self._has_output = False
            self.mark(RESET_MARK, at)

    def mark(self, text: str, at: int) -> None:
        """``text`` says what happened at ``at`` ticks."""
        for writer in self.writers:
            writer.mark(text, at)

    def _mark_stages(self) -> None:
        """Look for stages in what has gathered, and mark each at the time at which its sign had come."""
        pieces, self._unsearched = self._unsearched, []
        self._searched += self._unsearched_size
        self._unsearched_size = 0
        if not pieces:
            return
        begin = self._stages.size
        reached = self._stages.feed(b"".join(data for data, _ in pieces), pieces[-1][1])
        if reached:
            ends = list(accumulate((len(data) for data, _ in pieces), initial=begin))[1:]
            for stage in reached:
                self.mark(f"boot stage: {stage.name}", pieces[bisect_left(ends, stage.end)][1])

    def _skip_all_but_the_end(self) -> None:
        """Look for no stages in what has gathered but its last bytes."""
        kept, first = 0, len(self._unsearched)
        while kept < BURST:
            first -= 1
            kept += len(self._unsearched[first][0])
        self._stages.skip(self._unsearched_size - kept)
        del self._unsearched[:first]
        self._unsearched_size = kept

    def tick(self, now: int) -> bool:
        """Write what has gathered by ``now`` ticks; returns whether it has to be called again soon."""
        if self._unsearched_size > 2 * BURST:
            self._skip_all_but_the_end()
        self._mark_stages()
        self._searched = 0
        self._put(self._witness.overdue(now))
        for writer in self.writers:
            writer.flush()
        return self._witness.undecided

    def flush(self) -> None:
        """Write what has gathered to the files.  A failure is counted, never raised."""
        self._mark_stages()
        for writer in self.writers:
            writer.flush()

    def remove(self, writer: RecordWriter) -> None:
        """End one of the records."""
        self._mark_stages()
        self._put(self._witness.finish())
        self.writers.remove(writer)
        writer.close()

    def close(self) -> None:
        """End all records.  What was typed and not echoed until now is hidden."""
        self._mark_stages()
        self._put(self._witness.finish())
        for writer in self.writers:
            writer.close()

    def discard(self) -> None:
        """Remove and close the files, because the port that they were for did not start."""
        for writer in self.writers:
            writer.discard()

    def statuses(self) -> list[dict[str, Any]]:
        """The state of each record; see :meth:`uartsim.record.record_writer.RecordWriter.status`."""
        return [writer.status() for writer in self.writers]

    def _put(self, decided: list[Typed]) -> None:
        for typed in decided:
            for writer in self.writers:
                if typed.hidden:
                    writer.hidden(typed.hidden, typed.at)
                else:
                    writer.input(typed.data, typed.at)
