"""The commands for recordings: ``uartsim trace`` and ``uartsim plot``."""

from __future__ import annotations

import json
import os
import sys

import click

from uartsim.cli.help_text import CommandGroup, described
from uartsim.cli.option_types import Seconds
from uartsim.errors import UartsimError, UsageError
from uartsim.line_format import LineFormat, seconds_to_ticks
from uartsim.standard_streams import reader_may_leave


@described("Look at a trace of register accesses.", "uartsim trace summary boot.trace")
@click.group(cls=CommandGroup)
def trace() -> None:
    """Look at a trace that 'uartsim run --trace FILE' has written: every register access, and the line."""


_from = click.option("--from", "begin_s", type=Seconds(), metavar="SECONDS", help="Begin at this time.")
_to = click.option("--to", "end_s", type=Seconds(), metavar="SECONDS", help="End at this time.")
_json = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@described(
    "Print the events with the names of registers and bits.", "uartsim trace show boot.trace --only accesses --to 0.5"
)
@trace.command()
@click.argument("file", type=click.Path())
@_from
@_to
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["accesses", "line", "interrupts", "modem"]),
    help="Only these events. Repeatable.",
)
@click.option("--every", is_flag=True, help="Every read, even where a loop reads the same value again and again.")
@_json
def show(
    file: str, begin_s: float | None, end_s: float | None, only: tuple[str, ...], every: bool, as_json: bool
) -> None:
    """Print the events of a trace with the names of registers and bits.

    Times are seconds since power-on. RXD is what the chip received, TXD what it sent, far what the other end sent.
    """
    from uartsim.trace.listing import Listing
    from uartsim.trace.reader import read_trace

    if begin_s is not None and end_s is not None and begin_s > end_s:
        raise UsageError(f"--from {begin_s:g} --to {end_s:g}: the end is before the beginning")
    listing = Listing(seconds_to_ticks(begin_s or 0), None if end_s is None else seconds_to_ticks(end_s), only)
    read = read_trace(file)
    with reader_may_leave():
        if as_json:
            for found in listing.objects(read):
                sys.stdout.write(json.dumps(found) + "\n")
        else:
            for line in listing.lines(read, every):
                sys.stdout.write(line + "\n")


@described("Sum up how the driver has used the port.", "uartsim trace summary boot.trace")
@trace.command()
@click.argument("file", type=click.Path())
@_json
def summary(file: str, as_json: bool) -> None:
    """Sum up how the driver in a trace has set and used the port."""
    from uartsim.trace.reader import read_trace
    from uartsim.trace.summary import summarize

    read = read_trace(file)
    found, header = summarize(read), read.header
    if as_json:
        chip = {name: getattr(header, name) for name in ("name", "variant", "strict_line", "unlimited")}
        click.echo(json.dumps(chip | found.as_json(), indent=2))
        return
    rate = ", unlimited rate" if header.unlimited else ""
    click.echo(f"port        {header.name}, a {header.variant}{rate}{', strict line' if header.strict_line else ''}")
    for line in found.lines():
        click.echo(line)


@described("Repeat the accesses on our chip, and compare.", "uartsim trace replay boot.trace")
@trace.command()
@click.argument("file", type=click.Path())
@click.option(
    "--differences", "limit", type=click.IntRange(1), default=10, show_default=True, help="How many to print."
)
def replay(file: str, limit: int) -> None:
    """Repeat the accesses of a trace on our chip, at the same times, and compare the answers.

    Every value read, every change of the interrupt line and every frame sent has to be the same. Exits with 1 if one of
    them is not.
    """
    from uartsim.trace.listing import clock
    from uartsim.trace.reader import read_trace
    from uartsim.trace.replay import replay as run

    done = run(read_trace(file), limit)
    for difference in done.differences:
        click.echo(f"{clock(difference.at):>20}  {difference.what}: {difference.recorded}; ours: {difference.ours}")
    if done.found > len(done.differences):
        click.echo(f"and {done.found - len(done.differences)} more")
    if done.cut_at is not None:
        click.echo(f"replayed only up to {clock(done.cut_at)}: the recording was cut off there", err=True)
    if done.gap is not None:
        click.echo(f"replayed only up to {clock(done.gap)}: events are missing from the trace there", err=True)
    click.echo(
        f"{done.accesses} accesses, {done.reads} values read, {done.interrupts} changes of the interrupt line and "
        f"{done.frames} frames: {done.found or 'no'} difference{'' if done.found == 1 else 's'}"
    )
    if done.found:
        sys.exit(1)


@described("Convert a trace into a waveform.", "uartsim trace vcd boot.trace boot.vcd --timescale '10 ns'")
@trace.command()
@click.argument("file", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--timescale", default="1 ps", show_default=True, help="The waveform's unit of time, such as '10 ns'.")
def vcd(file: str, out: str, timescale: str) -> None:
    """Convert the trace FILE into the waveform OUT (VCD), for GTKWave or PulseView."""
    from dataclasses import replace

    from uartsim.record.events import tell
    from uartsim.record.vcd import VcdWriter
    from uartsim.trace.reader import read_trace

    read = read_trace(file)
    try:
        writer = VcdWriter(out, replace(read.header, start=0), timescale)
    except ValueError as error:
        raise UsageError(str(error)) from None
    try:
        for event in read:
            tell(event, writer)
    finally:
        writer.close()
    status = writer.status()
    if status["lost_events"]:
        raise UartsimError(f"{out} lacks {status['lost_events']} changes: {status['trouble']}")


@described("Draw a stretch of a waveform or a trace.", "uartsim plot boot.vcd --from 1.5 --out boot.svg")
@click.command()
@click.argument("file", type=click.Path())
@_from
@_to
@click.option(
    "--out",
    type=click.Path(),
    help="The picture, .png or .svg; only an earlier picture of uartsim's is replaced.  "
    "[default: FILE's name with .png for its ending]",
)
@click.option("--baud", type=float, help="Read the lines at this speed instead of the file's.")
@click.option("--format", "characters", metavar="8N1", help="Read the lines in this format instead of the file's.")
def plot(
    file: str,
    begin_s: float | None,
    end_s: float | None,
    out: str | None,
    baud: float | None,
    characters: str | None,
) -> None:
    """Draw a stretch of FILE, a waveform (VCD) or a trace: the lines with their characters, modem lines, interrupt.

    Without --from it begins at the first character; without --to it is some fourteen frames long.
    """
    from uartsim.trace.plot import draw
    from uartsim.trace.waveform import read_waveform

    line_format = None
    if baud is not None or characters is not None:
        try:
            line_format = LineFormat.from_baud(115200 if baud is None else baud, characters or "8N1")
        except ValueError as error:
            raise UsageError(str(error)) from None
    waveform = read_waveform(file, begin_s, end_s, line_format)
    if line_format is None and waveform.lines and not waveform.formats:
        raise UsageError(
            f"{file} does not say at which speed its lines are: give --baud, and --format if it is not 8N1"
        )
    out = out or f"{os.path.splitext(file)[0]}.png"
    said = draw(waveform, out, os.path.basename(file), line_format)
    click.echo(f"{out}: {said}")
