"""The commands for records of the line: ``uartsim replay`` and ``uartsim export``."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from uartsim.cli.help_text import described
from uartsim.cli.option_types import Seconds
from uartsim.errors import UsageError
from uartsim.standard_streams import reader_may_leave

if TYPE_CHECKING:
    from uartsim.record.casts import Record

#: What can be made of a record, by the option's name; with what it is.
_KINDS: Final = {
    "html": "The screen as a page, complete in itself.",
    "svg": "The screen as a picture of vectors.",
    "png": "The screen as a picture of pixels (needs the extra 'plot').",
    "text": "The screen as text.",
    "log": "All that the guest sent, as a plain log.",
    "stamped-log": "The same, each line with its time, and marks and breaks.",
    "cast": "An asciicast of version 2, for asciinema.",
    "cast3": "An asciicast of version 3.",
    "timeline": "The stages of each boot, with their seconds.",
}


class Speed(click.FloatRange):
    """A factor above 0, or ``max``."""

    name = "factor"

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The factor; infinite for ``max``."""
        if value == "max":
            return math.inf
        try:
            speed = float(str(value))
        except ValueError:
            speed = math.nan
        if not (0 < speed < math.inf):
            self.fail(f"{value!r} is not a speed: use a factor above 0, such as 4, or max", param, ctx)
        return speed


@described(
    "Play a record to this terminal, or on a pty.",
    "uartsim replay boot.jsonl",
    "uartsim replay boot.cast --speed 4 --idle-limit 1",
    "uartsim replay boot.jsonl --pty --link /tmp/console  # for picocom, screen, your own program",
)
@click.command()
@click.argument("file", type=click.Path())
@click.option("--speed", type=Speed(), default=1.0, metavar="FACTOR", help="How many times faster; 'max': at once.")
@click.option(
    "--idle-limit",
    type=Seconds(),
    metavar="SECONDS",
    help="No pause is longer than this.  [default: what the record asks for]",
)
@click.option("--from", "begin_s", type=Seconds(), default=0.0, metavar="SECONDS", help="Begin at this time.")
@click.option("--pty", "on_pty", is_flag=True, help="Play it as a guest on a pty, until it is stopped.")
@click.option("--name", help="With --pty: what the machine is called.  [default: replay]")
@click.option("--link", type=click.Path(), help="With --pty: the path of the link to the pty.")
@click.option(
    "--rate",
    type=click.Choice(["line", "unlimited"]),
    help="With --pty: 115200 baud, or without a speed.  [default: line]",
)
def replay(
    file: str,
    speed: float,
    idle_limit: float | None,
    begin_s: float,
    on_pty: bool,
    name: str | None,
    link: str | None,
    rate: str | None,
) -> None:
    """Play a record to this terminal, as it was; or with --pty as a guest that other programs open.

    FILE is what 'uartsim run --record FILE' has written, or an asciicast of version 2 or 3. Ctrl-C ends it. The guest on the
    pty ignores what it gets; 'uartsim reset' plays it again.
    """
    from uartsim.playback.record_player import paced, playing_time
    from uartsim.record.casts import read_record
    from uartsim.record.transcript import LONGEST_RECORD_S

    for option, value in (("--name", name), ("--link", link), ("--rate", rate)):
        if value is not None and not on_pty:
            raise UsageError(f"{option} is for a machine on a pty: add --pty, or leave it out")
        if value == "":
            raise UsageError(f"{option} '' is empty: give a value, or leave the option out")
    record = read_record(file)
    if playing_time(record, speed, idle_limit, begin_s) > LONGEST_RECORD_S:
        raise UsageError(
            "at this speed the record would take more than ten years: use a higher --speed, or --idle-limit"
        )
    _say_cut(file, record)
    if on_pty:
        from uartsim.cli.replay_run import run_replay

        run_replay(file, lambda: paced(record, speed, idle_limit, begin_s), name or "replay", link, rate or "line")
    else:
        _play_here(record, speed, idle_limit, begin_s)


def _play_here(record: Record, speed: float, idle_limit_s: float | None, begin_s: float) -> None:
    from uartsim.cli.undone_by_signals import EndedBySignal, undone_by_signals
    from uartsim.playback.record_player import Player

    out = sys.stdout.buffer
    is_terminal = sys.stdout.isatty()

    def write(data: bytes) -> None:
        out.write(data)
        out.flush()

    player = Player(write, is_terminal=is_terminal)

    def give_back() -> None:
        with reader_may_leave():
            player.undo()
            if is_terminal:
                write(b"\r\n")

    with undone_by_signals():
        try:
            try:
                with reader_may_leave():
                    player.play(record, speed=speed, idle_limit_s=idle_limit_s, begin_s=begin_s)
            finally:
                give_back()
        except EndedBySignal as signal:
            give_back()  # the signal may have come in the middle of it; from now on others are ignored
            sys.exit(128 + signal.number)


def _kind_options(command: click.decorators.FC) -> click.decorators.FC:
    for kind, what in reversed(_KINDS.items()):
        command = click.option(f"--{kind}", "kinds", flag_value=kind, multiple=True, help=what)(command)
    return command


@described(
    "Make a picture, a log, a cast or a timeline of a record.",
    "uartsim export boot.record --png --at 4.5 -o menu.png",
    "uartsim export boot.record --timeline",
)
@click.command()
@click.argument("file", type=click.Path())
@_kind_options
@click.option("--at", "at_s", type=Seconds(), metavar="SECONDS", help="The screen at this time instead of the end.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="OUT",
    help="Write to this new file, not to standard output.",
)
def export(file: str, kinds: tuple[str, ...], at_s: float | None, output: str | None) -> None:
    """Make something else of a record: a picture of its screen, a log, an asciicast, the stages of its boots.

    FILE is what 'uartsim run --record FILE' has written, or an asciicast of version 2 or 3.
    """
    from uartsim.own_files.outputs import write_new_output
    from uartsim.record.casts import read_record

    if len(kinds) != 1:
        given = "one of " + ", ".join(f"--{kind}" for kind in _KINDS)
        raise UsageError(f"say what to make of the record: {given}{', and not several' if kinds else ''}")
    [kind] = kinds
    if at_s is not None and kind not in ("html", "svg", "png", "text"):
        raise UsageError(f"--at is the moment of a screen, and --{kind} has none: leave it out")
    if kind == "png" and output is None and sys.stdout.isatty():
        raise UsageError("a PNG is no text for a terminal: give -o FILE.png")
    record = read_record(file)
    _say_cut(file, record)
    made = _made(record, kind, at_s)
    if output is not None:
        write_new_output(output, "file", made)
        return
    with reader_may_leave():
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()


def _say_cut(file: str, record: Record) -> None:
    if record.cut:
        click.echo(f"uartsim: {file} ends in the middle of line {record.cut}: it is read up to there", err=True)


def _made(record: Record, kind: str, at_s: float | None) -> bytes:
    from uartsim.playback.boot_timeline import timeline
    from uartsim.playback.pictures import Picture
    from uartsim.playback.plain_log import log_lines
    from uartsim.record.casts import cast_lines

    def text_of(lines: Iterable[str]) -> bytes:
        return "".join(f"{line}\n" for line in lines).encode(errors="replace")

    if kind in ("cast", "cast3"):
        return text_of(cast_lines(record, 3 if kind == "cast3" else 2))
    if kind in ("log", "stamped-log"):
        return text_of(log_lines(record, stamps=kind == "stamped-log"))
    if kind == "timeline":
        return text_of(timeline(record))
    picture = Picture.of(record, at_s)
    if kind == "text":
        return text_of("".join(piece.text for piece in line).rstrip() for line in picture.lines)
    if kind == "png":
        return picture.png()
    return (picture.svg() if kind == "svg" else picture.html()).encode(errors="replace")
