"""How a person sees the line while attached: as it is, with the time of each line, or in hexadecimal; and the record of it.

The record (:mod:`uartsim.record`) is of what the guest sent, however it is shown, and of what was typed here and echoed.
"""

from __future__ import annotations

import os
import time
from typing import Final

import trio

from uartsim.line_format import TICKS_PER_SECOND
from uartsim.record import LineRecorder, open_recorder

#: What stands before each line, in the order in which the menu goes through them.
STAMPS: Final = ("none", "time of day", "since attached")
#: How often a record is written to its file, in seconds.
_RECORD_DELAY_S: Final = 0.1
_COLUMNS: Final = 16


class AttachView:
    """What is shown of a line, and recorded of it.

    Args:
        name: the machine's name, for the record.

    Attributes:
        stamps: what stands before each line, one of :data:`STAMPS`.
        is_hex: whether bytes are shown in hexadecimal.
        path: the file of the record; empty if there is none.
    """

    def __init__(self, name: str) -> None:
        self.name = name or "console"
        self.stamps = STAMPS[0]
        self.is_hex = False
        self.path = ""
        self._recorder: LineRecorder | None = None
        self._began = time.monotonic()
        self._at_line_begin = True
        self._row = b""  # of the hexadecimal view, what is on the last line
        self._offset = 0

    # -- showing ------------------------------------------------------------------------------------------------

    def shown(self, data: bytes) -> bytes:
        """What the terminal gets for ``data``, which the guest has sent."""
        if self._recorder is not None:
            self._recorder.output(data, _now())
        if self.is_hex:
            return self._hex(data)
        return data if self.stamps == STAMPS[0] else self._stamped(data)

    def next_stamps(self) -> str:
        """Go on to the next kind of time stamps; returns it."""
        self.stamps = STAMPS[(STAMPS.index(self.stamps) + 1) % len(STAMPS)]
        self._at_line_begin = True
        return self.stamps

    def switch_hex(self) -> bytes:
        """Show bytes in hexadecimal, or no longer; returns what ends the view before."""
        self.is_hex = not self.is_hex
        self._row, self._offset = b"", 0
        return b"\r\n"

    def _stamped(self, data: bytes) -> bytes:
        lines = data.split(b"\n")
        stamp = f"[{self._time()}] ".encode()
        written = []
        for number, line in enumerate(lines):
            if number:
                written.append(b"\n")
                self._at_line_begin = True
            if line.strip(b"\r") and self._at_line_begin:
                returns = len(line) - len(line.lstrip(b"\r"))
                written.append(line[:returns] + stamp + line[returns:])
                self._at_line_begin = False
            else:
                written.append(line)
        return b"".join(written)

    def _time(self) -> str:
        if self.stamps == "time of day":
            now = time.time()
            return time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now * 1000) % 1000:03d}"
        ms = round((time.monotonic() - self._began) * 1000)
        return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"

    def _hex(self, data: bytes) -> bytes:
        """A dump that grows: each full line ends with its bytes as text."""
        parts = []
        for byte in data:
            if not self._row:
                parts.append(f"{self._offset:08x} ")
            self._row += bytes([byte])
            parts.append(f" {byte:02x}")
            if len(self._row) == _COLUMNS:
                text = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in self._row)
                parts.append(f"  |{text}|\r\n")
                self._offset += _COLUMNS
                self._row = b""
        return "".join(parts).encode()

    # -- recording ------------------------------------------------------------------------------------------------

    def typed(self, data: bytes) -> None:
        """``data`` was typed here and goes to the guest."""
        if self._recorder is not None:
            self._recorder.input(data, _now())

    def suggested(self) -> str:
        """The name of a record for which the person gives none."""
        return time.strftime(f"{self.name}-%Y%m%d-%H%M%S.log")

    def begin_record(self, path: str, size: tuple[int, int]) -> None:
        """Begin a record.

        Args:
            path: the file, whose ending says the format; empty for :meth:`suggested`.
            size: the rows and columns of the person's terminal.

        Raises:
            UsageError: it exists, or cannot be made.
        """
        path = os.path.abspath(os.path.expanduser(path or self.suggested()))
        self._recorder = open_recorder(path, self.name, _now(), size=size)
        self.path = path

    def end_record(self) -> str:
        """End the record, if there is one; returns a sentence about it."""
        if self._recorder is None:
            return ""
        recorder, self._recorder = self._recorder, None
        recorder.close()
        path, self.path = self.path, ""
        trouble = recorder.writers[0].trouble
        return f"the record {path} is not whole: {trouble}" if trouble else f"the record {path} is written"

    async def keep_record(self) -> None:
        """Write the record to its file now and then, until cancelled."""
        while True:
            await trio.sleep(_RECORD_DELAY_S if self._recorder is not None else 10 * _RECORD_DELAY_S)
            if self._recorder is not None:
                self._recorder.tick(_now())


def _now() -> int:
    return int(time.monotonic() * TICKS_PER_SECOND)
