"""All that a guest has sent, and what it says: the state that every verb of a console reads.  No I/O, no clock.

Bytes go in with the time at which they came.  They are kept as they are (the transcript), cleaned and searched (the
matcher), drawn (two screens), logged, and watched for problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from uartsim.boot_stages import BootStages
from uartsim.console.live_log import LONGEST_LINE, LiveLog
from uartsim.console.problems.problem_catalogue import Source
from uartsim.console.problems.problem_monitor import ProblemMonitor
from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.drawn_screens import DrawnScreens
from uartsim.console.text.echoes import Echoes
from uartsim.console.text.kernel_lines import Plain
from uartsim.console.text.line_reader import LineReader
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.own_lines import Line, OwnLines
from uartsim.console.text.screen import ScreenModel

#: How long the guest must be silent for an open pattern (such as ``# $``) to be looked for, in seconds.
SETTLE_S: Final = 0.05
#: How many lines of the guest's output an error shows, and how many characters of each.
SHOWN_LINES: Final = 10
SHOWN_COLUMNS: Final = 200
#: What the kernel says last where it restarts the machine.
_RESTARTS: Final = "reboot: Restarting system"


class Feed(Protocol):
    """Anything else that is given the bytes that the guest sends."""

    def put(self, data: bytes) -> None:
        """Take bytes that have just come."""


class GuestOutput:
    """What one console has received.

    Args:
        name: the machine's name, for the log.
        problems: additions to the catalogue of problems: files, or entries as mappings.
        allow: ids of problems that are to be ignored.
        now_s: the time, in seconds of the console's clock.
        timeout_scale: the factor of the console's time-outs.

    Attributes:
        transcript: the raw bytes and the cleaned text.
        drawn: which of that draws screens.
        matcher: the cleaned text as patterns see it, and the kernel's lines in it.
        echoes: which of that text is the echo of what was typed.
        monitor: the problems.
        screen: what a terminal on this line shows.
        edited: a screen that the kernel does not write on: what a line editor believes to be there.
        stages: the stages of its boots.
        opened_at: when the console was opened; all times are in seconds of its clock.
        last_output: when the last byte came.
        prompt_at: the place in the matched text behind a prompt that is known to be one, or -1.
        boot_at: how many bytes had come at the last reset.
        feeds: what else is given the guest's bytes.
        name: the machine's name.
        life: how many times the console has begun with an empty record: once, and once for each snapshot restored.
        own_lines: the lines in the text that ``run`` has typed and that a person does not want to see.

    Raises:
        UsageError: an addition to the catalogue cannot be read or is wrong, or an id is unknown.
    """

    def __init__(
        self,
        name: str,
        problems: Source | Sequence[Source] | None,
        allow: Iterable[str],
        now_s: float,
        timeout_scale: float,
    ) -> None:
        self._make_monitor = partial(ProblemMonitor, problems=problems, allow=tuple(allow), scale=timeout_scale)
        self.name = name
        self.feeds: set[Feed] = set()
        self.life = 0
        self.start_over(now_s)

    def rename(self, name: str) -> None:
        """Call the machine by another name in the log from now on."""
        self.name = name
        self._live_log.rename(name)

    def start_over(self, now_s: float, rows: int = 24, columns: int = 80) -> None:
        """Forget everything: the console was opened at ``now_s``, with a screen of this size."""
        self.life += 1
        self.transcript = Transcript()
        self.drawn = DrawnScreens(self.transcript, rows, columns)
        self.own_lines = OwnLines(self.transcript, self.drawn)
        reader = LineReader(self.transcript, self.drawn, self.own_lines, longest=LONGEST_LINE)
        self._live_log = LiveLog(self.name, now_s, self.drawn, reader, self.own_lines)
        self.matcher = Matcher()
        self.echoes = Echoes(self.matcher)
        self.monitor = self._make_monitor(self.matcher, now_s=now_s)
        self.screen = ScreenModel(rows, columns)
        self.edited = ScreenModel(rows, columns, kernel_lines=False)
        self.opened_at = self.last_output = now_s
        self.stages = BootStages(now_s)
        self.prompt_at = -1
        self.boot_at = 0
        #: When anything but kernel lines came last.
        self._last_plain = now_s
        #: Since when it has been open whether the end of the text is a kernel line; None: it is decided.
        self._undecided_since: float | None = None

    def take(self, data: bytes, now_s: float, *, live: bool = True) -> None:
        """Take in what came just now, or, not live, what came before a snapshot was made."""
        self.last_output = now_s
        self.screen.feed(data)
        self.edited.feed(data)
        text = self.drawn.feed(data, now_s)
        if live:
            self.stages.feed(data, now_s)
            for feed in self.feeds:
                feed.put(data)
            self._live_log.tell(now_s)
        else:
            self._live_log.skip()
        self._take_text(text, data)

    def _take_text(self, text: str, data: bytes) -> None:
        segments = self.matcher.feed(text, self.last_output)
        if any(isinstance(segment, Plain) for segment in segments):
            self._last_plain = self.last_output
            self._undecided_since = None
        if not self.matcher.undecided:
            self._undecided_since = None
        elif self._undecided_since is None:
            self._undecided_since = self.last_output
        self.monitor.take(segments, data, self.last_output)

    def resize(self, rows: int, columns: int) -> None:
        """From now on the terminal has this size; UsageError if it is impossible."""
        self.screen.resize(rows, columns)
        self.drawn.resize(rows, columns)
        self.edited.resize(rows, columns)

    def forget_boot(self, now_s: float, *, live: bool = True) -> None:
        """Put what came before a restart behind: the unfinished line, the screen, the prompt and what was typed."""
        text = self.drawn.end_line(now_s)
        if live:
            self._live_log.tell(self.last_output)
        self._take_text(text, b"")
        self.boot_at = self.transcript.raw_end
        self.stages.restart(now_s)
        self.matcher.consume_all()
        self.screen = ScreenModel(self.screen.rows, self.screen.columns)
        self.edited = ScreenModel(self.screen.rows, self.screen.columns, kernel_lines=False)
        self.echoes = Echoes(self.matcher)
        self.prompt_at = -1

    def close(self) -> None:
        """Log the unfinished line: the console is closed."""
        self._live_log.tell(self.last_output, is_last=True)

    # -- what is logged later than it came ------------------------------------------------------------------------

    @property
    def log_at(self) -> float | None:
        """When :meth:`log` will have something to log if nothing comes before; None: it will have nothing."""
        return self._live_log.next_at

    def log(self, now_s: float) -> None:
        """Log a screen that stands still by now, and lines that wait for an echo no longer."""
        self._live_log.tell(now_s)

    # -- places in the matched text -------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """The place in the matched text behind the last character."""
        return self.matcher.buffer.end

    def boot_from(self, place: int) -> int:
        """Where, from ``place`` on, the present boot's text begins: behind the kernel's last word of the one before."""
        lines = self.matcher.kernel_log.between(place, self.end)
        return max((line.end for line in lines if line.text.strip() == _RESTARTS and not line.replayed), default=place)

    def since(self, place: int) -> str:
        """The matched text from ``place`` on, without the kernel's lines; a line that they cut is whole again."""
        return self.matcher.between(place, self.end, kernel="lift").replace("\r\n", "\n")

    def output_between(self, start: int, end: int) -> str:
        """What a command printed between two places, without the lines that the kernel sent meanwhile."""
        return self.matcher.between(start, end, kernel="own").replace("\r\n", "\n")

    # -- when it came ---------------------------------------------------------------------------------------------

    @property
    def spoke_at(self) -> float:
        """When the guest last sent anything but kernel lines, which may never cease."""
        return self._last_plain if self._undecided_since is None else max(self._last_plain, self._undecided_since)

    def last_lines(self, count: int = SHOWN_LINES) -> list[str]:
        """The last cleaned lines that are not empty, each with when it came: seconds after the console was opened."""
        return self.shown(self.own_lines.last(count))

    def shown(self, lines: Iterable[Line]) -> list[str]:
        """Lines with their times, as a message shows them."""
        return [f"{line.at - self.opened_at:+9.3f} s  {as_shown(line.text)}" for line in lines]


def as_shown(line: str) -> str:
    """A line as a message can show it: control characters as their pictures, and only the end if it is too long."""
    line = line if len(line) <= SHOWN_COLUMNS else f"...{line[-SHOWN_COLUMNS:]}"
    return "".join(chr(0x2400 + ord(c)) if c < " " else c if c.isprintable() else "\ufffd" for c in line.expandtabs())
