"""The recorder of a line: what happens on it goes into any number of records, which may begin and end while it runs.

Characters that were sent to the guest are recorded once it has echoed them; of others only the number is recorded
(:mod:`uartsim.record.echo_witness`).  The stages of a boot are marks: ``boot stage: kernel`` (:mod:`uartsim.boot_stages`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from uartsim.boot_stages import BootStages
from uartsim.record.echo_witness import EchoWitness, Typed
from uartsim.record.record_writer import RecordWriter


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

    def output(self, data: bytes, at: int) -> None:
        """The guest sent ``data``; the last of it arrived at ``at`` ticks."""
        for writer in self.writers:
            writer.output(data, at)
        if self.writers:
            for stage in self._stages.feed(data, at):
                self.mark(f"boot stage: {stage.name}", at)
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

    def mark(self, text: str, at: int) -> None:
        """``text`` says what happened at ``at`` ticks."""
        for writer in self.writers:
            writer.mark(text, at)

    def tick(self, now: int) -> bool:
        """Write what has gathered by ``now`` ticks; returns whether it has to be called again soon."""
        self._put(self._witness.overdue(now))
        for writer in self.writers:
            writer.flush()
        return self._witness.undecided

    def flush(self) -> None:
        """Write what has gathered to the files.  A failure is counted, never raised."""
        for writer in self.writers:
            writer.flush()

    def remove(self, writer: RecordWriter) -> None:
        """End one of the records."""
        self._put(self._witness.finish())
        self.writers.remove(writer)
        writer.close()

    def close(self) -> None:
        """End all records.  What was typed and not echoed until now is hidden."""
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
                writer.input(typed.data or bytes(typed.hidden), typed.at, secret=bool(typed.hidden))
