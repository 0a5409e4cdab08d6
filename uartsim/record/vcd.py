"""Writing a waveform: the pins of a port as a value change dump (VCD, IEEE 1364), for GTKWave, PulseView and others.

Scope ``com1`` has a wire for each pin of :data:`uartsim.record.levels.PINS`: TXD and RXD are 1 at mark, the modem lines
and IRQ are 1 when active.  Four variables of type ``string``, which GTKWave shows and other programs ignore, give the
characters in the frames (``TXD_text``, ``RXD_text``) and the format of each line (``TXD_format``, ``RXD_format``).

Times are rounded to the file's unit, a picosecond by default.  A pulse on a modem line or on IRQ that is shorter than a
unit is drawn one unit long: a driver may serve an interrupt at the very time at which it rises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_NS, LineFormat
from uartsim.record.levels import PINS, DataPin, Levels
from uartsim.record.recording_file import RecordFile
from uartsim.record.tap import RecordHeader

if TYPE_CHECKING:
    from typing import IO

    from vcd.writer import Variable

#: The units of time that a waveform may have; the first number of ticks is as long as the second number of units.
_UNITS: Final = {
    "1 ps": (TICKS_PER_NS, 1000),
    "10 ps": (TICKS_PER_NS, 100),
    "100 ps": (TICKS_PER_NS, 10),
    "1 ns": (TICKS_PER_NS, 1),
    "10 ns": (TICKS_PER_NS * 10, 1),
    "100 ns": (TICKS_PER_NS * 100, 1),
    "1 us": (TICKS_PER_NS * 1000, 1),
}
TIMESCALES: Final = tuple(_UNITS)
#: The variables of type string.
_TEXTS: Final = ("TXD_text", "RXD_text", "TXD_format", "RXD_format")


class _Text:
    """The text file that pyvcd writes to."""

    def __init__(self, file: RecordFile) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Add the text to the buffer; the caller counts the changes in it."""
        self._file.add(text.encode(), 0)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the owner flushes the file."""


class VcdWriter(Levels):
    """Writes a waveform; a :class:`uartsim.record.tap.Tap`.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        header: the properties of the port.
        timescale: the unit of time, one of :data:`TIMESCALES`.  Programs that load every unit as a sample, such as
            sigrok's, are faster with a longer one.

    Raises:
        UsageError: the file exists, or cannot be made or written; or the port runs at the unlimited rate.
        ValueError: the unit of time is unknown.
    """

    def __init__(self, path: str, header: RecordHeader, timescale: str = "1 ps") -> None:
        if timescale not in _UNITS:
            raise ValueError(f"timescale is {timescale!r}: use one of {', '.join(TIMESCALES)}")
        if header.unlimited:
            raise UsageError(
                f"the waveform {path} cannot be recorded at the unlimited rate, where a character takes no time on the "
                "wire: use --rate line"
            )
        from vcd import VCDWriter

        super().__init__(header, self._level, self._text, self._set_format)
        self._ticks, self._units = _UNITS[timescale]
        self._start = self._flushed = self._last = header.start
        self._file = RecordFile(path, "waveform")
        self._writer = VCDWriter(
            cast("IO[str]", _Text(self._file)),
            timescale=timescale,
            date="",
            version="uartsim",
            comment=f"{header.name}: a {header.variant}",
        )
        #: When each pin changed last, in units; and the pins that are to change again one unit after ``_wait_at``.
        self._changed_at: dict[str, int] = {}
        self._wait: dict[str, int] = {}
        self._wait_at = 0
        self._texts: dict[str, str] = dict.fromkeys(_TEXTS, "")
        self._variables: dict[str, Variable[Any]] = {
            pin: self._writer.register_var("com1", pin, "wire", size=1, init=self.levels[pin]) for pin in PINS
        }
        self._variables |= {text: self._writer.register_var("com1", text, "string", init="") for text in _TEXTS}
        self._writer.flush()
        self._file.begin()

    def settled(self, at: int) -> None:
        """Write every change before ``at``; the file is flushed once a second of the port's clock."""
        super().settled(at)
        if at - self._flushed >= 1000_000_000 * TICKS_PER_NS:
            self._flushed = at
            self._file.flush()

    def _level(self, at: int, pin: str, level: int) -> None:
        time = self._time(max(self._last, at))
        if pin not in ("TXD", "RXD"):
            if self._changed_at.get(pin) == time:
                self._last = max(self._last, at)
                self._wait[pin], self._wait_at = level, time
                return
            self._changed_at[pin] = time
        self._change(at, pin, level)

    def _text(self, at: int, line: DataPin, text: str) -> None:
        name = f"{line}_text"
        self._texts[name] = text
        self._change(at, name, text)

    def _set_format(self, at: int, line: DataPin, line_format: LineFormat) -> None:
        name = f"{line}_format"
        self._texts[name] = str(line_format).replace(" ", "_")
        self._change(at, name, self._texts[name])

    def _change(self, at: int, name: str, value: int | str) -> None:
        self._last = max(self._last, at)
        time = self._time(self._last)
        if time > self._wait_at:
            self._end_wait()
        self._write(time, name, value)

    def _end_wait(self) -> None:
        """Write the ends of pulses that were shorter than a unit, one unit after their beginning."""
        for pin, level in self._wait.items():
            self._write(self._wait_at + 1, pin, level)
        self._wait.clear()

    def _write(self, time: int, name: str, value: int | str) -> None:
        if self._file.gap:
            self._resume(time)
        self._writer.change(self._variables[name], time, value)
        self._file.add(b"", 1)
        if self._file.full:
            self._file.flush()

    def _time(self, at: int) -> int:
        """The time ``at`` in units since the start, rounded to the nearest."""
        return ((at - self._start) * self._units * 2 + self._ticks) // (2 * self._ticks)

    def _resume(self, time: int) -> None:
        """Note how many changes are missing here, and write the present value of every variable."""
        lines = [
            f"$comment {self._file.gap} changes are missing here: {self._file.trouble} $end",
            f"#{time}",
            "$dumpall",
        ]
        lines += [f"{level}{self._variables[pin].ident}" for pin, level in self.levels.items()]
        lines += [f"s{_escaped(text)} {self._variables[name].ident}" for name, text in self._texts.items()]
        self._file.add(("\n".join(lines) + "\n$end\n").encode(), 0)

    def flush(self) -> None:
        """Write what has gathered to the file.  A failure is counted, never raised."""
        self._file.flush()

    def close(self) -> None:
        """Write the remaining changes, and close the file."""
        super().close()
        end = max(self._time(self._last), self._wait_at + 1 if self._wait else 0)
        self._end_wait()
        self._writer.close(end)
        self._file.close()

    def discard(self) -> None:
        """Remove and close the file, because the port that it was for did not start."""
        self._file.discard()

    def status(self) -> dict[str, Any]:
        """The path, the size in bytes, the number of lost events and the last trouble, as plain values."""
        return self._file.status()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")
