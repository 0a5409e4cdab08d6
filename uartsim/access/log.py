"""Writes lines for the person at the terminal without ever holding the machine up.

Standard output may be a full pipe, or a terminal that Ctrl-S has stopped.  (O_NONBLOCK does not help: it belongs to the open
file, which other processes share.)  So a thread writes, from a bounded queue.  Lines for which the queue has no room are
counted, and the count is written as soon as something can be written again.

A message that repeats is written once and counted; messages that differ only in their numbers are of one kind, of which a
few are written.  The count is written with the first repetition after a while, and at the end.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import threading
import time
from collections import OrderedDict, deque
from typing import Final

from uartsim.printable import printable

#: The most bytes that wait to be written.
QUEUE_BYTES: Final = 1 << 16
#: A repetition within this time is only counted, in seconds; the time doubles with each one written, up to a limit.
REPEAT_S: Final = 10.0
LONGEST_REPEAT_S: Final = 600.0
#: How many different messages of a kind are written.
OF_A_KIND: Final = 4
#: How many kinds are remembered.
_KINDS: Final = 64
#: How long writing the rest may take at the end, in seconds.
LAST_WORDS_S: Final = 0.2
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


class _Kind:
    """Messages that differ only in their numbers."""

    def __init__(self) -> None:
        self.said_at = time.monotonic()
        self.window_s = REPEAT_S
        self.counts: dict[str, int] = {}  # of those that were said: how often they came again
        self.others = 0
        self.last = ""

    def take(self, text: str) -> list[str]:
        """The lines to write for ``text``."""
        if text not in self.counts and len(self.counts) < OF_A_KIND:
            self.counts[text] = 0
            return [text]
        if text in self.counts:
            self.counts[text] += 1
        else:
            self.others += 1
            self.last = text
        now = time.monotonic()
        if now - self.said_at < self.window_s:
            return []
        self.said_at = now
        self.window_s = min(2 * self.window_s, LONGEST_REPEAT_S)
        return self.rest()

    def rest(self) -> list[str]:
        """The lines for what was counted and not written yet."""
        lines = [f"{text} ({times(count)})" for text, count in self.counts.items() if count]
        if self.others:
            lines.append(f"{self.last} (and {self.others - 1} more like it)" if self.others > 1 else self.last)
        self.counts = dict.fromkeys(self.counts, 0)
        self.others = 0
        return lines


def times(count: int) -> str:
    """A count in words, such as ``12 more times``."""
    return f"{count} more times" if count > 1 else "once more"


class Log:
    """Writes lines to standard error, or to another descriptor.

    Args:
        fd: the descriptor; standard error if not given.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._fd = fd if fd is not None else _descriptor(sys.stderr, 2)
        self._queue: deque[tuple[int, bytes]] = deque()
        self._waiting = 0  # bytes in the queue, and those that are being written
        self._lost = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._kinds: OrderedDict[str, _Kind] = OrderedDict()

    def say(self, text: str) -> None:
        """Write a message; one that repeats is counted."""
        for line in self.condense(text):
            self.write(f"uartsim: {line}\n")

    def condense(self, text: str) -> list[str]:
        """The lines to write for a message now: the message, nothing, or how often it has come."""
        key = _NUMBER.sub("#", text)
        lines: list[str] = []
        if key not in self._kinds:
            self._kinds[key] = _Kind()
            if len(self._kinds) > _KINDS:
                lines += self._kinds.popitem(last=False)[1].rest()
        self._kinds.move_to_end(key)
        return lines + self._kinds[key].take(text)

    def write(self, text: str, fd: int | None = None) -> None:
        """Write lines as they are, as soon as possible; where too much waits already they are counted as lost."""
        data = printable(text).encode(errors="replace")
        with self._changed:
            if self._waiting + len(data) > QUEUE_BYTES:
                self._lost += 1
                return
            self._queue.append((self._fd if fd is None else fd, data))
            self._waiting += len(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                # Signals are not for it: one that the main thread holds back would end the process through it.
                before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
                try:
                    self._thread.start()
                finally:
                    signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._changed.notify_all()

    def flush(self, timeout_s: float = LAST_WORDS_S) -> bool:
        """Wait until everything is written, at most ``timeout_s`` seconds; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def close(self) -> bool:
        """Write what was counted, and :meth:`flush`."""
        for kind in self._kinds.values():
            for line in kind.rest():
                self.write(f"uartsim: {line}\n")
        return self.flush()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                fd, data = self._queue.popleft()
            written = _write_all(fd, data)
            with self._changed:
                self._waiting -= len(data)
                if not written:
                    self._lost += 1
                elif self._lost and not self._queue:
                    text = f"uartsim: {self._lost} lines could not be written here: nobody read them\n".encode()
                    self._lost = 0
                    self._queue.append((fd, text))
                    self._waiting += len(text)
                self._changed.notify_all()


def _write_all(fd: int, data: bytes) -> bool:
    """Write all of it; returns whether that was possible."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # another process, which shares the file, has made it so
            select.select([], [fd], [])
        except (OSError, ValueError):
            return False
    return True


def _descriptor(stream: object, usual: int) -> int:
    """The descriptor of a standard stream; its usual number where it has none, as when it is closed."""
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return usual


def write_last_line(text: str) -> None:
    """Write a last line to standard error, and wait a moment, not for ever, until it is written."""
    log = Log()
    log.write(f"{text}\n")
    log.flush()
