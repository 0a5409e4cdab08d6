"""Running a machine in the foreground: what ``uartsim run`` does once it knows what is wanted."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from uartsim.standard_streams import abandon

if TYPE_CHECKING:
    from collections.abc import Callable

    from uartsim.access.station import Reservation
    from uartsim.access.terminal import Terminal
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.machine import GuestEnd, Machine, PortOptions


class Line(NamedTuple):
    """What the user wants of the line."""

    port: PortOptions
    policy: str
    record: str | None
    restore: str | None = None

    def check_paths(self) -> None:
        """UsageError where two recordings would go to the same file."""
        from uartsim.machine.options import check_paths

        paths = {"record": self.record, "trace": self.port.get("trace"), "vcd": self.port.get("vcd")}
        check_paths({what: path for what, path in paths.items() if path is not None})


def run_machine(definition: GuestDefinition, reservation: Reservation, line: Line, attach: bool) -> GuestEnd | None:
    """Run a guest on a reserved name until it ends, a signal comes, or the person at the terminal quits.

    Args:
        definition: the guest.
        reservation: its name, pty and sockets.
        line: what the user wants of the line.
        attach: whether this terminal is the first client.

    Returns:
        How the guest ended; None when we ended it.

    Raises:
        UartsimError: it could not be started.
    """
    from pathlib import Path

    import trio

    from uartsim.guest.build import make_guest
    from uartsim.guest.checks import check_start
    from uartsim.record import TranscriptWriter

    claim = reservation.claim
    # What can go wrong goes wrong before anybody is told of a machine.
    line.check_paths()
    check_start(definition)
    guest = make_guest(definition, restore=None if line.restore is None else Path(line.restore))
    records: list[TranscriptWriter] = []

    def announce() -> None:
        try:
            _announce()
        except OSError:  # nobody is there to read it: the machine goes on
            abandon(sys.stdout)

    def _announce() -> None:
        click.echo(f"machine  {claim.name}: {definition.description}")
        click.echo(f"pty      {reservation.device.path}")
        click.echo(f"link     {claim.link}")
        click.echo(f"attach   picocom -b 115200 {claim.link}     leave picocom: Ctrl-A Ctrl-X")
        if attach:
            click.echo("leave    Ctrl-] q (stops the machine); Ctrl-] d says where it is")
        else:
            click.echo(f"stop     Ctrl-C here, or: uartsim stop {claim.name}")
        sys.stdout.flush()

    ended: list[GuestEnd] = []  # stays empty after a signal, or when the person at the terminal quits
    started: list[Machine] = []
    here: list[Terminal] = []  # this terminal, while it is attached

    def log(text: str) -> None:
        if here and here[0].say(text):
            return
        with contextlib.suppress(OSError):  # nobody may be there to read it: the machine goes on
            click.echo(f"uartsim: {text}", err=True)

    async def whole() -> None:
        from uartsim.access.hub import Hub, LinePolicy
        from uartsim.access.station import Station
        from uartsim.machine import GuestEnd, open_machine

        stations: list[Station] = []

        def prepare(machine: Machine) -> None:
            if line.record is not None:
                start = machine.com1.clock.now()
                records.append(TranscriptWriter(line.record, claim.name, "as the guest programs it", start))
            announce()
            hub = Hub(machine.com1, policy=LinePolicy(line.policy))
            hub.record = records[0] if records else None
            stations.append(Station(reservation, hub, definition.description))

        async with trio.open_nursery() as nursery:
            await nursery.start(_end_on_signals, nursery.cancel_scope)
            async with open_machine(
                guest,
                claim.name,
                runtime_dir=Path(claim.folder),
                log=log,
                prepare=prepare,
                **line.port,
            ) as machine:
                started.append(machine)
                (station,) = stations
                await nursery.start(station.run, machine)
                if attach:
                    nursery.start_soon(_attach_here, claim.attach, nursery.cancel_scope, here)
                await machine.wait_ended()
                await station.finish()
            ended.append(machine.ended or GuestEnd("stopped"))
            nursery.cancel_scope.cancel()

    try:
        trio.run(whole)
        if not ended and started and started[0].ended is not None:
            return started[0].ended  # the attached terminal, told of the guest's end, was quicker than we were
        return ended[0] if ended else None
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        for written in records:
            written.close()
            if not started:
                with contextlib.suppress(OSError):
                    os.unlink(written.path)
            elif written.trouble:
                log(f"the record {record_state(written.status())}")
        for machine in started:
            for what, state in machine.com1.recordings().items():
                if state["trouble"]:
                    log(f"the {what} {record_state(state)}")


def run_virtually(definition: GuestDefinition, name: str, line: Line, limit_s: float) -> None:
    """Run a guest that nobody can reach, and print what it sends."""
    import trio
    import trio.testing

    from uartsim.access.headless import run_headless
    from uartsim.guest.build import make_guest

    line.check_paths()
    said = [f"{name}: stopped"]  # unless it comes to its own end

    async def whole() -> GuestEnd | None:
        end = None
        async with trio.open_nursery() as nursery:
            await nursery.start(_end_on_signals, nursery.cancel_scope)
            end = await run_headless(
                make_guest(definition),
                name,
                limit_s=limit_s,
                output=_printer(),
                record=line.record,
                **line.port,
                log=lambda text: click.echo(f"uartsim: {text}", err=True),
            )
            said[0] = f"{name}: {end}" if end is not None else f"{name}: {limit_s:g} s of virtual time are over"
            nursery.cancel_scope.cancel()
        return end

    try:
        end = trio.run(whole, clock=trio.testing.MockClock(autojump_threshold=0))
    except BaseExceptionGroup as group:
        error = _first(group)
        if not isinstance(error, BrokenPipeError):
            raise error from None
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read has seen enough
        return
    click.echo(said[0], err=True)
    if end is not None:
        sys.exit(exit_status(end))


def exit_status(end: GuestEnd) -> int:
    """The exit status of ``uartsim run`` for a guest's end: 1 if it failed, or its program ended with a status of its own.

    It is the same however long the program has run, so that a script can rely on it on a slow machine too.
    """
    return int(end.reason == "failed" or bool(end.status))


def _first(error: BaseException) -> BaseException:
    """The first error in a group, however deep: one sentence for the person is enough."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _printer() -> Callable[[bytes], None]:
    """Prints the guest's bytes: as they are to a file or a program, as text that is not obeyed to a terminal."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""

    def print_bytes(data: bytes) -> None:
        nonlocal held
        if not sys.stdout.isatty():
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        text = (held + decoder.decode(data)).replace("\r\n", "\n")
        held = "\r" * text.endswith("\r")  # a line feed may follow
        sys.stdout.write(text.removesuffix("\r"))
        sys.stdout.flush()

    return print_bytes


async def _end_on_signals(scope: Any, task_status: Any) -> None:
    """SIGTERM, SIGHUP and Ctrl-C end the machine, with everything put away; where they are ignored they stay so."""
    import trio

    ours = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with trio.open_signal_receiver(*(s for s in ours if signal.getsignal(s) is not signal.SIG_IGN)) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


async def _attach_here(path: str, scope: Any, here: list[Terminal]) -> None:
    """This terminal is the first client; when the person quits, the machine ends."""
    from uartsim.access.attach import connect
    from uartsim.access.terminal import Terminal

    terminal = Terminal(await connect(path), sys.stdin.fileno(), sys.stdout.fileno(), ends_on_signals=False)
    here.append(terminal)
    await terminal.run(watch=False, force=False, history=None, yields=True)
    scope.cancel()


def record_state(record: dict[str, Any]) -> str:
    """A recording, and what it lacks, in words."""
    if not record["trouble"]:
        return str(record["path"])
    if "lost_events" in record:
        return f"{record['path']} lacks {record['lost_events']} events: {record['trouble']}"
    return (
        f"{record['path']} lacks {record['lost_bytes']} bytes of the line and {record['lost_breaks_and_marks']} breaks "
        f"or marks: {record['trouble']}"
    )
