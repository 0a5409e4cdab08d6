"""Running a machine in the foreground: what ``uartsim run`` does once it knows what is wanted."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from uartsim.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from uartsim.access.station import Reservation
    from uartsim.access.terminal import Terminal
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.machine import Guest, GuestEnd, Machine, PortOptions


class Line(NamedTuple):
    """What the user wants of the line."""

    port: PortOptions
    policy: str
    record: str | None
    restore: str | None = None

    def check(self, definition: GuestDefinition) -> Guest:
        """The guest, once nothing about the outputs and the snapshot is wrong; nothing has been made by then.

        Raises:
            UsageError: two recordings would go to the same file, one is there already, or the snapshot is none.
        """
        from pathlib import Path

        from uartsim.guest.build import make_guest
        from uartsim.machine.options import check_paths
        from uartsim.own_files.outputs import check_new

        named = {"record": self.record, "trace": self.port.get("trace"), "vcd": self.port.get("vcd")}
        paths = {what: path for what, path in named.items() if path is not None}
        check_paths(paths)
        for what, path in paths.items():
            check_new(os.fspath(path), "waveform" if what == "vcd" else what)
        return make_guest(definition, restore=None if self.restore is None else Path(self.restore))


def run_machine(
    definition: GuestDefinition, guest: Guest, reservation: Reservation, line: Line, attach: bool
) -> GuestEnd | None:
    """Run a guest on a reserved name until it ends, a signal comes, or the person at the terminal quits.

    Args:
        definition: the guest as its folder defines it.
        guest: the guest.
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

    from uartsim.access.log import Log
    from uartsim.guest.checks import check_start
    from uartsim.record import TranscriptWriter

    claim = reservation.claim
    reservation.device.look()
    check_start(definition)
    records: list[TranscriptWriter] = []
    writer = Log()

    def announce() -> None:
        if attach:
            how_to_leave = "leave    Ctrl-] q (stops the machine); Ctrl-] d says where it is"
        else:
            how_to_leave = f"stop     Ctrl-C here, or: uartsim stop {claim.name}"
        writer.write(
            f"machine  {claim.name}: {definition.description}\n"
            f"pty      {reservation.device.path}\n"
            f"link     {claim.link}\n"
            f"attach   picocom -b 115200 {claim.link}     leave picocom: Ctrl-A Ctrl-X\n"
            f"{how_to_leave}\n",
            sys.stdout.fileno(),
        )
        writer.flush()

    ended: list[GuestEnd] = []  # stays empty after a signal, or when the person at the terminal quits
    started: list[Machine] = []
    here: list[Terminal] = []  # this terminal, while it is attached

    def log(text: str) -> None:
        for line in writer.condense(text):
            if not (here and here[0].say(line)):
                writer.write(f"uartsim: {line}\n")

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
            if not started:
                written.discard()
            written.close()
            if started and written.trouble:
                log(f"the record {record_state(written.status())}")
        for machine in started:
            for what, state in machine.com1.recordings().items():
                if state["trouble"]:
                    log(f"the {what} {record_state(state)}")
        reservation.release()  # before anything that may wait: from here on a second signal ends us where we are
        writer.close()


def run_virtually(definition: GuestDefinition, name: str, line: Line, limit_s: float) -> None:
    """Run a guest that nobody can reach, and print what it sends."""
    import trio
    import trio.testing

    from uartsim.access.headless import run_headless
    from uartsim.access.log import Log, tell

    guest = line.check(definition)
    said = [f"{name}: stopped"]  # unless it comes to its own end
    writer = Log()
    output = _Output()

    async def whole() -> GuestEnd | None:
        end = None
        async with trio.open_nursery() as nursery:
            await nursery.start(_end_on_signals, nursery.cancel_scope)
            with output.interruptible():
                end = await run_headless(
                    guest,
                    name,
                    limit_s=limit_s,
                    output=output.write,
                    record=line.record,
                    **line.port,
                    log=writer.say,
                )
            said[0] = f"{name}: {end}" if end is not None else f"{name}: {limit_s:g} s of virtual time are over"
            nursery.cancel_scope.cancel()
        return end

    end = None
    try:
        end = trio.run(whole, clock=trio.testing.MockClock(autojump_threshold=0))
    except BaseExceptionGroup as group:
        error = _first(group)
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read has seen enough
            return
        if not isinstance(error, _InterruptedError):
            raise error from None
    finally:
        writer.close()
    tell(said[0])
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


#: What ends a machine, with everything put away.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _InterruptedError(BaseException):
    """A signal ends us in the middle of a write that nobody reads."""


class _Output:
    """Standard output, which may take as long as whoever reads it wants; a signal that ends us ends that wait as well.

    A file or a program gets the guest's bytes as they are, a terminal text that it does not obey.
    """

    def __init__(self) -> None:
        self._interrupted = self._writing = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._is_terminal = sys.stdout.isatty()

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within this, signals that have a handler also end a write."""
        before = {number: signal.getsignal(number) for number in _ENDING}
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, partial(self._note, handler))
        try:
            yield
        finally:
            for number, handler in before.items():
                if callable(handler):
                    signal.signal(number, handler)

    def _note(self, handler: Callable[..., object], number: int, frame: object) -> None:
        self._interrupted = True
        handler(number, frame)
        if self._writing:
            raise _InterruptedError

    def write(self, data: bytes) -> None:
        """Write all of ``data``."""
        if self._is_terminal:
            data = self._shown(data)
        view, fd = memoryview(data), sys.stdout.fileno()
        self._writing = True
        try:
            if self._interrupted:
                raise _InterruptedError
            while view:
                view = view[os.write(fd, view) :]
        finally:
            self._writing = False

    def _shown(self, data: bytes) -> bytes:
        text = (self._held + self._decoder.decode(data)).replace("\r\n", "\n")
        self._held = "\r" * text.endswith("\r")  # a line feed may follow
        return printable(text.removesuffix("\r")).encode(sys.stdout.encoding or "utf-8", "replace")


async def _end_on_signals(scope: Any, task_status: Any) -> None:
    """SIGTERM, SIGHUP and Ctrl-C end the machine, with everything put away; where they are ignored they stay so."""
    import trio

    with trio.open_signal_receiver(*(s for s in _ENDING if signal.getsignal(s) is not signal.SIG_IGN)) as signals:
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
