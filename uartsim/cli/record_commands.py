"""The commands for records: ``uartsim replay``, ``uartsim export`` and ``uartsim records``."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Final

import click

from uartsim.cli.option_types import Seconds
from uartsim.cli.undone_by_signals import EndedBySignal, undone_by_signals
from uartsim.errors import UsageError
from uartsim.standard_streams import reader_may_leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from uartsim.record.recorded_session import RecordedSession

#: The fastest and the slowest that a record is played.
_FASTEST: Final = 1e6
_SLOWEST: Final = 1e-3


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "--speed",
    type=click.FloatRange(_SLOWEST, _FASTEST),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="How fast: 2 is twice as fast.",
)
@click.option(
    "--idle-limit",
    "idle_limit_s",
    type=Seconds(),
    metavar="SECONDS",
    help="Cut longer pauses to this; 0 plays all at once.  [default: what the record asks for]",
)
@click.option("--pty", "on_pty", is_flag=True, help="Play it as a guest on a pty, for any terminal program.")
@click.option("--name", help="With --pty: what the machine is called.  [default: replay]")
@click.option("--link", type=click.Path(), help="With --pty: the path of the link to the pty.")
@click.option(
    "--rate",
    type=click.Choice(["line", "unlimited"]),
    help="With --pty: line has the speed of the line, 115200 baud; unlimited has none.  [default: line]",
)
def replay(
    file: str,
    speed: float,
    idle_limit_s: float | None,
    on_pty: bool,
    name: str | None,
    link: str | None,
    rate: str | None,
) -> None:
    """Play FILE, a record of a console, at this terminal.

    FILE is a transcript or a cast of 'uartsim run --record', or an asciicast (version 2 or 3) of another program; a plain
    log has no times and is played at once. Ctrl-C ends it. (A trace of registers is for 'uartsim trace replay'.)
    """
    from uartsim.record.playback import paced
    from uartsim.record.recorded_session import RecordedSession

    session = RecordedSession(file)
    limit_s = session.idle_limit_s if idle_limit_s is None else idle_limit_s

    def play() -> Iterator[tuple[float, bytes]]:
        return paced(session.events(), speed, limit_s)

    if on_pty:
        for _ in session.events():  # damage is told before the pty is there
            pass
        _play_as_guest(file, play, name or "replay", link, rate or "line")
        return
    for option, value in (("--name", name), ("--link", link), ("--rate", rate)):
        if value is not None:
            raise UsageError(f"{option} without --pty: it is for a machine; add --pty, or leave it out")
    sys.stdout.flush()
    with reader_may_leave():
        _play_here(play())


def _play_here(played: Iterator[tuple[float, bytes]]) -> None:
    """Play to standard output; a terminal gets no queries, and its modes back."""
    fd = sys.stdout.fileno()
    began = time.monotonic()
    filtered = _ForTerminal() if os.isatty(fd) else None
    try:
        with undone_by_signals():
            for seconds, data in played:
                if (pause_s := began + seconds - time.monotonic()) > 0:
                    time.sleep(pause_s)
                _write_all(fd, data if filtered is None else filtered.feed(data))
    except EndedBySignal as signal:
        sys.exit(128 + signal.number)
    finally:
        if filtered is not None:
            with contextlib.suppress(OSError):
                _write_all(fd, filtered.undo())


class _ForTerminal:
    """What a record may send to a person's terminal: no query, which the shell would get the answer of, no clipboard."""

    def __init__(self) -> None:
        from uartsim.access.output_filters import ClipboardFilter, QueryFilter
        from uartsim.access.terminal_modes import Modes
        from uartsim.control_sequences import ControlSequenceParser

        self._queries = QueryFilter(sys.maxsize)
        self._clipboard = ClipboardFilter()
        self._modes = Modes()
        self._parser = ControlSequenceParser()

    def feed(self, data: bytes) -> bytes:
        tokens = self._clipboard.filter(self._parser.feed(self._queries.feed(data)))
        self._modes.follow(tokens)
        return b"".join(token.data for token in tokens)

    def undo(self) -> bytes:
        return self._modes.undo() + b"\r\n"


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _play_as_guest(
    file: str, play: Callable[[], Iterator[tuple[float, bytes]]], name: str, link: str | None, rate: str
) -> None:
    from pathlib import Path

    from uartsim.access.endpoints import open_endpoints
    from uartsim.access.log import Log, write_last_line
    from uartsim.cli.foreground_run import ForegroundRun, LineSettings
    from uartsim.cli.run_records import RecordSettings
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.guest.replay_guest import ReplayGuest

    definition = GuestDefinition(
        name=name,
        kind="replay",
        description=f"the record {file}",
        folder=Path(file).resolve().parent,
        needs=(),
        settings={},
        options={},
    )
    log = Log()
    line = LineSettings({"rate": rate}, "refuse", RecordSettings(transcript=False))
    endpoints = open_endpoints(name, link)
    try:
        ForegroundRun(definition, ReplayGuest(play, log.say), endpoints, line, attach=False).run()
    finally:
        endpoints.release()
        log.close()
    write_last_line(f"{endpoints.folder.name}: stopped")


@click.command()
@click.argument("file", type=click.Path())
@click.option("--html", "forms", flag_value="html", multiple=True, help="The screen, as a page of HTML.")
@click.option("--svg", "forms", flag_value="svg", multiple=True, help="The screen, as SVG.")
@click.option("--png", "forms", flag_value="png", multiple=True, help="The screen, as PNG (needs the extra plot).")
@click.option(
    "--timeline", is_flag=True, help="The stages of the boot with their seconds, printed, or with --svg drawn."
)
@click.option("--at", "at_s", type=Seconds(), metavar="SECONDS", help="The screen at this moment.  [default: the end]")
@click.option(
    "--out",
    type=click.Path(),
    help="The picture; only an earlier picture of uartsim's is replaced.  [default: FILE's name with another ending]",
)
def export(file: str, forms: tuple[str, ...], timeline: bool, at_s: float | None, out: str | None) -> None:
    """Draw what FILE, a record of a console, shows: the screen at a moment, with its colours, or the stages of the boot."""
    from uartsim.record.recorded_session import RecordedSession

    if not forms and not timeline:
        raise UsageError("nothing to export: give --html, --svg, --png or --timeline")
    if len(set(forms)) > 1:
        raise UsageError("--html, --svg and --png are one picture each: give one of them")
    if timeline and (at_s is not None or (forms and forms[0] != "svg")):
        raise UsageError("--timeline is text, or with --svg a picture of the whole boot: leave the other option out")
    if out is not None and not forms:
        raise UsageError(
            "--out with --timeline alone: the text is printed; add --svg for a picture, or leave --out out"
        )
    session = RecordedSession(file)
    if timeline:
        _export_timeline(session, out if out is not None else _beside(file, "svg") if forms else None)
    else:
        _export_screen(session, forms[0], at_s, out or _beside(file, forms[0]))


def _beside(file: str, ending: str) -> str:
    return f"{os.path.splitext(file)[0]}.{ending}"


def _export_timeline(session: RecordedSession, out: str | None) -> None:
    from uartsim.pictures.boot_timeline import timeline_lines, timeline_of, timeline_svg
    from uartsim.record.recorded_session import session_title

    if session.kind == "log":
        raise UsageError(f"{session.path} is a plain log, which has no times: give a transcript or a cast")
    timeline = timeline_of(session.events())
    if out is None:
        for line in timeline_lines(timeline):
            click.echo(line)
        return
    _write(out, timeline_svg(timeline, session_title(session)).encode())
    click.echo(f"{out}: {sum(len(boot.stages) for boot in timeline.boots)} stages of a boot")


def _export_screen(session: RecordedSession, form: str, at_s: float | None, out: str) -> None:
    from uartsim.pictures.screen_picture import screen_at, screen_html, screen_svg
    from uartsim.record.recorded_session import session_title

    picture = screen_at(session.events(), at_s, columns=session.columns, rows=session.rows)
    if form == "png":
        from uartsim.pictures.screen_png import screen_png

        data = screen_png(picture)
    else:
        data = (screen_svg if form == "svg" else screen_html)(picture, session_title(session)).encode()
    _write(out, data)
    moment = "at the end" if at_s is None else f"at {at_s:g} s"
    click.echo(f"{out}: the screen {moment}, {picture.columns} columns and {picture.rows} rows")


def _write(path: str, data: bytes) -> None:
    from uartsim.own_files.outputs import replace_output
    from uartsim.pictures.screen_picture import MADE_BY

    replace_output(path, "picture", lambda content: MADE_BY.encode() in content, lambda file: file.write(data))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def records(as_json: bool) -> None:
    """List the transcripts that are kept of machines, newest first.

    'uartsim run' keeps one of every machine: those of the newest 50, each of at most 16 MiB. 'uartsim replay' plays one,
    'uartsim export' draws it, and 'uartsim problems' says what went wrong.
    """
    from uartsim.cli.run_records import kept_transcripts, transcripts_folder

    kept = kept_transcripts()
    if as_json:
        import json

        click.echo(json.dumps([{**item._asdict(), "running": item.is_running} for item in kept], indent=2))
        return
    if not kept:
        click.echo(f"no transcripts are kept in {transcripts_folder()}")
    with reader_may_leave():
        for item in kept:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(item.modified))
            sys.stdout.write(f"{when}  {item.size / 1024:9.1f} KiB  {item.machine:<16} {item.path}\n")
