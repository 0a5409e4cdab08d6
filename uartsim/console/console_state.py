"""What a console knows at one moment, to know it again when its guest has gone back to that moment.

It is kept as the bytes that the guest had sent, with their times, and what cannot be found out from them: how much of the
text was read, and which shell and prompts ``run`` knows.  A console gets it by taking in the same bytes again, so that text,
screen, kernel lines and problems are what they were.  Times are counted from the moment, which becomes the present.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import trio

from uartsim.console.session import Session
from uartsim.console.shell.prompt_wait import KnownPrompts
from uartsim.errors import UsageError


@dataclass(frozen=True, slots=True)
class ConsoleState:
    """The state of a console.

    Attributes:
        pieces: what the guest had sent, as far as it was kept: how long ago in seconds, and the bytes.
        opened_ago_s: how long ago the console was opened, in seconds.
        boot_at: how many of these bytes came before the last reset, and belong to an earlier boot.
        unread: how many characters no match had consumed.
        rows: the height of the screen.
        columns: its width.
        at_prompt: whether the text ended with a prompt that was known to be one.
        prompts: what ``run`` knows.
    """

    pieces: tuple[tuple[float, bytes], ...]
    opened_ago_s: float
    boot_at: int
    unread: int
    rows: int
    columns: int
    at_prompt: bool
    prompts: KnownPrompts

    @classmethod
    def of(cls, session: Session, prompts: KnownPrompts) -> ConsoleState:
        """The present state of a console."""
        session.take_all()
        received, now = session.received, trio.current_time()
        transcript, matcher = received.transcript, received.matcher
        return cls(
            tuple((now - at, data) for at, data in transcript.pieces()),
            now - received.opened_at,
            max(0, received.boot_at - transcript.raw_start),
            matcher.buffer.end - matcher.position,
            received.screen.rows,
            received.screen.columns,
            received.prompt_at == received.end,
            prompts,
        )

    def put_into(self, session: Session) -> None:
        """Give a console this state, whatever it has received."""
        session.skip_waiting()
        received, now = session.received, trio.current_time()
        received.start_over(now - self.opened_ago_s, self.rows, self.columns)
        count = 0
        for ago, data in self.pieces:
            before = data[: max(0, self.boot_at - count)]
            if before:
                received.take(before, now - ago, live=False)
            count += len(before)
            if count == self.boot_at and before:
                received.forget_boot(now - ago, live=False)
            if len(before) < len(data):
                received.take(data[len(before) :], now - ago, live=False)
                count += len(data) - len(before)
        received.matcher.read_up_to(received.end - self.unread)
        received.prompt_at = received.end if self.at_prompt else -1
        session.before = session.after = ""
        session.match = None
        session.last_sent = received.opened_at

    def content(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "pieces": [[ago, data.decode("latin-1")] for ago, data in self.pieces],
            "opened_ago_s": self.opened_ago_s,
            "boot_at": self.boot_at,
            "unread": self.unread,
            "rows": self.rows,
            "columns": self.columns,
            "at_prompt": self.at_prompt,
            "prompts": self.prompts.content(),
        }

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> ConsoleState:
        """The state of which these are the plain values.

        Raises:
            UsageError: they are damaged.
        """
        try:
            pieces = tuple((float(ago), text.encode("latin-1")) for ago, text in content["pieces"])
            size = sum(len(data) for _, data in pieces)
            numbers = {name: int(content[name]) for name in ("boot_at", "unread", "rows", "columns")}
            if not 0 <= numbers["boot_at"] <= size or numbers["unread"] < 0:
                raise ValueError("a place is outside the text")
            prompts = KnownPrompts.read(content["prompts"])
            return cls(
                pieces, float(content["opened_ago_s"]), at_prompt=bool(content["at_prompt"]), prompts=prompts, **numbers
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise UsageError(f"the snapshot's state of the console is damaged ({error!r}): save again") from None
