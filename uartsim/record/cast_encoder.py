"""asciicast, versions 2 and 3: a session of a terminal as a file of JSON lines, which asciinema and its player show.

The formats are those of docs.asciinema.org (asciicast v2, asciicast v3).  The first line is a header; every other line is
``[time, code, text]``, with code ``"o"`` for output, ``"i"`` for input, ``"m"`` for a marker, ``"r"`` for a size such as
``"80x24"`` and, in version 3, ``"x"`` for an exit status.  A time is in seconds: in version 2 since the beginning, in
version 3 since the line before.

Text is UTF-8: a byte that is none becomes U+FFFD, as on a terminal, and a character that is not complete waits for its
rest.  A transcript (:mod:`uartsim.record.transcript`) keeps the bytes themselves.

A record that exists already is written with :func:`uartsim.record.casts.cast_lines`.
"""

from __future__ import annotations

import codecs
import json
from typing import Final

from uartsim.errors import UsageError

#: The versions that are written.
CAST_VERSIONS: Final = (2, 3)
#: The digits of a time behind the point: microseconds, as asciinema writes them.
_DIGITS: Final = 6


class CastEncoder:
    """Encodes what happens on a line as the lines of an asciicast.  No I/O, no clock.

    All times are seconds since the beginning of the cast; a time before an earlier one counts as that one.

    Args:
        version: 2, which every player reads, or 3.
        columns, rows: the size of the terminal.
        title: what players show as the title; nothing if it is empty.
        timestamp: when the cast began, in seconds since 1970; None if that is not to be in the file.
        terminal: the kind of terminal, as in TERM.

    Raises:
        UsageError: another version.
    """

    def __init__(
        self,
        version: int = 2,
        *,
        columns: int = 80,
        rows: int = 24,
        title: str = "",
        timestamp: float | None = None,
        terminal: str = "vt220",
    ) -> None:
        if version not in CAST_VERSIONS:
            raise UsageError(f"asciicast version {version!r} is not written: use 2 or 3")
        self.version = version
        self._header = {
            "version": version,
            **(
                {"width": columns, "height": rows}
                if version == 2
                else {"term": {"cols": columns, "rows": rows, "type": terminal}}
            ),
            **({} if timestamp is None else {"timestamp": int(timestamp)}),
            **({"title": title} if title else {}),
            **({"env": {"TERM": terminal}} if version == 2 else {}),
        }
        self._decoders = {code: codecs.getincrementaldecoder("utf-8")("replace") for code in "oi"}
        self._last_s = 0.0

    def header(self) -> bytes:
        """The first line, with its line end."""
        return _encoded(self._header)

    def output(self, data: bytes, seconds: float) -> bytes:
        """The guest sent ``data``.  Empty if it only begins a character."""
        return self._text("o", data, seconds)

    def input(self, data: bytes, seconds: float) -> bytes:
        """``data`` was sent to the guest.  Empty if it only begins a character."""
        return self._text("i", data, seconds)

    def mark(self, text: str, seconds: float) -> bytes:
        """A marker: players can jump to it, and show its text."""
        return self._line("m", text, seconds)

    def mark_of_gap(self, text: str, seconds: float, lost_s: float) -> bytes:
        """A marker in place of lines that were encoded and are not in the file, behind which lines stand already.

        Args:
            text: its text.
            seconds: the time of the line behind it.
            lost_s: the time between the last line before the gap and the last one in it.
        """
        time = round(max(0.0, seconds) if self.version == 2 else lost_s, _DIGITS)
        return _encoded([time, "m", text])

    def resize(self, size: str, seconds: float) -> bytes:
        """From now on the terminal has this size, such as ``80x24`` (columns, rows)."""
        return self._line("r", size, seconds)

    def exited(self, status: int, seconds: float) -> bytes:
        """The session ended with this status; version 2 has nothing for it, and gets a marker."""
        return self._line("x", str(status), seconds) if self.version >= 3 else self.mark(f"ended: {status}", seconds)

    def finish(self, seconds: float) -> bytes:
        """What waits for its rest, which does not come any more."""
        parts = [(code, decoder.decode(b"", final=True)) for code, decoder in self._decoders.items()]
        return b"".join(self._line(code, text, seconds) for code, text in parts if text)

    def _text(self, code: str, data: bytes, seconds: float) -> bytes:
        text = self._decoders[code].decode(data)
        return self._line(code, text, seconds) if text else b""

    def _line(self, code: str, text: str, seconds: float) -> bytes:
        seconds = max(self._last_s, round(seconds, _DIGITS))
        time = seconds if self.version == 2 else round(seconds - self._last_s, _DIGITS)
        self._last_s = seconds
        return _encoded([time, code, text])


def _encoded(value: object) -> bytes:
    # a lone surrogate, as in a file's name that is not UTF-8, becomes its escape in JSON
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
