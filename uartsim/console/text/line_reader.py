"""The lines of a transcript as they come, each once, as a log shows them.  No I/O, no clock."""

from __future__ import annotations

from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.drawn_screens import DrawnScreens
from uartsim.console.text.own_lines import Line, OwnLines


class LineReader:
    """Reads the lines that are complete.

    Args:
        transcript: what the guest has sent.
        screens: which of it draws screens.
        lines: the same as lines.
        longest: a line that grows longer is read in pieces of so many characters; None: in one, however long it is.
        own: whether what a console itself has typed is read as it was sent.
    """

    def __init__(
        self,
        transcript: Transcript,
        screens: DrawnScreens,
        lines: OwnLines,
        *,
        longest: int | None = None,
        own: bool = False,
    ) -> None:
        self._transcript, self._screens, self._lines = transcript, screens, lines
        self._longest = longest
        self._own = own
        self._read = transcript.text_end
        #: Up to where, from the last complete line on, no line is known to end.
        self._no_line_to = 0

    def skip(self) -> None:
        """Leave out what has come."""
        self._read = self._transcript.text_end

    def more(self, *, is_last: bool = False) -> list[Line]:
        """The lines that have been completed, but for those in which the echo of what was typed may still come.

        Args:
            is_last: nothing more comes: also the unfinished line.
        """
        end = self._transcript.text_end if is_last else self._complete_end()
        if not self._own and not is_last and (awaited := self._lines.awaited) < end:
            end = max(self._read, self._transcript.slice(self._read, awaited).rfind("\n") + 1 + self._read)
        if end <= self._read:
            return []
        lines = self._lines.between(self._read, end, own=self._own)
        self._read = end
        return lines

    @property
    def holds_back(self) -> bool:
        """Whether there are complete lines that wait for an echo."""
        return not self._own and self._complete_end() > self._read

    def _complete_end(self) -> int:
        """The end of the last complete line, or of the last screen."""
        decided = self._screens.decided_end
        drawn_end = self._screens.drawn_end
        begin = max(self._read, drawn_end)
        text = self._transcript.slice(max(begin, self._no_line_to), decided)
        end = text.rfind("\n") + 1
        if end:
            complete = decided - len(text) + end
        else:
            complete = min(begin, decided)
            self._no_line_to = decided
        if self._longest is not None:
            complete += (decided - complete) // self._longest * self._longest
        return max(complete, self._read)
