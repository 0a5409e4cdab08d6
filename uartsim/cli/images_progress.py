"""The progress of what is done to images: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Final, TextIO

from uartsim.standard_streams import unfiltered

#: Where there is no terminal, a transfer says how far it is so often, in seconds.
_PLAIN_S: Final = 5.0


class ImagesProgress:
    """Shows on standard error what is done: a context manager.

    Args:
        stream: where it is written, standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._said = ""
        self._bar: Any = None
        self._task: Any = None
        self._next_s = 0.0

    def __enter__(self) -> ImagesProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()

    def say(self, text: str) -> None:
        """Write a line, unless it is the same as the last one."""
        self._end_bar()
        if text != self._said:
            self._said = text
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def moved(self, done: int, total: int | None) -> None:
        """Show how many bytes of a transfer are done."""
        if self._is_terminal:
            self._show_bar(done, total)
        else:
            self._write_line(done, total)

    def _show_bar(self, done: int, total: int | None) -> None:
        if self._bar is None:
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.DownloadColumn(),
                progress.TransferSpeedColumn(),
                progress.TimeRemainingColumn(),
                console=Console(file=unfiltered(self._stream)),
                transient=True,
            )
            self._task = self._bar.add_task("", total=total, completed=done)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._next_s = 0.0

    def _write_line(self, done: int, total: int | None) -> None:
        from uartsim.images.disk_room import bytes_text

        now = time.monotonic()
        if not self._next_s:
            self._next_s = now + _PLAIN_S
        elif now >= self._next_s:
            self._next_s = now + _PLAIN_S
            of = f" of {bytes_text(total)} ({100 * done // total} %)" if total else ""
            self._stream.write(f"  {bytes_text(done)}{of}\n")
            self._stream.flush()
