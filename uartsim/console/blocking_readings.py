"""What can be read of a console without waiting, for blocking code.  Made by tools/derive_blocking.py.

Each call is handed to the console's background thread (``trio_thread.py``), and its outcome is awaited.  Call-backs, such
as ``progress``, are called on that thread.
"""

from __future__ import annotations

from uartsim.console.console_readings import ConsoleReadings as AsyncConsoleReadings
from uartsim.console.expectations import Match
from uartsim.console.guest_output import SHOWN_LINES
from uartsim.console.problems.problem_reports import Problem
from uartsim.console.text.kernel_lines import KernelLine
from uartsim.console.text.screen import Screen
from uartsim.console.trio_thread import TrioThread

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class ConsoleReadings:
    """What can be read of a console, for blocking code; see :class:`uartsim.console.console_readings.ConsoleReadings`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncConsoleReadings

    def __init__(self, made: AsyncConsoleReadings, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    @property
    def before(self) -> str:
        """The cleaned text before the last match; after a failed wait, what was there."""
        return self._async.before

    @property
    def after(self) -> str:
        """The text of the last match."""
        return self._async.after

    @property
    def match(self) -> Match | None:
        """The last match, or None."""
        return self._async.match

    @property
    def text(self) -> str:
        """All the guest has sent, cleaned: the last megabyte of it."""
        return self._thread.read(lambda: self._async.text)

    @property
    def raw(self) -> bytes:
        """All the guest has sent, as it came: the last megabyte of it."""
        return self._thread.read(lambda: self._async.raw)

    @property
    def unread(self) -> str:
        """The cleaned text that no match has consumed yet."""
        return self._thread.read(lambda: self._async.unread)

    def last_lines(self, count: int = SHOWN_LINES) -> list[str]:
        """The last lines that are not empty, each with its time, in seconds after the console was opened."""
        return self._thread.read(self._async.last_lines, count)

    @property
    def problems(self) -> list[Problem]:
        """What went wrong so far, oldest first, including what ended no wait."""
        return self._thread.read(lambda: self._async.problems)

    @property
    def kernel_lines(self) -> list[KernelLine]:
        """The kernel's messages, wherever they landed, each with its own time and when it came: the last 10 000."""
        return self._thread.read(lambda: self._async.kernel_lines)

    @property
    def stages(self) -> dict[str, float]:
        """How far the boot is: its stages, each with its seconds since the boot began (:mod:`uartsim.boot_stages`)."""
        return self._thread.read(lambda: self._async.stages)

    @property
    def screen(self) -> Screen:
        """What a terminal on this line shows now."""
        return self._thread.read(lambda: self._async.screen)

    @property
    def counters(self) -> dict[str, int]:
        """What the line has carried and lost; ``missed`` are characters that came too fast for this console.

        Without a machine only ``missed``; else also ``bytes_out`` (from the guest) and ``bytes_in``, ``errors_out``,
        ``breaks_out``, ``breaks_in``, ``overruns`` of the guest's receiver, ``withheld`` by flow control, ``queued_in``
        (what the guest has yet to take), ``dropped_by_full_transmitter``, and what faults did, as ``characters_lost_in``.
        """
        return self._thread.read(lambda: self._async.counters)

    @property
    def timeout(self) -> float | None:
        """How long ``expect`` waits unless told otherwise, in seconds; None for ever."""
        return self._async.timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._async.timeout = seconds

    @property
    def timeout_scale(self) -> float:
        """The factor by which all time-outs are multiplied."""
        return self._async.timeout_scale
